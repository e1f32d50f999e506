"""Commands that move an environment: promote, roll back, set a gate aside, cancel, retry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from bot.core.commands.requests import (
    OverrideRequest,
    PromoteRequest,
    Refusal,
    RollbackRequest,
    StepsBack,
)
from bot.core.hosting import Build, HostTarget, LedgerEntry
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
from bot.core.operations.outside import unsettled
from bot.core.operations.rollback_target import (
    AlreadyLive,
    call,
    is_named,
    taken_back_since,
)
from bot.core.operations.setting_aside import choose_held
from bot.core.operations.turn import is_done, plan_by_now, replaced_by
from bot.core.phrases import say_time
from bot.core.policy.environments import OnFailure
from bot.core.render.command import (
    nothing_to_cancel,
    nothing_to_retry,
    render_already_live,
    render_cancelled,
    render_overridden,
    render_queued,
)
from bot.core.render.operation import render_plan
from bot.engine.asked import Answer, Asked, refuse
from bot.engine.builds import Builds
from bot.engine.gather import Gatherer
from bot.engine.operate import ROLLBACK_WITHIN, WAITS_FOR, Operator
from bot.engine.way_back import WayBack
from bot.ports.host import Host
from bot.ports.operations import OperationStore

_LEDGER = 50
_WHOLE_LEDGER = 10_000
"""Years of promotions. A build that is named may have been live long ago."""


@dataclass(frozen=True, slots=True)
class Moves:
    hosts: Mapping[str, Host]
    operations: OperationStore
    operator: Operator
    gatherer: Gatherer
    builds: Builds
    way_back: WayBack

    async def promote(self, request: PromoteRequest, asked: Asked) -> Answer:
        said = f"Promotion to {request.environment}"
        if asked.policy_fault:
            return _without_policy(said, asked)
        policy = asked.environments[request.environment]
        target = self.builds.target_of(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        build = await self.builds.build_of(said, request.target, asked)
        if isinstance(build, Refusal):
            return refuse(build)
        build = await self.builds.at_host(build, asked, target)
        live = (await self.operations.fetch_live(asked.ref.repo.id)).get(request.environment)
        doubted = unsettled(
            await self.operations.fetch_operations(
                asked.ref.repo.id, environment=request.environment
            ),
            live,
        )
        if live and is_done(build, live, doubted):
            return Answer(render_already_live(request.environment, live.build, live))
        plan = plan_operation(
            Kind.PROMOTE, request.environment, target, build, replaced_by(build, live)
        )
        if (other := _other_plan(said, request.plan, plan)) is not None:
            return refuse(other)
        if request.dry_run:
            decision = await self.gatherer.judge(
                asked.ref.repo, request.environment, policy, build, asked, {}
            )
            since = live.live_from if live else None
            return Answer(render_plan(plan, decision, replaced_since=since))
        waits = WAITS_FOR if request.when_ready else policy.timeout
        return await self._start(
            plan,
            asked,
            deadline=asked.now + waits,
            when_ready=request.when_ready,
            bound=bool(request.plan),
            take_back=policy.on_failure is OnFailure.ROLLBACK,
        )

    async def roll_back(self, request: RollbackRequest, asked: Asked) -> Answer:
        said = f"Rollback of {request.environment}"
        policy = asked.environments[request.environment]
        target = self.builds.target_of(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        repo = asked.ref.repo
        ledger = await self._ledger(repo.id, request)
        recorded = ledger[0].build if ledger and ledger[0].live_until is None else None
        doubtful = await self._doubtful(asked, request.environment, ledger)
        live = doubtful or recorded
        meant = doubtful or request.dry_run or request.plan
        if not meant and (back := taken_back_since(ledger, request.target, asked.typed_at)):
            at = say_time(back.live_from)
            against = f"`{call(back.build)}` was put back at {at}, after this was typed."
            return refuse(Refusal(said, against, "To go further back, type it again."))
        choice = await self.way_back.choose(
            repo,
            request.environment,
            target,
            asked.migrations,
            ledger,
            request.target,
            doubtful,
            await self._under_way(asked, request.environment),
        )
        if isinstance(choice, Refusal):
            return refuse(choice)
        if isinstance(choice, AlreadyLive) and (
            doubtful or not await self._elsewhere(choice.build, asked, target)
        ):
            return Answer(render_already_live(request.environment, choice.build, None))
        plan = plan_operation(Kind.ROLLBACK, request.environment, target, choice.build, live)
        if (other := _other_plan(said, request.plan, plan)) is not None:
            return refuse(other)
        if request.dry_run:
            since = ledger[0].live_from
            return Answer(render_plan(plan, replaced_since=since, policy_fault=asked.policy_fault))
        return await self._start(plan, asked, deadline=asked.now + ROLLBACK_WITHIN)

    async def _ledger(self, repository_id: int, request: RollbackRequest) -> list[LedgerEntry]:
        """Newest first: the last entries, and all that the request names, if it names a build."""
        wanted = request.target
        if wanted is None or isinstance(wanted, StepsBack):
            return await self.operations.fetch_ledger(
                repository_id, request.environment, limit=_LEDGER
            )
        ledger = await self.operations.fetch_ledger(
            repository_id, request.environment, limit=_WHOLE_LEDGER
        )
        older = (entry for entry in ledger[_LEDGER:] if is_named(entry.build, wanted))
        return [*ledger[:_LEDGER], *older]

    async def _doubtful(
        self, asked: Asked, environment: str, ledger: Sequence[LedgerEntry]
    ) -> Build | None:
        """What a promotion that has the environment, or was never verified, may have put in place:
        a rollback then leads back to what the ledger says is live. One that waits has not."""
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
            has_it = not operation.ended and operation.has(StepName.LOCK, StepState.DONE)
            if has_it or (
                operation.production_may_have_changed
                and not operation.has(StepName.RECORD, StepState.DONE)
            ):
                return operation.plan.build
        return None

    async def _under_way(self, asked: Asked, environment: str) -> list[Build]:
        """What is being put back, or was and could not be verified: the host may serve it though
        the ledger does not say so."""
        builds: list[Build] = []
        for operation in await self.operations.fetch_operations(
            asked.ref.repo.id, environment=environment, limit=_LEDGER
        ):
            if operation.has(StepName.RECORD, StepState.DONE):
                break
            if operation.plan.kind is Kind.ROLLBACK and (
                operation.production_may_have_changed or not operation.ended
            ):
                builds.append(operation.plan.build)
        return builds

    async def _elsewhere(self, build: Build, asked: Asked, target: HostTarget) -> bool:
        """Whether a domain leads elsewhere, though the ledger has it that the build is live."""
        host = self.hosts[target.host]
        return bool(await host.fetch_elsewhere(asked.ref.repo, target, build.deployment_id))

    async def override(self, request: OverrideRequest, asked: Asked) -> Answer:
        """Break the glass for one operation: one that waits goes on, one that was refused is
        started anew."""
        repository_id, name = asked.ref.repo.id, request.environment
        operations = await self.operations.fetch_operations(repository_id, environment=name)
        done = next((one for one in operations if _is_set_aside(one, request.gate, asked)), None)
        said = f"Override of `{request.gate}`"
        if asked.policy_fault and done is None:
            return _without_policy(said, asked)
        held = done or choose_held(
            operations,
            (await self.operations.fetch_live(repository_id)).get(name),
            environment=name,
            gate=request.gate,
            pull_number=asked.ref.number,
        )
        if isinstance(held, Refusal):
            return refuse(held)
        text = f"{asked.actor.login}: {request.reason}"
        if done is not None:  # and a worker was killed since
            await self.operator.wake(done)
        elif held.state is State.WAITING:
            await self.operator.change(
                held.id,
                lambda found: replace(
                    found,
                    overrides={**found.overrides, request.gate: text},
                    override_comments={**found.override_comments, request.gate: asked.comment_id},
                ),
            )
            await self.operator.wake(held)
        else:
            overrides = {**held.overrides, request.gate: text}
            begun = await self._anew(said, held, asked, overrides=overrides)
            if begun.refused:
                return begun
        return Answer(render_overridden(held, request.gate, request.reason, asked.actor.login))

    async def cancel(self, environment: str, asked: Asked) -> Answer:
        for operation in await self.operations.fetch_operations(
            asked.ref.repo.id, environment=environment, limit=_LEDGER
        ):
            if operation.cancel_comment_id == asked.comment_id:  # and a worker was killed since
                await self.operator.wake(operation)
                return Answer(render_cancelled(operation))
        under_way = await self.operations.fetch_operations(
            asked.ref.repo.id, environment=environment, open_only=True
        )
        # What was begun where this is typed is meant before what somebody began elsewhere.
        for operation in sorted(under_way, key=lambda one: one.pull_number != asked.ref.number):
            if operation.production_may_have_changed or operation.ending is not None:
                continue
            outcome = f"Cancelled by {asked.actor.login}. {environment.capitalize()} is unchanged."
            cancelled = await self.operator.change(
                operation.id, partial(_cancelled, outcome=outcome, comment_id=asked.comment_id)
            )
            if cancelled and cancelled.ending is State.CANCELLED:
                await self.operator.wake(operation)
                return Answer(render_cancelled(cancelled))
        queued = next((one for one in under_way if one.queued_at_host and not one.ending), None)
        return refuse(nothing_to_cancel(environment, queued))

    async def retry(self, environment: str, asked: Asked) -> Answer:
        newest = [
            operation
            for operation in await self.operations.fetch_operations(
                asked.ref.repo.id, environment=environment, limit=_LEDGER
            )
            # What the bot took back by itself is no answer to what was asked for.
            if not (operation.follows and operation.state is State.SUCCEEDED)
        ]
        if (nothing := nothing_to_retry(environment, newest[0] if newest else None)) is not None:
            return refuse(nothing)
        said, last = f"Retry on {environment}", newest[0]
        if asked.policy_fault and last.plan.kind is Kind.PROMOTE:
            return _without_policy(said, asked)
        return await self._anew(said, last, asked)

    async def _anew(
        self,
        said: str,
        operation: Operation,
        asked: Asked,
        *,
        overrides: Mapping[str, str] | None = None,
    ) -> Answer:
        """Start the same again as it was asked for, to where the policy has the environment now,
        and of a promotion by the build of its commit that there is now: either may be what was
        mended since. One that was bound to its plan goes by that or not at all."""
        plan = operation.plan
        policy = asked.environments[plan.environment]
        target = self.builds.target_of(said, policy)
        if isinstance(target, Refusal):
            return refuse(target)
        build = plan.build
        if plan.kind is Kind.PROMOTE:
            build = await self.builds.at_host(replace(build, deployment_id=""), asked, target)
        live = (await self.operations.fetch_live(operation.repo.id)).get(plan.environment)
        by_now = plan_by_now(replace(plan, target=target, build=build), live)
        planned = plan.digest if operation.bound else ""
        if (other := _other_plan(said, planned, by_now)) is not None:
            return refuse(other)
        waits = WAITS_FOR if operation.when_ready else policy.timeout
        span = ROLLBACK_WITHIN if plan.kind is Kind.ROLLBACK else waits
        return await self._start(
            by_now,
            asked,
            deadline=asked.now + span,
            when_ready=operation.when_ready,
            bound=operation.bound,
            take_back=operation.take_back,
            overrides=overrides,
        )

    async def _start(
        self,
        plan: Plan,
        asked: Asked,
        *,
        deadline: datetime,
        when_ready: bool = False,
        bound: bool = False,
        take_back: bool = True,
        overrides: Mapping[str, str] | None = None,
    ) -> Answer:
        repo = asked.ref.repo
        ahead = [
            other
            for other in await self.operations.fetch_operations(
                repo.id, environment=plan.environment, open_only=True
            )
            # What waits for its gates is passed by.
            if not (other.ended or other.state is State.WAITING)
            and other.comment_id != asked.comment_id
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
                    bound=bound,
                    take_back=take_back,
                    overrides=dict(overrides or {}),
                    policy_fault=asked.policy_fault,
                )
            )
        )
        if plan.kind is Kind.PROMOTE and ahead:
            return Answer(render_queued(operation, ahead))
        return Answer("")


def _without_policy(said: str, asked: Asked) -> Answer:
    return refuse(Refusal(said, f"{asked.policy_fault}.", "Mend the policy on the default branch."))


def _other_plan(said: str, planned: str, plan: Plan) -> Refusal | None:
    """``planned`` is the digest that was asked for, empty for none."""
    if planned in ("", plan.digest):
        return None
    return Refusal(
        said,
        f"The plan is `{plan.digest}` by now, not `{planned}`.",
        f"`/{plan.kind.value} --dry-run` shows it; then type its digest.",
    )


def _is_set_aside(operation: Operation, gate: str, asked: Asked) -> bool:
    """By this very comment."""
    return operation.override_comments.get(gate) == asked.comment_id


def _cancelled(operation: Operation, outcome: str, comment_id: int) -> Operation:
    if operation.production_may_have_changed or operation.ending is not None or operation.ended:
        return operation
    ended = fail(operation, outcome, "", State.CANCELLED)
    return replace(ended, cancel_comment_id=comment_id)
