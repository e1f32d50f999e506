"""What the pages say of environments and operations: what is live, what moves, what holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request

from bot.core.decision import Verdict
from bot.core.hosting import Build, Freeze, LedgerEntry, Lock, Origin
from bot.core.operations.ending import decision_of
from bot.core.operations.machine import Kind, Operation, State, Step, StepName, StepState
from bot.core.operations.outside import unsettled
from bot.core.policy import Policy
from bot.core.render.watch import so_far
from bot.core.slo.watching import Watch, WatchState
from bot.ports.environments import EnvironmentState, KnownRepository
from bot.web.pages.gates import GateView, view_gate
from bot.web.pages.pages import Site
from bot.web.viewer import Repository

OPERATIONS_SHOWN = 10
LEDGER_SHOWN = 20
OPEN_READ = 500
"""Read where a reader may not see all, so that the rest does not push out what they may see."""
DECISIONS_READ = 50
"""Operations looked through for the newest decision of an environment."""

_WORDS: dict[StepName, str] = {
    StepName.GATES: "ask the gates",
    StepName.LOCK: "take the lock of the environment",
    StepName.ANNOUNCE: "open a GitHub deployment",
    StepName.SWITCH: "ask the host to move the domains",
    StepName.SETTLE: "wait until the host has moved them",
    StepName.VERIFY: "verify what the production domain serves",
    StepName.RECORD: "write it to the ledger",
    StepName.CONFIRM: "close the GitHub deployment",
    StepName.RELEASE: "give the lock back",
}
_STEPS: dict[StepState, tuple[Verdict, str]] = {
    StepState.PLANNED: (Verdict.SKIP, "to come"),
    StepState.ATTEMPTED: (Verdict.WAIT, "under way"),
    StepState.DONE: (Verdict.PASS, "done"),
    StepState.FAILED: (Verdict.FAIL, "failed"),
    StepState.SKIPPED: (Verdict.SKIP, "left out"),
}
_STATES: dict[State, Verdict] = {
    State.RUNNING: Verdict.WAIT,
    State.WAITING: Verdict.WAIT,
    State.SUCCEEDED: Verdict.PASS,
    State.REFUSED: Verdict.FAIL,
    State.FAILED: Verdict.FAIL,
    State.CANCELLED: Verdict.SKIP,
    State.SUPERSEDED: Verdict.SKIP,
}


@dataclass(frozen=True, slots=True)
class StepView:
    """``seconds`` is how long it took, None while it has not ended."""

    name: str
    words: str
    verdict: Verdict
    state: str
    found: str
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return max((self.ended_at - self.started_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class OperationView:
    operation: Operation
    repository: str
    """As it is called now; the operation knows what it was called then."""
    steps: tuple[StepView, ...]
    gates: tuple[GateView, ...] | None
    """None where no decision was made, or none that can be read."""
    now_live: Build | None = None
    """What went live there after it had ended; None where nothing did."""

    @property
    def path(self) -> str:
        return f"/operations/{self.operation.id}"

    @property
    def verdict(self) -> Verdict:
        return _STATES[self.operation.state]

    @property
    def state(self) -> str:
        if self.operation.ending is not None and not self.operation.ended:
            return "ending"
        return self.operation.state.value

    @property
    def build(self) -> Build:
        return self.operation.plan.build

    @property
    def what(self) -> str:
        """``promotion of v1.5.0 to production``."""
        plan = self.operation.plan
        named = plan.build.called
        if plan.kind is Kind.PROMOTE:
            return f"promotion of {named} to {plan.environment}"
        return f"rollback of {plan.environment} to {named}"

    @property
    def title(self) -> str:
        return self.what[0].upper() + self.what[1:]

    @property
    def sentence(self) -> str:
        """What became of it, or what is being done and waited for now."""
        operation = self.operation
        if self.now_live is not None and operation.state is State.SUCCEEDED:
            place = operation.plan.environment.capitalize()
            served, serves = self.build.called, self.now_live.called
            return f"{place} served {served} then, and serves {serves} now."
        if operation.ended:
            return operation.outcome or f"The {self.what} ended as {operation.state.value}."
        now = self.now
        if operation.ending is not None:
            start = f"It is ending: {operation.outcome.rstrip('.')}."
        elif operation.state is State.WAITING:
            start = "It waits for gates that may yet pass."
        else:
            start = "It is under way."
        if now is None:
            return f"{start} A worker has yet to take it up."
        return f"{start} Now: {now.words}" + (f" ({now.found})." if now.found else ".")

    @property
    def now(self) -> StepView | None:
        """The step under way, or else the next one."""
        steps = [step for step in self.steps if step.state in ("under way", "to come")]
        return steps[0] if steps else None

    @property
    def took(self) -> float | None:
        """Seconds from the command to the last step's end."""
        if not self.operation.ended or not any(step.ended_at for step in self.steps):
            return None
        span = self.operation.last_change - self.operation.requested_at
        return max(span.total_seconds(), 0.0)

    @property
    def asked_by(self) -> str:
        return self.operation.actor.login

    @property
    def overrides(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self.operation.overrides.items()))

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """What to comment on the pull request to go on, each with what it does. Once something
        else is live a command would be about that."""
        operation, environment = self.operation, self.operation.plan.environment
        status = (f"/status {environment}", "see what is live now")
        promoting = operation.plan.kind is Kind.PROMOTE
        if not operation.ended:
            return ((f"/cancel {environment}", "stop it, as far as it can be stopped"),)
        if operation.state is State.SUPERSEDED or self.now_live is not None:
            return (status,)
        if operation.state is State.SUCCEEDED:
            if promoting:
                return ((f"/rollback {environment}", "put back what was live before"),)
            return ((f"/promote {environment}", "put a newer build in place again"),)
        retry = (f"/retry {environment}", "try the same again")
        return (retry, status)


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """``warning`` is empty, or says that builds go live past the gates; ``doubted`` ended, and
    since then nobody knows what is served."""

    repository: str
    repository_id: int
    name: str
    live: LedgerEntry | None
    lock: Lock | None
    freezes: tuple[Freeze, ...]
    operation: OperationView | None
    """The one that is under way."""
    warning: str = ""
    doubted: Operation | None = None
    watch: Watch | None = None
    """The one over what is live, while it has not ended."""

    @property
    def seen(self) -> str:
        """What that has seen so far, in a few words."""
        return so_far(self.watch) if self.watch else ""

    @property
    def path(self) -> str:
        return environment_path(self.repository, self.name)

    @property
    def held_by_rollback(self) -> bool:
        return self.live is not None and self.live.holds_releases

    @property
    def verdict(self) -> Verdict:
        if self.live is None:
            return Verdict.SKIP
        if self.live.origin is Origin.OUTSIDE:
            return Verdict.FAIL
        return Verdict.PASS if self.live.verified_at else Verdict.ERROR

    @property
    def health(self) -> str:
        if self.live is None:
            return "nothing recorded"
        if self.live.origin is Origin.OUTSIDE:
            return "moved past the bot"
        return "verified" if self.live.verified_at else "never verified"

    @property
    def stopped(self) -> bool:
        """Whether somebody's word holds it, or what nobody knows."""
        said = self.lock is not None or bool(self.freezes)
        return said or self.held_by_rollback or self.doubted is not None


