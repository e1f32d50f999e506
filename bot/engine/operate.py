"""Takes operations from step to step. All state is in the store; killing it loses nothing.

The open operations of an environment take turns in one job: a rollback goes before any promotion
and ends one that is under way, so that production is never asked for two things at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.core.hosting import Build
from bot.core.operations.ending import entry_of, news_of, severity_of
from bot.core.operations.machine import (
    Again,
    Kind,
    Operation,
    Result,
    State,
    Step,
    StepName,
    StepState,
    attempt,
    begin,
    fail,
    next_step,
    plan_operation,
    record,
)
from bot.core.operations.rollback_target import call
from bot.core.render.command import superseded_by
from bot.core.work.operations import AdvanceEnvironment, TellOperation
from bot.core.work.releases import ReconcileRelease
from bot.engine.steps import Steps
from bot.ports import Clock, Store
from bot.ports.operations import AuditLog, Notice, OperationStore, Outbox

log = structlog.get_logger()

WAITS_FOR = timedelta(hours=24)
"""How long ``/promote --when-ready`` waits for gates that may yet pass."""
ROLLBACK_WITHIN = timedelta(minutes=5)
"""The product's promise. A rollback that is not verified by then says so."""
_TRIED = StepState.ATTEMPTED
_ASK_GITHUB = (StepName.GATES, StepName.LOCK, StepName.ANNOUNCE, StepName.CONFIRM)
"""The steps that may be let go of: they leave production alone."""
_LOOK_UP = 1.0
"""Seconds after which a step that takes long is asked whether something else goes first."""
_WAY_OUT = timedelta(seconds=30)
"""What is left after the deadline for closing what was opened."""


@dataclass(frozen=True, slots=True)
class Operator:
    steps: Steps
    operations: OperationStore
    store: Store
    audit: AuditLog
    outbox: Outbox
    clock: Clock
    follow: Callable[[Operation], Awaitable[None]]
    """Sees to what else an operation leads to that has ended."""

    async def advance_environment(self, work: AdvanceEnvironment, cause: str) -> None:
        waits: dict[int, timedelta] = {}
        while True:
            open_operations = await self.operations.fetch_operations(
                work.repository_id, environment=work.environment, open_only=True
            )
            operation = next((one for one in in_turn(open_operations) if one.id not in waits), None)
            if operation is None:
                break
            if operation.plan.kind is Kind.ROLLBACK:
                await self._supersede(operation, open_operations)
            wait = await self._advance(operation)
            if wait is None:
                # One that ended may have led to a rollback, which goes before those that wait.
                waits.clear()
            else:
                waits[operation.id] = wait
        if waits:
            await self.store.enqueue(work, delay=min(waits.values()))

    async def change(
        self, operation_id: int, to: Callable[[Operation], Operation]
    ) -> Operation | None:
        """Change an operation as it stands, whoever else changes it; None if there is none.

        ``to`` may be called again, on what somebody else has made of it meanwhile.
        """
        while (current := await self.operations.fetch_operation(operation_id)) is not None:
            changed = to(current)
            if changed == current:
                return current
            saved = await self.operations.save_operation(changed)
            if saved is not None:
                await self.store.enqueue(TellOperation(operation_id))
                return saved
        return None

    async def wake(self, operation: Operation) -> None:
        """Have an operation's environment looked at now."""
        work = AdvanceEnvironment(operation.repo.id, operation.plan.environment)
        await self.store.enqueue(work)

    async def _advance(self, operation: Operation) -> timedelta | None:
        """Do step after step; how long to wait before the next, or None at the end."""
        while (step := next_step(operation)) is not None:
            now = self.clock.now()
            begun = await self.change(operation.id, partial(_begin_step, now=now))
            if begun is None:
                return None
            current = next_step(begun)
            if current is None or current.name is not step.name or current.state is not _TRIED:
                operation = begun  # somebody ended it, or its time is up
                continue
            result = await self._perform(begun, step)
            ended = self.clock.now()
            done = await self.change(
                operation.id, partial(record, name=step.name, result=result, now=ended)
            )
            if done is None:
                return None
            operation = done
            if isinstance(result, Again) and not operation.ended and operation.ending is None:
                left = max(operation.deadline - ended, timedelta(0))
                return min(result.delay, left + _WAY_OUT)
        await self._conclude(operation)
        return None

    async def _perform(self, operation: Operation, step: Step) -> Result:
        """Do a step. A promotion's that asks GitHub, which may be long in coming, is let go of as
        soon as a rollback wants the environment, or somebody ended the promotion: what is left of
        it then is what a kill at that place would leave. On the way out a step has its own time."""
        promoting = operation.plan.kind is Kind.PROMOTE and operation.ending is None
        if not promoting or step.name not in _ASK_GITHUB:
            return await self.steps.perform(operation, step)
        performing = asyncio.create_task(self.steps.perform(operation, step))
        try:
            while not performing.done():
                await asyncio.wait({performing}, timeout=_LOOK_UP)
                if not performing.done() and (why := await self._gives_way(operation)):
                    log.info("step_let_go", operation=operation.id, step=step.name.value, why=why)
                    return Again(timedelta(0), why)
            return performing.result()
        finally:
            while not performing.done():  # before Python 3.12 a cancellation may be lost
                performing.cancel()
                await asyncio.wait({performing}, timeout=_LOOK_UP)
            if not performing.cancelled():
                performing.exception()  # told already, or of no interest any more

    async def _gives_way(self, operation: Operation) -> str:
        """To what a promotion gives way while it waits for an answer; empty for nothing."""
        under_way = await self.operations.fetch_operations(
            operation.repo.id, environment=operation.plan.environment, open_only=True
        )
        for one in under_way:
            if one.id == operation.id and one.ending is not None:
                return "it was ended meanwhile"
            if one.plan.kind is Kind.ROLLBACK and not one.ended:
                return f"operation {one.id} goes first"
        return ""

    async def _supersede(self, rollback: Operation, others: Sequence[Operation]) -> None:
        """End the promotions from before, and where a person asked anew the rollbacks too: a
        rollback does not wait for them. What was asked for later waits for it."""
        outcome = superseded_by(rollback)
        for other in others:
            ends = other.plan.kind is Kind.PROMOTE or not rollback.follows
            if other.id < rollback.id and ends:
                ended = await self.change(
                    other.id, partial(fail, outcome=outcome, remedy="", ending=State.SUPERSEDED)
                )
                if ended is not None:
                    await self._advance(ended)

    async def _conclude(self, operation: Operation) -> None:
        """Runs once or, after a crash, again: each part comes to the same when done twice."""
        remedy = operation.remedy
        if previous := operation.way_back:
            await self._take_back(operation, previous)
            remedy = f"the bot itself puts `{call(previous)}` back now"
        await self.follow(operation)
        if operation.production_may_have_changed:
            # Its release pull request says what is live already.
            repo = operation.repo
            await self.store.enqueue(
                ReconcileRelease(repo.installation_id, repo.id, repo.owner, repo.name)
            )
        await self.audit.append(entry_of(operation))
        await self.outbox.post(_notice(operation, self.steps.links.operation(operation.id)))
        await self.change(operation.id, lambda found: replace(found, concluded=True, remedy=remedy))
        log.info("operation_ended", operation=operation.id, state=operation.state.value)

    async def _take_back(self, operation: Operation, previous: Build) -> None:
        """The promotion could not be verified: put back what was live before it."""
        plan = plan_operation(
            Kind.ROLLBACK, operation.plan.environment, operation.plan.target, previous, None
        )
        now = self.clock.now()
        await self.operations.add_operation(
            begin(
                Operation(
                    id=0,
                    repo=operation.repo,
                    plan=plan,
                    actor=operation.actor,
                    requested_at=now,
                    deadline=now + ROLLBACK_WITHIN,
                    pull_number=operation.pull_number,
                    comment_id=-operation.id,
                    follows=operation.id,
                )
            )
        )


