"""What the bot does about promotions by itself: it tells how they go, shows what the gates say
before anybody types a command, and promotes a release where the policy says so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from bot.core.checks import CheckOutput, Conclusion
from bot.core.commands.command import DEFAULT_ENVIRONMENT
from bot.core.effects import Effect, PostCheck, PostComment, React, UpdateComment, plan_checks
from bot.core.hosting import Build, join_tags
from bot.core.model import GHOST, Actor, PullRef, PullState, RepoRef
from bot.core.operations.machine import Kind, Operation, State, begin, plan_operation
from bot.core.operations.outside import is_live, unsettled
from bot.core.operations.turn import replaced_by
from bot.core.policy.environments import EnvironmentPolicy, OnFailure, OnRelease
from bot.core.policy.release import ReleasePolicy
from bot.core.promotion import pick_build
from bot.core.render.comment import SummaryComment
from bot.core.render.operation import render_operation
from bot.core.render.operation_markers import operation_marker
from bot.core.render.promotion import render_promotion_check
from bot.core.render.watch import Shown
from bot.core.slo.watching import WatchState
from bot.core.work.operations import AdvanceEnvironment, TellOperation
from bot.core.work.promotions import PromoteRelease, ReconcilePromotion, RejudgePromotion
from bot.engine.apply import apply
from bot.engine.gather import Gatherer
from bot.engine.links import Links
from bot.engine.locate import Locator
from bot.engine.operate import WAITS_FOR
from bot.engine.policies import Policies
from bot.engine.release_lines import release_branches
from bot.engine.released import Released
from bot.ports import Clock, Hub, HubClosed, HubGone, HubRefused, HubSuspended, Store
from bot.ports.host import Host, HostError
from bot.ports.operations import AuditBroken, AuditLog, CommandHub, OperationStore
from bot.ports.release_ledger import ReleaseLedger
from bot.ports.releases import ReleaseHub
from bot.ports.watches import WatchStore

log = structlog.get_logger()

AUDIT_CHECK = "lockgate/audit"


@dataclass(frozen=True, slots=True)
class Promotions:
    hub: Hub
    commands: CommandHub
    releases: ReleaseHub
    ledger: ReleaseLedger
    hosts: Mapping[str, Host]
    policies: Policies
    operations: OperationStore
    store: Store
    gatherer: Gatherer
    audit: AuditLog
    clock: Clock
    links: Links
    locator: Locator
    watches: WatchStore

    async def tell_operation(self, work: TellOperation, cause: str) -> None:
        """Bring the one comment of an operation, and the reaction to its command, up to date; one
        that went well anchors the audit log. What came by no pull request has no comment."""
        operation = await self.operations.fetch_operation(work.operation_id)
        if operation is None:
            return
        try:
            if operation.pull_number:
                await self._tell(operation, cause)
            concluded = operation.concluded and operation.state is State.SUCCEEDED
            if concluded and operation.plan.build.sha:
                for effect in await self._anchor(operation):
                    await apply(effect, hub=self.hub, store=self.store, cause=cause)
        except (HubClosed, HubSuspended):
            raise  # it is known where the repository is
        except (HubGone, HubRefused) as error:
            if not await self._tell_elsewhere(work, operation.repo):
                if isinstance(error, HubRefused):
                    raise
                log.info("pull_request_gone", operation=operation.id, error=str(error))

    async def _tell(self, operation: Operation, cause: str) -> None:
        """What a locked conversation did not take once is tried again only at the end: it may be
        unlocked by then."""
        if operation.untold and not operation.concluded:
            return
        untold = ""
        for effect in await self._comment(operation):
            try:
                await apply(effect, hub=self.hub, store=self.store, cause=cause)
            except HubClosed as error:
                log.warning("comment_refused", operation=operation.id, error=str(error))
                untold = untold or str(error)
        await self._note_untold(operation, untold)

    async def _note_untold(self, operation: Operation, untold: str) -> None:
        """For the operation's page. Not by ``Operator.change``: this is no news to be told."""
        found: Operation | None = operation
        while found is not None and found.untold != untold:
            if await self.operations.save_operation(replace(found, untold=untold)) is not None:
                return
            found = await self.operations.fetch_operation(operation.id)

    async def _comment(self, operation: Operation) -> list[Effect]:
        ref = PullRef(operation.repo, operation.pull_number)
        effects: list[Effect] = []
        body = render_operation(
            operation,
            details_url=self.links.operation(operation.id),
            slo_url=self.links.objectives(operation.repo),
            watched=await self._watched(operation, ref),
        )
        comment = SummaryComment(body, f"operation {operation.id} version {operation.version}")
        own = await self.commands.fetch_own_comment(ref, operation_marker(operation.id))
        if own is None:
            effects.append(PostComment(ref, comment))
        elif own.body.strip() != body.strip():
            effects.append(UpdateComment(ref, own.id, comment))
        if operation.ended and operation.comment_id > 0:
            good = operation.state is State.SUCCEEDED
            effects.append(React(ref, operation.comment_id, "rocket" if good else "-1"))
        return effects

    async def _watched(self, operation: Operation, ref: PullRef) -> Shown | None:
        """The watch over what it has put in place, and what came of that."""
        watch = await self.watches.fetch_watch_of(operation.id)
        if watch is None:
            return None
        rollback = None
        if watch.rollback_id:
            rollback = await self.operations.fetch_operation(watch.rollback_id)
        worse = watch.state is WatchState.WORSE
        author = (await self.commands.fetch_pull(ref)).author if worse else None
        return Shown(watch, rollback, author)

    async def _tell_elsewhere(self, work: TellOperation, repo: RepoRef) -> bool:
        """Whether the repository is at another place by now, where this is then done, or at none
        where the App is installed."""
        try:
            found = await self.locator.find(repo)
        except HubGone as error:
            log.info("repository_gone", repository=repo.full_name, error=str(error))
            return True
        if found != repo:
            await self.store.enqueue(work)
        return found != repo

    async def _anchor(self, operation: Operation) -> list[Effect]:
        """The audit log's newest checkpoint, on the commit that it speaks of last: outside the
        database, where whoever changes the log cannot change it too."""
        try:
            checkpoint = await self.audit.checkpoint()
        except AuditBroken as error:
            log.warning("audit_log_broken", error=str(error))
            return []
        output = CheckOutput(
            name=AUDIT_CHECK,
            conclusion=Conclusion.NEUTRAL,
            title=f"Audit checkpoint of operation {operation.id}",
            summary="`lockgate audit verify` holds the log against it.",
            text=f"```\n{checkpoint.strip()}\n```",
            details_url=self.links.operation(operation.id),
        )
        return [PostCheck(operation.repo, operation.plan.build.sha, output)] if checkpoint else []

    async def reconcile_promotion(self, work: ReconcilePromotion, cause: str) -> None:
        """Wake what waits for gates, and show on the trunk's head what they say."""
        for operation in await self.operations.fetch_operations(work.repository_id, open_only=True):
            if operation.state is State.WAITING:
                await self.store.enqueue(
                    AdvanceEnvironment(work.repository_id, operation.plan.environment)
                )
        if not isinstance(work, RejudgePromotion) and await self._is_idle(work.repository_id):
            return
        try:
            trunk, head = await self.commands.fetch_trunk(work.repo)
            snapshot = await self.hub.fetch_merge_group(
                work.repo, head_sha=head, base_sha=head, base_ref=trunk
            )
            environments = await self.policies.in_force(work.repo, snapshot.policy_files)
            name = _shown(environments.by_name)
            if not name or environments.fault:
                return
            policy = environments.by_name[name]
            build = await self._build(work.repo, policy, Build(head))
            decision = await self.gatherer.judge(work.repo, name, policy, build, environments, {})
            check = render_promotion_check(
                decision, environment=name, details_url=self.links.repository(work.repo)
            )
            effects = plan_checks(work.repo, head, [check], snapshot.checks)
            if environments.release is not None:
                effects += await self._on_release_pulls(
                    work.repo, environments.release, trunk, check
                )
            for effect in effects:
                await apply(effect, hub=self.hub, store=self.store, cause=cause)
        except HubGone:
            log.info("repository_gone", repository=work.repo.full_name)

    async def _on_release_pulls(
        self, repo: RepoRef, policy: ReleasePolicy, trunk: str, check: CheckOutput
    ) -> list[Effect]:
        """The same on the heads of open release pull requests, which release the trunk's head."""
        effects: list[Effect] = []
        for branch, _ in release_branches(policy, trunk):
            for pull in await self.releases.fetch_pulls(repo, branch):
                if pull.ours and pull.state is PullState.OPEN and pull.base == trunk:
                    head = pull.head_sha
                    there = await self.hub.fetch_merge_group(
                        repo, head_sha=head, base_sha=head, base_ref=trunk
                    )
                    effects += plan_checks(repo, head, [check], there.checks)
        return effects

    async def _is_idle(self, repository_id: int) -> bool:
        """Whether the policy, as it was read not long ago, names no environment: then an event
        costs no request."""
        remembered = await self.policies.recent(repository_id)
        return remembered is not None and not remembered.environments

    async def promote_release(self, work: PromoteRelease, cause: str) -> None:
        """A build that was taken back, by whatever way, is not put in place again by itself; nor is
        a prerelease ever. Releases of one commit are promoted once."""
        released = Released(self.releases, self.ledger, self.operations, self.store)
        try:
            trunk, head = await self.commands.fetch_trunk(work.repo)
            commit = await self.commands.fetch_commit(work.repo, work.tag, trunk=trunk)
            if not work.sha:
                wait = await released.wait(work.repo, commit, work.tag)
                await self.store.enqueue(replace(work, sha=commit.commit.sha), delay=wait)
                return
            snapshot = await self.hub.fetch_merge_group(
                work.repo, head_sha=head, base_sha=head, base_ref=trunk
            )
            tags = await released.fetch_tags(work.repo, commit, work.tag)
        except HubGone as error:
            log.info("release_gone", tag=work.tag, error=str(error))
            return
        if not tags:
            log.info("prerelease_not_promoted", tag=work.tag)
            return
        environments = await self.policies.in_force(work.repo, snapshot.policy_files)
        live = await self.operations.fetch_live(work.repository_id)
        for name, policy in environments.by_name.items():
            if environments.fault or policy.on_release is not OnRelease.PROMOTE:
                continue
            entry = live.get(name)
            there = await self.operations.fetch_operations(work.repository_id, environment=name)
            doubted = unsettled(there, entry)
            if policy.target is None or doubted or (entry and entry.holds_releases):
                log.info("release_not_promoted", tag=work.tag, environment=name)
                continue
            if await released.join(there, commit.commit.sha, tags):
                continue
            tag = join_tags(tags)
            build = Build(commit.commit.sha, tag=tag, pull_number=commit.pull_number)
            build = await self._build(work.repo, policy, build)
            same = is_live(entry, build.deployment_id)
            if entry and same and entry.verified_at:
                continue
            plan = plan_operation(
                Kind.PROMOTE, name, policy.target, build, replaced_by(build, entry)
            )
            now = self.clock.now()
            await self.operations.add_operation(
                begin(
                    Operation(
                        id=0,
                        repo=work.repo,
                        plan=plan,
                        actor=Actor(work.actor_id, work.actor_login) if work.actor_id else GHOST,
                        requested_at=now,
                        deadline=now + WAITS_FOR,
                        pull_number=commit.pull_number,
                        # Its commit is built and checked only now, and nobody types it again.
                        when_ready=True,
                        take_back=policy.on_failure is OnFailure.ROLLBACK,
                    )
                )
            )

    async def _build(self, repo: RepoRef, policy: EnvironmentPolicy, build: Build) -> Build:
        target = policy.target
        host = self.hosts.get(target.host) if target else None
        if target is None or host is None:
            return build
        try:
            made = pick_build(await host.fetch_builds(repo, target, build.sha), build.sha)
        except HostError:
            return build  # the deployment gate says what is the matter
        return build if made is None else _with(build, made.id)


def _with(build: Build, deployment_id: str) -> Build:
    return Build(build.sha, deployment_id, build.tag, build.pull_number, build.schema_hash)


def _shown(environments: Mapping[str, EnvironmentPolicy]) -> str:
    """The environment that the check speaks of: production, or else the first that lives
    somewhere; empty if there is none."""
    if DEFAULT_ENVIRONMENT in environments:
        return DEFAULT_ENVIRONMENT
    return next((name for name, policy in environments.items() if policy.target), "")
