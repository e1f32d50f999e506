"""What a release is planned for, besides pushes to the default branch and its own pull request."""

import psycopg
import pytest
from journey import SQUASH_WITH_TITLE, Journey
from test_release_pull import PACKAGE, POLICY, head_of, reconcile, release_pulls, shop

from bot.sandbox.code import CommitSpec
from bot.sandbox.model import CheckRun, Pull, RefRule, Repository

pytestmark = pytest.mark.slow


def not_installed(journey: Journey, name: str) -> Repository:
    """A repository with something to release, of an account that has not installed the App."""
    files = {".github/lockgate.yml": POLICY, "package.json": PACKAGE}
    return journey.github.create_repository(
        name, files=files, message="feat: add search", install=False, **SQUASH_WITH_TITLE
    )


async def test_the_first_release_is_planned_when_the_app_is_installed(journey: Journey) -> None:
    github = journey.github
    acme = github.organization("acme")
    first, second = (not_installed(journey, f"acme/{name}") for name in ("shop", "store"))
    await journey.rest()
    assert journey.requests.seen == []
    installation = github.install(github.app, acme, repositories=[first])
    await journey.rest()
    (pull,) = release_pulls(first)
    assert pull.title == "chore(release): v0.1.0"
    assert release_pulls(second) == []
    github.select_repositories(installation, add=[second])
    await journey.rest()
    assert len(release_pulls(second)) == 1
    assert release_pulls(first) == [pull]


PRERELEASES = f"{POLICY}  prerelease: {{branch: next, identifier: beta}}\n"
NEXT = "lockgate/release/next"


