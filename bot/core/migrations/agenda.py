"""What is still to be done in a database, in order, and what waits for what. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.files import Folder
from bot.core.migrations.model import Backfill, Migration, Phase, Problem, Version
from bot.core.migrations.phases import phase_of
from bot.core.migrations.versions import version_in
from bot.core.phrases import counted


class Kind(StrEnum):
    EXPAND = "expand"
    BACKFILL = "backfill"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Item:
    """Something to do. It can be begun when it waits for nothing."""

    kind: Kind
    version: Version
    name: str
    path: str
    waits: tuple[str, ...] = ()
    """For what, in words."""
    migration: Migration | None = None
    backfill: Backfill | None = None
    status: BackfillStatus | None = None
    """Of a backfill that was begun."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """Expands first, then backfills, then contracts, each in the order of versions."""

    items: tuple[Item, ...]
    unknown: tuple[Version, ...]
    """In the ledger, and not in the folder."""
    problems: tuple[Problem, ...]

    def of(self, kind: Kind) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind is kind)


def plan_agenda(
    folder: Folder, applied: Collection[Version], statuses: Sequence[BackfillStatus]
) -> Agenda:
    """``folder`` as read with the same ``applied``; ``statuses``: the database's records."""
    known = {status.version: status for status in statuses}
    items, problems = [], list(folder.problems)
    for migration in folder.migrations:
        if migration.version in applied:
            continue
        phase = phase_of(migration)
        if isinstance(phase, Problem):
            problems.append(phase)
        elif phase is Phase.EXPAND:
            items.append(
                Item(
                    Kind.EXPAND,
                    migration.version,
                    migration.name,
                    migration.path,
                    migration=migration,
                )
            )
        else:
            items.append(_contract(migration, folder, applied, known))
    for backfill in folder.backfills:
        status = known.get(backfill.version)
        if status is None or not status.progress.settled(needed=backfill.needed):
            items.append(_backfill(backfill, status, applied))
    order = list(Kind)
    items.sort(key=lambda item: (order.index(item.kind), item.version))
    files = {migration.version for migration in folder.migrations}
    # A file that could not be read is there all the same.
    files |= {version_in(problem.path) for problem in problems}
    unknown = tuple(version for version in sorted(applied) if version not in files)
    return Agenda(tuple(items), unknown, tuple(problems))


def _contract(
    migration: Migration,
    folder: Folder,
    applied: Collection[Version],
    known: Mapping[Version, BackfillStatus],
) -> Item:
    names = {one.version: one.name for one in folder.backfills}
    names |= {one.version: one.name for one in folder.migrations}
    waits = [
        f"backfill {version} {names.get(version, '')}".rstrip()
        for version in migration.requires_backfills
        if version not in known or not known[version].proven
    ] + [
        f"contract {version} {names.get(version, '')}".rstrip()
        for version in migration.requires_contracts
        if version not in applied
    ]
    if migration.requires_build:
        waits.append(f"every build in use to have {migration.requires_build[:7]}")
    if migration.requires_flag_off:
        waits.append(f"the flag {migration.requires_flag_off} to be off")
    return Item(
        Kind.CONTRACT,
        migration.version,
        migration.name,
        migration.path,
        tuple(waits),
        migration=migration,
    )


def _backfill(
    backfill: Backfill, status: BackfillStatus | None, applied: Collection[Version]
) -> Item:
    waits = [] if backfill.after in applied else [f"expand {backfill.after}"]
    stopped = {
        BackfillState.FAILED: "somebody to mend it and `resume` it",
        BackfillState.CANCELED: "somebody to `resume` it: it was canceled",
        BackfillState.FINISHED: "somebody to judge it: it ended, and that is not proven",
    }
    if status is not None and status.paused_by:
        waits.append(f"{status.paused_by} to `resume` it: {status.why}")
    elif status is not None and status.state in stopped:
        waits.append(stopped[status.state])
    return Item(
        Kind.BACKFILL,
        backfill.version,
        backfill.name,
        backfill.path,
        tuple(waits),
        backfill=backfill,
        status=status,
    )


def describe_status(status: BackfillStatus) -> str:
    """How far a backfill is, in a line: ``running, 83 %, 41,500 of 50,000 rows``."""
    if status.state is BackfillState.FINISHED:
        proof = "no row is left" if status.proven else "not proven"
        return f"finished, {proof}, {status.changed:,} of {status.visited:,} rows changed"
    words = [status.state.value]
    if status.done is not None and status.batches:
        words.append(f"{int(status.done * 100)} %")
    if status.batches:
        words.append(f"{status.visited:,} of {counted_rows(max(status.total, status.visited))}")
    return ", ".join(words)


def counted_rows(number: int) -> str:
    """``1 row``, ``5,000 rows``."""
    return counted(number, "row") if number < 1000 else f"{number:,} rows"
