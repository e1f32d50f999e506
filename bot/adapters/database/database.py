"""An environment's database, as the engine and the command line use it."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.adapters.database import ending, ledger, records, runner
from bot.adapters.database.backfills import Asked, Progress, run_backfill
from bot.adapters.database.connection import (
    Connection,
    connect,
    is_alive,
    named_errors,
    refuse_unusable,
)
from bot.adapters.database.known import fetch_known
from bot.adapters.database.plan import edited, plan_backfill
from bot.adapters.database.schema import read_schema, read_schema_hash
from bot.adapters.database.signals import fetch_unseen_replicas
from bot.adapters.database.table import examine_table
from bot.core.backfills.model import NEVER_COUNTED, BackfillStatus
from bot.core.migrations.catalog import Catalog
from bot.core.migrations.model import Backfill, Migration
from bot.core.migrations.rules.rule import Surroundings
from bot.core.phrases import counted
from bot.core.schema.snapshot import SchemaDigests
from bot.ports.database import (
    Applied,
    AppliedMigration,
    DatabaseRefused,
    DatabaseUnavailable,
    Watch,
)


class PostgresDatabase:
    """One database. Each thing that is asked has a session of its own, but for what only reads."""

    def __init__(self, url: str) -> None:
        """``url`` holds a password: it is never shown."""
        self._url = url
        self._reading: Connection | None = None
        self._usable = False
        self._closed = False
        self._one_reader = asyncio.Lock()

    async def fetch_applied(self) -> tuple[AppliedMigration, ...]:
        async with self._reader() as connection:
            return await ledger.fetch_applied(connection)

    async def apply(
        self,
        migration: Migration,
        *,
        dry_run: bool = False,
        limits: runner.Limits = runner.Limits(),  # noqa: B008 (a frozen value)
        gave_way: Callable[[int], None] = lambda _: None,
    ) -> Applied:
        """``gave_way`` is called after each try that did not get its locks, and may end it."""
        if dry_run:
            async with self._reader() as connection:
                return await runner.plan(connection, migration)
        async with self._own_session() as connection:
            return await runner.apply(
                connection,
                migration,
                read_schema=read_schema_hash,
                limits=limits,
                gave_way=gave_way,
            )

    async def check_sight(self) -> None:
        """
        Raises:
            DatabaseRefused: there are replicas, and how far they are behind may not be seen.
        """
        async with self._reader() as connection:
            unseen = await fetch_unseen_replicas(connection)
        if unseen:
            raise DatabaseRefused(
                f"its role may not see the lag of {counted(unseen, 'replica')}, which backfills "
                "make room for",
                "GRANT pg_monitor to that role",
            )

    async def fetch_backfills(self) -> tuple[BackfillStatus, ...]:
        async with self._reader() as connection:
            return await records.fetch_all(connection)

    async def run_backfill_for(
        self, backfill: Backfill, span: timedelta, *, watch: Watch | None = None
    ) -> BackfillStatus:
        until = time.monotonic() + span.total_seconds()
        asked = Asked(until=lambda: time.monotonic() >= until, watch=watch)
        return await self._run(backfill, asked)

    async def run_backfill(
        self, backfill: Backfill, *, until: Callable[[], bool], progress: Progress
    ) -> BackfillStatus:
        """To its end, waiting for whatever passes; for whoever looks on."""
        return await self._run(backfill, Asked(until=until, progress=progress, wait=True))

    async def _run(self, backfill: Backfill, asked: Asked) -> BackfillStatus:
        await self._refuse_early(backfill)
        holder = f"process {os.getpid()} ({secrets.token_hex(3)})"
        return await run_backfill(self._connect, backfill, asked, holder=holder)

    async def _refuse_early(self, backfill: Backfill) -> None:
        async with self._reader() as connection:
            if not await ledger.is_applied(connection, backfill.after):
                raise DatabaseRefused(
                    f"backfill {backfill.version} waits for migration {backfill.after}, which is "
                    "not applied",
                    "apply that expand first",
                )

    async def check_backfill(self, backfill: Backfill) -> str:
        """The query that counts what is left; empty where there is none. Changes nothing.

        Raises:
            DatabaseRefused: it cannot be run as it is, on this database.
        """
        plan = plan_backfill(backfill)
        async with self._reader() as connection:
            await examine_table(connection, backfill, plan.statement.relation)
        return plan.statement.count

    async def pause_backfill(self, backfill: Backfill, *, by: str, reason: str) -> BackfillStatus:
        async with self._recorded(backfill) as connection:
            await records.pause(connection, backfill.version, by=by, why=reason)
            return await records.fetch_one(connection, backfill.version)

    async def resume_backfill(self, backfill: Backfill) -> BackfillStatus:
        async with self._recorded(backfill) as connection:
            await records.resume(connection, backfill.version)
            return await records.fetch_one(connection, backfill.version)

    async def cancel_backfill(self, backfill: Backfill, *, by: str) -> BackfillStatus:
        async with self._recorded(backfill) as connection:
            await records.cancel(connection, backfill.version, why=f"canceled by {by}")
            return await records.fetch_one(connection, backfill.version)

    async def verify_backfill(self, backfill: Backfill) -> BackfillStatus:
        statement = plan_backfill(backfill).statement
        if not statement.countable:
            raise DatabaseRefused(
                f"what backfill {backfill.version} has left cannot be counted: its WHERE has "
                "nothing besides `:batch`",
                NEVER_COUNTED,
            )
        # On a session of its own: it may take long, and others are not to wait for it.
        async with self._own_session() as connection:
            if not await records.ensure_record(connection, backfill, statement.count):
                raise edited(backfill)
            proof = (await records.fetch_one(connection, backfill.version)).proof
            if not proof:
                raise DatabaseRefused(
                    f"backfill {backfill.version} has not begun: what it has left is counted up to "
                    "the row that is the last when it begins",
                    f"run `lockgate emc run {backfill.version}`",
                )
            left = await ending.count_left(connection, proof)
            why, remedy = ending.words_for_left(left) if left else ("", "")
            await records.store_count(connection, backfill.version, left, why, remedy)
            status = await records.fetch_one(connection, backfill.version)
            return ending.with_count(status, left)

    async def fetch_known(self) -> tuple[Catalog, Surroundings]:
        return await fetch_known(self._url)

    async def fetch_schema(self) -> SchemaDigests:
        async with self._reader() as connection:
            return (await read_schema(connection)).digests

    async def close(self) -> None:
        """For good: what is still being asked fails, and nothing is connected to any more."""
        self._closed = True
        await self._drop()

    async def _drop(self) -> None:
        if self._reading is not None:
            reading, self._reading = self._reading, None
            await reading.close()

    @asynccontextmanager
    async def _recorded(self, backfill: Backfill) -> AsyncIterator[Connection]:
        async with self._reader() as connection:
            await records.ensure_record(
                connection, backfill, plan_backfill(backfill).statement.count
            )
            yield connection

    @asynccontextmanager
    async def _own_session(self) -> AsyncIterator[Connection]:
        connection = await self._connect()
        try:
            with named_errors():
                yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Connection]:
        async with self._one_reader:
            if self._reading is not None and not await is_alive(self._reading):
                await self._drop()
            if self._reading is None:
                reading = await self._connect()
                if self._closed:
                    await reading.close()
                    raise DatabaseUnavailable("nobody asks the database any more")
                self._reading = reading
            try:
                with named_errors():
                    yield self._reading
            except BaseException:
                await self._drop()
                raise

    async def _connect(self) -> Connection:
        connection = await connect(self._url)
        try:
            if not self._usable:
                await refuse_unusable(connection, self._url)
                self._usable = True
        except BaseException:
            await connection.close()
            raise
        return connection
