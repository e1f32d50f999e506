"""The words of a backfill's run: its state, how far it is, what it failed of."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.migrations.builds import BackfillProgress, BackfillState
from bot.core.migrations.model import Version

DEFAULT_BATCH = 1_000
"""Rows of the first batch, where the file does not say."""
DEFAULT_TARGET = timedelta(milliseconds=50)
"""What a batch should take: for so long do writers of the same rows wait at most, as a rule."""

NEVER_COUNTED = (
    "write `-- needed: no` into its header, which says that nothing waits for it; where something "
    "does, write a new backfill whose WHERE tells the rows that are not done"
)
"""What to do about one that came to its end and has nothing to count by: its statement may not be
edited any more, and ``verify`` has no query either."""

Key = tuple[str, ...]
"""A row's key as PostgreSQL writes it, a text for each column."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A row that fails by itself."""

    key: Key
    sqlstate: str
    message: str
    constraint: str = ""


@dataclass(frozen=True, slots=True)
class BackfillStatus:
    """What a database has recorded of a backfill. All of it is as of its last batch."""

    version: Version
    name: str
    table: str
    state: BackfillState
    visited: int = 0
    """Rows of the table whose turn it was."""
    changed: int = 0
    """Rows that the statement changed."""
    total: int = 0
    """Rows of the table when it began: the planner's estimate."""
    batches: int = 0
    batch_size: int = 0
    batch_took: timedelta = timedelta(0)
    """From the last batch's first lock to its commit; known to who runs it alone."""
    working: timedelta = timedelta(0)
    """Spent in batches and between them, pauses left out."""
    cursor: Key | None = None
    """The last key that is done; None before the first batch."""
    bound: Key | None = None
    """The highest key when it began: it ends there. None for an empty table."""
    why: str = ""
    """Why it is paused, what it failed of, or what of its server it cannot see."""
    remedy: str = ""
    poison: Poison | None = None
    left: int | None = None
    """Rows that its own predicate still finds; None where they were not counted, or cannot be."""
    proof: str = ""
    """The query that counts them; empty where there is none."""
    proven_at: datetime | None = None
    holder: str = ""
    """Who runs it now."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    paused_by: str = ""
    """Who asked for the pause; empty where it pauses by itself."""

    @property
    def proven(self) -> bool:
        return self.state is BackfillState.FINISHED and self.proven_at is not None

    @property
    def uncounted(self) -> bool:
        """Whether it came to its end, and nobody can ever tell whether a row is left."""
        return self.state is BackfillState.FINISHED and not self.proof and not self.proven

    @property
    def done(self) -> float | None:
        """From 0 to 1. It is 1 only at the end: the total is an estimate."""
        if self.state is BackfillState.FINISHED:
            return 1.0
        if not self.batches:
            return 0.0
        return min(self.visited / self.total, 0.999) if self.total else None

    @property
    def rate(self) -> float:
        """Rows a second, as it went so far; 0 before two batches, whose time is known later."""
        seconds = self.working.total_seconds()
        return self.visited / seconds if seconds and self.batches > 1 else 0.0

    @property
    def time_left(self) -> timedelta | None:
        """None where nobody can tell."""
        if self.state is BackfillState.FINISHED:
            return timedelta(0)
        if not self.rate or not self.total:
            return None
        return timedelta(seconds=max(self.total - self.visited, 0) / self.rate)

    @property
    def progress(self) -> BackfillProgress:
        """What the gates ask about."""
        return BackfillProgress(
            self.version,
            self.name,
            self.state,
            self.proven,
            self.done,
            self.time_left,
            self.why,
            self.uncounted,
        )


def not_begun(version: Version, name: str, table: str) -> BackfillStatus:
    return BackfillStatus(version, name, table, BackfillState.WAITING)


def key_words(columns: tuple[str, ...], key: Key) -> str:
    """``id = 42``, as people read it in a message."""
    return ", ".join(f"{column} = {value}" for column, value in zip(columns, key, strict=True))


def with_name(status: BackfillStatus, name: str) -> BackfillStatus:
    """The same under the name that the file has now."""
    return replace(status, name=name)
