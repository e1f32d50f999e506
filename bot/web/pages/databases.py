"""What environments' own databases say, asked once for all who read, and never for long.

A page is asked for by anybody and every few seconds; a database is asked at most once at a time.
What comes too late for one page is there for the next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bot.core.backfills.model import BackfillStatus
from bot.core.schema.snapshot import SchemaDigests
from bot.ports import Clock
from bot.ports.database import AppliedMigration, Database, DatabaseError

WAITS = 2.0
"""Seconds that a page waits for a database."""
_GIVEN_UP = 10.0
"""Seconds until a question without an answer counts as failed, and may be asked again."""
_FRESH = timedelta(seconds=2)
_SCHEMA_FRESH = timedelta(seconds=15)
"""To read a schema is dear, and it changes seldom."""
_KEPT = timedelta(minutes=1)
"""For so long an answer stands in for one that takes too long."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows. ``reason`` holds no secret and may be shown; ``remedy`` may be empty."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """``late`` is the time of an earlier answer that stands in for the present one."""

    value: T
    late: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """The ledger, and all backfills that were ever begun."""

    applied: Sequence[AppliedMigration]
    backfills: Sequence[BackfillStatus]


class Shared(Generic[T]):
    """One question to one database, for everybody."""

    def __init__(self, ask: Callable[[], Awaitable[T]], fresh: timedelta, clock: Clock) -> None:
        self._ask = ask
        self._fresh = fresh
        self._clock = clock
        self._asking: asyncio.Task[T | Unanswered] | None = None
        self._asked_at = datetime.min
        self._last: Answer[T] | None = None

    async def answer(self, since: datetime | None = None) -> Answer[T] | Unanswered:
        """After at most ``WAITS`` seconds. What was asked before ``since`` is old."""
        now = self._clock.now()
        if self._asking is None or (self._asking.done() and self._is_old(now, since)):
            self._asked_at = now
            self._asking = asyncio.create_task(self._within_bounds())
        # Not cancelled at the end: that would wait for the server to say that it heard.
        await asyncio.wait({self._asking}, timeout=WAITS)
        if self._asking.done():
            found = self._asking.result()
            return found if isinstance(found, Unanswered) else Answer(found)
        if self._last and self._last.late and now - self._last.late < _KEPT:
            return self._last
        return Unanswered(f"it did not answer within {WAITS:.0f} s")

    def _is_old(self, now: datetime, since: datetime | None) -> bool:
        age = now - self._asked_at
        # Also then not at once: the clock that ``since`` was read from may be ahead of ours.
        overtaken = since is not None and self._asked_at < since and age >= _FRESH
        return age >= self._fresh or overtaken

    async def _within_bounds(self) -> T | Unanswered:
        asked_at = self._asked_at
        try:
            async with asyncio.timeout(_GIVEN_UP):
                found = await self._ask()
        except TimeoutError:
            return Unanswered(f"it did not answer within {_GIVEN_UP:.0f} s")
        except DatabaseError as error:
            return Unanswered(str(error), error.remedy)
        self._last = Answer(found, asked_at)
        return found


class Looks:
    """``databases`` are by the name of the environment that each is of, and the pages' own: what
    they ask is in nobody's way."""

    def __init__(self, databases: Mapping[str, Database], clock: Clock) -> None:
        self.names = frozenset(databases)
        self._contents = {
            name: Shared(_contents_of(database), _FRESH, clock)
            for name, database in databases.items()
        }
        self._schemas = {
            name: Shared(database.fetch_schema, _SCHEMA_FRESH, clock)
            for name, database in databases.items()
        }

    async def contents(self, name: str) -> Answer[Contents] | Unanswered:
        return await self._contents[name].answer()

    async def schema(self, name: str, since: datetime | None) -> Answer[SchemaDigests] | Unanswered:
        """``since``: when it was last changed on purpose."""
        return await self._schemas[name].answer(since)


def _contents_of(database: Database) -> Callable[[], Awaitable[Contents]]:
    async def ask() -> Contents:
        return Contents(await database.fetch_applied(), await database.fetch_backfills())

    return ask
