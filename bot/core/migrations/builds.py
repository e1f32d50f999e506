"""What builds need of a database, and what a database has: the facts of compatibility. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from bot.core.hosting import LedgerEntry
from bot.core.migrations.model import Migration, Phase, Version
from bot.core.model import Sha


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that a migration takes away from who uses it."""

    name: str
    """As its file has it: ``recipes.title``."""
    how: str = "dropped"
    """``dropped``, ``renamed``, ``moved`` or ``changed``."""


@dataclass(frozen=True, slots=True)
class KnownMigration:
    """A migration as a tree has it, or the ledger with what the trees know of it."""

    version: Version
    name: str = ""
    phase: Phase | None = None
    """None where nobody can tell: no mark and not purely additive, or no file to look at."""
    requires_build: Sha | None = None
    taken_away: tuple[Taken, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownBackfill:
    """A backfill as the trunk has it."""

    version: Version
    name: str
    needed: bool = True
    """Whether promotions wait for it."""


@dataclass(frozen=True, slots=True)
class BuildSchema:
    """What a build's tree says of the database."""

    sha: Sha
    label: str
    """What people call it: its tag or the beginning of its commit's id."""
    migrations: Mapping[Version, KnownMigration]
    backfills: Mapping[Version, str] = field(default_factory=dict)
    """Names of the backfills that it needs, by version."""
    contains: Mapping[Sha, bool] = field(default_factory=dict)
    """Whether its history has a commit that a contract names by ``requires-build``. A commit that
    is missing here could not be compared: nobody knows."""


@dataclass(frozen=True, slots=True)
class UnreadBuild:
    """A build whose tree could not be read."""

    sha: Sha
    label: str
    reason: str


BuildFacts: TypeAlias = BuildSchema | UnreadBuild


class BackfillState(StrEnum):
    WAITING = "waiting"
    """Nobody has begun it."""
    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    CANCELED = "canceled"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """How far a backfill is in a database."""

    version: Version
    name: str
    state: BackfillState
    proven: bool = False
    """No row is left by its own predicate, counted after the last batch, and recorded."""
    done: float | None = None
    """From 0 to 1; None where nobody can tell."""
    left: timedelta | None = None
    """An estimate."""
    why: str = ""
    """Why it is paused, or what it failed of."""
    uncounted: bool = False
    """It came to its end, and has nothing to count by: it will never be proven."""

    def settled(self, *, needed: bool) -> bool:
        """Whether nothing is left to be done: it is proven; or it has ended, nobody can count, and
        its file says ``-- needed: no``."""
        return self.proven or (self.uncounted and not needed)

    @property
    def to_begin(self) -> bool:
        """It also waits between two turns, with some of it done."""
        return self.state is BackfillState.WAITING and self.done == 0


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What an environment's database has, read at one moment."""

    environment: str
    applied: Mapping[Version, KnownMigration]
    """The whole ledger. ``phase`` is None for versions that no tree knows."""
    backfills: Mapping[Version, BackfillProgress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InUse:
    """A build that serves an environment, or to which one may still go back."""

    build: BuildFacts
    environment: str
    live: bool
    leaves_at: datetime | None = None
    """When it leaves the window for rollbacks by time; None where no date can be told."""
    leaves_after: int = 0
    """How many more builds have to go live before it leaves the window by count."""


@dataclass(frozen=True, slots=True)
class Window:
    """How far back a rollback may go: to the last ``builds`` before the live one, and to what was
    live within ``span``. A build is in the window while either keeps it there."""

    builds: int = 5
    span: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class InWindow:
    """A build of the ledger that is in the window; ``leaves_*`` as in ``InUse``."""

    entry: LedgerEntry
    live: bool
    leaves_at: datetime | None = None
    leaves_after: int = 0

    def with_facts(self, build: BuildFacts) -> InUse:
        return InUse(build, self.entry.environment, self.live, self.leaves_at, self.leaves_after)


def rollback_window(
    ledger: Sequence[LedgerEntry], window: Window, now: datetime
) -> tuple[InWindow, ...]:
    """The live build of one environment and those that a rollback may put back, newest first.

    ``ledger`` is of one environment, newest first, and reaches back as far as the window. Builds
    that were never seen to work are no targets of a rollback, and still count as live.
    """
    found: list[InWindow] = []
    seen: set[tuple[str, str]] = set()
    rank = 0
    for entry in ledger:
        name = (entry.build.sha, "" if entry.build.sha else entry.build.deployment_id)
        if name in seen:
            continue
        if entry.live_until is None:
            seen.add(name)
            found.append(InWindow(entry, live=True))
            continue
        if entry.verified_at is None:
            continue
        seen.add(name)
        rank += 1
        by_count = rank <= window.builds
        until = entry.live_until + window.span
        if by_count or now < until:
            found.append(
                InWindow(
                    entry,
                    live=False,
                    leaves_at=until if now < until else None,
                    leaves_after=window.builds - rank + 1 if by_count else 0,
                )
            )
    return tuple(found)


def known(
    migration: Migration, phase: Phase | None, taken_away: tuple[Taken, ...]
) -> KnownMigration:
    """What compatibility needs to know of a parsed file."""
    return KnownMigration(
        migration.version, migration.name, phase, migration.requires_build, taken_away
    )