def environment_path(repository: str, name: str) -> str:
    return f"/repos/{repository}/environments/{quote(name, safe='')}"


def view_operation(
    operation: Operation, repository: str = "", live: LedgerEntry | None = None
) -> OperationView:
    """``live`` is what is live in its environment by the ledger, where the reader is to be told
    what came after it."""
    decision = decision_of(operation)
    came_later = (
        live is not None
        and operation.ended
        and live.operation_id != operation.id
        and live.live_from > operation.last_change
    )
    return OperationView(
        operation=operation,
        repository=repository or operation.repo.full_name,
        steps=tuple(map(_view_step, operation.steps)),
        gates=None if decision is None else tuple(map(view_gate, decision.results)),
        now_live=live.build if live is not None and came_later else None,
    )


async def live_by_environment(site: Site, repository_id: int) -> dict[str, LedgerEntry]:
    states = await site.environments.fetch_environments(repository_id)
    return {state.name: state.live for state in states if state.live is not None}


def _view_step(step: Step) -> StepView:
    verdict, state = _STEPS[step.state]
    return StepView(
        step.name.value,
        _WORDS[step.name],
        verdict,
        state,
        step.found,
        step.started_at,
        step.ended_at,
    )


def warning_of(operations: Sequence[Operation]) -> str:
    """What the newest decision knows of builds that go live by themselves; empty for nothing."""
    for operation in operations:
        decision = decision_of(operation)
        for result in decision.results if decision else ():
            if "auto_assigns" in result.evidence:
                if not result.evidence["auto_assigns"]:
                    return ""
                return next(
                    (item.message for item in result.findings if "auto-assigned" in item.rule),
                    "new production builds go live by themselves, so that no gate holds them",
                )
    return ""


