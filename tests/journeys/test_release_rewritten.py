"""Histories and tags that are not as one would wish: each gives the right release, or is said with
what to do."""

import pytest
from journey import Journey
from test_release_pull import (
    BRANCH,
    PACKAGE,
    POLICY,
    head_of,
    push,
    release_pulls,
    shop,
    text,
)

from bot.sandbox.code import CommitSpec
from bot.sandbox.git import run_git
from bot.sandbox.model import Repository
from bot.sandbox.objects import Change, NewCommit

pytestmark = pytest.mark.slow

BEGIN = CommitSpec("chore: begin", {"package.json": PACKAGE})
ANEW = CommitSpec("fix: round prices, without the password", {"package.json": PACKAGE})


def first_commit(repository: Repository) -> str:
    return repository.git.store.graph.history(head_of(repository))[0]


def held(journey: Journey, repository: Repository) -> str:
    """What the check on the trunk's head says."""
    (check,) = journey.github.latest_checks(
        repository, head_of(repository), name="lockgate/release"
    )
    assert check.conclusion == "failure"
    return check.summary or ""


long = pytest.mark.long
TAGS = [
    pytest.param((), "v0.1.0", id="no tag", marks=long),
    pytest.param(("nightly", "v1.2", "release-3"), "v0.1.0", id="tags that are no versions"),
    pytest.param(("v1.4.0", "v1.3.0", "old"), "v1.5.0", id="two tags on a commit", marks=long),
]


@pytest.mark.parametrize(("tags", "following"), TAGS)
async def test_what_is_released_after_these_tags(
    journey: Journey, tags: tuple[str, ...], following: str
) -> None:
    repository = journey.shop(POLICY)
    journey.github.push(repository, "main", BEGIN)
    for tag in tags:
        journey.github.tag(repository, tag)
    push(journey, repository, "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert pull.title == f"chore(release): {following}"
    assert text(repository, "CHANGELOG.md").count("add search") == 1


@pytest.mark.parametrize("apart", [False, pytest.param(True, marks=long)])
async def test_a_trunk_written_anew_is_released_without_what_it_lost(
    journey: Journey, apart: bool
) -> None:
    """With a new first commit too, as a secret is taken out of all of a history."""
    github, repository = journey.github, shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    lost = head_of(repository)
    onto = first_commit(repository)
    if apart:
        by, tree = github.signature(None), repository.git.store.commit(onto).tree
        (onto,) = repository.git.write([NewCommit("chore: first\n", by, by, (), (), tree)])
    github.tag(repository, "v1.4.0", onto)
    github.push(repository, "main", ANEW, onto=onto)
    await journey.rest()
    assert (pull.state, pull.title) == ("open", "chore(release): v1.4.1")
    assert "**In the way**" not in (pull.body or "")
    assert "without the password" in text(repository, "CHANGELOG.md")
    graph = repository.git.store.graph
    assert graph.ahead(pull.head_sha, head_of(repository)) == [pull.head_sha]
    assert lost not in graph.history(pull.head_sha)


@pytest.mark.parametrize("apart", [pytest.param(False, marks=long), True])
async def test_what_people_committed_to_the_branch_before_that_is_not_overwritten(
    journey: Journey, apart: bool
) -> None:
    github, repository = journey.github, shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    (theirs,) = github.push(repository, BRANCH, CommitSpec("docs: news", {"NEWS.md": "mine\n"}))
    await journey.rest()
    onto = first_commit(repository)
    if apart:
        by, tree = github.signature(None), repository.git.store.commit(onto).tree
        (onto,) = repository.git.write([NewCommit("chore: first\n", by, by, (), (), tree)])
    github.tag(repository, "v1.4.0", onto)
    github.push(repository, "main", ANEW, onto=onto)
    for message in ("docs: more", "docs: and more"):
        push(journey, repository, message)
        await journey.rest()
        assert pull.head_sha == theirs
        assert "the history of main was written anew" in held(journey, repository)
        assert f"what people committed to it ({theirs[:7]}" in (pull.body or "").replace(
            "&#8203;", ""
        )
    # The remedy that it names.
    github.delete_branch(repository, BRANCH)
    await journey.rest()
    _, second = release_pulls(repository)
    assert (second.state, second.title) == ("open", "chore(release): v1.4.1")
    assert text(repository, "NEWS.md") == ""


async def test_a_trunk_that_lost_its_last_release_does_not_begin_anew(journey: Journey) -> None:
    github, repository = journey.github, shop(journey)
    tagged = head_of(repository)
    github.push(repository, "main", ANEW, onto=first_commit(repository))
    await journey.rest()
    assert release_pulls(repository) == []
    said = held(journey, repository).replace("&#8203;", "")
    assert f"v1.4.0 is there, on {tagged[:7]}: v0.1.0 would be behind it" in said
    # The remedy that it names.
    github.tag(repository, "v1.4.0", head_of(repository))
    push(journey, repository, "fix: mend the search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert pull.title == "chore(release): v1.4.1"


async def test_a_branch_that_nothing_is_known_of_is_named_with_what_to_do(
    journey: Journey,
) -> None:
    github, repository = journey.github, shop(journey)
    by = github.signature(None)
    apart = NewCommit("x\n", by, by, (), (Change("x", b"x"),))
    github.move_refs(repository, {f"refs/heads/{BRANCH}": 0}, [apart])
    push(journey, repository, "fix: round prices")
    await journey.rest()
    assert release_pulls(repository) == []
    assert "no commit in common" in held(journey, repository)
    github.delete_branch(repository, BRANCH)
    push(journey, repository, "docs: more")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert pull.title == "chore(release): v1.4.1"


async def test_a_message_in_another_encoding(journey: Journey) -> None:
    """As git writes it by ``i18n.commitEncoding``."""
    repository = shop(journey)
    head, path = head_of(repository), repository.git.path
    person = ("-c", "user.name=Jörg", "-c", "user.email=joerg@example.invalid")
    made = run_git(
        *(one.encode("latin-1").decode(errors="surrogateescape") for one in person),
        "-c", "i18n.commitEncoding=ISO-8859-1", "commit-tree", f"{head}^{{tree}}", "-p", head,
        cwd=path, stdin="fix: größer, schöner\n".encode("latin-1"),
    )  # fmt: skip
    journey.github.move_refs(repository, {"refs/heads/main": made.stdout.decode().strip()})
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert "- größer, schöner (" in text(repository, "CHANGELOG.md")
    assert "- größer, schöner (" in (pull.body or "")
    assert "**By** Jörg" in (pull.body or "")
