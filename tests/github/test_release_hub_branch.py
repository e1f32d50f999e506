"""The branch and the tag of a release: written whole, never over what somebody else wrote."""

import asyncio

import pytest
from github_kit import GitHub

from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.core.model import Sha
from bot.core.release.model import FileChange
from bot.ports import HubGone, HubRefused, HubUnavailable
from bot.ports.releases import BranchMoved, RefProtected, TagTaken
from bot.sandbox.code import CommitSpec
from bot.sandbox.faults import Fault
from bot.sandbox.model import Repository
from bot.sandbox.objects import Change, NewCommit

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
TREE = "POST /repos/{owner}/{repo}/git/trees"
COMMIT = "POST /repos/{owner}/{repo}/git/commits"
REF = "POST /repos/{owner}/{repo}/git/refs"
BRANCH = "lockgate/release"
MESSAGE = "chore(release): v1.1.0"
README = FileChange("README.md", "# shop\n", "# shop 1.1.0\n")
CHANGELOG = FileChange("CHANGELOG.md", None, "# Changelog\n\n## 1.1.0\n")


def tip(repository: Repository, branch: str = "main") -> Sha:
    found = repository.branch(branch)
    assert found is not None
    return Sha(found)


def text(repository: Repository, path: str, at: str = BRANCH) -> str:
    found = repository.git.store.at_path(tip(repository, at), path)
    assert found is not None
    return found[2].decode()


async def write(
    github: GitHub,
    releases: GitHubReleaseHub,
    shop: Repository,
    expected: str | None,
    *changes: FileChange,
    parent: str = "",
    message: str = MESSAGE,
) -> Sha:
    return await releases.write_branch(
        github.ref(shop),
        BRANCH,
        expected=Sha(expected) if expected else None,
        parent=Sha(parent) if parent else tip(shop),
        message=message,
        changes=changes or (README, CHANGELOG),
    )