async def readable_repositories(
    site: Site, request: Request, known: Sequence[KnownRepository]
) -> dict[int, KnownRepository]:
    """Those that the reader may see, by id."""
    by_id = {each.repo.id: each for each in known}
    asked = [Repository(id_, by_id[id_].private) for id_ in sorted(by_id)]
    readable = await site.viewer.readable(request, asked)
    return {id_: each for id_, each in by_id.items() if id_ in readable}


@dataclass(frozen=True, slots=True)
class Shipped:
    """Environments and open operations, of all repositories or of one."""

    environments: tuple[EnvironmentView, ...] = ()
    open: tuple[OperationView, ...] = ()

    @property
    def unhealthy(self) -> int:
        return sum(each.verdict in (Verdict.FAIL, Verdict.ERROR) for each in self.environments)

    @property
    def stopped(self) -> int:
        return sum(each.stopped for each in self.environments)

    @property
    def live(self) -> int:
        return sum(each.live is not None for each in self.environments)


async def view_shipped(site: Site, request: Request, repository_id: int = 0) -> Shipped:
    """What the reader may see of it, the environments in the order of their names."""
    states = await site.environments.fetch_environments(repository_id)
    operations = await site.operations.fetch_operations(
        repository_id, open_only=True, limit=OPEN_READ
    )
    ids = {state.repository_id for state in states} | {one.repo.id for one in operations}
    known = await readable_repositories(
        site, request, await site.environments.fetch_repositories(sorted(ids))
    )
    views = {
        operation.id: view_operation(operation, known[operation.repo.id].repo.full_name)
        for operation in operations
        if operation.repo.id in known
    }
    watches = await running_watches(site, repository_id)
    environments = [
        view_environment(state, known[state.repository_id], views, watches)
        for state in states
        if state.repository_id in known
    ]
    environments.sort(key=lambda each: (each.repository.lower(), each.name))
    return Shipped(tuple(environments), tuple(views.values()))


async def running_watches(
    site: Site, repository_id: int = 0, environment: str = ""
) -> dict[tuple[int, str], Watch]:
    """By the repository's id, and the environment."""
    return {
        (watch.repo.id, watch.environment): watch
        for watch in await site.watches.fetch_open_watches(repository_id, environment)
        if watch.state is WatchState.WATCHING
    }


def view_environment(
    state: EnvironmentState,
    known: KnownRepository,
    operations: Mapping[int, OperationView],
    watches: Mapping[tuple[int, str], Watch],
) -> EnvironmentView:
    """The operation that holds it, or else the newest that waits for it."""
    holding = operations.get(state.holder or 0)
    waiting = [
        view
        for view in operations.values()
        if (view.operation.repo.id, view.operation.plan.environment)
        == (state.repository_id, state.name)
    ]
    return EnvironmentView(
        repository=known.repo.full_name,
        repository_id=state.repository_id,
        name=state.name,
        live=state.live,
        lock=state.lock,
        freezes=state.freezes,
        operation=holding or (waiting[0] if waiting else None),
        watch=watches.get((state.repository_id, state.name)),
    )


def with_newest(view: EnvironmentView, operations: Sequence[Operation]) -> EnvironmentView:
    """With what the newest operations on it, newest first, tell of it."""
    doubted = unsettled(operations, view.live)
    return replace(
        view,
        warning=warning_of(operations),
        doubted=doubted if doubted and doubted.ended else None,
    )


async def with_all_newest(site: Site, shipped: Shipped) -> Shipped:
    environments = []
    for each in shipped.environments:
        operations = await site.operations.fetch_operations(
            each.repository_id, environment=each.name, limit=DECISIONS_READ
        )
        environments.append(with_newest(each, operations))
    return replace(shipped, environments=tuple(environments))


async def databases_of(site: Site, repository_id: int) -> dict[str, bool]:
    """The environments of a repository that have a database, each with whether that is the
    repository's already: one that no command asked for is nobody's yet, and is not read."""
    policy = await remembered_policy(site, repository_id)
    bindings = await site.schemas.fetch_bindings()
    states = await site.environments.fetch_environments(repository_id)
    named = {state.name for state in states} | set(policy.environments if policy else ())
    free = (named & site.looks.names) - bindings.keys()
    bound = {name for name, owner in bindings.items() if owner == repository_id}
    return {name: name in bound for name in sorted(bound | free)}


async def remembered_policy(site: Site, repository_id: int) -> Policy | None:
    """The last that could be used; None also where another release wrote it in a way that this one
    cannot read."""
    remembered = await site.operations.fetch_policy(repository_id)
    try:
        return Policy.model_validate_json(remembered[0]) if remembered else None
    except ValueError:
        return None
