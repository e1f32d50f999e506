"""What environments' own databases say, asked once for all who read, and never for long.

A page is asked for by anybody and every few seconds; a database is asked at most once at a time.
What comes too late for one page is there for the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    """``knowing`` is what whoever asked knew of changes of the database."""

    at: datetime
    knowing: Hashable
    asking: asyncio.Task[T | Unanswered]


class Shared(Generic[T]):
    """One question to one database, for everybody."""

    def __init__(self, ask: Callable[[], Awaitable[T]], fresh: timedelta, clock: Clock) -> None:
        self._ask = ask
        self._fresh = fresh
        self._clock = clock
        self._newest: _Question[T] | None = None
        self._last: tuple[Answer[T], Hashable] | None = None

    async def answer(self, knowing: Hashable = None) -> Answer[T] | Unanswered:
        """After at most ``WAITS`` seconds. ``knowing`` is what else is known of the changes of the
        database: an answer from before another of them is old, however young it is."""
        now = self._clock.now()
        until = time.monotonic() + WAITS
        while True:
            question = self._newest
            if question is None or (question.asking.done() and self._is_old(question, knowing)):
                asking = asyncio.create_task(self._within_bounds(now, knowing))
                question = self._newest = _Question(now, knowing, asking)
            # Not cancelled at the end: that would wait for the server to say that it heard.
            await asyncio.wait({question.asking}, timeout=max(until - time.monotonic(), 0))
            if not question.asking.done():
                return self._instead(now, knowing)
            if question.knowing == knowing:
                found = question.asking.result()
                return found if isinstance(found, Unanswered) else Answer(found)

    def _instead(self, now: datetime, knowing: Hashable) -> Answer[T] | Unanswered:
        if self._last:
            last, known = self._last
            if last.late and now - last.late < _KEPT and known == knowing:
                return last
        return Unanswered(f"it did not answer within {WAITS:.0f} s")

    def _is_old(self, question: _Question[T], knowing: Hashable) -> bool:
        return self._clock.now() - question.at >= self._fresh or question.knowing != knowing

    async def _within_bounds(self, now: datetime, knowing: Hashable) -> T | Unanswered:
        try:
            async with asyncio.timeout(_GIVEN_UP):
                found = await self._ask()
        except TimeoutError:
            return Unanswered(f"it did not answer within {_GIVEN_UP:.0f} s")
        except DatabaseError as error:
            return Unanswered(str(error), error.remedy)
        self._last = Answer(found, now), knowing
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

    async def contents(self, name: str, knowing: Hashable) -> Answer[Contents] | Unanswered:
        return await self._contents[name].answer(knowing)

    async def schema(self, name: str, knowing: Hashable) -> Answer[SchemaDigests] | Unanswered:
        return await self._schemas[name].answer(knowing)


def _contents_of(database: Database) -> Callable[[], Awaitable[Contents]]:
    async def ask() -> Contents:
        return Contents(await database.fetch_applied(), await database.fetch_backfills())

    return ask
