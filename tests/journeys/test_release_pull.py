"""The release pull request in the sandbox, with real git: it keeps itself, and what people do to it
stays."""

import pytest
from journey import Journey

from bot.core.work.releases import ReconcileRelease
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Comment, Pull, Repository

POLICY = """\
release:
  kind: node
  changelog: {path: CHANGELOG.md}
"""
PACKAGE = '{\n  "name": "shop",\n  "version": "1.4.0"\n}\n'
BRANCH = "lockgate/release/main"


def shop(journey: Journey, policy: str = POLICY, **files: str) -> Repository:
    """Released once, as v1.4.0."""
    repository = journey.shop(policy)
    journey.github.push(
        repository, "main", CommitSpec("chore: begin", {"package.json": PACKAGE, **files})
    )
    journey.github.tag(repository, "v1.4.0")
    return repository


def push(journey: Journey, repository: Repository, *messages: str, branch: str = "main") -> None:
    for message in messages:
        journey.github.push(repository, branch, message)


def release_pulls(repository: Repository, branch: str = BRANCH) -> list[Pull]:
    return [pull for pull in repository.pulls.values() if pull.head_ref == branch]


def text(repository: Repository, path: str, at: str = BRANCH) -> str:
    head = repository.branch(at)
    found = repository.git.store.at_path(head, path) if head else None
    return found[2].decode() if found else ""


