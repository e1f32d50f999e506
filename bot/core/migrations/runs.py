"""A run of database changes that somebody asked for: what it does, part by part. Pure.

``/migrate`` applies the expands that are not applied yet and then runs the backfills that are not
proven; ``/contract`` applies one contract. A run is made of the trunk as it was when it was asked
for. A part is recorded before it is begun and after it ended; each can be begun again at any point.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.core.migrations.builds import DatabaseState, KnownMigration
from bot.core.migrations.model import Backfill, Phase, Version
from bot.core.model import Actor, RepoRef, Sha


class RunKind(StrEnum):
    MIGRATE = "migrate"
    CONTRACT = "contract"


class RunState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PartKind(StrEnum):
    MIGRATION = "migration"
    BACKFILL = "backfill"


class PartState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Part:
    kind: PartKind
    version: Version
    name: str
    state: PartState = PartState.PLANNED
    found: str = ""
    """What was seen, in plain words."""
    done: float | None = None
    """How far a backfill is, from 0 to 1; None where nobody can tell."""
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """``comment_id`` is the command's comment; ``revision`` counts what was written of it."""

    id: int
    repo: RepoRef
    environment: str
    kind: RunKind
    sha: Sha
    """The commit of the trunk whose files are run."""
    actor: Actor
    requested_at: datetime
    pull_number: int
    comment_id: int
    parts: tuple[Part, ...]
    state: RunState = RunState.RUNNING
    outcome: str = ""
    """One plain sentence."""
    remedy: str = ""
    schema_before: str = ""
    schema_after: str = ""
    """Root digests of the environment's schema."""
    ended_at: datetime | None = None
    cancel_comment_id: int = 0
    """The comment that cancelled it."""
    revision: int = 0

    @property
    def ended(self) -> bool:
        return self.state is not RunState.RUNNING

    @property
    def next_part(self) -> Part | None:
        return next((part for part in self.parts if part.state is not PartState.DONE), None)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would do. ``unclear`` are migrations that nobody can tell the phase of: with any
    of them nothing is run."""

    parts: tuple[Part, ...]
    unclear: tuple[KnownMigration, ...] = ()
    contracts: tuple[KnownMigration, ...] = field(default=())
    """Not applied either, and left for ``/contract``."""


def plan_migrate(
    migrations: Mapping[Version, KnownMigration],
    backfills: Iterable[Backfill],
    database: DatabaseState,
) -> Planned:
    """Expands in the order of their versions, then backfills in the order of theirs."""
    pending = [one for _, one in sorted(migrations.items()) if one.version not in database.applied]
    expands = [one for one in pending if one.phase is Phase.EXPAND]
    unsettled = [
        one
        for one in sorted(backfills, key=lambda each: each.version)
        if not ((known := database.backfills.get(one.version)) and known.settled(needed=one.needed))
    ]
    return Planned(
        (
            *(Part(PartKind.MIGRATION, one.version, one.name) for one in expands),
            *(Part(PartKind.BACKFILL, one.version, one.name) for one in unsettled),
        ),
        tuple(one for one in pending if one.phase is None),
        tuple(one for one in pending if one.phase is Phase.CONTRACT),
    )


def with_part(run: Run, part: Part) -> Run:
    """The run with a part as it is now; parts are known by kind and version."""
    return replace(
        run,
        parts=tuple(
            part if (each.kind, each.version) == (part.kind, part.version) else each
            for each in run.parts
        ),
    )


def begun(run: Run, part: Part, now: datetime) -> Run:
    started = part.started_at or now
    return with_part(run, replace(part, state=PartState.RUNNING, started_at=started))


def ended(run: Run, state: RunState, now: datetime, outcome: str, remedy: str = "") -> Run:
    return replace(run, state=state, outcome=outcome, remedy=remedy, ended_at=now)
