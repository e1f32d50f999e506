"""What the how-to about the terminal shows is run: with a shop in production before it.

Its blocks marked ``console with a shop`` are sessions as in tests/project/test_docs_examples.py.
"""

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

import pytest
from production import Production
from project.test_docs_examples import matches, steps_of
from terminal_kit import own_environment

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/how-to/use-a-terminal.md"
BLOCK = re.compile(r"^```console with a shop\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_how_to_shows_what_is_printed(production: Production):
    await production.live_build("feat: add search")
    production.merged("feat: sort by price")
    await production.journey.rest()
    environment = own_environment(production)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    steps = [step for block in BLOCK.findall(PAGE.read_text()) for step in steps_of(block)]
    assert steps
    code = 0
    for step in steps:
        if step.command == "echo $?":
            assert [str(code)] == step.expected
            continue
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"set -o pipefail; {step.command}"),
            env=environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
        )
        out, _ = await process.communicate()
        code = process.returncode
        printed = out.decode().rstrip("\n")
        assert matches("\n".join(step.expected).rstrip("\n"), printed), printed
