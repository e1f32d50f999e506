"""What the pages say of an environment's database: what is applied, what waits, what moves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.decision import Verdict
from bot.core.migrations.builds import KnownMigration
from bot.core.migrations.judgement import Judgement
from bot.core.migrations.model import Phase, Version
from bot.core.migrations.runs import Part, PartKind, PartState, Run, RunKind, RunState
from bot.core.phrases import counted, listed, quoted, say_time
from bot.core.schema.difference import Difference, digest_differences
from bot.core.schema.snapshot import MeantSchema, SchemaDigests
from bot.ports.database import AppliedMigration
from bot.web.pages.backfills import BackfillView, called
from bot.web.pages.databases import Answer, Unanswered

APPLIED_SHOWN = 100
RUNS_SHOWN = 5
OBJECTS_SHOWN = 20
"""Objects of a schema that differ, by name; more are counted."""

_PARTS: dict[PartState, tuple[Verdict, str]] = {
    PartState.PLANNED: (Verdict.SKIP, "to come"),
    PartState.RUNNING: (Verdict.WAIT, "under way"),
    PartState.DONE: (Verdict.PASS, "done"),
    PartState.FAILED: (Verdict.FAIL, "failed"),
}
_RUNS: dict[RunState, Verdict] = {
    RunState.RUNNING: Verdict.WAIT,
    RunState.SUCCEEDED: Verdict.PASS,
    RunState.FAILED: Verdict.FAIL,
    RunState.CANCELLED: Verdict.SKIP,
}


@dataclass(frozen=True, slots=True)
class AppliedView:
    """``phase`` is empty where nobody knows it."""

    version: Version
    name: str
    phase: str


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A migration that is not applied. ``against`` says who needs what a contract drops; None for
    what is no contract."""

    migration: KnownMigration
    environment: str
    against: Judgement | None = None

    @property
    def called(self) -> str:
        return called(self.migration.version, self.migration.name)

    @property
    def verdict(self) -> Verdict:
        if self.migration.phase is None:
            return Verdict.ERROR
        if self.against is None:
            return Verdict.WAIT
        if self.against.allowed:
            return Verdict.SKIP
        # That a build needs it is as it should be, and no failure.
        return Verdict.ERROR if self.against.verdict is Verdict.ERROR else Verdict.WAIT

    @property
    def state(self) -> str:
        if self.migration.phase is None:
            return "phase unknown"
        if self.against is None:
            return "to apply"
        return "may go" if self.against.allowed else "needed"

    @property
    def does(self) -> str:
        if self.migration.phase is None:
            return "nobody can tell its phase: mark it as `.expand.sql` or `.contract.sql`"
        if self.against is None:
            return "expand"
        hows = sorted({each.how for each in self.migration.taken_away})
        names = listed([quoted(each.name) for each in self.migration.taken_away])
        return f"contract: {names} {listed(hows)}" if names else "contract"

    @property
    def command(self) -> str:
        match self.migration.phase:
            case Phase.EXPAND:
                return f"/migrate {self.environment}"
            case Phase.CONTRACT:
                return f"/contract {self.migration.version} {self.environment}"
        return ""


