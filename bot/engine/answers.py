"""What each command does, and what is answered to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.core.catalog import COMMANDS
from bot.core.commands.authority import Caller, authorise, head_moved
from bot.core.commands.near import nearest
from bot.core.commands.requests import (
    CancelRequest,
    FreezeRequest,
    GatesRequest,
    HelpRequest,
    LockRequest,
    Named,
    OverrideRequest,
    PromoteRequest,
    Refusal,
    Request,
    RetryRequest,
    RollbackRequest,
    ShaPrefix,
    StatusRequest,
    TagName,
    ThawRequest,
    UnlockRequest,
)
from bot.core.commits.config import CommitsConfig
from bot.core.decision import Verdict
from bot.core.hosting import (
    Build,
    BuildState,
    Freeze,
    HostTarget,
    LedgerEntry,
    Lock,
    Origin,
)
from bot.core.model import Actor, PullRef, Sha
from bot.core.operations.machine import (
    Kind,
    Operation,
    Plan,
    State,
    StepName,
    StepState,
    begin,
    fail,
    plan_operation,
)
from bot.core.operations.rollback_target import AlreadyLive, Chosen, choose_target
from bot.core.policy.environments import EnvironmentPolicy, OnFailure
from bot.core.promotion import pick_build
from bot.core.render import from_json
from bot.core.render.command import (
    EnvironmentStatus,
    render_already_live,
    render_cancelled,
    render_command_help,
    render_frozen,
    render_gates,
    render_help,
    render_locked,
    render_overridden,
    render_queued,
    render_refusal,
    render_status,
    render_thawed,
    render_unlocked,
    unknown_command,
)
from bot.core.render.operation import render_plan
from bot.engine.gather import Gatherer
from bot.engine.operate import ROLLBACK_WITHIN, Operator
from bot.ports import HubGone
from bot.ports.host import Host, HostError, HostUnavailable
from bot.ports.operations import CommandHub, OperationStore, PullFacts

_WAITS_FOR = timedelta(hours=24)
"""How long ``--when-ready`` waits for gates that may yet pass."""
_LEDGER = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and what surrounds it. ``policy_fault`` is why the policy in force cannot be used:
    ``environments`` are then those of the last good one."""

    ref: PullRef
    pull: PullFacts
    comment_id: int
    caller: Caller
    seen_head: Sha | None
    environments: Mapping[str, EnvironmentPolicy]
    commits: CommitsConfig
    policy_fault: str
    now: datetime

    @property
    def actor(self) -> Actor:
        return self.caller.actor


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is Markdown; empty where the operation's own comment is the answer."""

    text: str
    refused: bool = False


def refuse(refusal: Refusal) -> Answer:
    return Answer(render_refusal(refusal) if refusal.answered else "", refused=True)


