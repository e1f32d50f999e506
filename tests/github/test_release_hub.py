"""What a release reads of a repository: its line and tags, its history, files as they stand."""

import pytest
from github_kit import GitHub

from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.core.model import AbsentFile, FoundFile, Sha, UnreadableFile
from bot.core.release.model import PullSummary
from bot.ports import HubGone, HubUnavailable
from bot.sandbox.code import CommitSpec
from bot.sandbox.faults import Fault
from bot.sandbox.model import Repository
from bot.sandbox.objects import Change, NewCommit, Signature
from bot.sandbox.rest import commits as listing

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
COMPARE = "GET /repos/{owner}/{repo}/compare/{basehead}"
COMMIT = "GET /repos/{owner}/{repo}/commits/{ref}"
BLOB = "GET /repos/{owner}/{repo}/git/blobs/{file_sha}"


def tip(repository: Repository, branch: str = "main") -> Sha:
    found = repository.branch(branch)
    assert found is not None
    return Sha(found)


# the line and its tags


async def test_a_line_and_its_tags_are_one_request(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    first = tip(shop)
    github.sandbox.tag(shop, "v1.0.0", message="annotated")
    github.sandbox.tag(shop, "web/v0.1.0")
    github.sandbox.push(shop, "main", "feat: a")
    line = await releases.fetch_line(github.ref(shop))
    assert github.seen.routes() == [MINT, GRAPHQL]
    assert (line.branch, line.head, line.default_branch) == ("main", tip(shop), "main")
    assert [(tag.name, tag.sha) for tag in line.tags] == [("v1.0.0", first), ("web/v0.1.0", first)]
    assert all(tag.at.tzinfo is not None for tag in line.tags)


async def test_another_branch_than_the_default_one(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    [head] = github.sandbox.push(shop, "next", "feat: tried")
    line = await releases.fetch_line(github.ref(shop), "next")
    assert (line.branch, line.head, line.default_branch) == ("next", head, "main")
    with pytest.raises(HubGone, match="octo/shop has no branch gone"):
        await releases.fetch_line(github.ref(shop), "gone")
    github.sandbox.delete_branch(shop, "main")
    with pytest.raises(HubGone, match="no commit on its default branch"):
        await releases.fetch_line(github.ref(shop))


async def test_more_tags_than_a_page_has(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    shop.git.write((), {f"refs/tags/v0.{number}.0": tip(shop) for number in range(230)})
    line = await releases.fetch_line(github.ref(shop))
    assert len({tag.name for tag in line.tags}) == 230
    assert github.seen.routes() == [MINT, *[GRAPHQL] * 3]


async def test_a_tag_of_a_tag_counts_and_one_on_a_file_does_not(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world = github.sandbox
    inner = world.tag(shop, "inner", message="the commit's")
    outer = world.tag_object(shop, "v1.0.0", inner, "the tag's", by=None)
    world.point_tag(shop, "v1.0.0", outer)
    world.point_tag(shop, "odd", shop.git.store.write_object("blob", b"x"))
    line = await releases.fetch_line(github.ref(shop))
    assert {tag.name: tag.sha for tag in line.tags} == {"inner": tip(shop), "v1.0.0": tip(shop)}


async def test_a_repository_that_took_the_name_is_not_the_one_asked_for(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    github.sandbox.rename(shop, "store")
    github.sandbox.create_repository("octo/shop")
    with pytest.raises(HubGone, match="another repository"):
        await releases.fetch_line(repo)
    with pytest.raises(HubGone, match="another repository"):
        await releases.create_tag(repo, "v1.0.0", tip(shop))


async def test_the_first_tag_that_the_head_is_built_on(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    """A release of another branch, one of a history that was written anew, one ahead of the
    trunk: none of them is what the trunk goes on from."""
    world, repo = github.sandbox, github.ref(shop)
    world.tag(shop, "v1.0.0")
    world.push(shop, "old", "feat: elsewhere")
    world.tag(shop, "v3.0.0", "old")
    [apart] = shop.git.write([NewCommit("x\n", Signature("a", "a@b", 0), Signature("a", "a@b", 0))])
    world.tag(shop, "v4.0.0", apart)
    [head] = world.push(shop, "main", "feat: b")
    world.push(shop, "ahead", "feat: c")
    world.tag(shop, "v2.0.0", "ahead")
    tags = {tag.name: tag for tag in (await releases.fetch_line(repo)).tags}
    ranked = [tags[f"v{number}.0.0"] for number in (4, 3, 2, 1)]
    found = await releases.find_reachable(repo, ranked, Sha(head))
    assert found == tags["v1.0.0"]
    assert github.seen.routes().count(COMPARE) == 4
    assert await releases.find_reachable(repo, ranked[:3], Sha(head)) is None
    github.seen.clear()
    assert await releases.find_reachable(repo, ranked[2:], ranked[2].sha) == tags["v2.0.0"]
    assert github.seen.routes() == [], "what is on the head itself need not be asked for"


# commits


async def test_commits_since_a_tag_however_many(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    base = tip(shop)
    made = github.sandbox.push(shop, "main", *[f"feat: {number}" for number in range(260)])
    found = await releases.fetch_commits(github.ref(shop), base, tip(shop))
    assert [commit.sha for commit in found] == made[::-1]
    assert [commit.message for commit in found[:2]] == ["feat: 259", "feat: 258"]
    assert found[0].parent_shas == (made[-2],)
    assert found[0].paths is None
    # the name, then a page of a hundred and what GraphQL knows of it
    assert github.seen.routes()[2:] == [COMPARE, GRAPHQL] * 3


async def test_the_whole_history_of_a_first_release(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    root = tip(shop)
    made = github.sandbox.push(shop, "main", *[f"feat: {number}" for number in range(260)])
    found = await releases.fetch_commits(github.ref(shop), None, tip(shop))
    assert [commit.sha for commit in found] == [*made[::-1], root]
    assert (found[-1].parents, found[-1].parent_shas) == (0, ())
    assert github.seen.routes() == [MINT, *[GRAPHQL] * 3]


async def test_nothing_has_come_since(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    assert await releases.fetch_commits(github.ref(shop), tip(shop), tip(shop)) == ()


@pytest.mark.parametrize("base_too", [True, False])
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_the_pull_request_that_each_commit_came_by(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, method: str, base_too: bool
) -> None:
    world, base = github.sandbox, tip(shop)
    mona = world.user("mona")
    body = "Why.\n\nBEGIN_COMMIT_OVERRIDE\nfeat: find\nEND_COMMIT_OVERRIDE\n"
    pull = world.open_pull(shop, "feat: find", "feat: one", "fix: two", by=mona, body=body)
    world.open_pull(shop, "feat: not merged", by=mona)
    world.merge(pull, method, by=world.user("rosa"))
    world.push(shop, "main", "docs: past every pull request")
    found = await releases.fetch_commits(github.ref(shop), base if base_too else None, tip(shop))
    summary = PullSummary(pull.number, "feat: find", body, "mona")
    pulls = {commit.message.partition("\n")[0]: commit.pull for commit in found}
    assert pulls.pop("docs: past every pull request") is None
    assert pulls.pop("chore: first commit", None) is None
    assert len(pulls) == {"merge": 3, "squash": 1, "rebase": 2}[method]
    assert set(pulls.values()) == {summary}
    [merge] = [commit for commit in found if commit.parents == 2] or [found[1]]
    assert merge.author == ("rosa" if method == "merge" else "mona")


async def test_a_commit_is_of_the_pull_request_that_made_it_before_any_that_holds_it(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, base = github.sandbox, tip(shop)
    world.push(shop, "next")
    inner = world.open_pull(shop, "feat: inner", base="next")
    outer = world.open_pull(shop, "feat: outer", "feat: outer", head="later")
    world.merge(inner, "squash")
    whole = world.open_pull(shop, "feat: whole", head="next", base="main")
    world.merge(whole, "merge")
    world.merge(outer, "squash")
    found = await releases.fetch_commits(github.ref(shop), base, tip(shop))
    numbers = {c.message.partition("\n")[0]: c.pull and c.pull.number for c in found}
    assert numbers["feat: inner (#1)"] == inner.number
    assert numbers["feat: outer (#2)"] == outer.number
    assert {whole.number, inner.number, outer.number} == set(numbers.values())


async def test_whoever_wrote_a_commit(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, base = github.sandbox, tip(shop)
    bot = world.bot_user("renovate[bot]")
    nobody = Signature("Ada L.", "ada@example.invalid", 1_700_000_000)
    world.push(shop, "main", CommitSpec("fix: a", author=nobody), CommitSpec("fix: b", author=bot))
    pull = world.open_pull(shop, "fix: c", by=world.user("soon-gone"))
    world.merge(pull, "squash")
    world.delete_account(world.user("soon-gone"))
    by_bot = world.open_pull(shop, "fix: d", by=bot)
    world.merge(by_bot, "squash")
    found = await releases.fetch_commits(github.ref(shop), base, tip(shop))
    authors = {commit.message[:6]: commit.author for commit in found}
    assert (authors["fix: a"], authors["fix: b"]) == ("Ada L.", "renovate[bot]")
    opened = {commit.pull.title: commit.pull.author for commit in found if commit.pull}
    assert opened == {"fix: c": "", "fix: d": "renovate[bot]"}


async def test_a_message_that_is_no_utf8_comes_through(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    base = tip(shop)
    tree = shop.git.store.commit(base).tree
    text = (
        f"tree {tree}\nparent {base}\nauthor A <a@b.invalid> 1700000000 +0000\n"
        "committer A <a@b.invalid> 1700000000 +0000\nencoding ISO-8859-1\n\nfix: gr"
    ).encode() + b"\xfc\xdfe\n"
    oid = shop.git.store.write_object("commit", text)
    github.sandbox.move_refs(shop, {"refs/heads/main": oid})
    [found] = await releases.fetch_commits(github.ref(shop), base, tip(shop))
    assert found.message == "fix: grüße"


async def test_a_head_or_base_that_is_not_there(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    gone = Sha("0" * 39 + "1")
    for base, head in ((None, gone), (gone, tip(shop)), (tip(shop), gone)):
        with pytest.raises(HubGone):
            await releases.fetch_commits(github.ref(shop), base, head)


async def test_a_list_that_ends_early_is_no_history(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo, base = github.ref(shop), tip(shop)
    answer = {"total_commits": 3, "commits": []}
    github.sandbox.faults.add(Fault("GET *compare*", "answer", 200, answer))
    with pytest.raises(HubUnavailable, match="gave 0 of the 3 commits"):
        await releases.fetch_commits(repo, base, base)


async def test_more_commits_than_a_comparison_lists(
    github: GitHub,
    releases: GitHubReleaseHub,
    shop: Repository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With branches that were begun before and within what is listed, and merged after it."""
    monkeypatch.setattr(listing, "_LISTED_COMMITS", 7)
    world = github.sandbox
    old = tip(shop)
    base = Sha(world.push(shop, "main", "feat: released")[0])
    world.push(shop, "early", "feat: begun before", onto=old)
    early = world.open_pull(shop, "feat: early", "feat: e1", "feat: e2", head="early")
    for number in range(12):
        world.push(shop, "main", f"feat: {number}")
        if number == 3:
            late = world.open_pull(shop, "feat: late", "feat: l1", "feat: l2")
    world.merge(early, "merge")
    world.merge(late, "merge")
    found = await releases.fetch_commits(github.ref(shop), base, tip(shop))
    shas = [str(commit.sha) for commit in found]
    assert sorted(shas) == sorted(shop.git.store.ahead(tip(shop), base))
    assert len(shas) == 19
    for place, commit in enumerate(found):
        assert not {str(parent) for parent in commit.parent_shas or ()} & set(shas[:place])


# paths


async def test_what_each_commit_touches(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, base, repo = github.sandbox, tip(shop), github.ref(shop)
    world.push(shop, "main", CommitSpec("feat: a", {"web/a": "a", "api/b": "b\n" * 20}))
    world.push(shop, "main", CommitSpec("refactor: b", {"api/b": None, "web/b": "b\n" * 20}))
    world.push(shop, "main", CommitSpec("docs: c", {"README.md": "c"}))
    pull = world.open_pull(shop, "feat: d", CommitSpec("feat: d", {"web/d": "d"}))
    world.merge(pull, "merge")
    found = await releases.fetch_commits(repo, base, tip(shop), paths=True)
    touched = {c.message.partition(":")[0]: c.paths for c in found if c.message != "feat: d"}
    [landed] = [commit for commit in found if commit.message == "feat: d"]
    assert landed.paths == ("web/d",)
    assert touched["docs"] == ("README.md",)
    assert touched["refactor"] == ("api/b", "web/b"), "a file that was renamed is two"
    assert touched["feat"] == ("api/b", "web/a")
    [merge] = [commit for commit in found if commit.parents == 2]
    assert merge.paths == ("web/d",), "against its first parent"
    github.seen.clear()
    world.push(shop, "main", CommitSpec("fix: e", {"web/e": "e"}))
    again = await releases.fetch_commits(repo, base, tip(shop), paths=True)
    assert again[0].paths == ("web/e",)
    assert again[1:] == found
    assert github.seen.routes().count(COMMIT) == 1, "what a commit touches never changes"


async def test_a_commit_of_many_files(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    base = tip(shop)
    github.sandbox.push(
        shop, "main", CommitSpec("feat: many", {f"n/{number}": "n" for number in range(230)})
    )
    [found] = await releases.fetch_commits(github.ref(shop), base, tip(shop), paths=True)
    assert len(found.paths or ()) == 230


async def test_a_commit_that_could_not_be_read_touches_not_nothing(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    base = tip(shop)
    github.sandbox.push(shop, "main", "feat: a", "feat: b")
    github.sandbox.faults.answer("GET *commits/*", 503, headers={"retry-after": "9"})
    with pytest.raises(HubUnavailable):
        await releases.fetch_commits(github.ref(shop), base, tip(shop), paths=True)


# files


async def test_files_exactly_as_they_stand(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    texts = {f"text/{number}": f"text {number}\r\n" for number in range(9)}
    github.sandbox.push(shop, "main", CommitSpec("feat: files", texts))
    repo, at = github.ref(shop), tip(shop)
    found = await releases.fetch_files(repo, at, [*texts, "none", "text/1"])
    assert github.seen.routes() == [MINT, GRAPHQL, GRAPHQL]
    assert found.pop("none") == AbsentFile()
    assert found == {path: FoundFile("octo/shop", path, text) for path, text in texts.items()}
    github.sandbox.push(shop, "main", CommitSpec("feat: later", {"text/1": "other"}))
    assert (await releases.fetch_files(repo, at, ["text/1"]))["text/1"] == found["text/1"]
    with pytest.raises(HubGone, match="no such commit"):
        await releases.fetch_files(repo, Sha("1" * 40), ["text/1"])


async def test_a_large_file_is_read_whole(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    """Lockfiles are beyond what GraphQL gives of a text."""
    large = '{"é": 1}\n' * 60_000
    github.sandbox.push(shop, "main", CommitSpec("feat: lock", {"package-lock.json": large}))
    found = await releases.fetch_files(github.ref(shop), tip(shop), ["package-lock.json"])
    assert found == {"package-lock.json": FoundFile("octo/shop", "package-lock.json", large)}
    assert github.seen.routes()[-1] == BLOB


async def test_what_is_no_text_is_not_read(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    person = github.sandbox.signature(None)
    changes = (
        Change("link", b"README.md", "120000"),
        Change("latin", "grün".encode("latin-1")),
        Change("binary", b"a\0b"),
        Change("folder/x", b"x"),
        Change("script", b"#!/bin/sh\n", "100755"),
    )
    commit = NewCommit("feat: odd\n", person, person, (tip(shop),), changes)
    github.sandbox.move_refs(shop, {"refs/heads/main": 0}, [commit])
    wanted = ["link", "latin", "binary", "folder", "script"]
    found = await releases.fetch_files(github.ref(shop), tip(shop), wanted)
    assert found.pop("script") == FoundFile("octo/shop", "script", "#!/bin/sh\n")
    reasons = {p: f.reason for p, f in found.items() if isinstance(f, UnreadableFile)}
    assert reasons == {
        "link": "it is a symbolic link",
        "latin": "it is not a text in UTF-8",
        "binary": "it is not a text file",
        "folder": "it is not a file",
    }
