"""Notices what was promoted and rolled back past the bot, and writes it to the ledger as such.

What leads here (a webhook of GitHub or of the host, or the time) is a hint. What counts is what
the production domain serves: seen twice, some seconds apart, while no operation of the bot's was
under way there. What is written then is held to the ledger as it stood before the domain was asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.core.audit.entry import content_key
from bot.core.hosting import Build, HostDeployment, HostJobState, HostTarget, LedgerEntry
from bot.core.model import RepoRef, Sha
from bot.core.operations.outside import (
    Move,
    is_live,
    known_build,
    late_move,
    unfinished,
    went_back,
)
from bot.core.policy import Policy
from bot.core.render.moved import moved_text, moved_title
from bot.core.work.observations import (
    ObserveEnvironment,
    PollEnvironment,
    SweepEnvironments,
    TellMove,
)
from bot.core.work.promotions import ReconcilePromotion
from bot.core.work.releases import ReconcileRelease
from bot.engine.links import Links
from bot.ports import Clock, HubGone, HubRefused, Store
from bot.ports.host import Host, HostError, HostGone, HostRefused, HostUnavailable
from bot.ports.observations import ObservationStore, Standing
from bot.ports.operations import AuditEntry, AuditLog, CommandHub, Notice, OperationStore, Outbox

log = structlog.get_logger()

AGAIN_AFTER = timedelta(seconds=5)
"""Between the two looks that it takes: domains that are on the move have arrived by then."""
SPREAD = timedelta(minutes=4)
"""Over which the polls of one sweep are spread; a sweep comes every five minutes."""
_HINTED = "vercel"
"""The host whose hints these are; others are polled."""
_READ = 50
"""Entries and operations looked through, newest first."""
_LOOK_FOR = timedelta(minutes=10)
"""For how long a job at the host is waited for. After that polling notices what it moved."""
_SHORTEST_LOOK = timedelta(seconds=2)
_UNDER_WAY = (HostJobState.PENDING, HostJobState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Observer:
    hub: CommandHub
    hosts: Mapping[str, Host]
    operations: OperationStore
    observations: ObservationStore
    store: Store
    audit: AuditLog
    outbox: Outbox
    clock: Clock
    links: Links

    async def sweep(self, work: SweepEnvironments, cause: str) -> None:
        """Have every environment looked at that something is live in."""
        await self._place()
        places = [
            place
            for place in await self.observations.fetch_live_places()
            if place.target.host in self.hosts
        ]
        for number, place in enumerate(places):
            poll = _poll(place.repo, place.environment)
            await self.store.enqueue(poll, delay=SPREAD * number / len(places))

    async def _place(self) -> None:
        """After an upgrade from a release that kept no places: take them from the policies that it
        remembered, rather than wait until each is read again."""
        for repository_id, policy in (await self.observations.fetch_unplaced()).items():
            try:
                environments = Policy.model_validate_json(policy).environments
            except ValueError as error:  # the other release allowed what this one does not
                log.info("policy_not_read", repository=repository_id, error=str(error))
                continue
            targets = {name: one.target for name, one in environments.items() if one.target}
            await self.observations.add_places(repository_id, targets)

    async def hint(self, projects: Sequence[str]) -> int:
        """Have the environments of a project at Vercel looked at, by any of its names; how many
        there are. It is stored when this returns.

        Raises:
            StoreUnavailable: some of it may not be.
        """
        places = await self.observations.find_places(_HINTED, projects)
        for place in places:
            await self.store.enqueue(_look_at(place.repo, place.environment))
        return len(places)

    async def observe(self, work: ObserveEnvironment, cause: str) -> None:
        """Compare what the domain serves with the ledger."""
        if not work.environment:
            for name in await self.observations.fetch_names(work.repository_id, _HINTED):
                await self.store.enqueue(_look_at(work.repo, name))
            return
        target = await self.observations.fetch_target(work.repository_id, work.environment)
        if target is None or target.host not in self.hosts:
            return
        # Read before the domain is asked: what is recorded later holds only if this still does.
        standing = await self.observations.fetch_standing(work.repository_id, work.environment)
        if standing.busy:
            return  # it looks by itself, and what comes after it is polled
        try:
            await self._look(work, target, standing)
        except HostError as error:
            log.info("environment_not_observed", work=work.key, error=str(error))
            if isinstance(error, HostUnavailable) and not isinstance(work, PollEnvironment):
                # Once more; after that it is polled.
                again = max(error.retry_after or AGAIN_AFTER, AGAIN_AFTER)
                await self.store.enqueue(_poll(work.repo, work.environment), delay=again)

    async def _look(self, work: ObserveEnvironment, target: HostTarget, standing: Standing) -> None:
        repo, name = work.repo, work.environment
        serving = await self.hosts[target.host].fetch_serving(repo, target)
        if is_live(standing.live, serving):
            await self.observations.forget_sighting(repo.id, name)
            if not isinstance(work, PollEnvironment):
                await self._look_again_after_job(work, target)
            return
        now = self.clock.now()
        seen_at = await self.observations.note_sighting(repo.id, name, serving, standing, now)
        if now - seen_at < AGAIN_AFTER:
            again = seen_at + AGAIN_AFTER - now
            await self.store.enqueue(_look_at(repo, name), delay=again)
            return
        move = await self._read_move(repo, name, target, serving)
        entry = await self.observations.record_move(repo, name, move, standing, seen_at)
        log.info(
            "environment_moved_outside",
            work=work.key,
            serving=serving,
            origin=move.origin.value,
            recorded=entry.id if entry else None,
        )

    async def _look_again_after_job(self, work: ObserveEnvironment, target: HostTarget) -> None:
        """A host tells of a rollback when it was asked for, and of its end never."""
        job = await self.hosts[target.host].fetch_job(work.repo, target)
        if job is None or job.state not in _UNDER_WAY:
            return
        age = self.clock.now() - job.requested_at
        if age < _LOOK_FOR:
            again = max(age / 2, _SHORTEST_LOOK)
            await self.store.enqueue(_look_at(work.repo, work.environment), delay=again)

    async def _read_move(
        self, repo: RepoRef, environment: str, target: HostTarget, serving: str
    ) -> Move:
        """
        Raises:
            HostUnavailable, HubUnavailable: not known now; nothing is recorded on a guess.
        """
        operations = await self.operations.fetch_operations(
            repo.id, environment=environment, limit=_READ
        )
        operation = unfinished(operations, serving)
        if operation is not None:
            return late_move(operation)
        ledger = await self.operations.fetch_ledger(repo.id, environment, limit=_READ)
        served = await self._build(repo, target, serving)
        replaced = await self._build(repo, target, ledger[0].build.deployment_id if ledger else "")
        timed = target.host == _HINTED  # a commit that a workflow deploys has no time of its own
        back = went_back(ledger, serving, served if timed else None, replaced if timed else None)
        known = known_build(ledger, serving)
        return Move(known or await self._linked(repo, serving, served), went_back=back)

    async def _build(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> HostDeployment | None:
        """None where the host does not know it, or not any more."""
        if not deployment_id:
            return None
        try:
            return await self.hosts[target.host].fetch_build(repo, target, deployment_id)
        except (HostGone, HostRefused):
            return None

    async def _linked(self, repo: RepoRef, serving: str, served: HostDeployment | None) -> Build:
        """With what GitHub knows of the commit. Whoever builds may write any commit into a build's
        description, so it is a word of the host's and no proof."""
        if served is None or served.sha is None:
            return Build(Sha(""), serving)
        try:
            trunk, _ = await self.hub.fetch_trunk(repo)
            commit = await self.hub.fetch_commit(repo, served.sha, trunk=trunk)
        except (HubGone, HubRefused):
            return Build(served.sha, serving)
        return Build(served.sha, serving, commit.tag, commit.pull_number)

    async def tell_move(self, work: TellMove, cause: str) -> None:
        """Queued with the entry; done again after a crash, each part comes to the same."""
        found = await self.observations.fetch_move(work.repository_id, work.entry_id)
        if found is None:
            return
        entry, before = found
        await self.audit.append(_audited(work.repo, entry, before))
        await self.outbox.post(
            Notice(
                key=f"move-{entry.id}",
                severity="warning",
                title=moved_title(work.repo, entry),
                text=moved_text(entry, before),
                url=self.links.environment(work.repo, entry.environment),
                repository=work.repo.full_name,
                environment=entry.environment,
            )
        )
        # What is live in one environment is what the gate `order` of another looks at, and what the
        # release pull request tells.
        repo = work.repo
        for kind in (ReconcilePromotion, ReconcileRelease):
            await self.store.enqueue(kind(repo.installation_id, repo.id, repo.owner, repo.name))


def _look_at(repo: RepoRef, environment: str) -> ObserveEnvironment:
    return ObserveEnvironment(repo.installation_id, repo.id, repo.owner, repo.name, environment)


def _poll(repo: RepoRef, environment: str) -> PollEnvironment:
    return PollEnvironment(repo.installation_id, repo.id, repo.owner, repo.name, environment)


def _audited(repo: RepoRef, entry: LedgerEntry, before: LedgerEntry | None) -> AuditEntry:
    build = entry.build
    return AuditEntry(
        kind="observation",
        actor=entry.actor,
        repository=repo.full_name,
        subject=f"{entry.environment}: ledger entry {entry.id}",
        detail={
            "origin": entry.origin.value,
            "deployment": build.deployment_id,
            "replaced": before.build.deployment_id if before else "",
            "replaced_build": before.build.sha if before else "",
            "went_back": entry.went_back,
            "operation": entry.operation_id,
            "seen_at": entry.live_from.isoformat(),
        },
        build_sha=build.sha,
        schema_hash=build.schema_hash,
        release_tag=build.tag,
        pull_number=build.pull_number,
        key=content_key("move", repo.id, entry.id),
    )
