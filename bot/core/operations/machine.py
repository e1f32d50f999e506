"""Promotion and rollback as steps. Pure: what happened goes in, what is next comes out.

A step is recorded planned → attempted → done. Whoever finds one attempted asks the world what
became of it before trying again: the process that attempted it may have been killed at any point.
The lock is given back, and the last word said, on every way through.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from bot.core.decision import Json
from bot.core.hosting import Build, HostTarget
from bot.core.model import Actor, RepoRef


class Kind(StrEnum):
    PROMOTE = "promote"
    ROLLBACK = "rollback"

    @property
    def noun(self) -> str:
        return "promotion" if self is Kind.PROMOTE else "rollback"


class StepName(StrEnum):
    GATES = "gates"
    LOCK = "lock"
    ANNOUNCE = "announce"
    """A GitHub deployment is made, in progress."""
    SWITCH = "switch"
    """The host is asked to move the domains."""
    SETTLE = "settle"
    """The host's job is watched to its end, and what it left behind is looked at."""
    VERIFY = "verify"
    """The production domain is asked what it serves."""
    RECORD = "record"
    """The ledger says what is live."""
    CONFIRM = "confirm"
    """The GitHub deployment becomes a success, or a failure."""
    RELEASE = "release"
    """The environment's lock is given back."""


STEPS: dict[Kind, tuple[StepName, ...]] = {
    Kind.PROMOTE: tuple(StepName),
    # A rollback asks no gate but the schema's, which chose its target: it must not wait.
    Kind.ROLLBACK: tuple(name for name in StepName if name is not StepName.GATES),
}
DIGEST_LENGTH = 12
"""Hexadecimal digits of a plan's digest: it tells plans apart, it keeps nobody from forging one."""
_UNDO_FROM = StepName.SWITCH
"""From here on production may have changed, so that a failure may call for a way back."""
_UNCHANGED = "unchanged"
"""Set in that step's detail when the host turned the request down."""
QUEUED = "queued"
"""Set there when the host took the request for later."""
SCHEMA = "schema_hash"
"""Set in the record's detail: the digest of the environment's schema when the build went live."""
_PATIENT = "patient"
"""Set in a step's detail once its wait has put the deadline off."""

RUN_FOR = timedelta(minutes=15)
"""How long an operation may take from when a wait with a time of its own has ended."""


