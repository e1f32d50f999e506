"""One batch: a transaction of a range of the table together with the record of how far it is."""

import time
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from bot.adapters.database.connection import Connection
from bot.adapters.database.lease import LEASE, Lease, LeaseLost
from bot.adapters.database.signals import Looker
from bot.adapters.database.table import Target
from bot.core.backfills.model import Key
from bot.core.backfills.pauses import Signals
from bot.core.backfills.statement import BatchStatement, range_condition

LONGEST_BATCH = timedelta(seconds=10)
_SHORTEST_LOCK_WAIT = timedelta(milliseconds=100)

# A batch that a crash of the server takes away takes its record along: WAL is replayed in order.
# So it need not wait for the disk, and the end of the run, which does, has all of it on disk.
_BEGIN = """
BEGIN;
SET LOCAL synchronous_commit = off;
SET LOCAL lock_timeout = '{lock_ms}ms';
SET LOCAL statement_timeout = '{statement_ms}ms';
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8
"""
_RECORD = """
UPDATE lockgate_emc.backfills
   SET cursor = %(cursor)s, visited = visited + %(visited)s, changed = changed + %(changed)s,
       batches = batches + 1, batch_size = %(visited)s, working_ms = working_ms + %(worked_ms)s,
       lease_until = clock_timestamp() + %(lease)s,
       state = CASE WHEN paused_by = '' THEN 'running' ELSE 'paused' END,
       why = CASE WHEN paused_by = '' THEN %(note)s ELSE why END
 WHERE version = %(version)s AND token = %(token)s
RETURNING paused_by <> '', CASE WHEN %(asks)s THEN EXISTS (
    SELECT FROM pg_locks
     WHERE locktype = 'relation' AND mode IN ('RowExclusiveLock', 'RowShareLock')
       AND pid <> pg_backend_pid() AND relation = ANY (%(tables)s::int8[]::oid[])
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
       END,
       pg_snapshot_xmax(pg_current_snapshot())::text::int8 - %(ended)s
"""


@dataclass(frozen=True, slots=True)
class Range:
    """The rows of a batch: keys after ``lower`` (None: from the first) up to ``upper``."""

    lower: Key | None
    upper: Key
    rows: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One that was committed."""

    range: Range
    changed: int
    seconds: float
    """From its first lock to its commit."""
    filling: float
    """Of that, what its rows took: the statement's time without the way to the server."""
    stop_asked: bool
    others_write: bool | None
    """Whether others were writing to the table, or locking rows of it, when it was about to end.
    None where it did not ask."""
    ended: int
    """Transactions of the whole server that wrote, and that ended since it began."""
    signals: Signals | None
    """What was seen from within it, where it looked."""


class BatchFailed(Exception):
    """It was rolled back; ``range`` is None where it failed before its rows were known."""

    def __init__(self, error: psycopg.Error, found: Range | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.range = found


@dataclass(frozen=True, slots=True)
class Batcher:
    """What all batches of a run have in common."""

    connection: Connection
    target: Target
    statement: BatchStatement
    lease: Lease
    bound: Key
    latency: timedelta
    """What a batch should take."""
    note: str
    """What of the server cannot be seen; it stands in the record while it runs."""

    async def run(
        self,
        cursor: Key | None,
        rows: int,
        *,
        worked: timedelta,
        looker: Looker | None,
        asks: bool = True,
    ) -> Batch:
        """``worked``: spent since the record before, which this one adds. With a ``looker`` it
        looks around before its commit; ``asks``: whether it asks who else writes.

        Raises:
            BatchFailed: it was rolled back, or the connection broke; what is committed is in the
                record.
            LeaseLost: it was rolled back, since another runner has the backfill.
        """
        found: Range | None = None
        try:
            asked = time.monotonic()
            ended = await self._begun()
            way = time.monotonic() - asked
            upper, rows = await self.target.fetch_upper(self.connection, cursor, self.bound, rows)
            found = Range(cursor, upper, rows)
            begun = time.monotonic()
            changed = await self._change(found)
            filling = max(time.monotonic() - begun - way, 0.0)
            signals = await looker.look(self.connection) if looker else None
            stop_asked, others_write, ended = await self._record(
                found, changed, worked, asks=asks, ended=ended
            )
            await self.connection.execute("COMMIT")
        except psycopg.Error as error:
            await self._roll_back()
            raise BatchFailed(error, found) from error
        except BaseException:
            await self._roll_back()
            raise
        seconds = time.monotonic() - begun
        return Batch(found, changed, seconds, filling, stop_asked, others_write, ended, signals)

    async def _begun(self) -> int:
        """The number of the first transaction that has not ended yet."""
        cursor = await self.connection.execute(self._begin())
        while cursor.nextset():
            pass
        ((ended,),) = await cursor.fetchall()
        return int(ended)

    def _begin(self) -> bytes:
        lock_wait = max(_SHORTEST_LOCK_WAIT, self.latency)
        return _BEGIN.format(
            lock_ms=int(lock_wait / timedelta(milliseconds=1)),
            statement_ms=int(LONGEST_BATCH / timedelta(milliseconds=1)),
        ).encode()

    async def _change(self, found: Range) -> int:
        condition = range_condition(
            self.statement.source, self.target.columns, has_lower=found.lower is not None
        )
        arguments = [*(found.lower or ()), *found.upper]
        text = self.statement.text(condition).encode()
        return (await self.connection.execute(text, arguments)).rowcount

    async def _record(
        self, found: Range, changed: int, worked: timedelta, *, asks: bool, ended: int
    ) -> tuple[bool, bool | None, int]:
        cursor = await self.connection.execute(
            _RECORD,
            {
                "cursor": list(found.upper),
                "visited": found.rows,
                "changed": changed,
                "worked_ms": worked / timedelta(milliseconds=1),
                "lease": LEASE,
                "version": self.lease.version,
                "token": self.lease.token,
                "tables": list(self.target.tables),
                "note": self.note,
                "asks": asks,
                "ended": ended,
            },
            prepare=True,  # to plan it takes longer than to run it
        )
        row = await cursor.fetchone()
        if row is None:
            raise LeaseLost(self.lease.version)
        return bool(row[0]), row[1], row[2]

    async def _roll_back(self) -> None:
        # The server does so by itself where it cannot be reached.
        if self.connection.closed:
            return
        try:
            await self.connection.execute("ROLLBACK")
        except psycopg.Error:
            await self.connection.close()
