"""What each step of an operation does in the world, and what it found there.

A step that was attempted before asks first what became of it. What is not known is asked again;
what was refused is not. A rollback does not wait for GitHub.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.decision import Decision, Json, Verdict
from bot.core.hosting import BuildState, HostJob, HostJobState, Origin
from bot.core.model import RepoRef
from bot.core.operations.machine import (
    QUEUED,
    SCHEMA,
    Again,
    Done,
    Failed,
    Kind,
    Operation,
    Result,
    State,
    Step,
    StepName,
    StepState,
)
from bot.core.operations.outside import is_live, unsettled
from bot.core.phrases import counted
from bot.core.render.json import to_json
from bot.engine.links import Links
from bot.ports import Clock, HubError, HubGone, HubUnavailable
from bot.ports.host import Host, HostGone, HostRefused, HostUnavailable
from bot.ports.operations import CommandHub, OperationStore, StaleFence

SKEW = timedelta(seconds=5)
"""By which the host's clock may be behind ours."""
_SOON = timedelta(milliseconds=250)
_TURN = timedelta(seconds=1)
_TELL_WITHIN = 5.0
"""Seconds that a rollback gives GitHub to be told of it, before production is seen to."""
_GATES_EVERY = timedelta(seconds=30)
"""How often waiting gates are asked anew where no event says that something changed."""
_NOW_AND_THEN = timedelta(seconds=10)
_QUEUED_FOR = timedelta(hours=24)
"""How long a rolling release is waited for: no operation of ours makes it end any sooner."""
_BEHIND = "waits at the host behind a rolling release"
_ALREADY = "already"
"""Set in the switch's detail where the host served the build before it was asked."""
_LED = "led"
"""Beside it: the domains that were led there one by one."""
_UNDER_WAY = (HostJobState.PENDING, HostJobState.IN_PROGRESS)
_ASK_THE_HOST = (StepName.SWITCH, StepName.SETTLE, StepName.VERIFY)


