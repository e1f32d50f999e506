"""What a clone says of the next release is what the server makes of it, to the byte."""

import json

import pytest
from click.testing import CliRunner
from journey import Journey
from test_release_pull import PACKAGE, POLICY, head_of, push, release_pulls, text

from bot.cli.main import main
from bot.core.release.changelog_file import find_section
from bot.core.release.version import Version
from bot.sandbox.code import CommitSpec
from bot.sandbox.git import run_git
from bot.sandbox.model import Repository

pytestmark = pytest.mark.slow

SQUASHED = """\
feat(api): take orders

Refs: none

fix(web): keep *the* order

perf: answer sooner
"""


def local(repository: Repository, *arguments: str) -> str:
    """Of the very repository, where whoever pushes has it too."""
    path = str(repository.git.path)
    result = CliRunner().invoke(main, [*arguments, "--repo", path, "--to", "main"])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


async def test_a_clone_says_what_the_server_does(
    journey: Journey,
) -> None:
    """After whatever a history can have: commits of one second, merges, squashes, reverts, and what
    is not conventional. That a rebased commit came by a pull request GitHub alone knows."""
    github = journey.github
    repository = journey.shop(POLICY, allow_merge_commit=True, allow_rebase_merge=True)
    github.push(repository, "main", CommitSpec("chore: begin", {"package.json": PACKAGE}))
    github.tag(repository, "v1.4.0")
    ada, mona = github.user("ada"), github.user("mona")
    for number, method in enumerate(("merge", "squash", "merge")):
        commits = (
            f"fix(x{number}): a",
            "docs: b",
            f"wat {number}",
            "feat!: c\n\nBREAKING CHANGE: d",
        )
        pull = github.open_pull(repository, f"feat: add {number}", *commits, by=mona)
        push(journey, repository, f"fix: meanwhile {number}")
        github.merge(pull, method, by=ada)
    push(journey, repository, "feat: soon gone", SQUASHED)
    gone, squashed = [*repository.git.store.graph.history(head_of(repository))][-2:]
    push(journey, repository, f'Revert "feat: soon gone"\n\nThis reverts commit {gone}.')
    push(journey, repository, f"revert: x\n\nThis reverts commit {squashed}.")
    back = head_of(repository)
    push(journey, repository, f"Reapply\n\nThis reverts commit {back}.", "Fix #1 <b>@mona</b>")
    await journey.rest()
    (pull,) = [one for one in release_pulls(repository) if one.state == "open"]

    origin = f"{github.url.removesuffix('/api/v3')}/octo/shop.git"
    run_git("config", "remote.origin.url", origin, cwd=repository.git.path)
    plan = json.loads(local(repository, "release", "plan", "--format", "json"))
    assert pull.title == f"chore(release): v{plan['next']}" == "chore(release): v2.0.0"
    section = find_section(text(repository, "CHANGELOG.md"), Version(2, 0, 0))
    assert section == plan["changelog"] == local(repository, "changelog")
    assert section is not None
    assert section.count("\n- ") > 12
