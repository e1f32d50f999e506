"""A release pull request that was merged, in the sandbox: its tag, its release, and the word to
whoever is in it; and the same after whatever came in between."""

import asyncio

import pytest
from journey import Journey
from test_release_pull import (
    BRANCH,
    PACKAGE,
    POLICY,
    head_of,
    reconcile,
    release_pulls,
    shop,
    text,
    work,
)

from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Comment, MergeMethod, Pull, Release, Repository


async def merged(journey: Journey, policy: str = POLICY) -> tuple[Repository, Pull, Pull]:
    """The repository, a pull request with a feature, and the release pull request, both merged;
    nothing has run since."""
    repository = shop(journey, policy)
    feature = journey.github.open_pull(
        repository, "feat: add search", by=journey.github.user("mona")
    )
    journey.github.merge(feature, "squash", by=journey.github.user("ada"))
    await journey.rest()
    (pull,) = release_pulls(repository)
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    return repository, feature, pull


def published(repository: Repository) -> Release:
    (release,) = repository.releases.values()
    return release


def told(journey: Journey, pull: Pull) -> list[Comment]:
    return [one for one in journey.comments_of(pull) if "lockgate:released" in one.body]


async def test_merging_it_makes_the_tag_and_the_release_and_tells_whoever_is_in_it(
    journey: Journey,
) -> None:
    repository, feature, pull = await merged(journey)
    await journey.rest()
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    release = published(repository)
    assert (release.tag_name, release.draft, release.prerelease) == ("v1.5.0", False, False)
    assert "add search" in (release.body or "")
    assert await journey.bot.audit.checkpoint()
    assert "<summary>Audit checkpoint</summary>" in (release.body or "")
    assert "## [1.5.0]" not in (release.body or ""), "the release has it as its title"
    (said,) = told(journey, feature)
    assert "Released in [v1.5.0](" in said.body
    assert told(journey, pull) == []
    assert len(release_pulls(repository)) == 1, "nothing is left to release"
    (entry,) = await journey.bot.audit.fetch_entries(kind="release")
    assert (entry.entry.release_tag, entry.entry.build_sha) == ("v1.5.0", pull.merge_commit_sha)
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.writes == []


@pytest.mark.slow
async def test_the_next_release_follows_it(journey: Journey) -> None:
    repository, _, _ = await merged(journey)
    await journey.rest()
    journey.github.push(repository, "main", "fix: round prices")
    await journey.rest()
    assert release_pulls(repository)[-1].title == "chore(release): v1.5.1"
    changelog = text(repository, "CHANGELOG.md")
    assert changelog.index("## [1.5.1]") < changelog.index("## [1.5.0]")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["merge", "rebase"])
async def test_by_whichever_method_it_is_merged(journey: Journey, method: MergeMethod) -> None:
    repository = journey.shop(POLICY, allow_merge_commit=True, allow_rebase_merge=True)
    github, ada = journey.github, journey.github.user("ada")
    github.push(repository, "main", CommitSpec("chore: begin", {"package.json": PACKAGE}))
    github.tag(repository, "v1.4.0")
    feature = github.open_pull(repository, "feat: add search", by=github.user("mona"))
    github.merge(feature, method, by=ada)
    await journey.rest()
    (pull,) = release_pulls(repository)
    github.push(repository, BRANCH, "fix: say it better", "fix: and better")
    await journey.rest()
    github.push(repository, "main", "fix: round prices")  # which it does not know of
    github.merge(pull, method, by=ada)
    await journey.rest()
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    body = published(repository).body or ""
    section, _, late = body.partition("### Landed while it was merged\n\n")
    assert section.count("\n- ") == section.count("add search") == 1
    assert [line[:22] for line in late.splitlines() if line[:2] == "- "] == [
        "- Fixed: round prices "
    ], "nothing of its own"
    assert len(told(journey, feature)) == 1
    assert release_pulls(repository) == [pull], "nothing is left to release"
    github.push(repository, "main", "fix: sort what is found")
    await journey.rest()
    following = release_pulls(repository)[-1]
    assert following.title == "chore(release): v1.5.1"
    assert (following.body or "").count("\n- sort what is found (") == 1
    assert "add search" not in (following.body or "")


