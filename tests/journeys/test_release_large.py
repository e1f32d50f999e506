"""A release of very many commits: planned right and published, with no more requests and no more
memory than its size asks for."""

import re
import resource
from collections import Counter

import pytest
from journey import Journey
from test_release_pull import head_of, release_pulls, shop, text, work

from bot.sandbox.model import Repository
from bot.sandbox.objects import NewCommit, Signature

pytestmark = pytest.mark.slow

ABOUT = "so that whoever looks for it finds it, " * 5
BY = Signature("Mona", "mona@example.invalid", 1_700_000_000)
A_PAGE = 100


def grow(repository: Repository, count: int) -> None:
    """Put so many commits on the trunk, past every event: half of them are features."""
    types = ("feat", "fix", "feat", "chore")
    head = head_of(repository)
    commits = [
        NewCommit(f"{types[n % 4]}: change {n} {ABOUT}\n", BY, BY, (n - 1,) if n else (head,))
        for n in range(count)
    ]
    repository.git.write(commits, {"refs/heads/main": count - 1})


async def reconciled(journey: Journey, repository: Repository) -> None:
    await journey.bot.store.enqueue(work(journey, repository))
    await comes_to_rest(journey)


async def comes_to_rest(journey: Journey) -> None:
    """As ``Journey.rest`` sees it, with more patience."""
    await journey.until(journey.idle, "the queue does not come to rest", patience=300)
    await journey.rest()


async def is_released_whole(journey: Journey, count: int) -> None:
    repository = shop(journey)
    await journey.rest()
    grow(repository, count)
    journey.requests.seen.clear()
    await reconciled(journey, repository)
    (pull,) = release_pulls(repository)
    assert pull.title == "chore(release): v1.5.0"
    section = text(repository, "CHANGELOG.md").splitlines()
    shown = [line.split()[2] for line in section if line.startswith("- ")]
    assert sorted(map(int, shown)) == [n for n in range(count) if n % 4 != 3]
    assert is_cut_cleanly(pull.body or "", "lockgate/release/main", 65_536)
    assert (pull.body or "").endswith("change it.</sub>\n")
    # It is planned once for the commits, and once more because the pull request was opened.
    pages = -(-count // A_PAGE)
    assert journey.requests.kinds["read"] <= 2 * (2 * pages + 12)
    assert journey.requests.kinds["write"] <= 6

    journey.requests.seen.clear()
    await reconciled(journey, repository)
    assert journey.requests.kinds == {"read": 2 * pages + 8}

    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    journey.requests.seen.clear()
    await journey.github.hooks.settled()
    await comes_to_rest(journey)
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    (release,) = repository.releases.values()
    assert release.tag_name == "v1.5.0"
    assert is_cut_cleanly(release.body or "", "v1.5.0", 125_000)
    assert (release.body or "").endswith("```\n\n</details>\n"), "the audit log's checkpoint"
    assert len(release_pulls(repository)) == 1, "nothing is left to release"
    routes = Counter(f"{each.method} {each.template}" for each in journey.requests.seen)
    assert routes["GET /repos/{owner}/{repo}/compare/{basehead}"] <= pages + 7
    assert journey.requests.kinds["write"] == 2, "the tag and the release"


def is_cut_cleanly(body: str, at: str, limit: int) -> bool:
    """Whether a text has nearly the most that GitHub takes, whole entries, and says where the rest
    can be read."""
    entries = [line for line in body.splitlines() if line.startswith("- change ")]
    said = re.search(r"\n… and \d+ more entries: \[the whole changelog\]\((.*)\)\.\n", body)
    return (
        limit - 2_000 < len(body) <= limit
        and all(line.endswith("))") for line in entries)
        and said is not None
        and said[1].endswith(f"/octo/shop/blob/{at}/CHANGELOG.md")
        and body.count("<details>") == body.count("</details>")
    )


async def test_more_commits_than_github_compares_unasked(journey: Journey) -> None:
    await is_released_whole(journey, 600)


@pytest.mark.long
async def test_more_commits_than_github_compares_at_all(journey: Journey) -> None:
    """Ten thousand, of which a comparison lists no more, and the one that releases them."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await is_released_whole(journey, 10_000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # In kilobytes. Most of it is the sandbox's, which keeps the commits and what it answered.
    assert grown < 300 * 1024
