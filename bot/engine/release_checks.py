"""The check that says on a branch's head what is in the way of its release, and when it is not any
longer. Where all is well from the beginning there is none.

What is held is kept in the store before the check is written, and until it is taken back: a run
that is killed in between is made good by the next.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.core.checks import CheckOutput
from bot.core.effects import plan_checks
from bot.core.model import RepoRef, Sha
from bot.core.render.release import (
    RELEASE_CHECK,
    render_free_check,
    render_held_check,
    render_notes_check,
    render_unreleased_check,
)
from bot.core.work.releases import RefreshRelease
from bot.engine.apply import apply
from bot.engine.links import Links
from bot.engine.publishing import Trunk
from bot.engine.release_outcomes import Renewed
from bot.ports import Clock, Hub, HubGone, Store
from bot.ports.release_ledger import ReleaseLedger

log = structlog.get_logger()

_LOOK_AGAIN = timedelta(minutes=30)
"""No event tells of a ruleset that was mended. A look takes a dozen requests."""


@dataclass(frozen=True, slots=True)
class ReleaseChecks:
    hub: Hub
    store: Store
    ledger: ReleaseLedger
    clock: Clock
    links: Links

    async def tell(self, trunk: Trunk, renewed: Sequence[Renewed]) -> None:
        repo, branch, head = trunk.repo, trunk.line.branch, trunk.line.head
        problems = [problem for one in renewed for problem in one.problems]
        if problems:
            log.warning("release_held", repository=repo.full_name, problems=problems)
            await self.ledger.hold(repo, branch, head)
            await self._write(repo, branch, head, self._output(trunk, renewed), trunk.cause)
            return
        held = dict(await self.ledger.fetch_held(repo.id))
        if branch in held:
            output = self._output(trunk, renewed)
            await self._write(repo, branch, held[branch], output, trunk.cause)
            await self.ledger.let_go(repo.id, branch)

    async def tell_notes(self, trunk: Trunk, renewed: Renewed) -> None:
        """On the release pull request's head: somebody should look."""
        if renewed.head is not None:
            output = self._notes(trunk, renewed)
            await self._write(trunk.repo, trunk.line.branch, renewed.head, output, trunk.cause)

    async def tell_anew(self, trunk: Trunk, renewed: Sequence[Renewed], at: Sha) -> None:
        """Re-run was pressed on a commit: a new run, also if it says the same."""
        looked_at = next((one for one in renewed if one.head == at), None)
        output = self._notes(trunk, looked_at) if looked_at else self._output(trunk, renewed)
        await self._write(trunk.repo, trunk.line.branch, at, output, trunk.cause, anew=True)

    async def withdraw(
        self,
        repo: RepoRef,
        reason: str,
        cause: str,
        at: Sha | None = None,
        *,
        kept: Collection[str] = (),
    ) -> None:
        """Nothing is released any more but from the branches that are ``kept``, for a reason in a
        plain sentence. ``at``: where Re-run was pressed."""
        output = render_unreleased_check(reason, details_url=self.links.repository(repo))
        for branch, head in await self.ledger.fetch_held(repo.id):
            if branch in kept:
                continue
            if head != at:
                await self._write(repo, branch, head, output, cause)
            await self.ledger.let_go(repo.id, branch)
        if at is not None:
            await self._write(repo, "", at, output, cause, anew=True)

    async def forget(self, repo: RepoRef) -> None:
        """The repository is gone."""
        for branch, _ in await self.ledger.fetch_held(repo.id):
            await self.ledger.let_go(repo.id, branch)

    async def wake_held(self) -> None:
        """Look again at what nobody has looked at for long."""
        for repo in await self.ledger.fetch_held_long(self.clock.now() - _LOOK_AGAIN):
            await self.store.enqueue(
                RefreshRelease(repo.installation_id, repo.id, repo.owner, repo.name)
            )

    def _notes(self, trunk: Trunk, renewed: Renewed) -> CheckOutput:
        url = self.links.repository(trunk.repo)
        return render_notes_check(renewed.tags, renewed.notes, details_url=url)

    def _output(self, trunk: Trunk, renewed: Sequence[Renewed]) -> CheckOutput:
        details_url = self.links.repository(trunk.repo)
        held = [one for one in renewed if one.problems]
        if held:
            tags = [tag for one in held for tag in one.tags]
            problems = dict.fromkeys(problem for one in held for problem in one.problems)
            return render_held_check(tags, list(problems), details_url=details_url)
        pulls = [one.pull for one in renewed if one.tags and one.pull]
        urls = [f"{trunk.config.repo_url}/pull/{pull.number}" for pull in pulls]
        return render_free_check(
            [tag for one in renewed for tag in one.tags], urls, details_url=details_url
        )

    async def _write(
        self,
        repo: RepoRef,
        branch: str,
        head: Sha,
        output: CheckOutput,
        cause: str,
        *,
        anew: bool = False,
    ) -> None:
        try:
            snapshot = await self.hub.fetch_merge_group(
                repo, head_sha=head, base_sha=head, base_ref=branch
            )
        except HubGone:
            log.info("commit_gone", repository=repo.full_name, sha=head)
            return
        if anew and all(check.name != RELEASE_CHECK for check in snapshot.checks):
            return  # another check of the same commit was meant
        effects = plan_checks(repo, head, [output], snapshot.checks, rerun=anew)
        for effect in effects:
            await apply(effect, hub=self.hub, store=self.store, cause=cause)