class StepState(StrEnum):
    PLANNED = "planned"
    ATTEMPTED = "attempted"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class State(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"
    """For gates that may yet pass."""
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


ENDED = frozenset(set(State) - {State.RUNNING, State.WAITING})


@dataclass(frozen=True, slots=True)
class Step:
    name: StepName
    state: StepState = StepState.PLANNED
    started_at: datetime | None = None
    ended_at: datetime | None = None
    found: str = ""
    """What was seen, in plain words."""
    detail: dict[str, Json] = field(default_factory=dict)
    """What the step, or its repetition after a crash, needs to know again."""

    @property
    def untried(self) -> bool:
        """Whether nothing of it can have come about: see ``Failed.unchanged``."""
        return self.state is StepState.PLANNED or self.detail.get(_UNCHANGED) is True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. What a dry run shows is what a run does: their digests are the same."""

    kind: Kind
    environment: str
    target: HostTarget
    build: Build
    replaces: Build | None
    steps: tuple[StepName, ...]

    @property
    def digest(self) -> str:
        content = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]


def plan_operation(
    kind: Kind, environment: str, target: HostTarget, build: Build, replaces: Build | None
) -> Plan:
    return Plan(kind, environment, target, build, replaces, STEPS[kind])


@dataclass(frozen=True, slots=True)
class Operation:
    """One promotion or rollback. ``comment_id`` is the command's comment, ``progress_id`` ours."""

    id: int
    repo: RepoRef
    plan: Plan
    actor: Actor
    requested_at: datetime
    deadline: datetime
    """When it is given up; for one that waits, when the waiting ends."""
    pull_number: int = 0
    comment_id: int = 0
    progress_id: int = 0
    state: State = State.RUNNING
    steps: tuple[Step, ...] = ()
    ending: State | None = None
    """How it will end, once what is always done has been done."""
    outcome: str = ""
    """One plain sentence, with the state of production in it."""
    remedy: str = ""
    overrides: dict[str, str] = field(default_factory=dict)
    """Gates set aside by break-glass, with the reason given."""
    override_comments: dict[str, int] = field(default_factory=dict)
    """The comments that set them aside while it waited: each has one answer."""
    bound: bool = False
    """Whether it was asked for by its plan's digest: then it goes by that plan or not at all."""
    cancel_comment_id: int = 0
    """The comment that cancelled it."""
    when_ready: bool = False
    take_back: bool = True
    """Whether a promotion that cannot be verified puts back what was live before."""
    version: int = 0
    """Grows with each change that is stored."""
    concluded: bool = False
    """Whether what follows from its end (the audit entry, the news, the way back) has been done:
    until then it counts as open."""
    follows: int = 0
    """The operation that this one takes back, for a rollback the bot made by itself."""
    cause: str = ""
    """Why it made it, in plain words; empty where what it follows could not be verified."""
    policy_fault: str = ""
    """Why the policy in force could not be used when a rollback was asked for: it goes by the last
    good one then."""
    untold: str = ""
    """Why its comment cannot be written, in GitHub's words; empty where it can."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def last_change(self) -> datetime:
        """When its last step ended, or else when it was asked for."""
        ends = [step.ended_at for step in self.steps if step.ended_at]
        return max(ends, default=self.requested_at)

    @property
    def schema_hash(self) -> str:
        """Of the environment's database when the build went live; empty where nobody knows."""
        found = next((one for one in self.steps if one.name is StepName.RECORD), None)
        return str(found.detail.get(SCHEMA, "")) if found else ""

    def step(self, name: StepName) -> Step:
        return next(step for step in self.steps if step.name is name)

    def has(self, name: StepName, *states: StepState) -> bool:
        return any(step.name is name and step.state in states for step in self.steps)

    def begun(self, name: StepName) -> bool:
        """Whether a step was ever attempted, whatever became of it: also one that was skipped
        since, because the operation was headed for its end, may have had its effect."""
        return any(step.name is name and step.started_at is not None for step in self.steps)

    @property
    def production_may_have_changed(self) -> bool:
        """Not if every attempt was turned down for certain: see ``Failed.unchanged``."""
        return self.begun(_UNDO_FROM) and not self.step(_UNDO_FROM).detail.get(_UNCHANGED)

    @property
    def began_because(self) -> str:
        """Why the bot began it by itself; empty where somebody asked for it."""
        if self.cause or not self.follows:
            return self.cause
        return f"operation {self.follows} could not be verified"

    @property
    def was_needless(self) -> bool:
        """Whether it ended well with nothing done: see ``Already``."""
        return self.state is State.SUCCEEDED and not self.begun(_UNDO_FROM)

    @property
    def way_back(self) -> Build | None:
        """What the bot itself puts back because a promotion failed; None where nothing is."""
        needed = (
            self.plan.kind is Kind.PROMOTE
            and self.state is State.FAILED
            and self.take_back
            and self.production_may_have_changed
            and not self.has(StepName.RECORD, StepState.DONE)
        )
        return self.plan.replaces if needed else None

    @property
    def queued_at_host(self) -> bool:
        """Whether the host took the request for later, and was not seen to carry it out."""
        taken = self.has(_UNDO_FROM, StepState.DONE) and self.step(_UNDO_FROM).detail.get(QUEUED)
        return bool(taken) and not self.has(StepName.SETTLE, StepState.DONE)


def begin(operation: Operation) -> Operation:
    return replace(operation, steps=tuple(Step(name) for name in operation.plan.steps))


@dataclass(frozen=True, slots=True)
class Done:
    """The step is through."""

    found: str
    detail: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """Not yet: look again after ``delay``. ``found`` is what is being waited for.

    ``unchanged`` is as for ``Failed``: until a result says otherwise the step asks the host for
    nothing. ``patience`` is for what no deadline makes any sooner: from now on it may be waited for
    as long, however long the operation was to take.
    """

    delay: timedelta
    found: str
    detail: dict[str, Json] = field(default_factory=dict)
    unchanged: bool = False
    patience: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The step cannot be done. ``ending`` is how the operation ends because of it.

    ``unchanged`` is for the step that asks the host: it was not asked, or turned the request down,
    and no earlier attempt can have reached it. Production is what it was.
    """

    outcome: str
    remedy: str = ""
    ending: State = State.FAILED
    detail: dict[str, Json] = field(default_factory=dict)
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Already:
    """What the operation is to bring about is so, as ``outcome`` says: it ends well, and does
    nothing more."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Anew:
    """What an earlier ``step`` found may not be so any more: it is done again, and all since, by
    ``plan``, which has the steps of the one before. Nothing of them is left in the world."""

    step: StepName
    plan: Plan


Result: TypeAlias = Done | Again | Failed | Already | Anew


def next_step(operation: Operation) -> Step | None:
    """The step to do now; None when the operation has ended or has nothing left to do."""
    if operation.ended:
        return None
    for step in operation.steps:
        if step.state in (StepState.PLANNED, StepState.ATTEMPTED):
            return step
    return None


def attempt(operation: Operation, name: StepName, now: datetime) -> Operation:
    """Record that a step is about to be tried; its first start counts."""
    step = operation.step(name)
    started = step.started_at or now
    return _with(operation, replace(step, state=StepState.ATTEMPTED, started_at=started))


def record(operation: Operation, name: StepName, result: Result, now: datetime) -> Operation:
    """Record what became of a step.

    A failure skips what is left but what is always done; after the last step the operation has
    ended. A result that comes once the operation has ended changes nothing.
    """
    if operation.ended:
        return operation
    if isinstance(result, Anew):
        return _anew(operation, result, name, now)
    step = operation.step(name)
    if isinstance(result, Already):
        done = replace(step, state=StepState.DONE, ended_at=now)
        return fail(_with(operation, done), result.outcome, "", State.SUCCEEDED)
    detail = {**step.detail, **result.detail}
    unchanged = not isinstance(result, Done) and result.unchanged
    if unchanged or _UNCHANGED in detail:
        detail[_UNCHANGED] = unchanged
    match result:
        case Again(found=found, patience=patience):
            if patience and not detail.get(_PATIENT):
                detail[_PATIENT] = True
                operation = replace(operation, deadline=max(operation.deadline, now + patience))
            waiting = replace(step, found=found, detail=detail)
            state = State.WAITING if name is StepName.GATES else State.RUNNING
            return replace(_with(operation, waiting), state=state)
        case Done(found=found):
            done = replace(step, state=StepState.DONE, ended_at=now, found=found, detail=detail)
            operation = replace(_with(operation, done), state=State.RUNNING)
            if detail.get(_PATIENT) or (name is StepName.GATES and operation.when_ready):
                # That wait had its own time; from here on it is a run like any other.
                operation = replace(operation, deadline=now + RUN_FOR)
            return _settled(operation)
        case Failed(outcome=outcome, remedy=remedy, ending=ending):
            failed = replace(
                step, state=StepState.FAILED, ended_at=now, found=outcome, detail=detail
            )
            return fail(_with(operation, failed), outcome, remedy, ending)


def _anew(operation: Operation, result: Anew, until: StepName, now: datetime) -> Operation:
    """If it is headed for its end, nothing is done again."""
    if operation.ending is not None:
        return operation
    names = [step.name for step in operation.steps]
    again = names[names.index(result.step) : names.index(until) + 1]
    steps = tuple(Step(step.name) if step.name in again else step for step in operation.steps)
    deadline = max(operation.deadline, now + RUN_FOR)
    return replace(operation, plan=result.plan, steps=steps, deadline=deadline)


def fail(operation: Operation, outcome: str, remedy: str, ending: State) -> Operation:
    """Head for an end: what was not begun is skipped, what is always done is done first.

    The first failure gives the outcome; a failure on the way out does not change how it ends.
    """
    if operation.ended:
        return operation
    needed = {
        StepName.RELEASE: operation.begun(StepName.LOCK),
        StepName.CONFIRM: operation.begun(StepName.ANNOUNCE),
    }
    steps = tuple(
        replace(step, state=StepState.SKIPPED)
        if step.state in (StepState.PLANNED, StepState.ATTEMPTED)
        and not needed.get(step.name, False)
        else step
        for step in operation.steps
    )
    if operation.ending is None:
        operation = replace(operation, ending=ending, outcome=outcome, remedy=remedy)
    return _settled(replace(operation, steps=steps, state=State.RUNNING))


def _settled(operation: Operation) -> Operation:
    if any(step.state in (StepState.PLANNED, StepState.ATTEMPTED) for step in operation.steps):
        return operation
    if operation.ending is not None:
        return replace(operation, state=operation.ending)
    build, environment = operation.plan.build, operation.plan.environment
    outcome = f"{environment.capitalize()} serves {build.called}."
    return replace(operation, state=State.SUCCEEDED, outcome=outcome)


def _with(operation: Operation, changed: Step) -> Operation:
    steps = tuple(changed if step.name is changed.name else step for step in operation.steps)
    return replace(operation, steps=steps)