async def test_a_branch_is_one_commit_on_its_line(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    made = await write(github, releases, shop, None)
    assert github.seen.routes() == [MINT, GRAPHQL, TREE, COMMIT, REF]
    commit = shop.git.store.commit(tip(shop, BRANCH))
    assert (commit.oid, commit.parents) == (made, (tip(shop),))
    assert commit.message.strip() == MESSAGE
    assert (commit.author.name, commit.committer.name) == ("lockgate[bot]", "GitHub")
    assert text(shop, "README.md") == README.after
    assert text(shop, "CHANGELOG.md") == CHANGELOG.after
    assert shop.git.reload() == {}, "what is remembered is what stands on disk"


async def test_a_push_to_the_line_moves_the_branch_onto_it(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    first = await write(github, releases, shop, None)
    github.sandbox.push(shop, "main", CommitSpec("feat: b", {"src/b": "b"}))
    github.seen.clear()
    second = await write(github, releases, shop, first)
    assert github.seen.routes() == [GRAPHQL, TREE, COMMIT, GRAPHQL]
    assert shop.git.store.commit(second).parents == (tip(shop),)
    assert tip(shop, BRANCH) == second
    assert text(shop, "src/b") == "b"


async def test_what_stands_there_already_is_not_written_again(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    first = await write(github, releases, shop, None)
    assert await write(github, releases, shop, first) == first
    assert github.seen.routes().count(COMMIT) == 1
    other = await write(github, releases, shop, first, message="chore(release): v1.2.0")
    assert other != first


async def test_a_commit_without_changes_can_be_written(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    """A module of Go has its version in its tag alone."""
    repo = github.ref(shop)
    made = await releases.write_branch(
        repo, BRANCH, expected=None, parent=tip(shop), message=MESSAGE, changes=()
    )
    store = shop.git.store
    assert store.commit(made).tree == store.commit(tip(shop)).tree
    await releases.open_pull(repo, branch=BRANCH, base="main", title=MESSAGE, body="")


async def test_more_files_than_one_question_has_room_for(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    packages = {f"packages/{number}/version.txt": f"1.0.{number}\n" for number in range(19)}
    github.sandbox.push(shop, "main", CommitSpec("feat: packages", packages))
    changes = [FileChange(path, before, "2.0.0\n") for path, before in packages.items()]
    await write(github, releases, shop, None, *changes)
    assert github.seen.routes() == [MINT, *[GRAPHQL] * 3, TREE, COMMIT, REF]
    assert {text(shop, path) for path in packages} == {"2.0.0\n"}


async def test_a_script_stays_executable_and_a_link_is_left_alone(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    person = github.sandbox.signature(None)
    odd = (Change("run", b"VERSION=1\n", "100755"), Change("link", b"run", "120000"))
    commit = NewCommit("feat: odd\n", person, person, (tip(shop),), odd)
    github.sandbox.move_refs(shop, {"refs/heads/main": 0}, [commit])
    await write(github, releases, shop, None, FileChange("run", "VERSION=1\n", "VERSION=2\n"))
    items = shop.git.store.tree(shop.git.store.commit(tip(shop, BRANCH)).tree)
    assert {item.name: item.mode for item in items if item.name == "run"} == {"run": "100755"}
    with pytest.raises(HubRefused, match=r"could not write link .*: it is a symbolic link"):
        await write(github, releases, shop, tip(shop, BRANCH), FileChange("link", "run", "x"))


@pytest.mark.parametrize(
    "change",
    [
        FileChange("README.md", "# something else\n", "x"),
        FileChange("README.md", None, "x"),
        FileChange("CHANGELOG.md", "# Changelog\n", "x"),
    ],
)
async def test_what_was_planned_on_another_text_is_not_written(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, change: FileChange
) -> None:
    with pytest.raises(HubRefused, match=f"could not write {change.path} .* was planned"):
        await write(github, releases, shop, None, change)
    assert shop.branch(BRANCH) is None
    assert TREE not in github.seen.routes()


async def test_a_text_of_any_letters(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    odd = "\ufeff# é 🎉\r\n\u200b<b>@all</b> | \ud800\n"
    await write(github, releases, shop, None, FileChange("CHANGELOG.md", None, odd))
    assert text(shop, "CHANGELOG.md") == odd.replace("\ud800", "?")
    read = await releases.fetch_files(github.ref(shop), tip(shop, BRANCH), ["CHANGELOG.md"])
    again = FileChange("CHANGELOG.md", read["CHANGELOG.md"].text, "# new\n")
    await write(github, releases, shop, tip(shop, BRANCH), again, parent=tip(shop, BRANCH))
    assert text(shop, "CHANGELOG.md") == "# new\n"


# the lease


async def test_what_somebody_pushed_since_is_not_overwritten(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    first = await write(github, releases, shop, None)
    [theirs] = github.sandbox.push(shop, BRANCH, "docs: better words")
    github.seen.clear()
    with pytest.raises(BranchMoved, match="not where it was when it was read"):
        await write(github, releases, shop, first)
    assert github.seen.routes() == [GRAPHQL], "and nothing was written for nothing"
    assert tip(shop, BRANCH) == theirs
    with pytest.raises(BranchMoved):
        await write(github, releases, shop, None)
    github.sandbox.delete_branch(shop, BRANCH)
    with pytest.raises(BranchMoved):
        await write(github, releases, shop, theirs)
    assert shop.branch(BRANCH) is None


@pytest.mark.parametrize("there", [True, False])
async def test_a_push_between_the_last_look_and_the_move_wins(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, there: bool
) -> None:
    """The narrowest gap: the branch moves after it was read, while the commit is written."""
    first = await write(github, releases, shop, None) if there else None
    theirs: list[str] = []
    sandbox, write_commit = github.sandbox, shop.git.write

    def meddle(commits, refs=None):
        made = write_commit(commits, refs)
        if commits and commits[0].message.startswith("other words") and not theirs:
            theirs.extend(["", *sandbox.push(shop, BRANCH, "docs: in between")])
        return made

    shop.git.write = meddle  # type: ignore[method-assign]
    with pytest.raises(BranchMoved, match="by somebody else"):
        await write(github, releases, shop, first, message="other words")
    assert tip(shop, BRANCH) == theirs[-1]


async def test_of_two_at_once_one_writes(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    other = GitHubReleaseHub(github.connect().access)
    for expected in (None, "made"):
        first = tip(shop, BRANCH) if expected else None
        ended = await asyncio.gather(
            write(github, releases, shop, first, message=f"one {expected}"),
            write(github, other, shop, first, message=f"two {expected}"),
            return_exceptions=True,
        )
        won = [each for each in ended if isinstance(each, str)]
        lost = [each for each in ended if isinstance(each, BranchMoved)]
        assert (len(won), len(lost)) == (1, 1), ended
        assert tip(shop, BRANCH) == won[0]


@pytest.mark.parametrize("there", [True, False])
async def test_an_answer_that_is_lost_is_no_second_commit(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, there: bool
) -> None:
    first = await write(github, releases, shop, None) if there else None
    for route in (TREE, COMMIT, REF):
        path = route.replace("{owner}/{repo}", "octo/shop")
        github.sandbox.faults.cut(path, after=True)
    if there:
        github.sandbox.faults.cut("POST /graphql", skip=1, after=True)
    made = await write(github, releases, shop, first, message="again")
    assert tip(shop, BRANCH) == made
    [branch] = [await releases.fetch_branch(github.ref(shop), BRANCH, line=tip(shop))]
    assert branch is not None
    assert len(branch.commits) == 1


@pytest.mark.parametrize("step", [TREE, COMMIT, REF, "graphql"])
async def test_interrupted_at_any_step_the_next_run_completes_it(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, step: str
) -> None:
    first = await write(github, releases, shop, None) if step == "graphql" else None
    before = shop.branch(BRANCH)
    route = "POST /graphql" if step == "graphql" else step.replace("{owner}/{repo}", "octo/shop")
    skip = 1 if step == "graphql" else 0
    github.sandbox.faults.answer(route, 503, skip=skip, headers={"retry-after": "9"})
    with pytest.raises(HubUnavailable):
        await write(github, releases, shop, first, message="again")
    assert shop.branch(BRANCH) == before
    made = await write(github, releases, shop, first, message="again")
    assert tip(shop, BRANCH) == made


async def test_a_refusal_of_unknown_words_is_not_tried_for_ever(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    first = await write(github, releases, shop, None)
    for kind, error in (("UNPROCESSABLE", HubRefused), ("", HubUnavailable)):
        said = {"message": "no", **({"type": kind} if kind else {}), "path": ["updateRefs"]}
        body = {"data": {"updateRefs": None}, "errors": [said]}
        github.sandbox.faults.add(Fault("POST /graphql", "answer", 200, body, skip=1))
        with pytest.raises(error, match="could not move the branch"):
            await write(github, releases, shop, first, message=f"again {kind}")


# what people committed


async def test_who_wrote_what_on_the_branch(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, repo, line = github.sandbox, github.ref(shop), tip(shop)
    assert await releases.fetch_branch(repo, BRANCH, line=line) is None
    first = await write(github, releases, shop, None)
    branch = await releases.fetch_branch(repo, BRANCH, line=line)
    assert branch is not None
    assert (branch.name, branch.head, branch.foreign) == (BRANCH, first, ())
    assert [(c.sha, c.own, c.author) for c in branch.commits] == [(first, True, "lockgate[bot]")]
    [theirs] = world.push(shop, BRANCH, "docs: better words", by=world.user("mona"))
    branch = await releases.fetch_branch(repo, BRANCH, line=line)
    assert branch is not None
    assert [(each.sha, each.author, each.own) for each in branch.foreign] == [
        (theirs, "mona", False)
    ]


@pytest.mark.parametrize(
    ("committer", "own"),
    [("lockgate[bot]", True), ("web-flow", True), ("GitHub Enterprise", True), ("mona", False),
     ("nobody", False)],
)  # fmt: skip
async def test_who_amends_our_commit_makes_it_theirs(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, committer: str, own: bool
) -> None:
    world = github.sandbox
    ours, text = world.signature(world.app.bot), b"words\n"
    emails = {"GitHub Enterprise": "noreply@ghe.example", "nobody": "nobody@example.invalid"}
    if committer in emails:
        by = type(ours)(committer, emails[committer], ours.seconds)
    else:
        email = "noreply@github.com" if committer == "web-flow" else ""
        known = world.app.bot if own and not email else world.user(committer, email=email)
        by = world.signature(known)
    commit = NewCommit(f"{MESSAGE}\n", ours, by, (tip(shop),), (Change("CHANGELOG.md", text),))
    world.move_refs(shop, {f"refs/heads/{BRANCH}": 0}, [commit])
    branch = await releases.fetch_branch(github.ref(shop), BRANCH, line=tip(shop))
    assert branch is not None
    assert [each.own for each in branch.commits] == [own]


async def test_a_merge_keeps_what_people_committed(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, repo = github.sandbox, github.ref(shop)
    await write(github, releases, shop, None)
    world.push(shop, BRANCH, CommitSpec("docs: words", {"NOTES.md": "theirs\n"}))
    [head] = world.push(shop, "main", CommitSpec("feat: b", {"src/b": "b"}))
    merged = await releases.merge_into(repo, BRANCH, Sha(head), message="Merge main")
    assert merged == tip(shop, BRANCH)
    assert (text(shop, "NOTES.md"), text(shop, "src/b")) == ("theirs\n", "b")
    assert await releases.merge_into(repo, BRANCH, Sha(head), message="again") == merged
    better = FileChange("CHANGELOG.md", CHANGELOG.after, "# Changelog\n\n## 1.2.0\n")
    await write(github, releases, shop, merged, better, parent=merged)
    assert (text(shop, "NOTES.md"), text(shop, "CHANGELOG.md")) == ("theirs\n", better.after)


async def test_a_merge_that_conflicts_changes_nothing(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    world, repo = github.sandbox, github.ref(shop)
    await write(github, releases, shop, None)
    [theirs] = world.push(shop, BRANCH, CommitSpec("docs: words", {"README.md": "theirs\n"}))
    [head] = world.push(shop, "main", CommitSpec("docs: other words", {"README.md": "ours\n"}))
    assert await releases.merge_into(repo, BRANCH, Sha(head), message="Merge main") is None
    assert tip(shop, BRANCH) == theirs
    with pytest.raises(HubGone):
        await releases.merge_into(repo, "gone", Sha(head), message="Merge main")


async def test_a_branch_of_another_history_is_named_with_the_remedy(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    person = github.sandbox.signature(None)
    apart = NewCommit("x\n", person, person, (), (Change("x", b"x"),))
    github.sandbox.move_refs(shop, {f"refs/heads/{BRANCH}": 0}, [apart])
    with pytest.raises(HubRefused, match=r"no commit in common.*delete it"):
        await releases.fetch_branch(github.ref(shop), BRANCH, line=tip(shop))


# tags


async def test_a_tag_is_made_once(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    repo, sha = github.ref(shop), tip(shop)
    assert await releases.create_tag(repo, "web/v1.0.0", sha) is True
    assert shop.git.refs["refs/tags/web/v1.0.0"] == sha
    assert await releases.create_tag(repo, "web/v1.0.0", sha) is False
    github.sandbox.tag(shop, "v1.0.0", message="by hand")
    assert await releases.create_tag(repo, "v1.0.0", sha) is False, "an annotated one is one too"


async def test_a_tag_on_another_commit_is_not_moved(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    old = tip(shop)
    github.sandbox.tag(shop, "v1.0.0")
    [new] = github.sandbox.push(shop, "main", "feat: b")
    with pytest.raises(TagTaken, match=f"v1.0.0 already, on {old[:7]} instead of {new[:7]}") as e:
        await releases.create_tag(github.ref(shop), "v1.0.0", Sha(new))
    assert (e.value.name, e.value.sha) == ("v1.0.0", old)
    assert shop.git.refs["refs/tags/v1.0.0"] == old


async def test_a_tag_whose_answer_was_lost_is_there(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    github.sandbox.faults.cut("POST *git/refs", after=True)
    assert await releases.create_tag(github.ref(shop), "v1.0.0", tip(shop)) is False
    github.sandbox.faults.cut("POST *git/refs")
    assert await releases.create_tag(github.ref(shop), "v1.1.0", tip(shop)) is True


async def test_a_tag_on_nothing_is_refused(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    words = "could not create the tag v1.0.0 of octo/shop: .* Object does not exist"
    with pytest.raises(HubRefused, match=words) as refused:
        await releases.create_tag(github.ref(shop), "v1.0.0", Sha("0" * 40))
    assert not isinstance(refused.value, RefProtected)


# protection


async def test_a_protected_tag_says_how_to_let_the_app_pass(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    github.sandbox.protect(shop, "refs/tags/v*", "creation")
    with pytest.raises(RefProtected, match="Cannot create ref due to creations being") as refused:
        await releases.create_tag(github.ref(shop), "v1.0.0", tip(shop))
    assert refused.value.ref == "refs/tags/v1.0.0"
    assert refused.value.remedy == (
        "In the settings of octo/shop, under Rules → Rulesets, add the App to the bypass list of "
        "the ruleset that covers the tag v1.0.0; rulesets of the organization are in its own "
        "settings."
    )
    shop.ref_rules[0].bypass.add(github.sandbox.app.id)
    assert await releases.create_tag(github.ref(shop), "v1.0.0", tip(shop)) is True


@pytest.mark.parametrize("rule", ["creation", "non_fast_forward", "update"])
async def test_a_protected_branch_says_so_too(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, rule: str
) -> None:
    first = None if rule == "creation" else await write(github, releases, shop, None)
    github.sandbox.protect(shop, "refs/heads/lockgate/*", rule)
    github.sandbox.push(shop, "main", "feat: b")
    with pytest.raises(RefProtected, match="rule violations found") as refused:
        await write(github, releases, shop, first)
    assert "covers the branch lockgate/release, and under Branches" in refused.value.remedy
    assert shop.branch(BRANCH) == first


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Reference update failed", "add the App to the bypass list"),
        ("Cannot force-push to this branch", "add the App to the bypass list"),
        ("Resource not accessible by integration", "permission Contents: Read and write"),
        (
            "refusing to allow a GitHub App to create or update workflow `x.yml`",
            "permission Workflows: Read and write",
        ),
    ],
)
async def test_other_words_of_githubs_for_it(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository, said: str, remedy: str
) -> None:
    github.sandbox.faults.answer("POST *git/refs", 422, message=said)
    with pytest.raises(RefProtected) as refused:
        await releases.create_tag(github.ref(shop), "v1.0.0", tip(shop))
    assert remedy in refused.value.remedy


async def test_without_the_permission_the_remedy_is_another(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    installation = github.sandbox.installation_of(github.sandbox.app, shop)
    assert installation is not None
    installation.permissions["contents"] = "read"
    for tried in (
        releases.create_tag(github.ref(shop), "v1.0.0", tip(shop)),
        write(github, releases, shop, None),
        releases.merge_into(github.ref(shop), "main", tip(shop), message="m"),
    ):
        with pytest.raises(RefProtected, match="Resource not accessible") as refused:
            await tried
        assert "Contents: Read and write" in refused.value.remedy


async def test_a_name_that_speaks_of_protection_is_no_rule(
    github: GitHub, releases: GitHubReleaseHub, shop: Repository
) -> None:
    with pytest.raises(HubRefused, match="not a valid ref name") as refused:
        await releases.create_tag(github.ref(shop), "protected..v1", tip(shop))
    assert not isinstance(refused.value, RefProtected)