@dataclass(frozen=True, slots=True)
class Answers:
    hub: CommandHub
    hosts: Mapping[str, Host]
    operations: OperationStore
    operator: Operator
    gatherer: Gatherer

    async def run(self, request: Request, asked: Asked) -> Answer:
        """Do what is asked for by somebody who may.

        Raises:
            HubUnavailable, HostUnavailable, StoreUnavailable: not known; to be run again.
        """
        try:
            return await self._run(request, asked)
        except HostUnavailable:
            raise
        except (HubGone, HostError) as error:
            remedy = getattr(error, "remedy", "") or "mend that, and type it again"
            return refuse(Refusal("This", f"{error}.", remedy))

    async def _run(self, request: Request, asked: Asked) -> Answer:
        match request:
            case PromoteRequest():
                return await self._promote(request, asked)
            case RollbackRequest():
                return await self._roll_back(request, asked)
            case StatusRequest():
                return await self._status(request, asked)
            case GatesRequest():
                return await self._gates(request, asked)
            case LockRequest() | UnlockRequest() | FreezeRequest() | ThawRequest():
                return await self._hold(request, asked)
            case OverrideRequest():
                return await self._override(request, asked)
            case CancelRequest(environment):
                return await self._cancel(environment, asked)
            case RetryRequest(environment):
                return await self._retry(environment, asked)
            case HelpRequest():
                return self._help(request, asked)

    async def _promote(self, request: PromoteRequest, asked: Asked) -> Answer:
        said = f"Promotion to {request.environment}"
        if asked.policy_fault:
            return refuse(
                Refusal(said, f"{asked.policy_fault}.", "Mend the policy on the base branch.")
            )
        policy = asked.environments[request.environment]
        target = self._target(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        build = await self._build_of(said, request.target, asked)
        if isinstance(build, Refusal):
            return refuse(build)
        build = await self._at_host(build, asked, target)
        live = (await self.operations.fetch_live(asked.ref.repo.id)).get(request.environment)
        if live and build.deployment_id and live.build.deployment_id == build.deployment_id:
            return Answer(render_already_live(request.environment, live.build, live))
        plan = plan_operation(
            Kind.PROMOTE, request.environment, target, build, live.build if live else None
        )
        if request.dry_run:
            decision = await self.gatherer.judge(
                asked.ref.repo, request.environment, policy, build, asked.commits, {}
            )
            since = live.live_from if live else None
            return Answer(render_plan(plan, decision, replaced_since=since))
        waits = _WAITS_FOR if request.when_ready else policy.timeout
        return await self._start(
            plan,
            asked,
            deadline=asked.now + waits,
            when_ready=request.when_ready,
            take_back=policy.on_failure is OnFailure.ROLLBACK,
        )

    async def _build_of(self, said: str, named: Named | None, asked: Asked) -> Build | Refusal:
        """The commit that is meant, by name or by the pull request."""
        pull = asked.pull
        if named is None and not pull.merged:
            moved = head_moved(said, asked.seen_head, pull.head_sha)
            if moved:
                return moved
        match named:
            case ShaPrefix(text=name) | TagName(name=name):
                pass
            case None:
                name = (pull.merge_sha if pull.merged else pull.head_sha) or pull.head_sha
        trunk, _ = await self.hub.fetch_trunk(asked.ref.repo)
        try:
            commit = await self.hub.fetch_commit(asked.ref.repo, name, trunk=trunk)
        except HubGone as error:
            return Refusal(said, f"{error}.", "Name a commit or a tag of this repository.")
        number = commit.pull_number or (asked.ref.number if named is None else 0)
        return Build(commit.commit.sha, tag=commit.tag, pull_number=number)

    async def _at_host(self, build: Build, asked: Asked, target: HostTarget) -> Build:
        """With the host's newest production build of the commit, where there is one."""
        builds = await self.hosts[target.host].fetch_builds(asked.ref.repo, target, build.sha)
        made = pick_build(builds, build.sha)
        return replace(build, deployment_id=made.id) if made else build

    async def _roll_back(self, request: RollbackRequest, asked: Asked) -> Answer:
        said = f"Rollback of {request.environment}"
        policy = asked.environments[request.environment]
        target = self._target(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        repo = asked.ref.repo
        ledger = await self.operations.fetch_ledger(repo.id, request.environment, limit=_LEDGER)
        recorded = ledger[0].build if ledger and ledger[0].live_until is None else None
        doubtful = await self._doubtful(asked, request.environment, ledger)
        live = doubtful or recorded
        candidates = frozenset(entry.build.deployment_id for entry in ledger)
        while True:
            choice = choose_target(
                ledger, request.environment, request.target, live, candidates, _goes_with_schema
            )
            if not isinstance(choice, Chosen):
                break
            # Only the one that was chosen is asked about: a rollback is to be quick.
            back_to_recorded = bool(doubtful) and choice.build == recorded
            if await self._can_be_put_back(choice, asked, target, live_maybe=back_to_recorded):
                break
            candidates -= {choice.build.deployment_id}
        if isinstance(choice, AlreadyLive):
            return Answer(render_already_live(request.environment, choice.build, None))
        if isinstance(choice, Refusal):
            return refuse(choice)
        plan = plan_operation(Kind.ROLLBACK, request.environment, target, choice.build, live)
        if request.dry_run:
            return Answer(render_plan(plan, replaced_since=ledger[0].live_from))
        return await self._start(plan, asked, deadline=asked.now + ROLLBACK_WITHIN)

    async def _doubtful(
        self, asked: Asked, environment: str, ledger: Sequence[LedgerEntry]
    ) -> Build | None:
        """What a promotion that is under way, or was never verified, may have put in place: a
        rollback then leads back to what the ledger says is live."""
        since = ledger[0].live_from if ledger else None
        for operation in await self.operations.fetch_operations(
            asked.ref.repo.id, environment=environment, limit=_LEDGER
        ):
            if operation.plan.kind is not Kind.PROMOTE:
                if operation.state is State.SUCCEEDED:
                    return None
                continue
            if since is not None and operation.requested_at < since and operation.ended:
                return None
            if operation.state is State.RUNNING or (
                operation.production_may_have_changed
                and not operation.has(StepName.RECORD, StepState.DONE)
            ):
                return operation.plan.build
        return None

    async def _can_be_put_back(
        self, choice: Chosen, asked: Asked, target: HostTarget, *, live_maybe: bool
    ) -> bool:
        """``live_maybe``: it may be live still, and hosts put back only what is not."""
        host = self.hosts[target.host]
        try:
            build = await host.fetch_build(asked.ref.repo, target, choice.build.deployment_id)
        except HostUnavailable:
            raise
        except HostError:
            return False
        return build.rollback_candidate or (live_maybe and build.state is BuildState.READY)

    async def _start(
        self,
        plan: Plan,
        asked: Asked,
        *,
        deadline: datetime,
        when_ready: bool = False,
        take_back: bool = True,
        overrides: Mapping[str, str] | None = None,
    ) -> Answer:
        repo = asked.ref.repo
        ahead = [
            other
            for other in await self.operations.fetch_operations(
                repo.id, environment=plan.environment, open_only=True
            )
            if not other.ended and other.comment_id != asked.comment_id
        ]
        operation, _ = await self.operations.add_operation(
            begin(
                Operation(
                    id=0,
                    repo=repo,
                    plan=plan,
                    actor=asked.actor,
                    requested_at=asked.now,
                    deadline=deadline,
                    pull_number=asked.ref.number,
                    comment_id=asked.comment_id,
                    when_ready=when_ready,
                    take_back=take_back,
                    overrides=dict(overrides or {}),
                )
            )
        )
        if plan.kind is Kind.PROMOTE and ahead:
            return Answer(render_queued(operation, ahead))
        return Answer("")

    async def _gates(self, request: GatesRequest, asked: Asked) -> Answer:
        said = f"The gates of {request.environment}"
        if asked.policy_fault:
            return refuse(Refusal(said, f"{asked.policy_fault}."))
        policy = asked.environments[request.environment]
        target = self._target(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        build = await self._build_of(said, ShaPrefix(asked.pull.head_sha), asked)
        if asked.pull.merged:
            build = await self._build_of(said, None, asked)
        if isinstance(build, Refusal):
            return refuse(build)
        build = await self._at_host(build, asked, target)
        decision = await self.gatherer.judge(
            asked.ref.repo, request.environment, policy, build, asked.commits, {}
        )
        return Answer(render_gates(request.environment, build, decision))

    async def _status(self, request: StatusRequest, asked: Asked) -> Answer:
        names = [request.environment] if request.environment else list(asked.environments)
        live = await self.operations.fetch_live(asked.ref.repo.id)
        statuses = [await self._status_of(name, live.get(name), asked) for name in names]
        return Answer(render_status(statuses, asked.now))

    async def _status_of(
        self, name: str, live: LedgerEntry | None, asked: Asked
    ) -> EnvironmentStatus:
        repo, target = asked.ref.repo, asked.environments[name].target
        status = EnvironmentStatus(
            name=name,
            domain=target.domain if target else "",
            live=live,
            lock=await self.operations.fetch_lock(repo.id, name),
            freezes=await self.operations.fetch_freezes(repo.id, name),
            open=tuple(
                await self.operations.fetch_operations(repo.id, environment=name, open_only=True)
            ),
            held_by_rollback=live is not None and live.origin is Origin.ROLLBACK,
        )
        if target is None or target.host not in self.hosts:
            return replace(status, unread="this server has no access to its host")
        host = self.hosts[target.host]
        try:
            project = await host.fetch_project(repo, target)
            serving = await host.fetch_serving(repo, target)
        except HostError as error:
            return replace(status, unread=str(error))
        drifted = live is not None and serving != live.build.deployment_id
        return replace(status, auto_assigns=project.auto_assigns, drift=serving if drifted else "")

    async def _hold(
        self, request: LockRequest | UnlockRequest | FreezeRequest | ThawRequest, asked: Asked
    ) -> Answer:
        repository_id, environment = asked.ref.repo.id, request.environment
        login = asked.actor.login
        match request:
            case LockRequest(reason=reason):
                before = await self.operations.fetch_lock(repository_id, environment)
                lock = Lock(environment, login, reason, asked.now)
                await self.operations.set_lock(repository_id, lock)
                return Answer(render_locked(lock, before))
            case UnlockRequest():
                held = await self.operations.fetch_lock(repository_id, environment)
                await self.operations.clear_lock(repository_id, environment)
                return Answer(render_unlocked(environment, held, login, asked.now))
            case FreezeRequest(until=until, reason=reason):
                freeze = Freeze(environment, login, reason, asked.now, until)
                await self.operations.add_freeze(repository_id, freeze)
                return Answer(render_frozen(freeze))
            case ThawRequest():
                ended = await self.operations.end_freezes(repository_id, environment)
                return Answer(render_thawed(environment, ended, login))

    async def _override(self, request: OverrideRequest, asked: Asked) -> Answer:
        """Break the glass for one operation: one that waits goes on, one that was refused is
        started anew."""
        said = f"Override of `{request.gate}`"
        held = next(
            (
                operation
                for operation in await self.operations.fetch_operations(
                    asked.ref.repo.id, environment=request.environment, limit=20
                )
                if _is_held_by(operation, request.gate)
            ),
            None,
        )
        if held is None:
            return refuse(
                Refusal(
                    said,
                    f"No promotion to {request.environment} is held by that gate.",
                    "Type `/promote` first; an override counts for one operation.",
                )
            )
        text = f"{asked.actor.login}: {request.reason}"
        if held.state is State.WAITING:
            await self.operator.change(
                held.id,
                lambda found: replace(found, overrides={**found.overrides, request.gate: text}),
            )
            await self.operator.wake(held)
        else:
            overrides = {**held.overrides, request.gate: text}
            policy = asked.environments[request.environment]
            await self._start(
                await self._anew(held),
                asked,
                deadline=asked.now + policy.timeout,
                take_back=held.take_back,
                overrides=overrides,
            )
        return Answer(render_overridden(held, request.gate, request.reason, asked.actor.login))

    async def _cancel(self, environment: str, asked: Asked) -> Answer:
        for operation in await self.operations.fetch_operations(
            asked.ref.repo.id, environment=environment, open_only=True
        ):
            if operation.production_may_have_changed or operation.ending is not None:
                continue
            outcome = f"Cancelled by {asked.actor.login}. {environment.capitalize()} is unchanged."
            cancelled = await self.operator.change(
                operation.id, partial(_cancelled, outcome=outcome)
            )
            if cancelled and cancelled.ending is State.CANCELLED:
                await self.operator.wake(operation)
                return Answer(render_cancelled(cancelled))
        return refuse(
            Refusal(
                f"Cancelling on {environment}",
                "No operation is under way there that has not reached the host yet.",
                "`/rollback` takes back what is live.",
            )
        )

    async def _retry(self, environment: str, asked: Asked) -> Answer:
        newest = [
            operation
            for operation in await self.operations.fetch_operations(
                asked.ref.repo.id, environment=environment, limit=_LEDGER
            )
            # What the bot took back by itself is no answer to what was asked for.
            if not (operation.follows and operation.state is State.SUCCEEDED)
        ]
        if not newest or not newest[0].ended or newest[0].state is State.SUCCEEDED:
            return refuse(
                Refusal(
                    f"Retry on {environment}",
                    "The last operation there did not end badly.",
                    "`/status` tells what is live.",
                )
            )
        last = newest[0]
        policy = asked.environments[environment]
        span = ROLLBACK_WITHIN if last.plan.kind is Kind.ROLLBACK else policy.timeout
        return await self._start(
            await self._anew(last), asked, deadline=asked.now + span, take_back=last.take_back
        )

    async def _anew(self, operation: Operation) -> Plan:
        """The same again, in place of what is live now."""
        plan = operation.plan
        live = (await self.operations.fetch_live(operation.repo.id)).get(plan.environment)
        return replace(plan, replaces=live.build if live else None)

    def _help(self, request: HelpRequest, asked: Asked) -> Answer:
        environment = next(iter(asked.environments), "")
        policy = asked.environments.get(environment)
        refusals = {
            command.name: authorise(command, environment, policy, asked.caller)
            for command in COMMANDS
        }
        if not request.command:
            return Answer(render_help(COMMANDS, refusals, environment))
        command = next((each for each in COMMANDS if each.name == request.command), None)
        if command is None:
            meant = nearest(request.command, [each.name for each in COMMANDS])
            return refuse(unknown_command(request.command, meant))
        return Answer(render_command_help(command, refusals[command.name]))

    def _target(self, said: str, policy: EnvironmentPolicy) -> HostTarget | Refusal:
        target = policy.target
        if target is None:
            return Refusal(
                said,
                "The policy does not say where that environment lives.",
                "Add `vercel` or `workflow` to it.",
            )
        if target.host not in self.hosts:
            return Refusal(
                said,
                f"This server has no access to {target.host}.",
                "Whoever runs it sets VERCEL_TOKEN; `lockgate doctor` checks it.",
            )
        return target


def _goes_with_schema(build: Build) -> str:
    """Until the schema of an environment is known nothing stands against any build."""
    return ""


def _is_held_by(operation: Operation, gate: str) -> bool:
    if operation.plan.kind is not Kind.PROMOTE or operation.state not in (
        State.WAITING,
        State.REFUSED,
    ):
        return False
    judged = operation.step(StepName.GATES).detail.get("decision")
    if not isinstance(judged, dict):
        return False
    return any(
        result.gate == gate and result.verdict not in (Verdict.PASS, Verdict.SKIP)
        for result in from_json(judged).results
    )


def _cancelled(operation: Operation, outcome: str) -> Operation:
    if operation.production_may_have_changed:
        return operation
    return fail(operation, outcome, "", State.CANCELLED)