async def test_a_prerelease_branch_has_a_release_pull_request_of_its_own(journey: Journey) -> None:
    github = journey.github
    repository = shop(journey, PRERELEASES)
    github.push(repository, "next", "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository, NEXT)
    assert (pull.title, pull.base_ref) == ("chore(release): v1.5.0-beta.1", "next")
    github.push(repository, "next", "feat!: drop baskets")
    await journey.rest()
    assert release_pulls(repository, NEXT) == [pull]
    assert pull.title == "chore(release): v2.0.0-beta.1"
    assert release_pulls(repository) == [], "nothing has landed on the default branch"
    github.merge(pull, "squash", by=github.user("ada"))
    await journey.rest()
    assert repository.git.refs["refs/tags/v2.0.0-beta.1"] == pull.merge_commit_sha
    (release,) = repository.releases.values()
    assert (release.tag_name, release.prerelease) == ("v2.0.0-beta.1", True)
    assert release_pulls(repository, NEXT) == [pull]
    # Once it is merged into the default branch, all of it is released from there.
    github.push(repository, "next", "fix: round prices")
    merge = github.open_pull(repository, "feat!: drop baskets", head="next")
    github.merge(merge, "squash", by=github.user("ada"))
    await journey.rest()
    assert release_pulls(repository, NEXT)[-1].title == "chore(release): v2.0.0-beta.2"
    (final,) = release_pulls(repository)
    assert (final.title, final.base_ref) == ("chore(release): v2.0.0", "main")


def set_policy(journey: Journey, repository: Repository, policy: str) -> None:
    spec = CommitSpec("chore: set the policy", {".github/lockgate.yml": policy})
    journey.github.push(repository, "main", spec)


def closing_words(journey: Journey, pull: Pull) -> list[str]:
    bodies = [comment.body for comment in journey.comments_of(pull)]
    return [body for body in bodies if "lockgate:release-former" in body]


async def test_what_a_former_prerelease_branch_left_open_is_closed_with_a_word(
    journey: Journey,
) -> None:
    repository = shop(journey, PRERELEASES)
    journey.github.push(repository, "main", "fix: round prices")
    journey.github.push(repository, "next", "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository, NEXT)
    set_policy(journey, repository, POLICY)
    await journey.rest()
    assert pull.state == "closed"
    (said,) = closing_words(journey, pull)
    assert "No releases are made from `next` any more" in said
    # Without the section nothing is released, from wherever.
    (own,) = release_pulls(repository)
    assert own.state == "open"
    set_policy(journey, repository, "version: 1\n")
    await journey.rest()
    assert own.state == "closed"
    (said,) = closing_words(journey, own)
    assert "The policy has no `release` any more" in said


async def test_a_former_prerelease_branch_takes_its_failure_along(journey: Journey) -> None:
    repository = shop(journey, PRERELEASES)
    journey.github.protect(repository, f"refs/heads/{NEXT}")
    journey.github.push(repository, "next", "feat: add search")
    await journey.rest()
    head = repository.branch("next") or ""
    assert verdict(journey, repository, head)[0] == "failure"
    set_policy(journey, repository, POLICY)
    await journey.rest()
    assert verdict(journey, repository, head) == ("neutral", "Nothing is released from here")


async def test_a_push_to_any_other_branch_costs_no_request(journey: Journey) -> None:
    repository = shop(journey, PRERELEASES)
    journey.github.push(repository, "main", "fix: round prices")
    await journey.rest()
    journey.requests.seen.clear()
    journey.github.push(repository, "topic", "feat: add search")
    await journey.rest()
    assert journey.requests.seen == []


def check_on(journey: Journey, repository: Repository, sha: str = "") -> CheckRun:
    """The newest one, of the default branch's head unless told."""
    head = sha or head_of(repository)
    (check,) = journey.github.latest_checks(repository, head, name="lockgate/release")
    return check


def verdict(journey: Journey, repository: Repository, sha: str = "") -> tuple[str, str]:
    check = check_on(journey, repository, sha)
    return check.conclusion or check.status, check.title or ""


async def held_by_a_ruleset(journey: Journey) -> tuple[Repository, RefRule]:
    repository = shop(journey)
    rule = journey.github.protect(repository, "refs/heads/lockgate/**")
    journey.github.push(repository, "main", "fix: round prices")
    await journey.rest()
    assert verdict(journey, repository)[0] == "failure"
    return repository, rule


async def test_re_run_looks_again_and_writes_a_new_check(journey: Journey) -> None:
    repository, rule = await held_by_a_ruleset(journey)
    first = check_on(journey, repository)
    journey.github.rerequest_check(first)
    await journey.rest()
    second = check_on(journey, repository)
    assert second.id > first.id, "it holds still, and says so anew"
    assert second.conclusion == "failure"
    repository.ref_rules.remove(rule)
    journey.github.rerequest_check(second)
    await journey.rest()
    assert check_on(journey, repository).id > second.id
    assert verdict(journey, repository) == ("success", "v1.4.1 can be released")
    assert len(release_pulls(repository)) == 1


async def test_re_run_on_what_is_to_be_looked_at_says_it_anew(journey: Journey) -> None:
    repository = shop(journey)
    files = {"package.json": PACKAGE.replace("1.4.0", "1.3.0")}
    journey.github.push(repository, "main", CommitSpec("fix: round prices", files))
    await journey.rest()
    (pull,) = release_pulls(repository)
    first = check_on(journey, repository, pull.head_sha)
    assert (first.conclusion, first.title) == ("neutral", "v1.4.1: 1 file to look at")
    journey.github.rerequest_check(first)
    await journey.rest()
    second = check_on(journey, repository, pull.head_sha)
    assert second.id > first.id
    assert (second.conclusion, second.title) == (first.conclusion, first.title)
    assert second.summary == first.summary


async def test_a_tag_that_is_deleted_takes_its_failure_along(journey: Journey) -> None:
    repository = shop(journey)
    journey.github.push(repository, "side", "fix: elsewhere")
    journey.github.tag(repository, "v1.4.1", "side")
    journey.github.push(repository, "main", "fix: round prices")
    await journey.rest()
    assert verdict(journey, repository)[0] == "failure"
    journey.github.delete_tag(repository, "v1.4.1")
    await journey.rest()
    assert verdict(journey, repository) == ("success", "v1.4.1 can be released")
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.kinds == {"read": 10}, "nothing is held any longer"


async def test_the_sweep_looks_again_at_what_was_held_for_long(journey: Journey) -> None:
    repository, rule = await held_by_a_ruleset(journey)
    repository.ref_rules.remove(rule)
    await journey.sweep()
    assert verdict(journey, repository)[0] == "failure", "a look every few minutes is too dear"
    async with await psycopg.AsyncConnection.connect(
        journey.bot.database, autocommit=True
    ) as connection:
        await connection.execute(
            "UPDATE lockgate.held_releases SET looked_at = now() - interval '31 minutes'"
        )
    await journey.sweep()
    assert verdict(journey, repository) == ("success", "v1.4.1 can be released")


async def test_a_policy_that_no_longer_releases_takes_the_failure_back(journey: Journey) -> None:
    repository, _ = await held_by_a_ruleset(journey)
    held = head_of(repository)
    without = {".github/lockgate.yml": "version: 1\n"}
    journey.github.push(repository, "main", CommitSpec("chore: no releases", without))
    await journey.rest()
    assert verdict(journey, repository, held) == ("neutral", "Nothing is released from here")
