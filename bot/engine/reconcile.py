"""Make GitHub say what is true now: read the present, decide, write the difference.

Every handler may run twice, or be killed at any point and run again: it reads what stands on
GitHub before it writes.
"""

from dataclasses import asdict, dataclass

import structlog

from bot.core.decide import Decided, decide
from bot.core.effects import UpdateTitle, plan_checks
from bot.core.model import PullRef, PullState, RepoRef, Sha
from bot.core.policy import PolicyInForce
from bot.core.render.check import render_checks
from bot.core.render.json import to_json
from bot.core.render.words import title_suggestion
from bot.core.work.promotions import RejudgePromotion
from bot.core.work.pulls import (
    FixTitle,
    ReconcileMergeGroup,
    ReconcilePullRequest,
    RefreshPullRequest,
    RerunHead,
    RerunPullRequest,
)
from bot.core.work.releases import RefreshRelease
from bot.core.work.repositories import ReconcileInstallation, ReconcileRepository
from bot.core.work.schemas import CheckMigrations
from bot.engine.apply import apply
from bot.engine.links import Links
from bot.engine.review import Review, review_pull_request
from bot.metrics import WEBHOOK_TO_CHECK
from bot.ports import (
    Clock,
    Evaluation,
    HeadVerdict,
    Hub,
    HubGone,
    HubRefused,
    HubSuspended,
    PullSnapshot,
    Store,
)

log = structlog.get_logger()

_ON_CONVERSATION = frozenset({"post_comment", "update_comment", "delete_comment"})


