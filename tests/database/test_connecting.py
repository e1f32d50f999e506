"""What connecting to a users' database leaves behind, and what is read there."""

import asyncio
import gc
import secrets
from pathlib import Path

import psycopg
import pytest
from databases import drop_database, url_of
from psycopg.conninfo import make_conninfo

from bot.adapters.database.connection import connect, fetch_scalar, refuse_unusable
from bot.adapters.postgres.embedded import EmbeddedServer

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


async def test_text_is_text_where_the_database_has_no_encoding(
    postgres_server: EmbeddedServer,
) -> None:
    name = f"ascii_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server.conninfo, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    url = url_of(make_conninfo(postgres_server.conninfo, dbname=name))
    try:
        connection = await connect(url)
        await refuse_unusable(connection, url)
        assert await fetch_scalar(connection, "SELECT 'Größe'") == "Größe"
        await connection.close()
    finally:
        drop_database(postgres_server, name)
