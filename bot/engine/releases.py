"""The release pull request: what was merged is released, then it is kept as the trunk would be
released now.

Nothing is decided on what the pull request says. Tags and commits say what is to be released; of
the pull request only the people's own words are kept, and their commits on its branch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import structlog

from bot.core.hosting import LedgerEntry
from bot.core.model import PullRef, RepoRef, Sha
from bot.core.phrases import counted
from bot.core.release.ancestry import claim_reached
from bot.core.release.model import HistoryCommit, ReleasePlan, Steering
from bot.core.release.packages import releases
from bot.core.release.pull_request import (
    parse_pull,
    render_body,
    render_title,
)
from bot.core.release.steering import decide_steering
from bot.core.work.promotions import ReconcilePromotion
from bot.core.work.releases import ReconcileLine, ReconcileRelease, ReplanRelease, RerunRelease
from bot.engine.policies import Environments, Policies
from bot.engine.publishing import Completed, Publisher, Trunk, noted_on
from bot.engine.release_branches import fetch_standing, merge_line
from bot.engine.release_checks import ReleaseChecks
from bot.engine.release_closing import Closing
from bot.engine.release_former import FormerPulls
from bot.engine.release_lines import Group, Lines
from bot.engine.release_outcomes import Outcome, Renewed
from bot.engine.release_plans import Files, Planned, fetch_files, fetch_plans
from bot.ports import HubGone, Store
from bot.ports.operations import CommandHub, OperationStore
from bot.ports.releases import (
    RefProtected,
    ReleaseBranch,
    ReleaseHub,
    ReleasePull,
)
from bot.ports.steering import SteeringStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Releases:
    releases: ReleaseHub
    commands: CommandHub
    policies: Policies
    operations: OperationStore
    steering: SteeringStore
    store: Store
    publisher: Publisher
    lines: Lines
    checks: ReleaseChecks

    async def reconcile_line(self, work: ReconcileLine, cause: str) -> None:
        remembered = await self.policies.recent(work.repository_id)
        try:
            policy = remembered or await self._fetch_policy(work.repo)
        except HubGone as error:
            log.info("repository_gone", repository=work.repo.full_name, error=str(error))
            return
        prerelease = policy.release.prerelease if policy.release else None
        if prerelease is not None and prerelease.branch == work.branch:
            repo = work.repo
            await self.store.enqueue(
                ReconcileRelease(repo.installation_id, repo.id, repo.owner, repo.name)
            )

    async def reconcile_release(self, work: ReconcileRelease, cause: str) -> None:
        if not isinstance(work, ReplanRelease):
            remembered = await self.policies.recent(work.repository_id)
            if remembered is not None and remembered.release is None:
                return  # then an event costs no request
        try:
            policy = await self._fetch_policy(work.repo)
            if policy.release is None or policy.fault:
                reason = policy.fault or "The policy has no `release`."
                at = Sha(work.head_sha) if isinstance(work, RerunRelease) else None
                await self.checks.withdraw(work.repo, reason, cause, at)
                if isinstance(work, ReplanRelease) and not policy.fault:
                    await self._former.close_all(work.repo, cause)
                return
            done: list[tuple[Trunk, Sequence[Renewed]]] = []
            async for trunk in self.lines.fetch_trunks(work.repo, policy.release, cause):
                if isinstance(work, ReplanRelease) and not done:
                    await self._former.close(trunk)
                done.append((trunk, await self._reconcile(trunk)))
            lines = {trunk.line.branch for trunk, _ in done}
            reason = "No releases are made from its branch any more."
            await self.checks.withdraw(work.repo, reason, cause, kept=lines)
            if isinstance(work, RerunRelease):
                at = Sha(work.head_sha)
                # Of a commit that is no head any more what holds of the default branch is said.
                meant = next((one for one in done if _speaks_of(at, *one)), done[0])
                await self.checks.tell_anew(*meant, at)
        except HubGone as error:
            log.info("repository_gone", repository=work.repo.full_name, error=str(error))
            await self.checks.forget(work.repo)

    async def _fetch_policy(self, repo: RepoRef) -> Environments:
        files = await self.commands.fetch_trunk_policy(repo)
        policy = await self.policies.in_force(repo, files)
        if policy.fault:
            log.info("release_policy_unusable", repository=repo.full_name)
        return policy

    @property
    def _former(self) -> FormerPulls:
        return FormerPulls(self.releases, self.store)

    @property
    def _closing(self) -> Closing:
        return Closing(self.releases, self.store)

    async def _reconcile(self, trunk: Trunk) -> list[Renewed]:
        groups = await self.lines.fetch_groups(trunk)
        completed = await self.publish(trunk, groups)
        waiting = {one.made.package for one in completed if one.waits}
        pulls = [pull for group in groups for pull in group.ours_into(trunk.line.branch)]
        if await self.publisher.is_outdated(trunk, pulls):
            line = await self.releases.fetch_line(trunk.repo, trunk.line.branch)
            trunk = replace(trunk, line=line)
        # Without its tag what is merged would be planned, and opened, once more.
        return await self.renew(
            trunk, [group for group in groups if waiting.isdisjoint(group.packages)]
        )

    async def publish(self, trunk: Trunk, groups: Sequence[Group]) -> list[Completed]:
        """Complete what was merged."""
        pulls = [group.ours_into(trunk.line.branch) for group in groups]
        return [one for ours in pulls for one in await self.publisher.publish(trunk, ours)]

    async def renew(self, trunk: Trunk, groups: Sequence[Group]) -> list[Renewed]:
        """Make the release pull requests say what would be released next."""
        repo, line = trunk.repo, trunk.line
        steering: dict[str, Steering] = {}
        for group in groups:
            if open_ := group.open_into(line.branch):
                wishes = await self.steering.fetch_wishes(repo.id, open_.ref.number)
                steering |= {name: decide_steering(wishes, name) for name in group.packages}
        planned = await fetch_plans(self.releases, repo, line, trunk.config, steering)
        renewed = [await self._reconcile_pull(trunk, group, planned) for group in groups]
        if not trunk.dry:
            await self.checks.tell(trunk, renewed)
        return renewed

    async def _reconcile_pull(self, trunk: Trunk, group: Group, planned: Planned) -> Renewed:
        name, pulls = group.branch, group.pulls
        ours, open_ = group.ours_into(trunk.line.branch), group.open_into(trunk.line.branch)
        found = [planned.plans[package] for package in group.packages]
        plans = [plan for plan in found if isinstance(plan, ReleasePlan)]
        ref = open_.ref if open_ else None
        said_of = Renewed(name, trunk.line.branch, Outcome.NOTHING, ref)
        if not plans:
            reasons = [plan.reason for plan in found]
            if open_ is None:
                return replace(said_of, reasons=reasons)
            unasked = [planned.unasked[package] for package in group.packages]
            left_out = [plan for plan in unasked if isinstance(plan, ReleasePlan)]
            await self._closing.close(trunk, open_, reasons, left_out)
            return replace(said_of, outcome=Outcome.CLOSED, reasons=reasons)
        said_of = replace(said_of, title=render_title(plans), tags=[plan.tag for plan in plans])
        if open_ is None and ours and await self._closing.stays(trunk, ours[0], plans):
            return replace(said_of, outcome=Outcome.PUT_OFF, pull=ours[0].ref)
        newest = open_ or next(iter(ours), None)
        standing = await fetch_standing(self.releases, trunk, name, pulls, newest)
        branch, made_from = standing.branch, standing.made_from or trunk.line.head
        foreign = branch is not None and bool(branch.foreign)
        problems = [*_taken(trunk, plans), *filter(None, [standing.problem])]
        if branch is not None and foreign and not problems and not trunk.dry:
            standing = await merge_line(self.releases, trunk, branch)
            branch = standing.branch
            problems += filter(None, [standing.problem])
        files = Files()
        if not problems:
            files = await fetch_files(
                self.releases,
                trunk.repo,
                trunk.line,
                trunk.policy,
                trunk.config,
                plans,
                branch if foreign else None,
            )
            problems += files.problems
        said = parse_pull(trunk.config, open_.title, open_.body) if open_ else None
        title, live = said_of.title, await self._live(trunk.repo, planned.commits)

        def render() -> str:
            return render_body(
                plans,
                made_from,
                files=() if problems else files.shown,
                problems=problems,
                notes=files.notes,
                production=live,
                words=said.words if said else "",
                whole_urls={} if problems else _changelogs(trunk, name, plans),
            )

        same = open_ is not None and _normal(open_.body) == _normal(render())
        stands = same and _stands(branch, title)
        head = branch.head if branch else None
        if not problems and not stands and not trunk.dry:
            try:
                head = await self._write_branch(trunk, name, branch, files, title)
            except RefProtected as error:
                problems.append(f"{error}. {error.remedy}")
        if not trunk.dry:
            held = bool(problems)
            ref = await self._write_pull(trunk, name, open_, title, render(), held=held)
            notes = [note for note in files.notes if note.remedy]
            if notes and not held and head is not None:
                said_of = replace(said_of, head=head, notes=notes)
                await self.checks.tell_notes(trunk, said_of)
        written = Outcome.RENEWED if open_ else Outcome.OPENED
        if open_ and stands and open_.title == title:
            written = Outcome.UNCHANGED
        return replace(
            said_of,
            outcome=Outcome.HELD if problems else written,
            pull=ref,
            files=[file.path for file in files.shown],
            problems=problems,
        )

    async def _write_branch(
        self, trunk: Trunk, name: str, branch: ReleaseBranch | None, files: Files, message: str
    ) -> Sha:
        """Where it stands then."""
        foreign = branch is not None and bool(branch.foreign)
        if branch is not None and foreign and not files.changes:
            return branch.head
        parent = branch.head if branch is not None and foreign else trunk.line.head
        async with noted_on(
            trunk, self.store, "write_branch", f"{trunk.repo.full_name}@{name}", message
        ):
            head = await self.releases.write_branch(
                trunk.repo,
                name,
                expected=branch.head if branch else None,
                parent=parent,
                message=message,
                changes=files.changes,
            )
        # What the gates say of the trunk is to stand on the branch's new head too.
        repo = trunk.repo
        await self.store.enqueue(
            ReconcilePromotion(repo.installation_id, repo.id, repo.owner, repo.name)
        )
        return head

    async def _write_pull(
        self,
        trunk: Trunk,
        branch: str,
        open_: ReleasePull | None,
        title: str,
        body: str,
        *,
        held: bool,
    ) -> PullRef | None:
        ref = open_.ref if open_ else None
        if open_ is not None:
            if (open_.title, _normal(open_.body)) != (title, _normal(body)):
                async with noted_on(trunk, self.store, "edit_pull", str(open_.ref), body):
                    await self.releases.edit_pull(open_.ref, title=title, body=body)
        elif not held:
            async with noted_on(
                trunk, self.store, "open_pull", f"{trunk.repo.full_name}@{branch}", body
            ):
                opened = await self.releases.open_pull(
                    trunk.repo, branch=branch, base=trunk.line.branch, title=title, body=body
                )
                ref = opened.ref
        return ref

    async def _live(self, repo: RepoRef, commits: Sequence[HistoryCommit]) -> list[str]:
        """What of the commits that are to be released is live already, by environment."""
        live = await self.operations.fetch_live(repo.id)
        # What is older by its date may have been merged since.
        reached = {
            name: sum(owner is not None for owner in claim_reached(commits, [entry.build.sha]))
            for name, entry in live.items()
        }
        return [
            _said_of(name, live[name], count, len(commits))
            for name, count in sorted(reached.items())
            if count
        ]


def _speaks_of(at: Sha, trunk: Trunk, renewed: Sequence[Renewed]) -> bool:
    return at == trunk.line.head or any(one.head == at for one in renewed)


def _changelogs(trunk: Trunk, branch: str, plans: Sequence[ReleasePlan]) -> dict[str, str]:
    """Where the changelogs of these packages can be read before they are merged."""
    root = f"{trunk.config.repo_url}/blob/{quote(branch)}/"
    packages = {plan.package: trunk.policy.package(plan.package) for plan in plans}
    return {
        name: root + quote(trunk.policy.changelog_of(package)) for name, package in packages.items()
    }


def _taken(trunk: Trunk, plans: Sequence[ReleasePlan]) -> list[str]:
    """A tag of the next version, or of a later one before any release, that the trunk does not
    reach."""
    tags = {tag.name: tag.sha for tag in trunk.line.tags}
    lost = [
        f"{trunk.line.branch} reaches no release yet, and {last.tag.name} is there, on "
        f"{last.tag.sha[:7]}: {plan.tag} would be behind it. If the history was written anew, put "
        "the tag on the commit that took its place; or ask for a later version in the footer of a "
        "commit, Release-As."
        for plan in plans
        if plan.current is None and plan.tag not in tags
        for last in releases(trunk.config.package(plan.package), trunk.line.tags)[-1:]
        if last.version.precedence > plan.next.precedence
    ]
    return lost + [
        f"The tag {plan.tag} is there already, on {tags[plan.tag][:7]}, which {trunk.line.branch} "
        "does not contain: merge that commit, delete the tag, or ask for another version in the "
        "footer of a commit, Release-As."
        for plan in plans
        if plan.tag in tags
    ]


def _stands(branch: ReleaseBranch | None, message: str) -> bool:
    """Whether a branch holds what the bot wrote last and nothing else."""
    return (
        branch is not None
        and len(branch.commits) == 1
        and branch.commits[0].own
        and branch.commits[0].message.strip() == message
    )


def _said_of(environment: str, entry: LedgerEntry, live: int, whole: int) -> str:
    pull = f", from #{entry.build.pull_number}" if entry.build.pull_number else ""
    return f"{environment} serves {entry.build.sha[:7]}{pull}: {live} of {counted(whole, 'commit')}"


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()