@dataclass(frozen=True, slots=True)
class Reconciler:
    hub: Hub
    store: Store
    clock: Clock
    links: Links

    async def reconcile_pull_request(self, work: ReconcilePullRequest, cause: str) -> None:
        """Also for RefreshPullRequest and RerunPullRequest."""
        try:
            snapshot = await self.hub.fetch_pull_request(work.ref)
        except HubGone:
            log.info("pull_request_gone", pull=str(work.ref))
            return
        known = await self.store.fetch_verdicts_of_head(work.repo.id, snapshot.pull.head_sha)
        others = [one for one in known if one.number != work.number]
        review = review_pull_request(
            snapshot,
            details_url=self.links.pull(snapshot.pull.ref),
            now=self.clock.now(),
            rerun=isinstance(work, RerunPullRequest),
            others=others,
        )
        for effect in review.effects:
            try:
                await apply(effect, hub=self.hub, store=self.store, cause=cause)
            except HubRefused as error:
                if isinstance(error, HubSuspended) or effect.kind not in _ON_CONVERSATION:
                    raise
                # A locked conversation takes none. The check says the same, and the next event
                # tries again.
                log.warning("comment_refused", pull=str(work.ref), error=str(error))
            if work.received_at is not None and effect.kind in ("post_check", "update_check"):
                elapsed = self.clock.now().timestamp() - work.received_at
                WEBHOOK_TO_CHECK.observe(max(elapsed, 0.0))
        await self._look_at_pull(snapshot, review, work)
        evaluation = self._evaluation(review)
        await self.store.save_evaluation(evaluation)
        of_head = HeadVerdict(evaluation.number, evaluation.base_ref, evaluation.verdict)
        if review.pull.state is not PullState.OPEN or of_head not in known:
            # They share one check: what it says of them may depend on this one.
            for other in others:
                await self.store.enqueue(
                    RefreshPullRequest(*_fields(work.repo), number=other.number)
                )
        log.info(
            "pull_request_reconciled",
            pull=str(work.ref),
            verdict=review.decided.decision.verdict,
            writes=len(review.effects),
        )

    async def _look_at_pull(
        self, snapshot: PullSnapshot, review: Review, work: ReconcilePullRequest
    ) -> None:
        """One that is closed is to be forgotten, though the trunk has all of it by now."""
        pull = snapshot.pull
        closed = pull.state is not PullState.OPEN
        if closed or _may_migrate(review.decided, snapshot.changed):
            await self.store.enqueue(
                CheckMigrations(
                    *_fields(pull.ref.repo),
                    number=pull.ref.number,
                    head_sha=pull.head_sha,
                    base_sha=snapshot.base_tip or pull.base_sha,
                    rerun=isinstance(work, RerunPullRequest),
                    closed=closed,
                )
            )

    async def reconcile_merge_group(self, work: ReconcileMergeGroup, cause: str) -> None:
        try:
            snapshot = await self.hub.fetch_merge_group(
                work.repo,
                head_sha=Sha(work.head_sha),
                base_sha=Sha(work.base_sha),
                base_ref=work.base_ref,
            )
        except HubGone:
            log.info("merge_group_gone", repository=work.repo.full_name, sha=work.head_sha)
            return
        decided = decide(snapshot.group, snapshot.policy_files)
        checks = render_checks(
            decided.decision, details_url=self.links.repository(work.repo), offer_fix=False
        )
        for effect in plan_checks(work.repo, snapshot.group.head_sha, checks, snapshot.checks):
            await apply(effect, hub=self.hub, store=self.store, cause=cause)
        if _may_migrate(decided, snapshot.changed):
            await self.store.enqueue(
                CheckMigrations(
                    *_fields(work.repo), number=0, head_sha=work.head_sha, base_sha=work.base_sha
                )
            )

    async def reconcile_repository(self, work: ReconcileRepository, cause: str) -> None:
        await self._refresh_open_pulls(work.repo, base_ref=work.base_ref)
        if not work.base_ref:  # its queues may have asked for checks while nothing was heard
            await self._refresh_merge_groups(work.repo)

    async def reconcile_installation(self, work: ReconcileInstallation, cause: str) -> None:
        try:
            repositories = await self.hub.fetch_repositories(work.installation_id)
        except HubGone:
            log.info("installation_gone", installation=work.installation_id)
            return
        for repo in repositories:
            await self.store.enqueue(ReconcileRepository(*_fields(repo)))
            await self.store.enqueue(RejudgePromotion(*_fields(repo)))
            await self.store.enqueue(RefreshRelease(*_fields(repo)))

    async def rerun_head(self, work: RerunHead, cause: str) -> None:
        try:
            numbers = await self.hub.fetch_pulls_with_head(work.repo, Sha(work.head_sha))
        except HubGone:
            return
        for number in numbers:
            await self.store.enqueue(RerunPullRequest(*_fields(work.repo), number=number))

    async def fix_title(self, work: FixTitle, cause: str) -> None:
        """Put the suggested title in place, if whoever pressed the button may write.

        The suggestion is made anew from the title as it stands: what the button offered may be
        out of date, and is never taken from the payload.
        """
        try:
            role = await self.hub.fetch_role(work.repo, work.actor_login)
            if not role.may_write:
                log.warning("fix_title_refused", actor=work.actor_id, role=role.name)
                return
            numbers = await self.hub.fetch_pulls_with_head(work.repo, Sha(work.head_sha))
            for number in numbers:
                snapshot = await self.hub.fetch_pull_request(PullRef(work.repo, number))
                decision = decide(snapshot.pull, snapshot.policy_files).decision
                for title in filter(None, map(title_suggestion, decision.results)):
                    effect = UpdateTitle(snapshot.pull.ref, title)
                    await apply(effect, hub=self.hub, store=self.store, cause=cause)
        except HubGone:
            log.info("fix_title_gone", repository=work.repo.full_name, sha=work.head_sha)

    async def _refresh_open_pulls(self, repo: RepoRef, *, base_ref: str) -> None:
        try:
            numbers = await self.hub.fetch_open_pulls(repo, base_ref=base_ref)
        except HubGone:
            log.info("repository_gone", repository=repo.full_name)
            return
        # Those that were closed while nothing was heard are to be forgotten.
        known = [] if base_ref else await self.store.fetch_open_numbers(repo.id)
        for number in dict.fromkeys([*numbers, *known]):
            await self.store.enqueue(RefreshPullRequest(*_fields(repo), number=number))

    async def _refresh_merge_groups(self, repo: RepoRef) -> None:
        try:
            candidates = await self.hub.fetch_candidates(repo)
        except HubGone:
            return
        for candidate in candidates:
            await self.store.enqueue(ReconcileMergeGroup(*_fields(repo), **asdict(candidate)))

    def _evaluation(self, review: Review) -> Evaluation:
        pull = review.pull
        return Evaluation(
            repo=pull.ref.repo,
            private=pull.private,
            number=pull.ref.number,
            title=pull.title,
            author=pull.author.login,
            state=pull.state.value,
            head_sha=pull.head_sha,
            base_ref=pull.base_ref,
            verdict=review.decided.decision.verdict.value,
            result=to_json(review.decided.decision),
            evaluated_at=self.clock.now(),
        )


def _may_migrate(decided: Decided, changed: frozenset[str]) -> bool:
    """Most changes are to no database: of those nothing more is read."""
    if not isinstance(decided.policy, PolicyInForce):
        return False
    policy = decided.policy.policy.migrations
    return not changed.isdisjoint(
        path.partition("/")[0] for path in (policy.path, policy.backfills)
    )


def _fields(repo: RepoRef) -> tuple[int, int, str, str]:
    return repo.installation_id, repo.id, repo.owner, repo.name
