"""``GET /`` and ``GET /repos/{owner}/{name}``: what is live, is it healthy, what is stuck, who
is acting, and what to do next."""

from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.responses import Response

from bot.core.decision import Verdict
from bot.core.hosting import LedgerEntry
from bot.web.pages.names import requested_repository
from bot.web.pages.objective_pages import view_summary
from bot.web.pages.objectives import BudgetSummary
from bot.web.pages.operations import SLOW_SECONDS, OperationsView, view_operations
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.pulls import (
    PULLS_SHOWN,
    RepositoryView,
    fetch_readable,
    view_repositories,
    worst_of,
)
from bot.web.pages.shipping import (
    LEDGER_SHOWN,
    OPERATIONS_SHOWN,
    OperationView,
    Shipped,
    databases_of,
    readable_repositories,
    view_operation,
    view_shipped,
    with_all_newest,
)
from bot.web.pages.text import count, duration


@dataclass(frozen=True, slots=True)
class DashboardView:
    """``repository`` is ``owner/name`` or empty for all; ``operations`` None if not to be seen.

    ``recent`` and ``ledger`` are of one repository, newest first; ``more_*`` tells of others.
    """

    repository: str
    repositories: tuple[RepositoryView, ...]
    more_pulls: bool
    operations: OperationsView | None
    shipped: Shipped = field(default_factory=Shipped)
    recent: tuple[OperationView, ...] = ()
    more_recent: bool = False
    ledger: tuple[LedgerEntry, ...] = ()
    more_ledger: bool = False
    databases: tuple[str, ...] = ()
    """Environments of one repository that have a database."""
    budgets: BudgetSummary = field(default_factory=BudgetSummary)

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
        """What stands, in one sentence; what is stuck comes first, then what is live, then what is
        held."""
        stuck = self._stuck()
        if stuck:
            return stuck
        if self.shipped.unhealthy:
            verb = "serves" if self.shipped.unhealthy == 1 else "serve"
            total = count(self.shipped.live, "environment")
            return (
                f"{self.shipped.unhealthy} of {total} {verb} what the bot did not put there "
                "or did not verify."
            )
        if not self.pulls:
            found = "No open pull request has been evaluated."
        elif self.held:
            verb = "is" if self.held == 1 else "are"
            found = f"{self.held} of {count(self.pulls, 'open pull request')} {verb} held."
        else:
            found = f"Nothing is held among {count(self.pulls, 'open pull request')}."
        return f"{found} {self._besides}".rstrip()

    @property
    def _besides(self) -> str:
        """What else there is to look at, in a sentence; empty for nothing."""
        stopped, budgets = self.shipped.stopped, self.budgets
        said = []
        if stopped:
            verb = "is" if stopped == 1 else "are"
            said.append(f"{count(stopped, 'environment')} {verb} locked, frozen or held")
        if budgets.held:
            verb = "is" if budgets.held == 1 else "are"
            said.append(f"{budgets.held} of {count(budgets.total, 'objective')} {verb} to look at")
        return f"{', and '.join(said)}." if said else ""

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

    async def operations_of(request: Request, repository: str) -> OperationsView | None:
        if not await site.viewer.sees_operations(request):
            return None
        return await view_operations(site.store, repository)

    async def dashboard(request: Request) -> Response:
        evaluations = await fetch_readable(site, request, "", "")
        view = DashboardView(
            repository="",
            repositories=view_repositories(evaluations[:PULLS_SHOWN]),
            more_pulls=len(evaluations) > PULLS_SHOWN,
            operations=await operations_of(request, ""),
            shipped=await view_shipped(site, request),
            budgets=await view_summary(site, request),
        )
        return not_modified(request, render(site, request, "dashboard.html", view))

    async def repository(request: Request) -> Response:
        owner, name = requested_repository(request)
        evaluations = await fetch_readable(site, request, owner, name)
        found = await site.environments.find_repository(owner, name)
        known = await readable_repositories(site, request, [found] if found else [])
        called = found.repo.full_name if found and known else f"{owner}/{name}"
        view = DashboardView(
            repository=called,
            repositories=view_repositories(evaluations[:PULLS_SHOWN]),
            more_pulls=len(evaluations) > PULLS_SHOWN,
            operations=await operations_of(request, called),
        )
        for id_ in known:
            view = await _with_history(site, request, view, id_)
        return not_modified(request, render(site, request, "dashboard.html", view))

    return dashboard, repository


async def _with_history(
    site: Site, request: Request, view: DashboardView, repository_id: int
) -> DashboardView:
    shipped = await view_shipped(site, request, repository_id)
    recent = await site.operations.fetch_operations(repository_id, limit=OPERATIONS_SHOWN + 1)
    ledger = [
        entry
        for environment in shipped.environments
        for entry in await site.operations.fetch_ledger(
            repository_id, environment.name, limit=LEDGER_SHOWN + 1
        )
    ]
    live = {each.name: each.live for each in shipped.environments}
    ledger.sort(key=lambda entry: (entry.live_from, entry.id), reverse=True)
    return replace(
        view,
        shipped=await with_all_newest(site, shipped),
        recent=tuple(
            view_operation(one, view.repository, live.get(one.plan.environment))
            for one in recent[:OPERATIONS_SHOWN]
        ),
        more_recent=len(recent) > OPERATIONS_SHOWN,
        ledger=tuple(ledger[:LEDGER_SHOWN]),
        more_ledger=len(ledger) > LEDGER_SHOWN,
        databases=tuple(await databases_of(site, repository_id)),
        budgets=await view_summary(site, request, repository_id),
    )
