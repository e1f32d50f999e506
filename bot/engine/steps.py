"""What each step of an operation does in the world, and what it found there.

What is not known is asked again; what was refused is not. A rollback does not wait for GitHub.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.commands.requests import Refusal
from bot.core.decision import Decision, Json, Verdict
from bot.core.hosting import LedgerEntry, Origin
from bot.core.model import RepoRef
from bot.core.operations.machine import (
    SCHEMA,
    Again,
    Already,
    Anew,
    Done,
    Failed,
    Kind,
    Operation,
    Result,
    State,
    Step,
    StepName,
)
from bot.core.operations.outside import is_live, unsettled
from bot.core.operations.turn import done_meanwhile, overtaken, plan_by_now
from bot.core.promotion import pick_build
from bot.core.render.json import to_json
from bot.engine.links import Links
from bot.engine.switching import TURN, Switching, nothing_asked, only_looks
from bot.ports import Clock, HubClosed, HubError, HubGone, HubUnavailable
from bot.ports.host import Host, HostError, HostGone, HostRefused, HostUnavailable
from bot.ports.operations import CommandHub, OperationStore, StaleFence

_TELL_WITHIN = 5.0
"""Seconds that a rollback gives GitHub to be told of it, before production is seen to and after,
and of what it takes the place of."""
_NOT_TOLD = f"GitHub was not told: it did not answer within {_TELL_WITHIN:.0f} s"
_GATES_EVERY = timedelta(seconds=30)
"""How often waiting gates are asked anew where no event says that something changed."""
_WAITED = "waited"
"""Set in the detail of the step on the lock once somebody else had it."""
_ASK_THE_HOST = (StepName.SWITCH, StepName.SETTLE, StepName.VERIFY)


@dataclass(frozen=True, slots=True)
class Steps:
    """``judge`` reads the facts of a promotion and asks its gates; ``object_to`` says why whoever
    asked for it may not have it any more; ``locate`` finds where a repository is by now, from where
    the next attempt goes on; ``schema_of`` reads the digest of the environment's schema, empty
    where there is none to read."""

    hub: CommandHub
    hosts: Mapping[str, Host]
    store: OperationStore
    clock: Clock
    links: Links
    judge: Callable[[Operation], Awaitable[Decision]]
    object_to: Callable[[Operation], Awaitable[Refusal | None]]
    locate: Callable[[RepoRef], Awaitable[RepoRef]]
    schema_of: Callable[[RepoRef, str, str, datetime], Awaitable[str]]

    async def perform(self, operation: Operation, step: Step) -> Result:
        """Do a step. ``step`` is as it stood before this attempt.

        Raises:
            StoreUnavailable: the job is to be run again.
        """
        switching = Switching(self.hosts, self.store, self.clock)
        acts: dict[StepName, Callable[[Operation, Step], Awaitable[Result]]] = {
            StepName.GATES: self._gates,
            StepName.LOCK: self._lock,
            StepName.ANNOUNCE: self._announce,
            StepName.SWITCH: switching.switch,
            StepName.SETTLE: switching.settle,
            StepName.VERIFY: switching.verify,
            StepName.RECORD: self._record,
            StepName.CONFIRM: self._confirm,
            StepName.RELEASE: self._release,
        }
        try:
            if operation.plan.target.host not in self.hosts and step.name in _ASK_THE_HOST:
                return Failed(
                    f"this server has no access to {operation.plan.target.host}",
                    "whoever runs it sets VERCEL_TOKEN, then `/retry`",
                    unchanged=nothing_asked(step),
                )
            return await acts[step.name](operation, step)
        except HostUnavailable as error:
            delay = error.retry_after or TURN
            return Again(delay, str(error), unchanged=only_looks(step))
        except HostGone as error:
            remedy = "check the project and the deployment at the host"
            return Failed(str(error), remedy, unchanged=nothing_asked(step))
        except HostRefused as error:
            if error.busy:
                return Again(TURN, str(error), unchanged=nothing_asked(step))
            return Failed(str(error), error.remedy, unchanged=nothing_asked(step))
        except HubUnavailable as error:
            return Again(error.retry_after or TURN, str(error))
        except HubClosed as error:
            return Failed(str(error), "unarchive the repository, then `/retry`")
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
            return Again(error.retry_after or TURN, str(error))
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
        if (built := await self._built(operation)) is not None:
            return _other_plan(operation, built) if operation.bound else built
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

    async def _built(self, operation: Operation) -> Anew | None:
        """By the build of its commit that there is by now, where there was none when the promotion
        was typed: what the gates judge is what goes live."""
        plan = operation.plan
        host = self.hosts.get(plan.target.host)
        if plan.build.deployment_id or host is None:
            return None
        try:
            builds = await host.fetch_builds(operation.repo, plan.target, plan.build.sha)
        except HostError:
            return None  # the deployment gate says what is the matter
        made = pick_build(builds, plan.build.sha)
        if made is None:
            return None
        build = replace(plan.build, deployment_id=made.id)
        return Anew(StepName.GATES, replace(plan, build=build))

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

    async def _goes_first(self, operation: Operation) -> int:
        """The rollback that is under way, though it may not have the environment yet; 0 if none."""
        under_way = await self.store.fetch_operations(
            operation.repo.id, environment=operation.plan.environment, open_only=True
        )
        rollbacks = (one for one in under_way if one.plan.kind is Kind.ROLLBACK and not one.ended)
        return next((one.id for one in rollbacks), 0)

    async def _lock(self, operation: Operation, step: Step) -> Result:
        if not operation.comment_id and (held := await self._held(operation)):
            remedy = "`/promote` says that it may go on"
            return Failed(held, remedy, State.REFUSED)
        if operation.plan.kind is Kind.PROMOTE and (first := await self._goes_first(operation)):
            return Again(TURN, f"operation {first} goes first", {_WAITED: True})
        fence = await self.store.take_environment(
            operation.repo.id, operation.plan.environment, operation.id
        )
        if fence is None:
            holder = await self.store.fetch_holder(operation.repo.id, operation.plan.environment)
            who = f"operation {holder}" if holder else "a contract that is being applied"
            return Again(TURN, f"{who} holds the environment", {_WAITED: True})
        live = (await self.store.fetch_live(operation.repo.id)).get(operation.plan.environment)
        if operation.cause and _is_replaced(operation, live):
            outcome = f"{operation.plan.environment} serves something else by now"
            return Failed(outcome, ending=State.SUPERSEDED)
        if operation.plan.kind is Kind.PROMOTE:
            if (done := await self._done_meanwhile(operation, live)) is not None:
                return done
            if (late := overtaken(operation, live)) is not None:
                return late
            by_now = plan_by_now(operation.plan, live)
            anew = Anew(StepName.GATES, by_now)
            if operation.bound and by_now != operation.plan:
                return _other_plan(operation, anew)
            if step.detail.get(_WAITED) or by_now != operation.plan:
                # The gates spoke before. They may wait too, and not with the lock in hand.
                await self._release(operation, step)
                return anew
        # After every wait, for gates and for its turn, and before anything is moved.
        if (objection := await self.object_to(operation)) is not None:
            remedy = objection.remedy[:1].lower() + objection.remedy[1:]
            refused = Failed(objection.against, remedy, State.REFUSED)
            return await self._moved(operation) or refused
        return Done("lock taken", {"fence": fence})

    async def _done_meanwhile(
        self, operation: Operation, live: LedgerEntry | None
    ) -> Already | None:
        if not is_live(live, operation.plan.build.deployment_id):
            return None  # whatever the operations before it say
        there = await self.store.fetch_operations(
            operation.repo.id, environment=operation.plan.environment
        )
        return done_meanwhile(operation, live, unsettled(there, live))

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
            return Done(_NOT_TOLD)
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
        rollback = operation.plan.kind is Kind.ROLLBACK
        try:
            # What did not end well may be in the way of a rollback, and so may another rollback.
            async with asyncio.timeout(_TELL_WITHIN if rollback or not ended_well else None):
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
        except TimeoutError:
            return Done(_NOT_TOLD)
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


def _other_plan(operation: Operation, anew: Anew) -> Failed:
    return Failed(
        f"the plan is `{anew.plan.digest}` by now, not `{operation.plan.digest}`",
        "`/promote --dry-run` shows it",
        State.REFUSED,
    )


def _is_replaced(operation: Operation, live: LedgerEntry | None) -> bool:
    """Whether what a watch wants taken back is not live any more. Asked with the lock in hand, so
    that nothing of the bot's can change it meanwhile."""
    bad = operation.plan.replaces
    return bad is not None and not is_live(live, bad.deployment_id)


def _key(operation: Operation) -> str:
    return f"lockgate-{operation.id}"
