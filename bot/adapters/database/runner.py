"""Applying a migration: one file in one transaction with its row in the ledger, or statement by
statement where PostgreSQL wants no transaction.

Nobody is to queue up behind us: a lock is waited for briefly, given up, and asked for again after a
while of random length.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from bot.adapters.database import ledger, unfinished
from bot.adapters.database.connection import Connection, fetch_scalar, first_line
from bot.core.backfills.failures import Failure, classify, wait_after
from bot.core.migrations.model import Migration
from bot.core.migrations.sql import SqlError
from bot.core.migrations.steps import Step, Steps, parse_steps
from bot.ports.database import Applied, DatabaseBusy, DatabaseRefused, DatabaseUnavailable

LOCK_KEY = 0x6C6B6D6967726174
"""``lkmigrat`` in ASCII; an advisory lock of the database that is migrated."""
_AGAIN = ("55P03", "40P01", "40001")
_ANONYMOUS = "RESET ROLE; RESET SESSION AUTHORIZATION"
_BACK_TO_OURS = """
RESET ALL;
SET lock_timeout = '4s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '60s'
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a migration may hold things up."""

    first_lock_wait: timedelta = timedelta(milliseconds=500)
    longest_lock_wait: timedelta = timedelta(seconds=4)
    """Each try waits twice as long as the one before, up to this: for so long do others queue up
    behind it at most."""
    tries: int = 20
    statement: timedelta = timedelta(minutes=5)
    """For a statement in a transaction: it holds its locks for as long."""
    concurrent_lock_wait: timedelta = timedelta(minutes=30)
    """For a statement outside of one, which waits for old transactions and blocks nobody's
    reading or writing meanwhile."""


async def plan(connection: Connection, migration: Migration) -> Applied:
    """What ``apply`` would send. Changes nothing."""
    steps = _parsed(migration)
    return Applied(migration.version, steps, applied=False)


async def apply(
    connection: Connection,
    migration: Migration,
    *,
    read_schema: Callable[[Connection], Awaitable[str]] | None = None,
    limits: Limits = Limits(),
    gave_way: Callable[[int], None] = lambda _: None,
) -> Applied:
    """Apply it, unless the ledger has it. ``gave_way`` is called with the number of each try that
    was in somebody's way and is to be made again; what it raises ends it.

    Raises:
        DatabaseBusy: another runner is at work on the database.
        DatabaseUnavailable: a lock was not to be had.
        DatabaseRefused: PostgreSQL refuses a statement; nothing of a transaction stays.
        psycopg.Error: the connection is lost; the ledger says what became of it.
    """
    steps = _parsed(migration)
    async with _alone(connection):
        await ledger.ensure_ledger(connection)
        if await ledger.is_applied(connection, migration.version):
            return Applied(migration.version, steps, applied=False)
        before = await read_schema(connection) if read_schema else ""
        begun = time.monotonic()
        cleaned: tuple[str, ...] = ()
        try:
            if steps.in_transaction:
                tries = await _in_one_transaction(connection, migration, steps, limits, gave_way)
            else:
                tries, cleaned = await _one_by_one(connection, migration, steps, limits, gave_way)
        finally:
            # A file may SET what it likes for the session, and the next one is not to inherit it.
            if not connection.closed:
                await connection.execute(_ANONYMOUS)
                await connection.execute(_BACK_TO_OURS)
        took = timedelta(seconds=time.monotonic() - begun)
        after = await read_schema(connection) if read_schema else ""
    return Applied(
        migration.version,
        steps,
        applied=True,
        tries=tries,
        took=took,
        schema_before=before,
        schema_after=after,
        cleaned=cleaned,
    )


def _parsed(migration: Migration) -> Steps:
    try:
        return parse_steps(migration.text)
    except SqlError as error:
        raise DatabaseRefused(
            f"{migration.path}, line {error.line}: {error.message}", "mend the SQL"
        ) from error


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    if not await fetch_scalar(connection, "SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]):
        raise DatabaseBusy(
            "another runner applies migrations to this database", "try again when it is through"
        )
    try:
        yield
    finally:
        if not connection.closed:
            await connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


async def _in_one_transaction(
    connection: Connection,
    migration: Migration,
    steps: Steps,
    limits: Limits,
    gave_way: Callable[[int], None],
) -> int:
    async def once(lock_wait: timedelta) -> None:
        async with connection.transaction():
            await _limit(connection, lock_wait, limits.statement, local=True)
            for step in steps.steps:
                await _execute(connection, migration, step)
            await connection.execute(_ANONYMOUS)
            await ledger.record(connection, migration, [step.text for step in steps.steps])

    return await _until_unlocked(once, migration, limits, gave_way)


async def _one_by_one(
    connection: Connection,
    migration: Migration,
    steps: Steps,
    limits: Limits,
    gave_way: Callable[[int], None],
) -> tuple[int, tuple[str, ...]]:
    """Which statements are done is kept, so that after a failure it goes on with the next."""
    digest = hashlib.sha256(migration.text.encode()).hexdigest()
    state = await unfinished.begin(connection, migration.version, digest)
    if state.digest != digest:
        raise DatabaseRefused(
            f"{migration.path} was edited after {state.done} of its statements were applied",
            "put these back as they were, and change what follows them",
        )
    tries, cleaned = 0, list[str]()
    for number, step in enumerate(steps.steps[state.done :], start=state.done + 1):

        async def once(lock_wait: timedelta, step: Step = step, number: int = number) -> None:
            if not step.outside:
                async with connection.transaction():
                    await _limit(connection, lock_wait, limits.statement, local=True)
                    await _execute(connection, migration, step)
                    await unfinished.done(connection, migration.version, number)
                return
            again = await unfinished.attempt(connection, migration.version, number)
            cleaned.extend(await unfinished.clean_up(connection, step, after_failure=again))
            if not (again and await unfinished.is_built(connection, step)):
                await _limit(connection, limits.concurrent_lock_wait, timedelta(0), local=False)
                try:
                    await _execute(connection, migration, step)
                except DatabaseRefused:
                    # Until somebody tries again every write would keep it up to date.
                    await unfinished.clean_up(connection, step, after_failure=True)
                    raise
            await unfinished.done(connection, migration.version, number)

        tries = max(tries, await _until_unlocked(once, migration, limits, gave_way))
        await connection.execute(_ANONYMOUS)
    async with connection.transaction():
        await ledger.record(connection, migration, [step.text for step in steps.steps])
        await unfinished.end(connection, migration.version)
    return max(tries, 1), tuple(cleaned)


async def _until_unlocked(
    once: Callable[[timedelta], Awaitable[None]],
    migration: Migration,
    limits: Limits,
    gave_way: Callable[[int], None],
) -> int:
    """How many tries it took."""
    lock_wait = limits.first_lock_wait
    for attempt in range(1, limits.tries + 1):
        try:
            await once(lock_wait)
        except psycopg.Error as error:
            if error.sqlstate not in _AGAIN:
                raise
            if attempt == limits.tries:
                raise DatabaseUnavailable(
                    f"{migration.path} gave way {attempt} times to others that hold what it needs: "
                    f"{first_line(error)}",
                    "find who holds the table for long (pg_stat_activity, the oldest xact_start), "
                    "end that transaction, and try again",
                ) from error
        else:
            return attempt
        gave_way(attempt)
        lock_wait = min(lock_wait * 2, limits.longest_lock_wait)
        fraction = random.random()  # noqa: S311 (jitter)
        await asyncio.sleep(wait_after(Failure.CONTENDED, attempt, fraction).total_seconds())
    raise AssertionError("no tries are allowed")


async def _execute(connection: Connection, migration: Migration, step: Step) -> None:
    """
    Raises:
        DatabaseRefused: PostgreSQL refuses it for good; the line is named.
        psycopg.Error: it was in somebody's way, or the connection is lost.
    """
    try:
        await connection.execute(step.text.encode())
    except psycopg.Error as error:
        failure = classify(error.sqlstate)
        if error.sqlstate in _AGAIN or failure is Failure.LOST:
            raise
        where = f"{migration.path}, line {step.line}: {first_line(error)}"
        remedy = {
            "42501": "use a URL of the role that owns what it changes, or grant what is missing",
            "53100": "make room on the server's disk, and apply it again",
            "57014": "the statement takes too long while it holds locks: split it, or do it "
            "CONCURRENTLY or as a backfill",
        }
        raise DatabaseRefused(
            f"{where} ({error.sqlstate})",
            remedy.get(error.sqlstate or "", "mend the file; nothing of this statement stays"),
        ) from error


async def _limit(
    connection: Connection, lock_wait: timedelta, statement: timedelta, *, local: bool
) -> None:
    milliseconds = [str(int(span / timedelta(milliseconds=1))) for span in (lock_wait, statement)]
    await connection.execute(
        "SELECT set_config('lock_timeout', %s, %s), set_config('statement_timeout', %s, %s)",
        [milliseconds[0], local, milliseconds[1], local],
    )
