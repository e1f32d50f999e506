"""How the bot connects, and what a failing connection means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.ports import StoreUnavailable

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]
T = TypeVar("T")

SCHEMA = "lockgate"
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 30

_NOT_MIGRATED = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
UNAVAILABLE = (
    psycopg.OperationalError,  # also the pool's timeout
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    *_NOT_MIGRATED,
)
_TRY_AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def connection_string(conninfo: str) -> str:
    """Add to a conninfo or URL what every connection of ours needs: our schema first in the search
    path, and limits, so that a lost server is noticed."""
    given = conninfo_to_dict(conninfo)
    options = str(given.get("options") or "")
    ours = f"-c search_path={SCHEMA} -c statement_timeout={STATEMENT_SECONDS}s"
    parts: dict[str, Any] = {
        "application_name": "lockgate",
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    return make_conninfo(**(parts | given | {"options": f"{options} {ours}".strip()}))


def connection_pool(conninfo: str, *, size: int, wait: float = 2.0) -> Pool:
    """A pool that is not open yet. ``wait`` (seconds) limits the wait for a connection.

    It gives up on a server quickly and starts afresh on the next request: the library's own
    back-off would leave it idle for long after the server has returned.
    """
    return AsyncConnectionPool(
        connection_string(conninfo),
        min_size=1,
        max_size=size,
        timeout=wait,
        reconnect_timeout=1.0,
        configure=_configure,
        open=False,
    )


async def _configure(connection: Connection) -> None:
    # Not a keyword of connecting: the queue's library gives that one itself.
    await connection.set_autocommit(True)


@asynccontextmanager
async def unavailable_named() -> AsyncIterator[None]:
    """Turn what a database that is down, read-only or not migrated raises into StoreUnavailable."""
    try:
        yield
    except UNAVAILABLE as error:
        raise StoreUnavailable(_reason(error)) from error


def _reason(error: psycopg.Error) -> str:
    if isinstance(error, PoolTimeout):
        return f"the database cannot be reached: {error}"
    first = str(error).strip().splitlines()
    said = f"the database cannot be used: {first[0] if first else type(error).__name__}"
    if isinstance(error, _NOT_MIGRATED):
        return f"{said}. `lockgate migrate` brings it up to date"
    return said


async def with_connection(pool: Pool, act: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something on a connection, once more where a stale connection or a deadlock broke it.

    ``act`` must come to the same when it is done twice: a connection may be lost after a commit.

    Raises:
        StoreUnavailable: the database cannot be used.
    """
    async with unavailable_named():
        for _ in range(2):
            try:
                async with pool.connection() as connection:
                    return await act(connection)
            except _TRY_AGAIN:
                await asyncio.sleep(0)
            except PoolTimeout:
                raise
            except psycopg.OperationalError as error:
                if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P0")):
                    raise  # the server lives and says no: out of disk, out of time
                # After a restart of the server every idle connection is a dead one.
                await pool.check()
        async with pool.connection() as connection:
            return await act(connection)


@asynccontextmanager
async def held_connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for a block that reads at length and is not begun anew.

    Raises:
        StoreUnavailable: the database cannot be used.
    """
    async with unavailable_named(), pool.connection() as connection:
        yield connection


def text(value: str) -> str:
    """What PostgreSQL can store of a text: no NUL, no half of a surrogate pair."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


Row: TypeAlias = dict[str, Any]