@dataclass(frozen=True, slots=True)
class PartView:
    part: Part

    @property
    def called(self) -> str:
        return f"{self.part.kind.value} {called(self.part.version, self.part.name)}"

    @property
    def verdict(self) -> Verdict:
        return _PARTS[self.part.state][0]

    @property
    def state(self) -> str:
        return _PARTS[self.part.state][1]

    @property
    def percent(self) -> int | None:
        """Of a backfill that is under way."""
        part = self.part
        moving = part.kind is PartKind.BACKFILL and part.state is PartState.RUNNING
        return int(part.done * 100) if moving and part.done is not None else None

    @property
    def seconds(self) -> float | None:
        if self.part.started_at is None or self.part.ended_at is None:
            return None
        return max((self.part.ended_at - self.part.started_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class RunView:
    run: Run

    @property
    def verdict(self) -> Verdict:
        return _RUNS[self.run.state]

    @property
    def parts(self) -> tuple[PartView, ...]:
        return tuple(map(PartView, self.run.parts))

    @property
    def done(self) -> int:
        return sum(part.state is PartState.DONE for part in self.run.parts)

    @property
    def what(self) -> str:
        """``/migrate, run 7: 2 of 4 parts done``"""
        parts = counted(len(self.run.parts), "part")
        return f"/{self.run.kind.value}, run {self.run.id}: {self.done} of {parts} done"

    @property
    def sentence(self) -> str:
        """What became of it; empty while it is under way."""
        remedy = f" Next: {_ended(self.run.remedy)}" if self.run.remedy else ""
        return f"{_ended(self.run.outcome)}{remedy}" if self.run.outcome else ""

    @property
    def seconds(self) -> float | None:
        if self.run.ended_at is None:
            return None
        return max((self.run.ended_at - self.run.requested_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class SchemaView:
    """The schema in place beside the one that is meant. ``root`` is empty where it is not known."""

    verdict: Verdict
    state: str
    sentence: str
    root: str = ""
    objects: tuple[Difference, ...] = ()
    more_objects: int = 0
    past: tuple[Version, ...] = ()
    """Migrations in the ledger that went past Lockgate."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """One environment's database. ``fault`` says why it could not be read, and then nothing is
    known of what is in it; ``late`` is when it was read, where it was not just now."""

    environment: str
    path: str
    """Of the environment's own page; empty where there is none."""
    schema: SchemaView | None = None
    applied: tuple[AppliedView, ...] = ()
    """Newest first."""
    waiting: tuple[WaitingView, ...] = ()
    backfills: tuple[BackfillView, ...] = ()
    runs: tuple[RunView, ...] = ()
    unasked: bool = False
    """No command has asked for it yet: it is nobody's, and nothing is read of it."""
    fault: str = ""
    remedy: str = ""
    late: datetime | None = None

    @property
    def expands(self) -> tuple[WaitingView, ...]:
        return tuple(one for one in self.waiting if one.migration.phase is Phase.EXPAND)

    @property
    def contracts(self) -> tuple[WaitingView, ...]:
        return tuple(one for one in self.waiting if one.migration.phase is Phase.CONTRACT)

    @property
    def unclear(self) -> tuple[WaitingView, ...]:
        return tuple(one for one in self.waiting if one.migration.phase is None)

    @property
    def unsettled(self) -> tuple[BackfillView, ...]:
        return tuple(one for one in self.backfills if not one.settled)

    @property
    def proven(self) -> int:
        return sum(one.status.proven for one in self.backfills)

    @property
    def shown(self) -> tuple[AppliedView, ...]:
        return self.applied[:APPLIED_SHOWN]

    @property
    def moves(self) -> bool:
        return bool(self.runs) and not self.runs[0].run.ended

    @property
    def headline(self) -> tuple[Verdict, str]:
        """What stands, and how bad it is: what is stuck first, then what moves, then what waits."""
        if self.unasked:
            return Verdict.SKIP, "No command has asked for its database yet."
        if self.fault:
            return Verdict.ERROR, f"Its database could not be read: {self.fault}."
        failed = next((one for one in self.backfills if one.verdict is Verdict.FAIL), None)
        if failed:
            at = f" at {failed.percent} %" if failed.percent is not None else ""
            return Verdict.FAIL, f"Backfill {quoted(failed.called)} failed{at}."
        if self.moves:
            run = self.runs[0].run
            doing = "A contract is being applied" if run.kind is RunKind.CONTRACT else "It migrates"
            done = f"{self.runs[0].done} of {counted(len(run.parts), 'part')} done"
            return Verdict.WAIT, f"{doing}: {done}."
        if self.schema and self.schema.verdict in (Verdict.FAIL, Verdict.ERROR):
            return self.schema.verdict, self.schema.sentence
        if self.unclear:
            names = listed([quoted(one.called) for one in self.unclear])
            return Verdict.ERROR, f"Nobody can tell the phase of {names}."
        if self.runs and self.runs[0].run.state is RunState.FAILED:
            return Verdict.FAIL, f"The last run failed: {_ended(self.runs[0].run.outcome)}"
        return self._waits()

    def _waits(self) -> tuple[Verdict, str]:
        open_ = [
            counted(len(them), what)
            for them, what in ((self.expands, "expand"), (self.unsettled, "backfill"))
            if them
        ]
        if open_:
            one = len(self.expands) + len(self.unsettled) == 1
            return Verdict.WAIT, f"{listed(open_)} {'is' if one else 'are'} not done yet."
        if self.contracts:
            waits = "waits" if len(self.contracts) == 1 else "wait"
            contracts = f"{counted(len(self.contracts), 'contract')} {waits}"
            return Verdict.PASS, f"All expands and backfills are done; {contracts}."
        if not self.applied:
            return Verdict.SKIP, "No migration is applied, and none is known to wait."
        return Verdict.PASS, "All that is known of the trunk is applied."

    @property
    def next_command(self) -> str:
        """Empty where no command is the next thing to do."""
        if self.unasked:
            return f"/migrations {self.environment}"
        if self.fault or self.moves or self.unclear or self.headline[0] is not Verdict.WAIT:
            return ""
        return f"/migrate {self.environment}"


def view_applied(
    ledger: Sequence[AppliedMigration], known: Mapping[Version, KnownMigration]
) -> tuple[AppliedView, ...]:
    """The ledger, newest first, with what the trunk says of it."""
    found = []
    for one in ledger:
        trunk = known.get(one.version)
        phase = trunk.phase.value if trunk and trunk.phase else ""
        found.append(AppliedView(one.version, one.name or (trunk.name if trunk else ""), phase))
    return tuple(sorted(found, key=lambda one: one.version, reverse=True))


def view_schema(
    environment: str,
    found: Answer[SchemaDigests] | Unanswered,
    meant: MeantSchema | None,
    applied: Collection[Version],
    *,
    moves: bool,
) -> SchemaView:
    """``moves``: a run is under way, which changes the schema before it says what is meant."""
    if isinstance(found, Unanswered):
        said = f"Its schema could not be read: {found.reason}."
        return SchemaView(Verdict.ERROR, "could not be read", said, remedy=found.remedy)
    root = found.value.root
    if meant is None:
        said = "No schema is recorded yet to compare with: the next run records one."
        return SchemaView(Verdict.SKIP, "nothing to compare", said, root)
    recorded = f"recorded at {say_time(meant.at)} ({meant.cause})"
    if root == meant.root:
        return SchemaView(Verdict.PASS, "as meant", f"It is the one {recorded}.", root)
    if moves:
        said = "A run changes it now; what it leaves is what is meant from then on."
        return SchemaView(Verdict.WAIT, "changing", said, root)
    objects = digest_differences(meant.digests, found.value.objects) if meant.digests else ()
    unnamed = "" if objects else "; nobody can tell what differs"
    return SchemaView(
        Verdict.FAIL,
        "drift",
        f"Its schema is not the one {recorded}{unnamed}.",
        root,
        objects[:OBJECTS_SHOWN],
        max(0, len(objects) - OBJECTS_SHOWN),
        tuple(sorted(set(applied) - meant.applied)),
        f"undo it by hand, or comment `/migrate {environment} --accept-schema` if it is to stay",
    )


def _ended(sentence: str) -> str:
    """With a dot at its end."""
    return f"{sentence.rstrip('.')}."
