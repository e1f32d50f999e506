"""What connecting to a users' database leaves behind."""

import asyncio
import gc
from pathlib import Path

import pytest

from bot.adapters.database.connection import connect

SOCKETS = Path("/proc/self/fd")


def open_sockets() -> int:
    return sum(
        str(each.readlink()).startswith("socket:")
        for each in SOCKETS.iterdir()
        if each.is_symlink()
    )


@pytest.mark.skipif(not SOCKETS.is_dir(), reason="open files are listed in /proc, on Linux")
async def test_an_attempt_that_is_given_up_is_closed_at_once(empty_database_url: str) -> None:
    async def attempt() -> None:
        connection = await connect(empty_database_url)
        await connection.close()

    before = open_sockets()
    gc.disable()
    try:
        for turns in range(40):
            attempting = asyncio.create_task(attempt())
            for _ in range(turns % 12):
                await asyncio.sleep(0)
            attempting.cancel()
            await asyncio.gather(attempting, return_exceptions=True)
            assert open_sockets() == before, f"after {turns % 12} turns of the loop"
    finally:
        gc.enable()
