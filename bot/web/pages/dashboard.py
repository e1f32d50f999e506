"""``GET /`` and ``GET /repos/{owner}/{name}``: what is healthy, what is stuck, what to do next."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.core.decision import Verdict
from bot.web.pages.names import requested_repository
from bot.web.pages.operations import SLOW_SECONDS, OperationsView, view_operations
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.pulls import (
    PULLS_SHOWN,
    RepositoryView,
    fetch_readable,
    view_repositories,
    worst_of,
)
from bot.web.pages.text import count, duration


@dataclass(frozen=True, slots=True)
class DashboardView:
    """``repository`` is ``owner/name`` or empty for all; ``operations`` None if not to be seen."""

    repository: str
    repositories: tuple[RepositoryView, ...]
    more_pulls: bool
    operations: OperationsView | None

    @property
    def title(self) -> str:
        return self.repository or "Dashboard"

    @property
    def pulls(self) -> int:
        return sum(len(repository.pulls) for repository in self.repositories)

    @property
    def held(self) -> int:
        return sum(repository.held for repository in self.repositories)

    @property
    def pulls_verdict(self) -> Verdict:
        return worst_of(self.repositories)

    @property
    def headline(self) -> str:
        """What stands, in one sentence; what is stuck comes before what is held."""
        stuck = self._stuck()
        if stuck:
            return stuck
        if not self.pulls:
            return "No open pull request has been evaluated."
        if self.held:
            verb = "is" if self.held == 1 else "are"
            return f"{self.held} of {count(self.pulls, 'open pull request')} {verb} held."
        return f"Nothing is held among {count(self.pulls, 'open pull request')}."

    @property
    def next_step(self) -> str:
        """A command, or empty."""
        if self.operations is None:
            return ""
        if self._is_slow(self.operations):
            return "lockgate doctor"
        return self.operations.dead[0].retry_command if self.operations.dead else ""

    def _stuck(self) -> str:
        if self.operations is None:
            return ""
        if self._is_slow(self.operations):
            age = duration(self.operations.oldest_due_seconds)
            return f"Work is stuck: a job that is due has waited {age}, and no worker took it."
        if self.operations.dead:
            more = "more than " if self.operations.more_dead else ""
            jobs = count(len(self.operations.dead), "job")
            return f"Work is stuck: {more}{jobs} gave up and will not run again unless retried."
        return ""

    @staticmethod
    def _is_slow(operations: OperationsView) -> bool:
        return operations.oldest_due_seconds >= SLOW_SECONDS


def dashboard_pages(site: Site) -> tuple[Page, Page]:
    """The two handlers."""

    async def view(request: Request, owner: str, name: str) -> Response:
        evaluations = await fetch_readable(site, request, owner, name)
        repository = f"{owner}/{name}" if name else ""
        if repository and evaluations:
            repository = evaluations[0].repo.full_name
        shows_operations = await site.viewer.sees_operations(request)
        page = DashboardView(
            repository=repository,
            repositories=view_repositories(evaluations[:PULLS_SHOWN]),
            more_pulls=len(evaluations) > PULLS_SHOWN,
            operations=await view_operations(site.store, repository) if shows_operations else None,
        )
        return not_modified(request, render(site, "dashboard.html", page))

    async def dashboard(request: Request) -> Response:
        return await view(request, "", "")

    async def repository(request: Request) -> Response:
        owner, name = requested_repository(request)
        return await view(request, owner, name)

    return dashboard, repository