async def test_it_is_there_after_a_push_and_keeps_up(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices\n\nWhole cents.")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert pull.title == "chore(release): v1.4.1"
    assert "**v1.4.1** is next, after `v1.4.0`" in (pull.body or "")
    assert "round prices" in (pull.body or "")
    assert text(repository, "package.json") == PACKAGE.replace("1.4.0", "1.4.1")
    assert "## [1.4.1]" in text(repository, "CHANGELOG.md")
    assert pull.author is not None
    assert pull.author.login == "lockgate[bot]", "so that CI runs, as for nobody's workflow"

    journey.github.edit_pull(pull, body=f"Wait for the fair.\n\n{pull.body}")
    push(journey, repository, "feat: add search")
    await journey.rest()
    assert release_pulls(repository) == [pull]
    assert pull.title == "chore(release): v1.5.0"
    assert (pull.body or "").startswith("Wait for the fair.\n\n<!--")
    assert text(repository, "package.json") == PACKAGE.replace("1.4.0", "1.5.0")
    assert "1.4.1" not in text(repository, "CHANGELOG.md")
    commits = repository.git.store.ahead(head_of(repository, BRANCH), head_of(repository))
    assert len(commits) == 1, "one commit, on the trunk's head"


async def test_nothing_is_written_that_stands_there_already(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    stood = (pull.updated_at, pull.head_sha)
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.writes == []
    assert (pull.updated_at, pull.head_sha) == stood
    assert journey.requests.kinds == {"read": 10}


async def test_a_repository_without_the_section_costs_no_request(journey: Journey) -> None:
    repository = journey.shop("version: 1\n")
    push(journey, repository, "feat: add search")
    await journey.rest()
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.seen == []
    assert release_pulls(repository) == []


async def test_what_people_commit_to_its_branch_stays(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    edited = text(repository, "CHANGELOG.md").replace("round prices", "round all prices")
    by_hand = CommitSpec("docs: say it better", {"CHANGELOG.md": edited, "NEWS.md": "1.4.1\n"})
    journey.github.push(repository, BRANCH, by_hand)
    push(journey, repository, "fix: mend the search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert text(repository, "NEWS.md") == "1.4.1\n"
    assert "round all prices" in text(repository, "CHANGELOG.md")
    assert "mend the search" in (pull.body or "")
    # What nobody touched goes on being ours, and is made from the trunk.
    push(journey, repository, "feat: add search")
    await journey.rest()
    assert pull.title == "chore(release): v1.5.0"
    assert text(repository, "package.json") == PACKAGE.replace("1.4.0", "1.5.0")
    assert text(repository, "NEWS.md") == "1.4.1\n"
    head = pull.head_sha
    await reconcile(journey, repository)
    assert pull.head_sha == head


async def test_a_conflict_with_what_people_committed_is_told_and_nothing_is_lost(
    journey: Journey,
) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    journey.github.push(repository, BRANCH, CommitSpec("docs: mine", {"README.md": "mine\n"}))
    journey.github.push(repository, "main", CommitSpec("fix: theirs", {"README.md": "theirs\n"}))
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert "**In the way**" in (pull.body or "")
    assert "conflicts with what people committed to lockgate/release/main" in (pull.body or "")
    assert text(repository, "README.md") == "mine\n"


@pytest.mark.slow
async def test_closed_it_stays_closed_until_something_new_lands(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    journey.github.close(pull)
    push(journey, repository, "docs: nothing that releases")
    await journey.rest()
    assert release_pulls(repository) == [pull]
    assert pull.state == "closed"
    (said,) = told(journey, pull)
    assert "press **Reopen pull request**" in said.body
    push(journey, repository, "feat: add search")
    await journey.rest()
    _, second = release_pulls(repository)
    assert (second.title, second.state) == ("chore(release): v1.5.0", "open")


@pytest.mark.slow
async def test_reopened_it_keeps_up_again(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    journey.github.close(pull)
    await journey.rest()
    journey.github.reopen(pull)
    push(journey, repository, "feat: add search")
    await journey.rest()
    assert release_pulls(repository) == [pull]
    assert pull.title == "chore(release): v1.5.0"


async def test_with_nothing_left_to_release_it_is_closed_with_a_word(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    fix = head_of(repository)
    push(journey, repository, f'Revert "fix: round prices"\n\nThis reverts commit {fix}.')
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert pull.state == "closed"
    (said,) = told(journey, pull)
    assert "nothing to release any more" in said.body
    # Nobody has put it off.
    back = f'Reapply "fix: round prices"\n\nThis reverts commit {head_of(repository)}.'
    push(journey, repository, back)
    await journey.rest()
    _, second = release_pulls(repository)
    assert (second.title, second.state) == ("chore(release): v1.4.1", "open")
    assert told(journey, pull) == [said]


@pytest.mark.slow
async def test_its_branch_deleted_by_hand_is_made_again(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    journey.github.delete_branch(repository, BRANCH)
    await journey.rest()
    assert (release_pulls(repository), pull.state) == ([pull], "closed")
    (said,) = told(journey, pull)
    assert "before that **Restore branch** if its branch is gone" in said.body
    push(journey, repository, "feat: add search")
    await journey.rest()
    newest = release_pulls(repository)[-1]
    assert (newest.title, newest.state) == ("chore(release): v1.5.0", "open")
    assert text(repository, "package.json") == PACKAGE.replace("1.4.0", "1.5.0")


HELD = {
    "a manifest without a version": ({"package.json": "{}\n"}, "", "package.json"),
    "a tag ahead of the trunk": ({}, "v1.4.1", "The tag v1.4.1 is there already"),
}


@pytest.mark.parametrize(("files", "tag", "said"), HELD.values(), ids=HELD.keys())
async def test_what_cannot_be_released_is_said_on_the_trunk(
    journey: Journey, files: dict[str, str], tag: str, said: str
) -> None:
    repository = shop(journey)
    if tag:
        journey.github.push(repository, "side", "fix: elsewhere")
        journey.github.tag(repository, tag, "side")
    journey.github.push(repository, "main", CommitSpec("fix: round prices", files))
    await journey.rest()
    assert release_pulls(repository) == []
    (check,) = journey.github.latest_checks(
        repository, head_of(repository), name="lockgate/release"
    )
    assert check.conclusion == "failure"
    assert said in (check.summary or "")


async def test_a_protected_branch_is_said_with_what_to_do(journey: Journey) -> None:
    repository = shop(journey)
    journey.github.protect(repository, "refs/heads/lockgate/**")
    push(journey, repository, "fix: round prices")
    await journey.rest()
    assert release_pulls(repository) == []
    (check,) = journey.github.latest_checks(
        repository, head_of(repository), name="lockgate/release"
    )
    assert "bypass" in (check.summary or "")


def head_of(repository: Repository, branch: str = "main") -> str:
    head = repository.branch(branch)
    assert head is not None
    return head


def told(journey: Journey, pull: Pull) -> list[Comment]:
    """What was said of the release; the summary of its checks stands beside it."""
    return [one for one in journey.comments_of(pull) if "lockgate:release" in one.body]


async def reconcile(journey: Journey, repository: Repository) -> None:
    await journey.bot.store.enqueue(work(journey, repository))
    await journey.rest()


def work(journey: Journey, repository: Repository) -> ReconcileRelease:
    owner, _, name = repository.full_name.partition("/")
    installation = journey.github.installation_of(journey.github.app, repository)
    assert installation is not None
    return ReconcileRelease(installation.id, repository.id, owner, name)
