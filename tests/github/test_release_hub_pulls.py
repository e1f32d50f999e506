"""The release pull request, the release, and what is said on the pull requests that are in it."""

import asyncio
from typing import Any

import pytest
from github_kit import GitHub

from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.core.model import PullState, Sha
from bot.core.release.kinds import Latest
from bot.core.release.model import FileChange
from bot.ports import HubGone, HubRefused, HubUnavailable
from bot.ports.releases import RefProtected
from bot.sandbox.model import Repository

BRANCH = "lockgate/release"
TITLE = "chore(release): v1.1.0"
MARKER = "<!-- lockgate:released v1.1.0 -->"
CREATE_RELEASE = "POST /repos/{owner}/{repo}/releases"


def tip(repository: Repository, branch: str = "main") -> Sha:
    found = repository.branch(branch)
    assert found is not None
    return Sha(found)


@pytest.fixture
async def branch(github: GitHub, releases: GitHubReleaseHub, shop: Repository) -> Sha:
    return await releases.write_branch(
        github.ref(shop),
        BRANCH,
        expected=None,
        parent=tip(shop),
        message=TITLE,
        changes=[FileChange("CHANGELOG.md", None, "# Changelog\n")],
    )


# the pull request


async def test_a_pull_request_from_first_to_last(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    repo = github.ref(shop)
    assert await releases.fetch_pulls(repo, BRANCH) == ()
    made = await releases.open_pull(repo, branch=BRANCH, base="main", title=TITLE, body="one")
    assert (made.title, made.body, made.state) == (TITLE, "one", PullState.OPEN)
    assert (made.branch, made.base, made.head_sha) == (BRANCH, "main", branch)
    assert (made.author, made.ours, made.merge_sha) == ("lockgate[bot]", True, None)
    await releases.edit_pull(made.ref, body="two")
    await releases.edit_pull(made.ref, title="chore(release): v2.0.0")
    [found] = await releases.fetch_pulls(repo, BRANCH)
    assert (found.title, found.body) == ("chore(release): v2.0.0", "two")
    merged = github.sandbox.merge(shop.pulls[made.ref.number], "squash")
    [found] = await releases.fetch_pulls(repo, BRANCH)
    assert (found.state, found.merge_sha) == (PullState.MERGED, merged)
    assert found.closed_at is not None


async def test_one_that_was_closed_has_no_merge(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    repo = github.ref(shop)
    made = await releases.open_pull(repo, branch=BRANCH, base="main", title=TITLE, body="")
    await releases.close_pull(made.ref)
    [found] = await releases.fetch_pulls(repo, BRANCH)
    assert (found.state, found.merge_sha, found.draft) == (PullState.CLOSED, None, False)
    again = await releases.open_pull(
        repo, branch=BRANCH, base="main", title=TITLE, body="", draft=True
    )
    both = await releases.fetch_pulls(repo, BRANCH)
    assert [each.ref for each in both] == [again.ref, made.ref], "the newest first"
    assert both[0].draft is True


async def test_one_of_a_fork_or_of_another_branch_is_not_it(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    world, repo = github.sandbox, github.ref(shop)
    fork = world.fork(shop, world.user("mallory"))
    near = world.fork(shop, shop.owner, name="shop-fork")
    for source in (fork, near):
        world.open_pull(shop, TITLE, "feat: theirs", head=BRANCH, fork=source, by=source.owner)
    world.open_pull(shop, TITLE, "feat: other", head=f"{BRANCH}-2")
    assert await releases.fetch_pulls(repo, BRANCH) == ()
    by_hand = world.open_pull(shop, TITLE, head=BRANCH, by=world.user("mona"))
    [found] = await releases.fetch_pulls(repo, BRANCH)
    assert (found.ref.number, found.author, found.ours) == (by_hand.number, "mona", False)


async def test_the_app_s_own_that_are_open(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, repo = github.sandbox, github.ref(shop)
    world.push(shop, "next", "feat: n")
    for name, base in (
        ("mine", "main"),
        ("lockgate/release/web", "main"),
        ("lockgate/release/next", "next"),
    ):
        world.push(shop, name, "feat: x")
        await releases.open_pull(repo, branch=name, base=base, title=TITLE, body="")
    for number in range(101):
        world.open_pull(shop, TITLE, "feat: theirs", head=f"lockgate/release/{number}")
    found = await releases.fetch_open_pulls(repo)
    assert {(pull.branch, pull.base, pull.ours) for pull in found} == {
        ("lockgate/release/web", "main", True),
        ("lockgate/release/next", "next", True),
    }
    for pull in found:
        await releases.close_pull(pull.ref)
    assert await releases.fetch_open_pulls(repo) == ()


async def test_there_is_one_pull_request_however_often_it_is_opened(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    repo = github.ref(shop)
    github.sandbox.faults.cut("POST *pulls", after=True)
    first, second = await asyncio.gather(
        *(
            releases.open_pull(repo, branch=BRANCH, base="main", title=TITLE, body="")
            for _ in range(2)
        )
    )
    assert first == second
    assert len(shop.pulls) == 1


async def test_a_pull_request_that_cannot_be_opened(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    github.sandbox.push(shop, "same")
    for head, words in (("same", "No commits between main and same"), ("gone", "head invalid")):
        with pytest.raises(HubRefused, match=words):
            await releases.open_pull(repo, branch=head, base="main", title=TITLE, body="")


async def test_a_body_of_any_length_and_letters_fits(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    repo = github.ref(shop)
    body = "é\ud800\n" * 40_000
    made = await releases.open_pull(repo, branch=BRANCH, base="main", title=TITLE, body=body)
    assert len(made.body) <= 65_536
    await releases.edit_pull(made.ref, body=body + "more")
    assert "cut here" in (shop.pulls[made.ref.number].body or "")[-80:]


async def test_an_unchanged_list_costs_nothing_of_the_limit(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    repo = github.ref(shop)
    await releases.open_pull(repo, branch=BRANCH, base="main", title=TITLE, body="")
    first = await releases.fetch_pulls(repo, BRANCH)
    assert await releases.fetch_pulls(repo, BRANCH) == first
    assert github.seen.exchanges[-1].status == 304


# comments


async def test_a_pull_request_is_told_once(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: a")
    github.sandbox.comment(pull, f"{MARKER}\nforged", by=github.sandbox.user("mallory"))
    ref = github.pull_ref(pull)
    assert await releases.comment_once(ref, MARKER, f"{MARKER}\nReleased in v1.1.0.") is True
    github.seen.clear()
    assert await releases.comment_once(ref, MARKER, f"{MARKER}\nReleased in v1.1.0.") is False
    assert github.seen.routes() == [], "what was seen once need not be asked for"
    another = GitHubReleaseHub(github.connect().access)
    assert await another.comment_once(ref, MARKER, f"{MARKER}\nReleased in v1.1.0.") is False
    ours = [c for c in github.sandbox.comments_of(pull) if c.app is github.sandbox.app]
    assert [comment.body for comment in ours] == [f"{MARKER}\nReleased in v1.1.0."]


async def test_a_comment_whose_answer_was_lost_is_found_the_next_time(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: a")
    ref = github.pull_ref(pull)
    github.sandbox.faults.cut("POST *comments", after=True)
    with pytest.raises(HubUnavailable):
        await releases.comment_once(ref, MARKER, f"{MARKER}\nReleased.")
    assert await releases.comment_once(ref, MARKER, f"{MARKER}\nReleased.") is False
    assert len(github.sandbox.comments_of(pull)) == 1


# the release


async def test_a_release_from_first_to_last(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    await releases.create_tag(repo, "web/v1.1.0", tip(shop))
    assert await releases.find_release(repo, "web/v1.1.0") is None
    made = await releases.create_release(repo, tag="web/v1.1.0", title="web 1.1.0", body="notes")
    assert (made.tag, made.title, made.body, made.draft) == (
        "web/v1.1.0", "web 1.1.0", "notes", False,
    )  # fmt: skip
    assert (made.ours, made.prerelease) == (True, False)
    assert made.url.endswith("/octo/shop/releases/tag/web/v1.1.0")
    assert await releases.find_release(repo, "web/v1.1.0") == made
    edited = await releases.edit_release(repo, made.id, title="Web 1.1.0", body="better")
    assert (edited.id, edited.title, edited.body) == (made.id, "Web 1.1.0", "better")
    github.sandbox.delete_release(shop.releases[made.id])
    assert await releases.find_release(repo, "web/v1.1.0") is None
    with pytest.raises(HubGone):
        await releases.edit_release(repo, made.id, body="x")


@pytest.mark.parametrize(
    ("kind", "latest"),
    [
        ({}, "v2.0.0"),
        ({"latest": Latest.TRUE}, "v2.0.0"),
        ({"latest": Latest.FALSE}, "v1.0.0"),
        ({"latest": Latest.LEGACY}, "v2.0.0"),
        ({"tag": "v0.9.0", "latest": Latest.LEGACY}, "v1.0.0"),
        ({"tag": "v0.9.0", "latest": Latest.TRUE}, "v0.9.0"),
        ({"prerelease": True}, "v1.0.0"),
        ({"prerelease": True, "latest": Latest.TRUE}, "v1.0.0"),
        ({"draft": True, "latest": Latest.TRUE}, "v1.0.0"),
    ],
)
async def test_which_one_is_the_latest(
    github: GitHub,
    releases: GitHubReleaseHub,
    shop: Repository,
    kind: dict[str, Any],
    latest: str,
) -> None:
    github.sandbox.create_release(shop, "v1.0.0")
    kind = {"tag": "v2.0.0", **kind}
    await releases.create_release(github.ref(shop), title="", body="", **kind)
    shown = github.sandbox.latest_release(shop)
    assert shown is not None
    assert shown.tag_name == latest


async def test_a_release_is_made_once(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    github.sandbox.faults.cut("POST *releases", after=True)
    with pytest.raises(HubUnavailable):
        await releases.create_release(repo, tag="v1.0.0", title="one", body="")
    again = await releases.create_release(repo, tag="v1.0.0", title="two", body="")
    assert again.title == "one", "what is there is left as it is"
    assert len(shop.releases) == 1


async def test_a_release_by_hand_is_not_ours(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    github.sandbox.create_release(shop, "v1.0.0", by=github.sandbox.user("mona"))
    found = await releases.find_release(github.ref(shop), "v1.0.0")
    assert found is not None
    assert found.ours is False


async def test_of_two_drafts_made_at_once_the_older_stays(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    theirs = github.sandbox.create_release(
        shop, "v1.0.0", draft=True, by=github.sandbox.user("mona")
    )
    one, two = await asyncio.gather(
        *(
            releases.create_release(repo, tag="v1.0.0", title="", body="", draft=True)
            for _ in range(2)
        )
    )
    assert one == two
    assert set(shop.releases) == {theirs.id, one.id}
    found = await releases.find_release(repo, "v1.0.0")
    assert found is not None
    assert (found.id, found.draft) == (theirs.id, True)
    out = await releases.edit_release(repo, one.id, draft=False)
    assert out.draft is False
    assert shop.git.resolve("v1.0.0") == tip(shop)


async def test_a_text_of_any_length_is_published(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    """By then the tag is there: nothing about the text may stop it."""
    repo = github.ref(shop)
    body = "* feat: é\ud800\n" * 20_000
    made = await releases.create_release(repo, tag="v1.0.0", title="1.0.0", body=body)
    assert 120_000 < len(made.body) <= 125_000
    assert made.body.endswith("does not fit into GitHub's limit.")
    await releases.edit_release(repo, made.id, body=body + "more")


async def test_a_protected_tag_is_told_apart_also_when_the_release_would_make_it(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    github.sandbox.protect(shop, "refs/tags/v*", "creation")
    with pytest.raises(RefProtected, match="pre_receive") as refused:
        await releases.create_release(github.ref(shop), tag="v1.0.0", title="", body="")
    assert "covers the tag v1.0.0" in refused.value.remedy
    assert shop.releases == {}


async def test_everything_goes_by_the_name_that_a_repository_has_now(
    github: GitHub, hub: GitHubHub, releases: GitHubReleaseHub, shop: Repository, branch: Sha
) -> None:
    repo = github.ref(shop)
    hub.access._names.clear()
    github.sandbox.rename(shop, "store")
    made = await releases.open_pull(repo, branch=BRANCH, base="main", title=TITLE, body="")
    assert made.ref.repo.name == "store"
    assert await releases.create_tag(repo, "v1.0.0", tip(shop)) is True
    assert (await releases.fetch_line(repo)).tags[0].name == "v1.0.0"
    assert len(await releases.fetch_commits(repo, None, tip(shop))) == 1
