"""The ``lockgate`` command as people run it: processes with an environment."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from journey import PATIENCE, SECRET

from bot.sandbox.server import Sandbox


def environment(home: Path, github: Sandbox | None = None, **more: str) -> dict[str, str]:
    """Without a sandbox there is no App in it."""
    env = {"PATH": os.environ["PATH"], "LOCKGATE_HOME": str(home), "PORT": "0"}
    if github is not None:
        env |= {
            "GITHUB_APP_ID": str(github.app.id),
            "GITHUB_PRIVATE_KEY": github.app.private_key,
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "GITHUB_API_URL": github.url,
        }
    return env | more


async def ran(*arguments: str, env: dict[str, str]) -> tuple[int, str, str]:
    """Run a command to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=env, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 2 * PATIENCE)
    return process.returncode, out.decode(), err.decode()


async def lockgate(*arguments: str, env: dict[str, str]) -> tuple[int, str, str]:
    return await ran("-m", "bot", *arguments, env=env)


@asynccontextmanager
async def running(*arguments: str, env: dict[str, str]) -> AsyncIterator[Process]:
    """A ``lockgate`` command that runs until the block ends, and then ends when SIGTERM asks it
    to, with exit code 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, env=env, stdout=DEVNULL, stderr=PIPE, limit=2**22
    )
    try:
        yield process
    except BaseException:
        process.kill()
        await process.communicate()
        raise
    if process.returncode is None:
        process.terminate()
    _, log = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, log.decode()[-4000:]


async def logged(process: Process, event: str) -> dict[str, Any]:
    """The next line of the log that tells of an event."""
    async with asyncio.timeout(PATIENCE):
        while line := await process.stderr.readline():
            told = json.loads(line)
            if told["event"] == event:
                return told
    raise AssertionError(f"the process ended before {event}")
