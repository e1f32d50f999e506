"""A backfill's run: batch after batch until its end, whatever comes in between.

All that has to outlive the process is in the record, which each batch writes in its own
transaction: whoever comes next goes on from there. Nothing is remembered here but the size of the
next batch.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg

from bot.adapters.database import ending, records
from bot.adapters.database.batch import Batch, Batcher, BatchFailed, Range
from bot.adapters.database.connection import Connection, first_line, named, named_errors
from bot.adapters.database.lease import (
    Lease,
    LeaseLost,
    claim_lease,
    keep_lease,
    release_lease,
)
from bot.adapters.database.plan import Plan, edited, plan_backfill
from bot.adapters.database.signals import Looker
from bot.adapters.database.table import Target, examine_table
from bot.core.backfills.controller import Controller
from bot.core.backfills.courtesy import Courtesy
from bot.core.backfills.failures import Failure, advise, classify, wait_after
from bot.core.backfills.model import BackfillStatus, Poison, key_words
from bot.core.backfills.pace import Pace
from bot.core.backfills.pauses import Pause, decide_pause, say_unseen
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Backfill
from bot.ports.database import DatabaseBusy, DatabaseUnavailable, Watch

LOOK_EVERY = timedelta(milliseconds=500)
_PAUSED_LOOK = (0.2, 0.6)
"""Seconds between two looks while it pauses: spread, so that runners do not go on as one."""
_NOTICED = timedelta(seconds=1)
_ENDED = (BackfillState.FINISHED, BackfillState.FAILED, BackfillState.CANCELED)

Connect = Callable[[], Awaitable[Connection]]
Progress = Callable[[BackfillStatus], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """How long a run goes on, and who is told."""

    until: Callable[[], bool]
    """Asked between batches: whether it is to end now."""
    watch: Watch | None = None
    progress: Progress | None = None
    wait: bool = False
    """Whether pauses and failures of the moment are waited for; else the run ends with them."""


async def run_backfill(
    connect: Connect, backfill: Backfill, asked: Asked, *, holder: str
) -> BackfillStatus:
    """Work on a backfill until it ends, or is to end for now. ``holder`` is one runner's own name.

    Raises:
        DatabaseBusy: another runner has it.
        DatabaseRefused: it cannot be run as it is, on this database.
        DatabaseUnavailable: the database cannot be asked, and is not waited for.
    """
    run = _Run(connect, plan_backfill(backfill), asked, holder)
    try:
        return await run.to_the_end()
    finally:
        await run.close()


@contextmanager
def named_unless_lost() -> Iterator[None]:
    """``named_errors``, but for a lost connection: a new one may go on."""
    try:
        yield
    except psycopg.Error as error:
        if classify(error.sqlstate) is Failure.LOST:
            raise
        raise named(error) from error


class _Run:
    def __init__(self, connect: Connect, plan: Plan, asked: Asked, holder: str) -> None:
        self._connect = connect
        self._plan = plan
        self._asked = asked
        self._holder = holder
        self._connection: Connection | None = None
        self._lease: Lease | None = None
        target = plan.latency.total_seconds()
        self._pace = Pace(Controller(plan.first_batch, target), Courtesy(target))
        self._begun = time.monotonic()
        self._told: BackfillStatus | None = None
        self._looked = 0.0
        self._note = ""
        """What of the server the last look could not see."""
        self._marked = 0.0
        """When the time that is counted as work was recorded last."""

    async def close(self) -> None:
        if self._connection is None or self._connection.closed:
            return
        if self._lease is not None:
            with suppress(psycopg.Error):  # it runs out by itself
                await release_lease(self._connection, self._lease)
        await self._connection.close()

    async def to_the_end(self) -> BackfillStatus:
        while True:
            try:
                status = await self._session()
            except LeaseLost:
                self._lease = None
                return await self._after_losing_it()
            except DatabaseBusy:
                # Of a runner that was killed just now the server may yet have to notice.
                if (
                    not self._asked.wait
                    or time.monotonic() > self._begun + _NOTICED.total_seconds()
                ):
                    raise
                await asyncio.sleep(random.uniform(0.02, 0.1))  # noqa: S311 (jitter)
            except (psycopg.Error, BatchFailed, DatabaseUnavailable) as error:
                await self._after_a_cut(error.error if isinstance(error, BatchFailed) else error)
            else:
                return status

    async def _session(self) -> BackfillStatus:
        """All that one connection does.

        Raises:
            psycopg.Error, BatchFailed: the connection is lost; a new one may go on.
        """
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        connection, backfill = self._connection, self._plan.backfill
        with_bound = await self._claim(connection)
        if with_bound is None:
            return await records.fetch_one(connection, backfill.version)
        target, status = with_bound
        assert self._lease is not None  # noqa: S101 (claimed above)
        self._pace = self._pace.begun(status.batch_size if status.batches else 0)
        looker = Looker(target.oid, self._plan.latency, self._asked.watch)
        self._marked = time.monotonic()
        while status.bound is not None and status.cursor != status.bound:
            self._tell(status)
            if self._asked.until():
                return await self._end_for_now()
            batcher = Batcher(
                connection,
                target,
                self._plan.statement,
                self._lease,
                status.bound,
                self._plan.latency,
                self._note,
            )
            look = looker if time.monotonic() - self._looked > LOOK_EVERY.total_seconds() else None
            now = time.monotonic()
            rows, asks = self._pace.rows(now), self._pace.courtesy.asks(now)
            worked, self._marked = timedelta(seconds=now - self._marked), now
            try:
                batch = await batcher.run(
                    status.cursor, rows, worked=worked, looker=look, asks=asks
                )
            except BatchFailed as failed:
                if not await self._goes_on_after(failed, status):
                    return await records.fetch_one(connection, backfill.version)
                continue
            status = self._after(batch, status, worked)
            if batch.stop_asked:
                return await self._end_for_now()
            pause = decide_pause(batch.signals, self._plan.limits) if batch.signals else None
            if pause and not await self._pause(pause, looker, status):
                return await self._end_for_now()
            await asyncio.sleep(self._pace.courtesy.rest(batch.filling, time.monotonic()))
        self._tell(status)
        if self._asked.until():
            return await self._end_for_now()
        ended = await ending.finish(connection, self._lease, status.proof)
        self._tell(ended)
        return ended

    async def _claim(self, connection: Connection) -> tuple[Target, BackfillStatus] | None:
        """None where it is not to be run: ended, or paused by somebody.

        Raises:
            DatabaseBusy, DatabaseRefused
        """
        backfill = self._plan.backfill
        with named_unless_lost():
            same = await records.ensure_record(connection, backfill, self._plan.statement.count)
            status = await records.fetch_one(connection, backfill.version)
            if status.state in _ENDED or status.paused_by:
                return None
            if not same:
                raise edited(backfill)
            target = await examine_table(connection, backfill, self._plan.statement.relation)
            self._lease = await claim_lease(connection, backfill.version, self._holder)
            if self._lease is None:
                await self._refuse_if_busy(connection)
                return None
            if status.bound is None:  # also where it was killed just before it was recorded
                await ending.freeze_bound(connection, self._lease, target, self._plan.statement)
        return target, await records.fetch_one(connection, backfill.version)

    async def _refuse_if_busy(self, connection: Connection) -> None:
        status = await records.fetch_one(connection, self._plan.backfill.version)
        if status.state in _ENDED or status.paused_by:
            return
        raise DatabaseBusy(
            f"{status.holder or 'another runner'} runs backfill {status.version}",
            "let it; of one that hangs the lease runs out within half a minute",
        )

    def _after(self, batch: Batch, status: BackfillStatus, worked: timedelta) -> BackfillStatus:
        if batch.signals is not None:
            self._looked = time.monotonic()
            self._note = say_unseen(batch.signals)
        self._pace = self._pace.after(
            batch.range.rows,
            batch.seconds,
            batch.filling,
            time.monotonic(),
            others_write=batch.others_write,
            ended=batch.ended,
        )
        return replace(
            status,
            state=BackfillState.RUNNING,
            why=self._note,
            cursor=batch.range.upper,
            visited=status.visited + batch.range.rows,
            changed=status.changed + batch.changed,
            batches=status.batches + 1,
            batch_size=batch.range.rows,
            batch_took=timedelta(seconds=batch.seconds),
            working=status.working + worked,
        )

    async def _goes_on_after(self, failed: BatchFailed, status: BackfillStatus) -> bool:
        """What to do about a failure, done. False where the run has ended with it.

        Raises:
            BatchFailed: the connection is lost.
        """
        failure = classify(failed.error.sqlstate)
        assert self._connection is not None and self._lease is not None  # noqa: S101, PT018
        if failure is Failure.LOST or self._connection.closed:
            raise failed
        if failure is Failure.ROW and failed.range is not None:
            if failed.range.rows <= 1:
                await self._fail_of_row(failed.error, failed.range)
                return False
            self._pace = self._pace.halving(failed.range.rows)
            return True
        self._pace = self._pace.failed(failure)
        if self._pace.gives_up:
            await self._fail_of(failed.error)
            return False
        await self._wait(failure, status, first_line(failed.error))
        return True

    async def _wait(self, failure: Failure, status: BackfillStatus, why: str) -> None:
        self._tell(replace(status, state=BackfillState.PAUSED, why=why))
        await self._rest_after(failure)

    async def _rest_after(self, failure: Failure) -> None:
        """No longer than until somebody wants it to end."""
        fraction = random.random()  # noqa: S311 (jitter)
        left = wait_after(failure, self._pace.tries, fraction).total_seconds()
        while left > 0 and not self._asked.until():
            await asyncio.sleep(min(left, _PAUSED_LOOK[0]))
            left -= _PAUSED_LOOK[0]

    async def _fail_of_row(self, error: psycopg.Error, found: Range) -> None:
        poison = Poison(
            found.upper, error.sqlstate or "", first_line(error), error.diag.constraint_name or ""
        )
        row = key_words(self._plan.backfill.key, found.upper)
        constraint = f", constraint {poison.constraint}" if poison.constraint else ""
        await ending.fail(
            self._connected,
            self._held,
            f"the row with {row} fails: {poison.message} ({poison.sqlstate}{constraint})",
            "mend or remove that row; then `resume` goes on with it",
            poison,
        )

    async def _fail_of(self, error: psycopg.Error) -> None:
        advice = advise(error.sqlstate, first_line(error), table=self._plan.backfill.table)
        await ending.fail(self._connected, self._held, advice.what, advice.remedy)

    async def _pause(self, pause: Pause, looker: Looker, status: BackfillStatus) -> bool:
        """Until the reason is gone. False where the run is to end for now."""
        found: Pause | None = pause
        while found is not None:
            self._tell(replace(status, state=BackfillState.PAUSED, why=found.why))
            stop = await keep_lease(self._connected, self._held, why=found.why)
            if stop or not self._asked.wait or self._asked.until():
                return False
            await asyncio.sleep(random.uniform(*_PAUSED_LOOK))  # noqa: S311 (jitter)
            found = decide_pause(await looker.look(self._connected), self._plan.limits)
        self._looked = self._marked = time.monotonic()
        return True

    async def _end_for_now(self) -> BackfillStatus:
        if self._lease is not None:
            await release_lease(self._connected, self._lease)
            self._lease = None
        status = await records.fetch_one(self._connected, self._plan.backfill.version)
        self._tell(status)
        return status

    async def _after_losing_it(self) -> BackfillStatus:
        """
        Raises:
            DatabaseBusy: another runner has it.
        """
        with named_errors():
            status = await records.fetch_one(self._connected, self._plan.backfill.version)
        if status.holder:
            raise DatabaseBusy(
                f"{status.holder} took backfill {status.version} over from this runner",
                "let it run; nothing was done twice",
            )
        return status

    async def _after_a_cut(self, error: psycopg.Error | DatabaseUnavailable) -> None:
        """Let go of a connection that is lost, and wait before the next.

        Raises:
            DatabaseUnavailable, DatabaseRefused: it is not waited for, or has been for long.
        """
        if self._connection is not None:
            await self._connection.close()
        self._lease = None  # claimed anew with a new token, which fences what is still under way
        lost = isinstance(error, DatabaseUnavailable) or classify(error.sqlstate) is Failure.LOST
        self._pace = self._pace.failed(Failure.LOST)
        told = named(error) if isinstance(error, psycopg.Error) else error
        if not lost or not self._asked.wait or self._asked.until() or self._pace.gives_up:
            raise told
        if self._told is not None:
            why = f"{told}; it is tried again"
            self._tell(replace(self._told, state=BackfillState.PAUSED, why=why))
        await self._rest_after(Failure.LOST)

    def _tell(self, status: BackfillStatus) -> None:
        self._told = status
        if self._asked.progress is not None:
            self._asked.progress(status)

    @property
    def _connected(self) -> Connection:
        assert self._connection is not None  # noqa: S101 (a session is under way)
        return self._connection

    @property
    def _held(self) -> Lease:
        assert self._lease is not None  # noqa: S101 (a session is under way)
        return self._lease
