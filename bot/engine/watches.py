"""Watches what was promoted, and takes it back when it is surely worse than what was before.

A watch is looked at again and again by jobs for later. It holds no lock: whoever types
``/rollback`` or ``/promote`` meanwhile has their way, and ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from bot.core.audit.entry import content_key
from bot.core.commands.requests import Refusal
from bot.core.decision import Json
from bot.core.hosting import LedgerEntry
from bot.core.model import Actor, ActorKind
from bot.core.operations.machine import Kind, Operation, State, begin, plan_operation
from bot.core.operations.outside import is_live
from bot.core.operations.rollback_target import AlreadyLive, Chosen
from bot.core.render.watch import cause_of, plain_evidence, watch_notice
from bot.core.slo.watch import Outcome, decide_watch
from bot.core.slo.watching import (
    GRACE,
    Span,
    Watch,
    WatchState,
    decided,
    ended,
    looked,
    looked_worse,
    plan_watch,
    set_apart,
)
from bot.core.work.operations import TellOperation
from bot.core.work.watches import AdvanceWatch
from bot.engine.links import Links
from bot.engine.operate import ROLLBACK_WITHIN
from bot.engine.remembered import parse_remembered
from bot.engine.schema_runs import migrations_policy
from bot.engine.watch_reading import WatchReading
from bot.engine.way_back import WayBack
from bot.ports import Clock, Store
from bot.ports.operations import AuditEntry, AuditLog, Notice, OperationStore, Outbox
from bot.ports.watches import WatchStore

log = structlog.get_logger()

BOT = Actor(0, "lockgate", ActorKind.BOT)
"""Who takes back what a watch found worse."""
_LEDGER = 50
_SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Watches:
    watches: WatchStore
    reading: WatchReading
    way_back: WayBack
    operations: OperationStore
    store: Store
    audit: AuditLog
    outbox: Outbox
    clock: Clock
    links: Links

    async def follow(self, operation: Operation) -> None:
        """What an operation that has ended leads to: its own watch, and a look at those that it may
        have put an end to. Comes to the same when done twice."""
        plan, repo = operation.plan, operation.repo
        for other in await self.watches.fetch_open_watches(repo.id, plan.environment):
            await self.store.enqueue(AdvanceWatch(other.id))
        if operation.follows:
            await self.store.enqueue(TellOperation(operation.follows))
        if plan.kind is not Kind.PROMOTE or operation.state is not State.SUCCEEDED:
            return
        if operation.was_needless:
            return  # whatever put it live is watched
        remembered = await self.operations.fetch_policy(repo.id)
        policy = parse_remembered(remembered[0]) if remembered else None
        environment = policy.environments.get(plan.environment) if policy else None
        if environment is None or environment.slo.watch is None:
            return
        earlier = await self.operations.fetch_operations(
            repo.id, environment=plan.environment, limit=_LEDGER
        )
        planned = plan_watch(operation, environment.slo, environment.slo.watch, earlier)
        ledger = await self.operations.fetch_ledger(repo.id, plan.environment, limit=_LEDGER)
        worse = await self._looked_worse(ledger)
        watch = await self.watches.add_watch(set_apart(planned, tuple(worse.values())))
        await self._note(watch, "begun", {"until": watch.ends.isoformat()})

    async def advance(self, work: AdvanceWatch, cause: str) -> None:
        """Look once, and queue the next look; or do what follows from the end."""
        watch = await self.watches.fetch_watch(work.watch_id)
        operation = await self.operations.fetch_operation(watch.operation_id) if watch else None
        if watch is None or operation is None or watch.concluded:
            return
        if watch.state is WatchState.WATCHING:
            watch, wait = await self._look(watch, operation)
            if wait is not None:
                await self.store.enqueue(work, delay=wait)
                return
        await self._conclude(watch, operation)

    async def cancel(self, repository_id: int, environment: str, by: str) -> Watch | None:
        """End the watch over an environment; None if nothing is watched there."""
        for watch in await self.watches.fetch_open_watches(repository_id, environment):
            saved = await self._end(watch, f"{by} ended it.")
            if saved.state is WatchState.ENDED:
                await self.store.enqueue(AdvanceWatch(saved.id))
                return saved
        return None

    async def wake(self) -> None:
        """Have every watch looked at whose job may have died."""
        for watch in await self.watches.fetch_open_watches():
            await self.store.enqueue(AdvanceWatch(watch.id))

    async def _look(self, watch: Watch, operation: Operation) -> tuple[Watch, timedelta | None]:
        """The watch after a look, and when the next one is due; None at its end."""
        if by := await self._ended_by(watch):
            return await self._end(watch, by), None
        watch, objectives, observed = await self.reading.read(watch, operation.repo)
        now = self.clock.now()
        decision = decide_watch(observed, watch.rules, watch.begun, now)
        watch = looked(watch, decision, observed, objectives)
        unread = bool(watch.unread) or any(one.unread for one in observed)
        waits = decision.outcome is Outcome.WATCHING or (
            decision.outcome is Outcome.UNKNOWN and unread and now < watch.ends + GRACE
        )
        # While a promotion is under way, whoever asked for it sees to what is live.
        if not waits and not (decision.outcome is Outcome.WORSE and await self._is_moving(watch)):
            saved = await self._save(decided(watch, decision))
            return saved, _SOON if saved.state is WatchState.WATCHING else None
        saved = await self._save(watch)
        if saved.state is not WatchState.WATCHING:
            return saved, None
        left = watch.ends - now
        return saved, min(watch.every, left) if left > timedelta(0) else watch.every

    async def _ended_by(self, watch: Watch) -> str:
        """What put an end to the watch, as a sentence; empty if nothing has."""
        for newer in await self._newer(watch):
            plan = newer.plan
            if plan.kind is Kind.ROLLBACK or newer.production_may_have_changed:
                return (
                    f"{newer.actor.login} asked for the {plan.kind.noun} to "
                    f"{plan.build.called}, operation {newer.id}."
                )
        live = (await self.operations.fetch_live(watch.repo.id)).get(watch.environment)
        if is_live(live, watch.build.deployment_id):
            return ""
        serves = live.build.called if live else "something else"
        return f"{watch.environment} serves {serves} by now."

    async def _is_moving(self, watch: Watch) -> bool:
        return any(one.state is State.RUNNING for one in await self._newer(watch))

    async def _newer(self, watch: Watch) -> list[Operation]:
        """What was asked for since, besides the roll-back that the watch itself asks for."""
        return [
            one
            for one in await self.operations.fetch_operations(
                watch.repo.id, environment=watch.environment, limit=_LEDGER
            )
            if one.id > watch.operation_id and one.follows != watch.operation_id
        ]

    async def _conclude(self, watch: Watch, operation: Operation) -> None:
        """Runs once or, after a crash, again: each part comes to the same when done twice."""
        if watch.rolls_back and watch.back_to is None and not watch.refused:
            watch = await self._choose(watch, operation)
        await self._note(watch, "decided", plain_evidence(watch))
        if watch.state is WatchState.WORSE:
            await self.outbox.post(self._notice(watch))
        if watch.back_to is not None and not watch.rollback_id:
            watch = await self._take_back(watch, operation)
        await self._save(replace(watch, concluded=True))
        log.info("watch_ended", watch=watch.id, state=watch.state.value)

    async def _choose(self, watch: Watch, operation: Operation) -> Watch:
        """With the build that is put back, or why none is."""
        if by := await self._ended_by(watch):
            return await self._save(replace(watch, refused=f"Before it was taken back: {by}"))
        repo, plan = operation.repo, operation.plan
        if plan.target.host not in self.way_back.hosts:
            refused = f"This server has no access to {plan.target.host}."
            return await self._save(replace(watch, refused=refused))
        migrations = await migrations_policy(self.operations, repo.id)
        ledger = await self.operations.fetch_ledger(repo.id, plan.environment, limit=_LEDGER)
        bad = frozenset(await self._looked_worse(ledger))
        choose = partial(
            self.way_back.choose, repo, plan.environment, plan.target, migrations, ledger
        )
        choice = await choose(passed_over=bad)
        if bad and isinstance(choice, Refusal):  # there is no other than those
            choice = await choose()
        match choice:
            case Chosen():
                return await self._save(replace(watch, back_to=choice.build))
            case AlreadyLive():
                return await self._save(replace(watch, refused="It is not live any more."))
            case Refusal(against=against, remedy=remedy):
                return await self._save(replace(watch, refused=against, remedy=remedy))

    async def _looked_worse(self, ledger: Sequence[LedgerEntry]) -> dict[str, Span]:
        """Ids of deployments that were no better when they were live last, with when that was."""
        found: dict[str, Span | None] = {}
        for entry in ledger:
            build, left = entry.build.deployment_id, entry.live_until
            if build not in found and entry.operation_id and left:
                earlier = await self.watches.fetch_watch_of(entry.operation_id)
                worse = earlier is not None and looked_worse(earlier, left)
                found[build] = Span(earlier.moved_at, left) if earlier and worse else None
        return {build: span for build, span in found.items() if span}

    async def _take_back(self, watch: Watch, operation: Operation) -> Watch:
        """An ordinary rollback. The environment's lock in hand, it looks once more whether what is
        to be taken back is live."""
        assert watch.back_to is not None  # noqa: S101 (the caller has looked)
        now = self.clock.now()
        plan = operation.plan
        rollback, _ = await self.operations.add_operation(
            begin(
                Operation(
                    id=0,
                    repo=operation.repo,
                    plan=plan_operation(
                        Kind.ROLLBACK, plan.environment, plan.target, watch.back_to, plan.build
                    ),
                    actor=BOT,
                    requested_at=now,
                    deadline=now + ROLLBACK_WITHIN,
                    pull_number=operation.pull_number,
                    comment_id=-operation.id,
                    follows=operation.id,
                    cause=cause_of(watch),
                )
            )
        )
        return await self._save(replace(watch, rollback_id=rollback.id))

    async def _end(self, watch: Watch, by: str) -> Watch:
        """However often somebody else changes it meanwhile."""
        while (changed := ended(watch, by, self.clock.now())) != watch:
            saved = await self.watches.save_watch(changed)
            if saved is not None:
                await self.store.enqueue(TellOperation(saved.operation_id))
                return saved
            watch = await self._fresh(watch)
        return watch

    async def _save(self, watch: Watch) -> Watch:
        """The watch as it is stored. Where somebody ended it meanwhile, that stands."""
        saved = await self.watches.save_watch(watch)
        if saved is None:
            saved = await self._fresh(watch)
        if saved.state is not WatchState.WATCHING:
            await self.store.enqueue(TellOperation(saved.operation_id))
        return saved

    async def _fresh(self, watch: Watch) -> Watch:
        found = await self.watches.fetch_watch(watch.id)
        if found is None:
            raise LookupError(f"there is no watch {watch.id}")
        return found

    def _notice(self, watch: Watch) -> Notice:
        title, text = watch_notice(watch)
        return Notice(
            key=f"watch-{watch.id}-worse",
            severity="critical",
            title=title,
            text=text,
            url=self.links.operation(watch.operation_id),
            repository=watch.repo.full_name,
            environment=watch.environment,
        )

    async def _note(self, watch: Watch, what: str, detail: dict[str, Json]) -> None:
        await self.audit.append(
            AuditEntry(
                kind="watch",
                actor=BOT.login,
                repository=watch.repo.full_name,
                subject=f"{watch.environment}: watch over operation {watch.operation_id} {what}",
                detail=detail,
                build_sha=watch.build.sha,
                schema_hash=watch.build.schema_hash,
                release_tag=watch.build.tag,
                pull_number=watch.pull_number,
                key=content_key("watch", watch.repo.id, watch.operation_id, what),
            )
        )