async def test_what_landed_at_the_last_moment_is_told(journey: Journey) -> None:
    """After the pull request was renewed last, and before it was merged."""
    repository = shop(journey)
    journey.github.push(repository, "main", "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    files = {"api.md": "anew\n"}
    journey.github.push(repository, "main", CommitSpec("feat(api)!: drop cursors", files))
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    await journey.rest()
    body = published(repository).body or ""
    assert body.startswith("### Fixed\n\n- round prices (")
    _, _, late = body.partition("### Landed while it was merged\n\n")
    assert late.startswith("- Breaking changes: **api:** drop cursors ([")
    (said,) = [c.body for c in journey.comments_of(pull) if "lockgate:release-late" in c.body]
    assert "v1.4.1 has more than this said when it was merged" in said
    assert "- Breaking changes: **api:** drop cursors ([" in said


@pytest.mark.slow
async def test_a_release_deleted_by_hand_is_not_made_again(journey: Journey) -> None:
    repository, feature, _ = await merged(journey)
    await journey.rest()
    journey.github.delete_release(published(repository))
    await reconcile(journey, repository)
    assert repository.releases == {}
    assert len(told(journey, feature)) == 1


async def test_a_tag_that_stands_elsewhere_is_told_and_left(journey: Journey) -> None:
    repository = shop(journey)
    journey.github.push(repository, "main", "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    elsewhere = head_of(repository)
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    journey.github.tag(repository, "v1.5.0", elsewhere)
    await journey.rest()
    assert repository.git.refs["refs/tags/v1.5.0"] == elsewhere
    assert repository.releases == {}
    (said,) = told(journey, pull)
    assert "could not be tagged" in said.body
    # Once it is out of the way, what was merged is released.
    journey.github.delete_tag(repository, "v1.5.0")
    await journey.rest()
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    assert published(repository).tag_name == "v1.5.0"


async def test_a_protected_tag_is_told_with_what_to_do(journey: Journey) -> None:
    repository = shop(journey)
    journey.github.protect(repository, "refs/tags/v*")
    journey.github.push(repository, "main", "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    await journey.rest()
    assert "refs/tags/v1.5.0" not in repository.git.refs
    (said,) = told(journey, pull)
    assert "bypass" in said.body


@pytest.mark.parametrize(("route", "missing"), [("git/refs", "tagged"), ("releases", "released")])
async def test_a_step_that_is_refused_is_told_and_made_up_for(
    journey: Journey, route: str, missing: str
) -> None:
    repository = shop(journey)
    journey.github.push(repository, "main", "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    fault = journey.github.faults.answer(f"POST */{route}", 403, message="Not today", times=None)
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    await journey.rest()
    assert ("refs/tags/v1.5.0" in repository.git.refs, repository.releases) == (
        missing == "released",
        {},
    )
    (said,) = told(journey, pull)
    assert f"v1.5.0 could not be {missing}: " in said.body
    assert "Not today. It is tried again with the next push." in said.body
    assert len(release_pulls(repository)) == 1
    journey.github.faults.planned.remove(fault)
    journey.github.push(repository, "main", "docs: more")
    await journey.rest()
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    assert published(repository).tag_name == "v1.5.0"


async def test_an_edited_description_does_not_name_another_version(journey: Journey) -> None:
    repository = shop(journey)
    journey.github.push(repository, "main", "feat: add search")
    async with asyncio.timeout(30):
        await journey.rest()
    (pull,) = release_pulls(repository)
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    journey.github.edit_pull(pull, title="chore(release): v9.0.0", body="v9.0.0")
    await journey.rest()
    assert "refs/tags/v9.0.0" not in repository.git.refs
    assert "has no section of that version" in told(journey, pull)[0].body


async def test_a_draft_tells_nobody_until_a_person_publishes_it(journey: Journey) -> None:
    repository, feature, _ = await merged(journey, f"{POLICY}  draft: true\n")
    await journey.rest()
    release = published(repository)
    assert release.draft
    assert told(journey, feature) == []
    journey.github.publish_release(release)
    await journey.rest()
    assert len(told(journey, feature)) == 1


@pytest.mark.parametrize("draft", [False, pytest.param(True, marks=pytest.mark.slow)])
async def test_two_workers_at_once_make_one_tag_and_one_release(
    idle_journey: Journey, draft: bool
) -> None:
    journey = idle_journey
    async with journey.working():
        repository, feature, pull = await merged(journey, POLICY + "  draft: true\n" * draft)
    runs = [journey.bot.engine.shipping.releases for _ in range(2)]
    done = await asyncio.gather(
        *(run.reconcile_release(work(journey, repository), "a test") for run in runs),
        return_exceptions=True,
    )
    assert [one for one in done if one is not None] == []
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    assert (published(repository).tag_name, published(repository).draft) == ("v1.5.0", draft)
    assert bool(told(journey, feature)) is not draft
