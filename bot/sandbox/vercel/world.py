"""What happens at the sandbox: builds end, jobs move domains, events go out.

Time is real and settable: ``build_seconds`` and ``switch_seconds`` may be zero. With a
``switch_seconds`` of None a job goes on only when ``advance`` tells it to.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.sandbox.vercel import events
from bot.sandbox.vercel.errors import VercelError, not_found
from bot.sandbox.vercel.model import (
    Deployment,
    Job,
    JobEnd,
    JobKind,
    JobPlan,
    Plan,
    Project,
    Target,
    Team,
    Token,
)

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(28))


class World:
    def __init__(self, *, build_seconds: float = 0.0, switch_seconds: float | None = 0.0) -> None:
        self.build_seconds = build_seconds
        self.switch_seconds = switch_seconds
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.teams: dict[str, Team] = {}
        self.projects: dict[str, Project] = {}
        self.deployments: dict[str, Deployment] = {}
        self.tokens: dict[str, Token] = {}
        self.team = self.create_team("acme")
        self.token = self.create_token().value
        self.hooks = events.Hooks(self)
        self.on_change: Callable[[], None] = lambda: None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_time = 0

    def now(self) -> datetime:
        """Later than ever before, to the millisecond: pages are cut by times."""
        moment = max(int(self.clock().timestamp() * 1000), self._last_time + 1)
        self._last_time = moment
        return datetime.fromtimestamp(moment / 1000, UTC)

    # what there is

    def create_team(self, slug: str, *, plan: Plan = "pro") -> Team:
        team = Team(new_id("team_"), slug, plan)
        self.teams[team.id] = team
        return team

    def create_token(
        self, *teams: Team, expires_at: datetime | None = None, value: str = ""
    ) -> Token:
        """For the teams given, or the first one."""
        ids = frozenset(team.id for team in teams or (self.team,))
        token = Token(value or secrets.token_urlsafe(18), ids, expires_at)
        self.tokens[token.value] = token
        return token

    def revoke_token(self, value: str) -> None:
        self.tokens.pop(value, None)

    def create_project(
        self,
        name: str,
        *,
        domain: str = "",
        domains: Sequence[str] = (),
        team: Team | None = None,
        auto_assign: bool = True,
    ) -> Project:
        """``domain`` is the main production domain, ``domains`` are further ones."""
        if any(project.name == name for project in self.projects.values()):
            raise VercelError(409, "conflict", f"Project {name} already exists")
        names = [domain or f"{name}.example.com", *domains]
        project = Project(
            id=new_id("prj_"),
            name=name,
            team=team or self.team,
            created_at=self.now(),
            domains=dict.fromkeys(names),
            auto_assign=auto_assign,
        )
        self.projects[project.id] = project
        self.on_change()
        return project

    def find_project(self, name: str) -> Project | None:
        return self.projects.get(name) or next(
            (each for each in self.projects.values() if each.name == name), None
        )

    def live(self, project: Project) -> Deployment | None:
        """What the main production domain serves."""
        return project.live

    def project_of_domain(self, domain: str) -> Project | None:
        return next((each for each in self.projects.values() if domain in each.domains), None)

    # builds

    def build(
        self,
        project: Project,
        sha: str = "",
        *,
        target: Target = "production",
        branch: str = "main",
        message: str = "",
        seconds: float | None = None,
        fails: bool = False,
    ) -> Deployment:
        """Start a build. It is over at once where building takes no time."""
        made = self.now()
        sha = sha or hashlib.sha1(secrets.token_bytes(8)).hexdigest()  # noqa: S324 (a commit's)
        deployment = Deployment(
            id=new_id("dpl_"),
            project=project,
            sha=sha,
            branch=branch,
            message=message or f"commit {sha[:7]}",
            target=target,
            url=f"{project.name}-{secrets.token_hex(4)}-{project.team.slug}.vercel.example",
            created_at=made,
        )
        project.deployments.append(deployment)
        self.deployments[deployment.id] = deployment
        self.hooks.deployment("deployment.created", deployment)
        seconds = self.build_seconds if seconds is None else seconds
        if seconds <= 0:
            self._finish_build(deployment, fails=fails)
        else:
            deployment.state = "BUILDING"
            self._later(seconds, lambda: self._finish_build(deployment, fails=fails))
        self.on_change()
        return deployment

    def _finish_build(self, deployment: Deployment, *, fails: bool) -> None:
        if deployment.state in ("DELETED", "CANCELED"):
            return
        deployment.state = "ERROR" if fails else "READY"
        deployment.ready_at = self.now()
        if fails:
            self.hooks.deployment("deployment.error", deployment)
        else:
            project = deployment.project
            if deployment.target == "production" and project.auto_assign and not project.pinned:
                self._lead(project, deployment, project.domains)
            self.hooks.deployment("deployment.ready", deployment)
            self.hooks.deployment("deployment.succeeded", deployment)
        self.on_change()

    def delete(self, deployment: Deployment) -> None:
        deployment.state = "DELETED"
        for domain, serving in deployment.project.domains.items():
            if serving is deployment:
                deployment.project.domains[domain] = None
        self.hooks.deployment("deployment.deleted", deployment)
        self.on_change()

    # moving production

    def plan_job(
        self,
        project: Project,
        end: JobEnd = "succeeded",
        *,
        left_behind: Iterable[str] = (),
        silently: bool = False,
    ) -> None:
        """How the next promotion or rollback of a project will end."""
        project.plans.append(JobPlan(end, frozenset(left_behind), silently))

    def promote(self, project: Project, deployment: Deployment) -> Job:
        """Ask for it, as the button on Vercel does. Raises VercelError for what it refuses."""
        self._refuse_unusable(project, deployment)
        settled = not (self._under_way(project) or project.pinned or self._halfway(project))
        if deployment is project.live and settled:
            raise VercelError(422, "already_production", "The deployment is already production")
        return self._start_job(project, "promote", deployment)

    def rollback(self, project: Project, deployment: Deployment) -> Job:
        """Ask for it. Raises VercelError for what it refuses."""
        self._refuse_unusable(project, deployment)
        if project.team.plan == "hobby" and deployment is not project.previous:
            raise VercelError(
                402,
                "payment_required",
                "Hobby accounts can only roll back to the previous production deployment",
            )
        if not self.is_candidate(deployment):
            raise VercelError(422, "no_rollback_candidate", "The deployment was never production")
        return self._start_job(project, "rollback", deployment)

    def is_candidate(self, deployment: Deployment) -> bool:
        if deployment.candidate is not None:
            return deployment.candidate
        return (
            deployment.state == "READY"
            and deployment.target == "production"
            and deployment.was_live > 0
            and deployment is not deployment.project.live
        )

    def complete_rolling_release(self, project: Project) -> None:
        """End it; what waited behind it goes on."""
        project.rolling_release = False
        job = project.job
        if job is not None and job.rolling and job.state == "pending":
            self._run(project, job)

    def lead(self, domain: str, deployment: Deployment) -> None:
        """Assign one domain, as Vercel's own command line can. Raises VercelError."""
        self._refuse_unusable(deployment.project, deployment)
        self._lead(deployment.project, deployment, [domain])

    def point(self, domain: str, deployment: Deployment | None) -> None:
        """Lead one domain somewhere by hand, past every job."""
        project = self.project_of_domain(domain)
        if project is None:
            raise not_found("Domain")
        self._lead(project, deployment, [domain])

    def _refuse_unusable(self, project: Project, deployment: Deployment) -> None:
        if deployment.project is not project:
            raise not_found("Deployment")
        if deployment.state == "DELETED":
            raise VercelError(410, "deployment_deleted", "The deployment was deleted")
        if deployment.target != "production":
            raise VercelError(422, "invalid_target", "The deployment's target is not production")
        if deployment.state != "READY":
            raise VercelError(
                422, "not_ready", f"The deployment is {deployment.state}, it must be READY"
            )

    def _start_job(self, project: Project, kind: JobKind, goal: Deployment) -> Job:
        under_way = self._under_way(project)
        if under_way is not None:
            # A rollback takes the place of a promotion; all else waits its turn.
            if not (kind == "rollback" and under_way.kind == "promote"):
                raise VercelError(409, "conflict", "Another promotion or rollback is in progress")
            under_way.state = "skipped"
        plan = project.plans.pop(0) if project.plans else JobPlan()
        job = Job(
            kind,
            project.live,
            goal,
            self.now(),
            end=plan.end,
            left_behind=plan.left_behind,
            rolling=project.rolling_release and kind == "promote",
            outcomes=dict.fromkeys(project.domains, "pending"),
        )
        if plan.silently:
            job.outcomes = {
                domain: "succeeded" if domain in plan.left_behind else "pending"
                for domain in project.domains
            }
        project.job = job
        self.hooks.job(project, job)
        if not job.rolling:
            self._run(project, job)
        self.on_change()
        return job

    def advance(self, project: Project) -> None:
        """Take the project's job one step on: it begins, or it ends."""
        job = self._under_way(project)
        if job is not None:
            self._step(project, job)

    def _run(self, project: Project, job: Job) -> None:
        if self.switch_seconds is None:
            return
        if self.switch_seconds <= 0:
            self._finish_job(project, job)
            return
        half = self.switch_seconds / 2
        self._later(half, lambda: self._step(project, job))
        self._later(2 * half, lambda: self._step(project, job))

    def _step(self, project: Project, job: Job) -> None:
        if job.state == "pending":
            job.state = "in-progress"
            self.on_change()
        else:
            self._finish_job(project, job)

    def _finish_job(self, project: Project, job: Job) -> None:
        if job.state not in ("pending", "in-progress"):
            return
        if job.end == "skipped":
            job.state = "skipped"
            self.on_change()
            return
        moved = [
            domain
            for domain in project.domains
            if domain not in job.left_behind and (job.end == "succeeded" or job.left_behind)
        ]
        for domain in project.domains:
            if domain in moved:
                job.outcomes[domain] = "succeeded"
            elif job.outcomes[domain] == "pending":
                job.outcomes[domain] = "failed"
        self._lead(project, job.goal, moved)
        job.state = job.end
        if moved:
            project.pinned = job.goal if job.kind == "rollback" else None
        self.hooks.moved(project, job)
        self.on_change()

    def _under_way(self, project: Project) -> Job | None:
        job = project.job
        return job if job is not None and job.state in ("pending", "in-progress") else None

    def _halfway(self, project: Project) -> bool:
        return len(set(project.domains.values())) > 1

    def _lead(
        self, project: Project, deployment: Deployment | None, domains: Iterable[str]
    ) -> None:
        names = list(domains)
        for domain in names:
            project.domains[domain] = deployment
        if deployment is not None and names:
            deployment.was_live += 1
            if project.live is deployment:
                project.history.append(deployment)
        self.on_change()

    # time

    async def settled(self) -> None:
        """Return when every build and job has ended and every event was delivered."""
        while self._tasks or self.hooks.busy:
            await asyncio.gather(*self._tasks)
            await self.hooks.settled()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        self._start(wait())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hooks.aclose()
