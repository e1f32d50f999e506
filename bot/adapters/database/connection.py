"""How a users' database is connected to, what makes one unusable, and what its errors mean."""

import asyncio
import secrets
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from bot.core.backfills.failures import Failure, classify
from bot.ports.database import DatabaseError, DatabaseRefused, DatabaseUnavailable

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Arguments: TypeAlias = Sequence[object] | Mapping[str, object] | None

CONNECT_SECONDS = 10
PROBE_SECONDS = 10
_OLDEST = 140_000
_NEVER = 2**31
"""Uses of a statement after which it is prepared by itself."""
_SETTINGS = """
SET lock_timeout = '4s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '60s';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1
"""
# Keys are kept as text between batches: what is written must read as the same value.
_PROBE = "SELECT pg_backend_pid(), coalesce(current_setting('lockgate.probe', true), '')"
_POOLER_REMEDY = (
    "use the direct connection or the pooler's session mode; on Supabase that is port 5432, and "
    "6543 is the pooler's transaction mode"
)
_URL_REMEDY = "write postgresql://user:password@host:5432/database"


async def connect(url: str, *, purpose: str = "lockgate emc") -> Connection:
    """A session in autocommit, with our limits; nothing is asked of the server yet.

    Nothing is prepared on the server unless it is asked for, so that every batch is planned for its
    own range.

    Raises:
        DatabaseRefused: the URL cannot be read.
        DatabaseUnavailable: there is no server behind it, or it lets nobody in.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The library's text repeats the URL, and with it the password.
        raise DatabaseRefused("the database's URL cannot be read", _URL_REMEDY) from None
    limits: dict[str, Any] = {
        "application_name": purpose,
        # Of a database in SQL_ASCII every text would come as bytes.
        "client_encoding": "UTF8",
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    with named_errors():
        try:
            connection = await psycopg.AsyncConnection.connect(
                make_conninfo(**(limits | given)), autocommit=True, prepare_threshold=_NEVER
            )
        except asyncio.CancelledError as error:
            # The attempt's socket is held by the frames of this traceback, and stays open until
            # somebody collects it; until then a DROP DATABASE waits, for up to a minute.
            traceback.clear_frames(error.__traceback__)
            raise
        try:
            # Not as start-up options: poolers refuse those, and then nobody could say why.
            await connection.execute(_SETTINGS)
        except BaseException:
            await connection.close()
            raise
    return connection


async def is_alive(connection: Connection) -> bool:
    """Whether a session that was idle is still there: after a restart of the server none is."""
    try:
        await connection.execute("SELECT")
    except psycopg.Error:
        return False
    return True


@asynccontextmanager
async def session(url: str, *, purpose: str = "lockgate emc") -> AsyncIterator[Connection]:
    """``connect``, closed at the end of the block."""
    connection = await connect(url, purpose=purpose)
    try:
        yield connection
    finally:
        await connection.close()


async def refuse_unusable(connection: Connection, url: str) -> None:
    """
    Raises:
        DatabaseRefused: it is a replica, writes are off, or a pooler hands sessions around.
        DatabaseUnavailable: it cannot be asked.
    """
    version = connection.info.server_version
    if version < _OLDEST:
        raise DatabaseRefused(
            f"the server is PostgreSQL {version // 10_000}",
            f"use {_OLDEST // 10_000} or later: what waits for whom is not told before",
        )
    with named_errors():
        in_recovery, read_only = await fetch_row(
            connection, "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
        )
        if in_recovery:
            raise DatabaseRefused(
                "the URL leads to a read-only replica", "use the primary's URL for this environment"
            )
        if read_only == "on":
            raise DatabaseRefused(
                "writes are switched off by default_transaction_read_only",
                "find out why somebody set it on this database or role, and take it back",
            )
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await _refuse_pooler(connection, url)
        except TimeoutError as error:
            raise DatabaseUnavailable(
                "a second connection beside the first got no answer",
                "see whether a pooler stands before it with a pool of one, or it is out of "
                "connections",
            ) from error


async def _refuse_pooler(first: Connection, url: str) -> None:
    """A pooler in transaction mode gives each transaction a server's session that is free just
    then: advisory locks and SET are left behind on it. While a transaction of a second client is
    open, the first client's next query shows it: one of them meets the other's session."""
    token = secrets.token_hex(8)
    await first.execute("SELECT set_config('lockgate.probe', %s, false)", [token])
    pid, kept = await fetch_row(first, _PROBE)
    async with session(url, purpose="lockgate emc: probe") as second, second.transaction():
        others_pid, others = await fetch_row(second, _PROBE)
        pid_now, kept_now = await fetch_row(first, _PROBE)
    own = pid == pid_now and kept == kept_now == token
    if not own or others_pid == pid or others == token:
        raise DatabaseRefused(
            "a pooler in transaction mode stands before the database: locks and settings of a "
            "session do not last there",
            _POOLER_REMEDY,
        )


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what psycopg raises into a DatabaseError with a remedy."""
    try:
        yield
    except psycopg.Error as error:
        raise named(error) from error


def named(error: psycopg.Error) -> DatabaseError:
    message = first_line(error)
    if error.sqlstate is None and not isinstance(
        error, (psycopg.OperationalError, psycopg.InterfaceError)
    ):
        return DatabaseRefused(f"that cannot be sent: {message}", "mend the statement")
    match error.sqlstate:
        case None if "authentication failed" in message or "does not exist" in message:
            return DatabaseRefused(f"the database lets nobody in: {message}", "mend its URL")
        case "42501":
            return DatabaseRefused(
                f"the role may not do that: {message}",
                "use a URL of the owner's role, or grant what is missing",
            )
        case "53100":
            return DatabaseRefused(
                f"the server's disk is full: {message}", "make room on it, and try again"
            )
        case "25006":
            return DatabaseRefused(
                f"the server takes no writes: {message}", "use the primary's URL"
            )
        case code if classify(code) in (Failure.LOST, Failure.CONTENDED, Failure.SLOW):
            return DatabaseUnavailable(
                f"the database cannot be used now: {message}",
                "try again in a while"
                if code
                else "look whether its server runs and its URL leads there, and try again",
            )
    return DatabaseRefused(f"PostgreSQL refuses it: {message} ({error.sqlstate})", "mend that")


def first_line(error: psycopg.Error) -> str:
    """PostgreSQL's own words, without the values of rows that its DETAIL has, and without the
    host that the library puts before them."""
    primary = error.diag.message_primary
    if primary:
        return primary
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = [line for line in lines if "failed: " in line] or lines  # a hint may stand below
    return said[-1].rpartition("failed: ")[2].strip()


async def fetch_row(
    connection: Connection, query: str, arguments: Arguments = None
) -> tuple[Any, ...]:
    """The first row; a query of ours that gives none is a fault of ours."""
    row = await (await connection.execute(query.encode(), arguments)).fetchone()
    if row is None:
        raise LookupError(query)
    return row


async def fetch_scalar(connection: Connection, query: str, arguments: Arguments = None) -> Any:
    """The first column of the first row; None where there is none."""
    row = await (await connection.execute(query.encode(), arguments)).fetchone()
    return row[0] if row else None
