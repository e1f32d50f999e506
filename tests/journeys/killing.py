"""Runs workers that are killed where they are told to be."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from journey import SECRET, Journey

PROGRAM = Path(__file__).with_name("killed_worker.py")


class Killer:
    """Runs workers that die where they are told to."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self, last: int | str) -> dict[str, Any]:
        self._process.stdin.write(f"{last}\n".encode())
        async with asyncio.timeout(60):
            answer = await self._process.stdout.readline()
        assert answer, "the program ended"
        return json.loads(answer)


@asynccontextmanager
async def killer(journey: Journey) -> AsyncIterator[Killer]:
    settings = journey.bot.settings
    given = {
        "home": str(settings.home),
        "database_url": journey.bot.database,
        "app_id": journey.github.app.id,
        "key": journey.github.app.private_key,
        "secret": SECRET,
        "api_url": journey.github.url,
        "public_url": settings.public_url,
        "vercel_token": settings.vercel_token.reveal(),
        "vercel_api_url": settings.vercel_api_url,
        "probe_hosts": sorted(settings.probe_hosts),
        "databases": {name: url.reveal() for name, url in settings.databases.items()},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), stdin=PIPE, stdout=PIPE, limit=2**24
    )
    try:
        process.stdin.write(json.dumps(given).encode() + b"\n")
        yield Killer(process)
    finally:
        process.stdin.close()
        await process.wait()


async def its_heart_has_stopped(journey: Journey) -> None:
    """Let the time pass after which a worker is taken for dead."""
    async with await psycopg.AsyncConnection.connect(journey.bot.database) as connection:
        await connection.execute(
            "UPDATE lockgate.procrastinate_workers"
            " SET last_heartbeat = last_heartbeat - interval '1 hour'"
        )
