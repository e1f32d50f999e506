"""``lockgate release pr`` and ``release publish`` beside a bot whose worker stands still, and what
the how-to shows of them.

Its blocks marked ``console with a release`` are sessions as in tests/project/test_docs_examples.py.
"""

import asyncio
import json
import logging
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from journey import Journey
from processes import environment
from project.test_docs_examples import matches, steps_of
from test_release_pull import BRANCH, POLICY, head_of, release_pulls, shop, text

from bot.cli.main import main

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/how-to/release.md"
BLOCK = re.compile(r"^```console with a release\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def server(journey: Journey) -> dict[str, str]:
    """The environment of the server that the journey's bot runs on."""
    settings = journey.bot.settings
    assert settings.database_url is not None
    return environment(
        settings.home,
        journey.github,
        DATABASE_URL=settings.database_url.reveal(),
        LC_ALL="C.UTF-8",
    )


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = kept


async def invoke(journey: Journey, *arguments: str) -> Result:
    """``lockgate release`` within this process, on a thread and a loop of its own."""
    runner = CliRunner(env=server(journey))
    return await asyncio.to_thread(runner.invoke, main, ["release", *arguments])


async def run(journey: Journey, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    result = await invoke(journey, *arguments, "octo/shop", "--format", "json")
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


async def test_from_nothing_to_a_release_by_hand(idle_journey: Journey) -> None:
    journey = idle_journey
    repository = shop(journey)
    feature = journey.github.open_pull(repository, "feat: add search")
    journey.github.merge(feature, "squash", by=journey.github.user("ada"))
    journey.requests.seen.clear()
    code, (told,) = await run(journey, "pr", "--dry-run")
    assert (code, told["outcome"], told["pull"]) == (0, "opened", None)
    assert told["files"] == ["CHANGELOG.md", "package.json"]
    assert journey.requests.writes == []
    code, (told,) = await run(journey, "pr")
    (pull,) = release_pulls(repository)
    assert (code, told["outcome"], told["pull"]) == (0, "opened", pull.number)
    assert (told["title"], pull.title) == ("chore(release): v1.5.0", "chore(release): v1.5.0")
    assert '"version": "1.5.0"' in text(repository, "package.json")
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    code, told_nothing = await run(journey, "pr")
    assert (code, told_nothing) == (1, []), "it would be planned once more"
    journey.requests.seen.clear()
    code, (told,) = await run(journey, "publish", "--dry-run")
    assert (code, told["tag"], told["outcome"]) == (0, "v1.5.0", "merged")
    assert journey.requests.writes == []
    code, (told,) = await run(journey, "publish")
    assert (code, told["tag"], told["outcome"]) == (0, "v1.5.0", "told")
    assert told["sha"] == repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    (release,) = repository.releases.values()
    assert release.tag_name == "v1.5.0"
    assert await run(journey, "publish") == (0, [])
    code, (told,) = await run(journey, "pr")
    assert (code, told["outcome"]) == (3, "nothing")


async def test_what_is_in_the_way_is_told(idle_journey: Journey) -> None:
    journey = idle_journey
    repository = shop(journey)
    journey.github.push(repository, "main", "feat: add search")
    rule = journey.github.protect(repository, "refs/heads/lockgate/**")
    code, (told,) = await run(journey, "pr")
    assert (code, told["outcome"], told["pull"]) == (1, "held", None)
    assert "bypass" in str(told["problems"])
    repository.ref_rules.remove(rule)
    journey.github.protect(repository, "refs/tags/v*")
    assert (await run(journey, "pr"))[0] == 0
    (pull,) = release_pulls(repository)
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    code, (told,) = await run(journey, "publish")
    assert (code, told["outcome"]) == (1, "refused")
    assert "bypass" in str(told["reason"])


REFUSED = {
    "no section": ("version: 1\n", "has no `release`"),
    "a policy that is not valid": ("release: {kind: nod}\n", "has 1 problem"),
}


@pytest.mark.parametrize(("policy", "said"), REFUSED.values(), ids=REFUSED.keys())
async def test_without_a_policy_for_it_nothing_is_done(
    idle_journey: Journey, policy: str, said: str
) -> None:
    journey = idle_journey
    journey.shop(policy)
    result = await invoke(journey, "pr", "octo/shop")
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert "help: " in result.stderr
    assert journey.requests.writes == []


async def test_a_name_that_is_none_is_usage_and_one_that_is_not_there_a_refusal(
    idle_journey: Journey,
) -> None:
    assert (await invoke(idle_journey, "publish", "shop")).exit_code == 2
    result = await invoke(idle_journey, "publish", "octo/nowhere")
    assert result.exit_code == 1
    assert "help: check the name" in result.stderr


async def test_the_how_to_shows_what_is_printed(idle_journey: Journey) -> None:
    journey = idle_journey
    repository = shop(journey, POLICY)
    journey.github.push(repository, "main", "feat: add search")
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == 2
    bin_ = Path(sys.executable).parent
    env = server(journey)
    env["PATH"] = f"{bin_}{os.pathsep}{env['PATH']}"
    for block in blocks:
        for step in steps_of(block):
            process = await asyncio.create_subprocess_exec(
                *("bash", "-c", step.command), env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
            )
            out, _ = await process.communicate()
            printed = out.decode().rstrip("\n")
            assert process.returncode == 0, printed
            assert matches("\n".join(step.expected).rstrip("\n"), printed), printed
        if block is blocks[0]:
            (pull,) = release_pulls(repository)
            journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    assert head_of(repository, BRANCH)
    assert "refs/tags/v1.5.0" in repository.git.refs
