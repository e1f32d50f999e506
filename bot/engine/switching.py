"""The steps that ask the host: to serve a build, how far it is with that, and what it serves.

A switch that was attempted before asks first what became of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core.hosting import BuildState, HostJob, HostJobState
from bot.core.operations.machine import (
    QUEUED,
    Again,
    Done,
    Failed,
    Kind,
    Operation,
    Result,
    Step,
    StepName,
    StepState,
)
from bot.core.phrases import counted
from bot.ports import Clock
from bot.ports.host import Host, HostGone, HostRefused
from bot.ports.operations import OperationStore

_SKEW = timedelta(seconds=5)
"""By which the host's clock may be behind ours."""
_SOON = timedelta(milliseconds=250)
TURN = timedelta(seconds=1)
_NOW_AND_THEN = timedelta(seconds=10)
_QUEUED_FOR = timedelta(hours=24)
"""How long a rolling release is waited for: no operation of ours makes it end any sooner."""
_LATE = timedelta(seconds=45)
"""How long after an operation has ended a host may yet carry out what it did not answer."""
_BEHIND = "waits at the host behind a rolling release"
_ALREADY = "already"
"""Set in the switch's detail where the host served the build before it was asked."""
_LED = "led"
"""Beside it: the domains that were led there one by one."""
_UNDER_WAY = (HostJobState.PENDING, HostJobState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Switching:
    hosts: Mapping[str, Host]
    store: OperationStore
    clock: Clock

    async def switch(self, operation: Operation, step: Step) -> Result:
        plan = operation.plan
        host = self.hosts[plan.target.host]
        fresh_rollback = plan.kind is Kind.ROLLBACK and nothing_asked(step)
        if fresh_rollback and (late := await self._comes_late(operation)) is not None:
            found = f"the host has not answered operation {late.id}, and may yet carry it out"
            return Again(TURN, found, unchanged=True)
        if step.state is StepState.ATTEMPTED and step.started_at is not None:
            job = await host.fetch_job(operation.repo, plan.target)
            if _is_ours(job, operation):
                return Done("the host had taken the request", {"taken": True})
            if only_looks(step):
                if job is not None and job.state in _UNDER_WAY:
                    return await self._wait_for(job, operation, step)
                # Noted before it is asked: from here on production may change.
                return Again(timedelta(0), "the host is free again")
        build = await host.fetch_build(operation.repo, plan.target, plan.build.deployment_id)
        if build.state is not BuildState.READY:
            return Failed(
                f"deployment {build.id} is {build.state.value} at the host",
                "choose a build that is ready",
                unchanged=nothing_asked(step),
            )
        if plan.build.sha and build.sha is not None and build.sha != plan.build.sha:
            return Failed(
                f"deployment {build.id} was built from {build.sha[:7]}, "
                f"not from {plan.build.sha[:7]}",
                "choose the deployment of that commit",
                unchanged=nothing_asked(step),
            )
        try:
            if plan.kind is Kind.PROMOTE:
                switched = await host.promote(operation.repo, plan.target, build.id)
            else:
                switched = await host.rollback(
                    operation.repo, plan.target, build.id, reason=f"operation {operation.id}"
                )
        except HostRefused as refused:
            if refused.busy:
                raise
            return await self._turned_down(operation, step, refused)
        if switched.queued:
            return Done("taken; it waits behind a rolling release", {QUEUED: True})
        return Done(f"the host was asked to serve {build.id}")

    async def _comes_late(self, operation: Operation) -> Operation | None:
        """The operation before, if the host was asked for it lately, has not answered and shows no
        job for it: what is to be put back is served still, and would be moved away from once this
        rollback had ended. None where something else is served: then nothing is waited for."""
        plan = operation.plan
        newest = await self.store.fetch_operations(operation.repo.id, environment=plan.environment)
        other = next((one for one in newest if one.id < operation.id), None)
        if other is None or self.clock.now() - other.last_change > _LATE:
            return None
        # Ended while it was tried: no answer came, not even a refusal.
        skipped = other.step(StepName.SWITCH).state is StepState.SKIPPED
        if not skipped or not other.production_may_have_changed:
            return None
        host = self.hosts[plan.target.host]
        if _is_ours(await host.fetch_job(operation.repo, plan.target), other):
            return None
        serving = await host.fetch_serving(operation.repo, plan.target)
        return other if serving == plan.build.deployment_id else None

    async def _turned_down(self, operation: Operation, step: Step, refused: HostRefused) -> Result:
        """A host does not lead production to where its main domain is already, which is as good as
        done once the other domains are there; nor back to what is live while it is about to leave
        it, which is to be waited for."""
        plan = operation.plan
        host = self.hosts[plan.target.host]
        try:
            job = await host.fetch_job(operation.repo, plan.target)
            if job is not None and job.state in _UNDER_WAY:
                return await self._wait_for(job, operation, step)
            serving = await host.fetch_serving(operation.repo, plan.target)
            if serving != plan.build.deployment_id:
                raise refused
            left = await host.fetch_elsewhere(operation.repo, plan.target, serving)
        except (HostGone, HostRefused):
            raise refused from None
        return await self._lead(operation, left)

    async def _wait_for(self, job: HostJob, operation: Operation, step: Step) -> Again:
        """A promotion that the host lets wait behind a rolling release cannot be called off there.
        It is waited for, however long that takes, to be taken back."""
        unchanged = nothing_asked(step)
        for other in await self.store.fetch_operations(
            operation.repo.id, environment=operation.plan.environment
        ):
            if other.queued_at_host and _is_ours(job, other):
                found = f"{job.to_deployment} {_BEHIND}, and cannot be called off there"
                return Again(_NOW_AND_THEN, found, unchanged=unchanged, patience=_QUEUED_FOR)
        found = step.found or "another request is under way at the host"
        return Again(_SOON, found, unchanged=unchanged)

    async def _lead(self, operation: Operation, domains: Sequence[str]) -> Result:
        """Lead those domains to the build that a request left behind, or took further alone."""
        target, wanted = operation.plan.target, operation.plan.build.deployment_id
        for domain in domains:
            try:
                await self.hosts[target.host].lead(operation.repo, target, wanted, domain)
            except (HostGone, HostRefused) as error:
                return Failed(str(error), f"lead {domain} to {wanted} at the host, then `/retry`")
        led = f"; {counted(len(domains), 'other domain')} led there" if domains else ""
        return Done(f"the host serves it already{led}", {_ALREADY: True, _LED: list(domains)})

    async def settle(self, operation: Operation, step: Step) -> Result:
        plan = operation.plan
        host = self.hosts[plan.target.host]
        if operation.step(StepName.SWITCH).detail.get(_ALREADY):
            return Done("the domains are there")
        job = await host.fetch_job(operation.repo, plan.target)
        if job is None or not _is_ours(job, operation):
            return Again(_SOON, "the host shows no job for this request yet")
        if job.state in _UNDER_WAY and operation.queued_at_host:
            return Again(TURN, f"the host's job {_BEHIND}", patience=_QUEUED_FOR)
        if job.state in _UNDER_WAY:
            return Again(_SOON, f"the host's job is {job.state.value}")
        failures = await host.fetch_failed_aliases(operation.repo, plan.target, plan.kind.value)
        if failures:
            listed = ", ".join(f"{failure.alias} ({failure.reason})" for failure in failures[:5])
            return Failed(
                f"{counted(len(failures), 'domain')} did not move: {listed}",
                "mend them at the host, `/retry`",
            )
        if job.state is not HostJobState.SUCCEEDED:
            return Failed(f"the host's job ended as {job.state.value}", "look at it there")
        return Done("the host moved the domains")

    async def verify(self, operation: Operation, step: Step) -> Result:
        target = operation.plan.target
        serving = await self.hosts[target.host].fetch_serving(operation.repo, target)
        wanted = operation.plan.build.deployment_id
        if serving == wanted:
            return Done(f"{target.domain} serves {wanted}")
        return Again(_SOON, f"{target.domain} still serves {serving or 'something else'}")


def nothing_asked(step: Step) -> bool:
    """Whether nothing was asked of the host before: then what it refused has changed nothing."""
    return step.name is StepName.SWITCH and step.untried


def only_looks(step: Step) -> bool:
    """Whether the attempt before was turned down for certain, so that this one asks for nothing."""
    return nothing_asked(step) and step.state is StepState.ATTEMPTED


def _is_ours(job: HostJob | None, operation: Operation) -> bool:
    """Whether the host's newest job is the one that this operation asked for."""
    started = operation.step(StepName.SWITCH).started_at
    return (
        job is not None
        and started is not None
        and job.to_deployment == operation.plan.build.deployment_id
        and job.requested_at >= started - _SKEW
    )