def in_turn(operations: Sequence[Operation]) -> list[Operation]:
    """Rollbacks first, the newest of them first, since it says what is wanted now; then promotions
    in the order in which they were asked for."""
    rollbacks = [one for one in operations if one.plan.kind is Kind.ROLLBACK]
    promotions = [one for one in operations if one.plan.kind is Kind.PROMOTE]
    return [
        *sorted(rollbacks, key=lambda one: one.id, reverse=True),
        *sorted(promotions, key=lambda one: one.id),
    ]


def _begin_step(operation: Operation, now: datetime) -> Operation:
    """Record that the next step is tried, unless there is none any more or its time is up."""
    step = next_step(operation)
    if step is None:
        return operation
    if now >= operation.deadline and operation.ending is None:
        return _give_up(operation)
    return attempt(operation, step.name, now)


def _give_up(operation: Operation) -> Operation:
    kind, environment = operation.plan.kind, operation.plan.environment
    step = next_step(operation)
    waiting_for = step.found if step and step.found else "its next step"
    if not operation.production_may_have_changed:
        outcome = (
            f"The {kind.noun} was given up: {waiting_for}. {environment.capitalize()} is unchanged."
        )
        return fail(operation, outcome, f"`/{kind}` starts anew", State.FAILED)
    outcome = (
        f"The {kind.noun} could not be verified in time: {waiting_for}. "
        f"What {environment} serves is not known."
    )
    return fail(operation, outcome, "look at the host, then `/status`", State.FAILED)


def _notice(operation: Operation, url: str) -> Notice:
    return Notice(
        key=f"operation-{operation.id}-{operation.state.value}",
        severity=severity_of(operation),
        title=f"{operation.plan.kind.value} of {operation.repo.full_name} "
        f"{operation.plan.environment}: {operation.state.value}",
        text=news_of(operation),
        url=url,
        repository=operation.repo.full_name,
        environment=operation.plan.environment,
        resolves=operation.state is State.SUCCEEDED,
    )
