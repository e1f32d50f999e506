"""A real PostgreSQL for the tests: one server per process, a fresh database per test."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bot.adapters.postgres.embedded import EmbeddedServer, embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.store import PostgresStore, open_store

TEMPLATE = "lockgate_template"


@pytest.fixture(scope="session")
def postgres_home() -> Iterator[Path]:
    """A home that the server's account can reach when the tests run as root: pytest's own
    temporary folders are closed to it."""
    home = Path(tempfile.mkdtemp(prefix="lockgate-test-"))
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(postgres_home: Path) -> Iterator[EmbeddedServer]:
    """Fast and not durable; what tests durability starts a server of its own."""
    with embedded_server(postgres_home, durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: EmbeddedServer) -> EmbeddedServer:
    """The server, with a migrated database to copy."""
    with psycopg.connect(postgres_server.conninfo, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    asyncio.run(migrate(make_conninfo(postgres_server.conninfo, dbname=TEMPLATE)))
    return postgres_server


def _fresh_database(server: EmbeddedServer, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.conninfo, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield make_conninfo(server.conninfo, dbname=name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(postgres_template: EmbeddedServer) -> Iterator[str]:
    """The conninfo of a migrated database of the test's own."""
    yield from _fresh_database(postgres_template, TEMPLATE)


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedServer) -> Iterator[str]:
    """The conninfo of a database in which nothing was migrated."""
    yield from _fresh_database(postgres_server, "template0")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresStore]:
    async with open_store(database_url) as opened:
        yield opened
