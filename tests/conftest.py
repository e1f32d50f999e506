"""A real PostgreSQL for the tests: one server per process, a fresh database per test."""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import psycopg
import pytest
import structlog
from databases import Databases, create_database, drop_database
from psycopg.conninfo import make_conninfo

from bot.adapters.postgres.embedded import EmbeddedServer, embedded_server
from bot.adapters.postgres.store import PostgresStore, open_store

# What is collected stays to the end. The collector went through all of it again and again: a third
# of a test's time. The server keeps it from that at its start too.
gc.disable()

# Databases, repositories of git, thousands of small files: in memory, where there is room for them.
_MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
    _room = os.statvfs(_MEMORY)
    if _room.f_bavail * _room.f_frsize > 4 * 2**30 and not _room.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

# `make test-long` runs the same properties with the other one.
hypothesis.settings.register_profile("quick", max_examples=30, deadline=None)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None)
hypothesis.settings.load_profile("quick")

# Only shown where a test fails; in colours and columns it took a twentieth of a journey's time.
_PLAIN_LOG = [structlog.stdlib.add_log_level, structlog.processors.KeyValueRenderer()]


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
        # It would look at every test's database every minute.
        with psycopg.connect(server.conninfo, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET autovacuum = off")
            admin.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedServer) -> Iterator[Databases]:
    with closing(Databases(postgres_server)) as opened:
        yield opened


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The conninfo of a migrated database of the test's own."""
    conninfo = databases.take()
    yield conninfo
    databases.give_back(conninfo)


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedServer) -> Iterator[str]:
    """The conninfo of a database in which nothing was migrated."""
    name = create_database(postgres_server, "template0")
    yield make_conninfo(postgres_server.conninfo, dbname=name)
    drop_database(postgres_server, name)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresStore]:
    async with open_store(database_url) as opened:
        yield opened


def pytest_runtest_setup() -> None:
    """Commands that ran within the process have set their own."""
    if structlog.get_config()["processors"] is not _PLAIN_LOG:
        structlog.reset_defaults()
        structlog.configure(processors=_PLAIN_LOG)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: at the end one process would be at work on it, and the
    others have nothing left."""
    items.sort(key=lambda item: not ("_killed" in item.nodeid or "test_demo" in item.nodeid))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """Two a core: for half of its time a test waits."""
    return 2 * (os.cpu_count() or 1)
