"""What the engine asks of an environment's own database: migrations, backfills, its schema."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.catalog import Catalog
from bot.core.migrations.model import Backfill, Migration, Version
from bot.core.migrations.rules.rule import Surroundings
from bot.core.migrations.steps import Steps
from bot.core.schema.snapshot import SchemaDigests


class DatabaseError(Exception):
    """The database could not be asked, or refused. The text holds no secret and may be shown.

    ``remedy`` is the next step for a person.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class DatabaseUnavailable(DatabaseError):
    """Not known, try again: an outage, a cut connection, a lock that somebody holds for long.

    What was asked for may or may not have happened; asking again does nothing twice.
    """


class DatabaseRefused(DatabaseError):
    """It will not be done until somebody does something: see ``remedy``."""


class DatabaseBusy(DatabaseUnavailable):
    """Another runner is at it."""


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """A row of ``supabase_migrations.schema_migrations``."""

    version: Version
    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a migration."""

    version: Version
    steps: Steps
    applied: bool
    """False in a dry run, and where it had been applied before."""
    tries: int = 0
    """How often it was begun: more than 1 where a lock was not to be had."""
    took: timedelta = timedelta(0)
    schema_before: str = ""
    schema_after: str = ""
    """Root digests of the schema; empty where nobody reads it."""
    cleaned: tuple[str, ...] = ()
    """Invalid indexes that an earlier failure had left, and that were dropped."""


@dataclass(frozen=True, slots=True)
class Burning:
    """Why a backfill should pause for now: a service level objective burns, say."""

    why: str


Watch = Callable[[], Burning | None]
"""Asked between batches, at most twice a second; it must answer at once."""


class Database(Protocol):
    """One environment's database. Every method may raise DatabaseUnavailable or DatabaseRefused."""

    async def fetch_applied(self) -> Sequence[AppliedMigration]:
        """The ledger, in order; empty where there is none yet."""
        ...

    async def apply(self, migration: Migration, *, dry_run: bool = False) -> Applied:
        """Apply one file, unless the ledger has it. Whether it may be is the caller's question."""
        ...

    async def check_sight(self) -> None:
        """Refused where backfills could not see what they make room for."""
        ...

    async def fetch_backfills(self) -> Sequence[BackfillStatus]:
        """All that were ever begun there, in order."""
        ...

    async def run_backfill_for(
        self, backfill: Backfill, span: timedelta, *, watch: Watch | None = None
    ) -> BackfillStatus:
        """Work on a backfill until it ends, is paused by a person, or the time is up; what is under
        way then is finished first. Called again it goes on where it was.

        A failure of the backfill itself is in the status that is returned. While it pauses by
        itself it returns early with the reason, so that a worker need not wait.

        Raises:
            DatabaseBusy: another runner has it.
        """
        ...

    async def pause_backfill(self, backfill: Backfill, *, by: str, reason: str) -> BackfillStatus:
        """After the batch that is under way. One that has not begun does not begin."""
        ...

    async def resume_backfill(self, backfill: Backfill) -> BackfillStatus:
        """Take a pause away; let a failed one be tried again, and one that could not be proven go
        over the table once more."""
        ...

    async def cancel_backfill(self, backfill: Backfill, *, by: str) -> BackfillStatus:
        """For good: what is done stays done, and ``resume`` begins from the start."""
        ...

    async def verify_backfill(self, backfill: Backfill) -> BackfillStatus:
        """Count again what is left by its predicate, and record it."""
        ...

    async def fetch_known(self) -> tuple[Catalog, Surroundings]:
        """What the rules for migrations ask of it: sizes, checks and keys; and its ledger."""
        ...

    async def fetch_schema(self) -> SchemaDigests:
        """The schema as it is: a digest of the whole, and of each object."""
        ...

    async def close(self) -> None: ...