@dataclass(frozen=True, slots=True)
class Steps:
    """``judge`` reads the facts of a promotion and asks its gates; ``locate`` finds where a
    repository is by now, from where the next attempt goes on; ``schema_of`` reads the digest of the
    environment's schema, empty where there is none to read."""

    hub: CommandHub
    hosts: Mapping[str, Host]
    store: OperationStore
    clock: Clock
    links: Links
    judge: Callable[[Operation], Awaitable[Decision]]
    locate: Callable[[RepoRef], Awaitable[RepoRef]]
    schema_of: Callable[[RepoRef, str, str, datetime], Awaitable[str]]

    async def perform(self, operation: Operation, step: Step) -> Result:
        """Do a step. ``step`` is as it stood before this attempt.

        Raises:
            StoreUnavailable: the job is to be run again.
        """
        acts: dict[StepName, Callable[[Operation, Step], Awaitable[Result]]] = {
            StepName.GATES: self._gates,
            StepName.LOCK: self._lock,
            StepName.ANNOUNCE: self._announce,
            StepName.SWITCH: self._switch,
            StepName.SETTLE: self._settle,
            StepName.VERIFY: self._verify,
            StepName.RECORD: self._record,
            StepName.CONFIRM: self._confirm,
            StepName.RELEASE: self._release,
        }
        try:
            if operation.plan.target.host not in self.hosts and step.name in _ASK_THE_HOST:
                return Failed(
                    f"this server has no access to {operation.plan.target.host}",
                    "whoever runs it sets VERCEL_TOKEN, then `/retry`",
                    unchanged=_first(step),
                )
            return await acts[step.name](operation, step)
        except HostUnavailable as error:
            delay = error.retry_after or _TURN
            return Again(delay, str(error), unchanged=_only_looks(step))
        except HostGone as error:
            remedy = "check the project and the deployment at the host"
            return Failed(str(error), remedy, unchanged=_first(step))
        except HostRefused as error:
            if error.busy:
                return Again(_TURN, str(error), unchanged=_first(step))
            return Failed(str(error), error.remedy, unchanged=_first(step))
        except HubUnavailable as error:
            return Again(error.retry_after or _TURN, str(error))
        except HubError as error:
            return await self._moved(operation) or Failed(
                str(error), "check that the App is installed and may do this"
            )

    async def _moved(self, operation: Operation) -> Again | Failed | None:
        """What GitHub refused by one name and installation it may do by another. None where the
        repository is where it was."""
        repo = operation.repo
        try:
            found = await self.locate(repo)
        except HubGone as error:
            serves = operation.plan.environment
            state = "may have changed" if operation.production_may_have_changed else "is unchanged"
            remedy = "install the App where the repository is now, then type the command there"
            return Failed(f"{error}. {serves.capitalize()} {state}.", remedy)
        except HubUnavailable as error:
            return Again(error.retry_after or _TURN, str(error))
        except HubError:
            return None
        if found == repo:
            return None
        return Again(timedelta(0), f"the repository is {found.full_name} now")

    async def _is_elsewhere(self, operation: Operation) -> bool:
        """The same where nothing waits for GitHub: what it does not say soon is left at that."""
        try:
            async with asyncio.timeout(_TELL_WITHIN):
                return await self.locate(operation.repo) != operation.repo
        except (HubError, TimeoutError):
            return False

    async def _gates(self, operation: Operation, step: Step) -> Result:
        decision = await self.judge(operation)
        judged: dict[str, Json] = {"decision": to_json(decision)}
        passed = sum(result.verdict is Verdict.PASS for result in decision.results)
        asked = sum(result.verdict is not Verdict.SKIP for result in decision.results)
        found = f"{passed} of {asked} gates pass"
        if decision.verdict is Verdict.PASS:
            return Done(found, judged)
        if decision.verdict is Verdict.WAIT and operation.when_ready:
            return Again(_GATES_EVERY, found, judged)
        holding = next(
            (result for result in decision.results if result.verdict is decision.verdict), None
        )
        if holding is None or decision.verdict is Verdict.SKIP:
            return Failed("no gate was asked", "name gates under `requires`", State.REFUSED, judged)
        return Failed(holding.summary, holding.remedy, State.REFUSED, judged)

    async def _held(self, operation: Operation) -> str:
        """Why what nobody typed is not to be done by now: production was taken back, or nobody
        knows what it serves, since the release was published."""
        repository_id, name = operation.repo.id, operation.plan.environment
        live = (await self.store.fetch_live(repository_id)).get(name)
        if live and live.holds_releases:
            return f"{name} was taken back since the release was published"
        doubted = unsettled(
            await self.store.fetch_operations(repository_id, environment=name), live
        )
        if doubted is None:
            return ""
        return (
            f"{name} is held since operation {doubted.id}, a {doubted.plan.kind.noun} "
            "that was not verified"
        )

    async def _lock(self, operation: Operation, step: Step) -> Result:
        if not operation.comment_id and (held := await self._held(operation)):
            remedy = "`/promote` says that it may go on"
            return Failed(held, remedy, State.REFUSED)
        fence = await self.store.take_environment(
            operation.repo.id, operation.plan.environment, operation.id
        )
        if fence is None:
            holder = await self.store.fetch_holder(operation.repo.id, operation.plan.environment)
            return Again(_TURN, f"operation {holder} holds the environment")
        if operation.cause and await self._is_replaced(operation):
            outcome = f"{operation.plan.environment} serves something else by now"
            return Failed(outcome, ending=State.SUPERSEDED)
        return Done("lock taken", {"fence": fence})

    async def _is_replaced(self, operation: Operation) -> bool:
        """Whether what a watch wants taken back is not live any more. With the lock in hand, so
        that nothing of the bot's can change it meanwhile."""
        bad = operation.plan.replaces
        live = (await self.store.fetch_live(operation.repo.id)).get(operation.plan.environment)
        return bad is not None and not is_live(live, bad.deployment_id)

    async def _announce(self, operation: Operation, step: Step) -> Result:
        rollback = operation.plan.kind is Kind.ROLLBACK
        try:
            async with asyncio.timeout(_TELL_WITHIN if rollback else None):
                deployment_id = await self._deployment(operation)
                await self.hub.post_deployment_status(
                    operation.repo,
                    deployment_id,
                    state="in_progress",
                    description=f"{operation.plan.kind.value} under way",
                    log_url=self.links.operation(operation.id),
                )
        except TimeoutError:
            return Done(f"GitHub was not told: it did not answer within {_TELL_WITHIN:.0f} s")
        except HubError as error:
            if not rollback:
                raise
            if not isinstance(error, HubUnavailable) and await self._is_elsewhere(operation):
                return Again(timedelta(0), "the repository is elsewhere now")
            return Done(f"GitHub was not told: {error}")
        return Done(f"GitHub deployment {deployment_id}", {"deployment": deployment_id})

    async def _deployment(self, operation: Operation) -> int:
        key, environment = _key(operation), operation.plan.environment
        found = await self.hub.fetch_deployment(operation.repo, environment=environment, key=key)
        if found is not None:
            return found
        return await self.hub.post_deployment(
            operation.repo,
            sha=operation.plan.build.sha,
            environment=environment,
            key=key,
            description=f"{operation.plan.kind.value} {operation.plan.build.sha[:7]}",
        )

    async def _switch(self, operation: Operation, step: Step) -> Result:
        plan = operation.plan
        host = self.hosts[plan.target.host]
        if step.state is StepState.ATTEMPTED and step.started_at is not None:
            job = await host.fetch_job(operation.repo, plan.target)
            if _is_ours(job, operation):
                return Done("the host had taken the request", {"taken": True})
            if _only_looks(step):
                if job is not None and job.state in _UNDER_WAY:
                    return await self._wait_for(job, operation, step)
                # Noted before it is asked: from here on production may change.
                return Again(timedelta(0), "the host is free again")
        build = await host.fetch_build(operation.repo, plan.target, plan.build.deployment_id)
        if build.state is not BuildState.READY:
            return Failed(
                f"deployment {build.id} is {build.state.value} at the host",
                "choose a build that is ready",
                unchanged=_first(step),
            )
        if plan.build.sha and build.sha is not None and build.sha != plan.build.sha:
            return Failed(
                f"deployment {build.id} was built from {build.sha[:7]}, "
                f"not from {plan.build.sha[:7]}",
                "choose the deployment of that commit",
                unchanged=_first(step),
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
        unchanged = _first(step)
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

    async def _settle(self, operation: Operation, step: Step) -> Result:
        plan = operation.plan
        host = self.hosts[plan.target.host]
        if operation.step(StepName.SWITCH).detail.get(_ALREADY):
            return Done("the domains are there")
        job = await host.fetch_job(operation.repo, plan.target)
        if job is None or not _is_ours(job, operation):
            return Again(_SOON, "the host shows no job for this request yet")
        if job.state in _UNDER_WAY and operation.queued_at_host:
            return Again(_TURN, f"the host's job {_BEHIND}", patience=_QUEUED_FOR)
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

    async def _verify(self, operation: Operation, step: Step) -> Result:
        target = operation.plan.target
        serving = await self.hosts[target.host].fetch_serving(operation.repo, target)
        wanted = operation.plan.build.deployment_id
        if serving == wanted:
            return Done(f"{target.domain} serves {wanted}")
        return Again(_SOON, f"{target.domain} still serves {serving or 'something else'}")

    async def _record(self, operation: Operation, step: Step) -> Result:
        rollback = operation.plan.kind is Kind.ROLLBACK
        fence = operation.step(StepName.LOCK).detail.get("fence")
        plan, now = operation.plan, self.clock.now()
        cause = f"{plan.kind.noun} {operation.id}"
        schema = await self.schema_of(operation.repo, plan.environment, cause, now)
        try:
            await self._record_live(operation, schema, rollback=rollback, fence=fence)
        except StaleFence as error:
            return Failed(str(error), "`/status` tells what is live")
        return Done("written down", {SCHEMA: schema} if schema else {})

    async def _record_live(
        self, operation: Operation, schema: str, *, rollback: bool, fence: Json
    ) -> None:
        await self.store.record_live(
            operation.repo.id,
            operation.plan.environment,
            replace(operation.plan.build, schema_hash=schema),
            origin=Origin.ROLLBACK if rollback else Origin.PROMOTION,
            actor=operation.actor.login,
            at=self.clock.now(),
            verified=True,
            operation_id=operation.id,
            fence=fence if isinstance(fence, int) else None,
        )

    async def _confirm(self, operation: Operation, step: Step) -> Result:
        ended_well = operation.ending is None
        try:
            # Asked for by its key: whoever posted it may have been killed before noting its id.
            deployment_id = await self.hub.fetch_deployment(
                operation.repo, environment=operation.plan.environment, key=_key(operation)
            )
            if deployment_id is None:
                return Done("GitHub had not been told")
            await self.hub.post_deployment_status(
                operation.repo,
                deployment_id,
                state="success" if ended_well else "failure",
                description=(operation.outcome or operation.plan.kind.value)[:140],
                environment_url=f"https://{operation.plan.target.domain}",
                log_url=self.links.operation(operation.id),
            )
        except HubError as error:
            if not isinstance(error, HubUnavailable) and await self._is_elsewhere(operation):
                return Again(timedelta(0), "the repository is elsewhere now")
            # Production is what it is; that GitHub shows it late must not hold the lock.
            return Done(f"GitHub was not told: {error}")
        return Done("GitHub deployment closed")

    async def _release(self, operation: Operation, step: Step) -> Result:
        await self.store.release_environment(
            operation.repo.id, operation.plan.environment, operation.id
        )
        return Done("lock given back")


def _first(step: Step) -> bool:
    """Whether nothing was asked of the host before: then what it refused has changed nothing."""
    return step.name is StepName.SWITCH and step.untried


def _only_looks(step: Step) -> bool:
    """Whether the attempt before was turned down for certain, so that this one asks for nothing."""
    return _first(step) and step.state is StepState.ATTEMPTED


def _key(operation: Operation) -> str:
    return f"lockgate-{operation.id}"


def _is_ours(job: HostJob | None, operation: Operation) -> bool:
    """Whether the host's newest job is the one that this operation asked for."""
    started = operation.step(StepName.SWITCH).started_at
    return (
        job is not None
        and started is not None
        and job.to_deployment == operation.plan.build.deployment_id
        and job.requested_at >= started - SKEW
    )
