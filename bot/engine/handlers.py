"""What a worker does for each kind of work, and when it had better wait."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import structlog

from bot.core.work.deliveries import RouteDeliveries, SweepDeliveries
from bot.core.work.kinds import Work
from bot.core.work.notices import DeliverNotice
from bot.core.work.objectives import EvaluateObjectives, SweepObjectives
from bot.core.work.observations import (
    ObserveEnvironment,
    PollEnvironment,
    SweepEnvironments,
    TellMove,
)
from bot.core.work.operations import AdvanceEnvironment, TellOperation
from bot.core.work.probes import AskProbes, SweepProbes
from bot.core.work.promotions import PromoteRelease, ReconcilePromotion, RejudgePromotion
from bot.core.work.pulls import (
    FixTitle,
    ReconcileMergeGroup,
    ReconcilePullRequest,
    RefreshPullRequest,
    RerunHead,
    RerunPullRequest,
    RunCommand,
)
from bot.core.work.releases import (
    ReconcileLine,
    ReconcileRelease,
    RefreshRelease,
    ReplanRelease,
    RerunRelease,
)
from bot.core.work.repositories import (
    LocateRepository,
    ReconcileInstallation,
    ReconcileRepository,
    RepoWork,
)
from bot.core.work.schemas import (
    AdvanceSchemaRun,
    CheckMigrations,
    RefreshMigrations,
    SweepSchemas,
)
from bot.core.work.upkeep import PruneStore, SequenceAudit
from bot.core.work.watches import AdvanceWatch
from bot.engine.links import Links
from bot.engine.payload import read_payload
from bot.engine.probing import Probing
from bot.engine.reconcile import Reconciler
from bot.engine.routes import head_in, hidden_in, place_in, route
from bot.engine.shipping import Shipping
from bot.engine.sweep import KEPT_BY_GITHUB, sweep_deliveries, wake_stranded
from bot.logs import log_context
from bot.ports import (
    Clock,
    Hub,
    HubClosed,
    HubError,
    HubGone,
    HubRefused,
    HubSuspended,
    HubUnavailable,
    JobInfo,
    RateLimit,
    RetryLater,
    Store,
    StoreUnavailable,
)
from bot.ports.host import HostUnavailable

log = structlog.get_logger()

Handler: TypeAlias = Callable[[Any, JobInfo], Awaitable[None]]

LOW_LIMIT = 0.1
"""Below this share of the rate limit, work that nobody waits for is put off until it resets."""

_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Engine:
    hub: Hub
    store: Store
    clock: Clock
    links: Links
    retention: timedelta
    shipping: Shipping
    probing: Probing

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(self.hub, self.store, self.clock, self.links)

    def handlers(self) -> Mapping[str, Handler]:
        """By kind of work."""
        reconciler, budgets = self.reconciler, self.shipping.budgets
        on_work: dict[type[Work], Callable[[Any, str], Awaitable[None]]] = {
            RouteDeliveries: self._route_deliveries,
            ReconcilePullRequest: reconciler.reconcile_pull_request,
            RefreshPullRequest: reconciler.reconcile_pull_request,
            RerunPullRequest: reconciler.reconcile_pull_request,
            CheckMigrations: self.shipping.migration_checks.check,
            RefreshMigrations: self.shipping.migration_checks.refresh,
            RerunHead: reconciler.rerun_head,
            ReconcileMergeGroup: reconciler.reconcile_merge_group,
            ReconcileRepository: reconciler.reconcile_repository,
            LocateRepository: self.shipping.locator.locate_repository,
            ReconcileInstallation: reconciler.reconcile_installation,
            FixTitle: reconciler.fix_title,
            RunCommand: self.shipping.runner.run_command,
            AdvanceEnvironment: self.shipping.operator.advance_environment,
            ObserveEnvironment: self.shipping.observer.observe,
            PollEnvironment: self.shipping.observer.observe,
            SweepEnvironments: self.shipping.observer.sweep,
            SweepSchemas: self.shipping.drift.sweep,
            SweepProbes: self.probing.sweep,
            AskProbes: self.probing.ask,
            SweepObjectives: budgets.sweep,
            EvaluateObjectives: budgets.evaluate,
            TellMove: self.shipping.observer.tell_move,
            AdvanceSchemaRun: self.shipping.schema_runs.advance,
            AdvanceWatch: self.shipping.watches.advance,
            TellOperation: self.shipping.promotions.tell_operation,
            ReconcilePromotion: self.shipping.promotions.reconcile_promotion,
            RejudgePromotion: self.shipping.promotions.reconcile_promotion,
            PromoteRelease: self.shipping.promotions.promote_release,
            ReconcileRelease: self.shipping.releases.reconcile_release,
            ReconcileLine: self.shipping.releases.reconcile_line,
            ReplanRelease: self.shipping.releases.reconcile_release,
            RefreshRelease: self.shipping.releases.reconcile_release,
            RerunRelease: self.shipping.releases.reconcile_release,
            DeliverNotice: self._deliver_notice,
            SequenceAudit: self._sequence_audit,
            SweepDeliveries: self._sweep,
            PruneStore: self._prune,
        }
        return {work.kind: self._patiently(handle) for work, handle in on_work.items()}

    def _patiently(self, handle: Callable[[Any, str], Awaitable[None]]) -> Handler:
        async def handler(work: Any, job: JobInfo) -> None:
            if work.priority < 0 and (installation := getattr(work, "installation_id", None)):
                wait = wait_for_limit(self.hub.rate_limit(installation), self.clock.now())
                if wait:
                    raise RetryLater(wait, "GitHub's rate limit is low")
            try:
                await self._unless_gone(handle, work, f"job {job.id}: {work.kind} {work.key}")
            except (HubUnavailable, HostUnavailable, HubSuspended) as error:
                # A command is not to be carried out when the App is let in again, days later.
                if isinstance(error, HubSuspended) and isinstance(work, RunCommand):
                    raise
                asked = None if isinstance(error, HubSuspended) else error.retry_after
                wait = wait_for_hub(asked, self.clock.now() - job.queued_at)
                if wait is None:
                    raise
                raise RetryLater(wait, str(error)) from error

        return handler

    async def _unless_gone(
        self, handle: Callable[[Any, str], Awaitable[None]], work: Any, cause: str
    ) -> None:
        """What GitHub refuses because the repository is under another installation by now, or
        under none, is not tried again: events of the new place lead to work of their own. Nor is
        what takes nothing any more."""
        try:
            await handle(work, cause)
        except HubClosed as error:
            log.info("job_closed", job=cause, error=str(error))
        except (HubGone, HubRefused) as error:
            if isinstance(error, HubSuspended) or not isinstance(work, RepoWork):
                raise
            try:
                gone = await self.shipping.locator.is_elsewhere(work.repo)
            except HubUnavailable:
                raise
            except HubError:
                raise error from None
            if not gone:
                raise
            log.info("job_gone", job=cause, error=str(error))

    async def _route_deliveries(self, work: RouteDeliveries, cause: str) -> None:
        for guid in work.guids:
            try:
                with log_context(delivery=guid):
                    await self._route_delivery(guid)
            except Exception as error:
                if isinstance(error, StoreUnavailable) or len(work.guids) == 1:
                    raise
                # It gets a job of its own, to be tried again: the others are not to suffer.
                log.exception("delivery_not_routed", delivery=guid)
                await self.store.enqueue(RouteDeliveries([guid]))

    async def _route_delivery(self, guid: str) -> None:
        delivery = await self.store.fetch_delivery(guid)
        if delivery is None or not delivery.waits:
            return  # a worker that was killed right after it is no reason to do it all again
        received_at = delivery.received_at.timestamp() if delivery.received_at else None
        payload = read_payload(delivery.payload)
        works = route(delivery.event, delivery.action, payload, received_at=received_at)
        if delivery.moved and (place := place_in(payload)):
            works.append(place)
        if hidden := hidden_in(delivery.event, delivery.action, payload):
            await self.shipping.repositories.hide_repository(hidden)
        head = head_in(delivery.event, payload)
        if head and delivery.received_at:
            await self.shipping.operations.note_head(*head, seen_at=delivery.received_at)
        await self.store.finish_delivery(guid, "routed" if works else "ignored", works)
        log.info(
            "delivery_routed",
            name=delivery.event,
            action=delivery.action,
            work=[f"{each.kind} {each.key}" for each in works],
        )

    async def _sweep(self, work: SweepDeliveries, cause: str) -> None:
        # First: that GitHub is away must not hold it up.
        await wake_stranded(self.shipping.operations, self.store)
        await self.shipping.release_checks.wake_held()
        for run_id in await self.shipping.schema_store.fetch_open_runs():
            await self.store.enqueue(AdvanceSchemaRun(run_id))
        await self.shipping.watches.wake()
        await sweep_deliveries(self.hub, self.store, self.clock)

    async def _deliver_notice(self, work: DeliverNotice, cause: str) -> None:
        await self.shipping.outbox.deliver(work.notice_id)

    async def _sequence_audit(self, work: SequenceAudit, cause: str) -> None:
        await self.shipping.audit.sequence()

    async def _prune(self, work: PruneStore, cause: str) -> None:
        await self.store.prune(older_than=self.retention)
        await self.probing.slos.thin_probes(self.clock.now())
        await self.probing.slos.thin_budgets(self.clock.now())


def wait_for_limit(limit: RateLimit | None, now: datetime) -> timedelta | None:
    """How long work that nobody waits for is put off; None when there is enough left."""
    if limit is None or limit.remaining >= limit.limit * LOW_LIMIT or limit.resets_at <= now:
        return None
    return limit.resets_at - now


def wait_for_hub(retry_after: timedelta | None, age: timedelta) -> timedelta | None:
    """How long to wait before GitHub is asked again: its own word, else half of what the job has
    waited already, within bounds. None once the job is older than any delivery GitHub keeps."""
    if age > KEPT_BY_GITHUB:
        return None
    return max(retry_after or min(age / 2, _LONGEST_WAIT), _SHORTEST_WAIT)
