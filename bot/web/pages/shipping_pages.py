"""``GET /operations/{operation}`` and ``GET /repos/{owner}/{name}/environments/{environment}``."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.core.hosting import LedgerEntry
from bot.core.operations.machine import Operation
from bot.ports.environments import EnvironmentState, KnownRepository
from bot.web.pages.names import (
    requested_environment,
    requested_operation,
    requested_repository,
)
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.shipping import (
    DECISIONS_READ,
    LEDGER_SHOWN,
    EnvironmentView,
    OperationView,
    databases_of,
    environment_path,
    live_by_environment,
    readable_repositories,
    running_watches,
    view_environment,
    view_operation,
    with_newest,
)
from bot.web.pages.watches import WatchView


@dataclass(frozen=True, slots=True)
class OperationPageView:
    """``watch`` is the one over what a promotion put in place, if there is any."""

    operation: OperationView
    watch: WatchView | None = None

    @property
    def title(self) -> str:
        return f"{self.operation.title}, {self.operation.repository}"

    @property
    def environment_path(self) -> str:
        plan = self.operation.operation.plan
        return environment_path(self.operation.repository, plan.environment)


@dataclass(frozen=True, slots=True)
class EnvironmentPageView:
    """``decided`` is the newest operation whose gates said something that can be read; ``ledger``
    is newest first, and ``more_ledger`` tells of other entries."""

    environment: EnvironmentView
    decided: OperationView | None
    ledger: tuple[LedgerEntry, ...] = ()
    more_ledger: bool = False
    has_database: bool = False

    @property
    def title(self) -> str:
        return f"{self.environment.name}, {self.environment.repository}"


@dataclass(frozen=True, slots=True)
class UnknownView:
    """Not there and not to be seen are one answer."""

    title: str
    found: str
    to_do: str
    command: str = ""


def shipping_pages(site: Site) -> tuple[Page, Page]:
    """The handlers of one operation, and of one environment."""

    async def operation(request: Request) -> Response:
        number = requested_operation(request)
        found = await site.operations.fetch_operation(number)
        known = await _readable(site, request, found.repo.id) if found else None
        if found is None or known is None:
            unknown = UnknownView(
                f"Operation {number} is not known",
                "No operation of this number can be shown.",
                "Either there is none, or its repository is one that you may not see. The "
                "dashboard lists what is under way.",
            )
            return render(site, request, "unknown.html", unknown, status=404)
        live = await live_by_environment(site, found.repo.id)
        view = OperationPageView(
            view_operation(found, known.repo.full_name, live.get(found.plan.environment)),
            await _watch(site, found),
        )
        return not_modified(request, render(site, request, "operation.html", view))

    async def environment(request: Request) -> Response:
        owner, name = requested_repository(request)
        called = requested_environment(request)
        view = await _view(site, request, owner, name, called)
        if view is None:
            unknown = UnknownView(
                f"{called} of {owner}/{name} is not known",
                "No such environment can be shown.",
                "Either the policy of the repository names none of that name, or nothing has been "
                "promoted to it yet, or the repository is one that you may not see. To see what a "
                "promotion would do, comment on a merged pull request:",
                "/promote --dry-run",
            )
            return render(site, request, "unknown.html", unknown, status=404)
        return not_modified(request, render(site, request, "environment.html", view))

    return operation, environment


async def _readable(site: Site, request: Request, repository_id: int) -> KnownRepository | None:
    known = await site.environments.fetch_repositories([repository_id])
    return (await readable_repositories(site, request, known)).get(repository_id)


async def _watch(site: Site, operation: Operation) -> WatchView | None:
    watch = await site.watches.fetch_watch_of(operation.id)
    if watch is None:
        return None
    rollback_id = watch.rollback_id
    rollback = await site.operations.fetch_operation(rollback_id) if rollback_id else None
    return WatchView(watch, rollback)


async def _view(
    site: Site, request: Request, owner: str, name: str, called: str
) -> EnvironmentPageView | None:
    found = await site.environments.find_repository(owner, name)
    if found is None or not await readable_repositories(site, request, [found]):
        return None
    states = await site.environments.fetch_environments(found.repo.id)
    state = next((each for each in states if each.name == called), None)
    operations = await site.operations.fetch_operations(
        found.repo.id, environment=called, limit=DECISIONS_READ
    )
    if state is None and not operations:
        return None
    views = {one.id: view_operation(one, found.repo.full_name) for one in operations}
    under_way = {id_: view for id_, view in views.items() if not view.operation.concluded}
    empty = EnvironmentState(found.repo.id, called, None, None, None, ())
    watches = await running_watches(site, found.repo.id, called)
    shown = view_environment(state or empty, found, under_way, watches)
    environment = with_newest(shown, operations)
    decided = next((view for view in views.values() if view.gates is not None), None)
    ledger = await site.operations.fetch_ledger(found.repo.id, called, limit=LEDGER_SHOWN + 1)
    more = len(ledger) > LEDGER_SHOWN
    return EnvironmentPageView(
        environment,
        decided,
        tuple(ledger[:LEDGER_SHOWN]),
        more,
        has_database=called in await databases_of(site, found.repo.id),
    )
