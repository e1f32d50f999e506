"""``GET /repos/{owner}/{name}/pulls/{number}``: the page that a check links to."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.web.pages.gates import GateView, view_gate
from bot.web.pages.names import requested_number, requested_repository
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.pulls import PullView, find_pull
from bot.web.pages.shipping import (
    OPERATIONS_SHOWN,
    OperationView,
    live_by_environment,
    readable_repositories,
    view_operation,
)


@dataclass(frozen=True, slots=True)
class PullOperations:
    """What was done with a pull request, newest first; ``more`` tells of others."""

    shown: tuple[OperationView, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class DetailsView:
    pull: PullView
    gates: tuple[GateView, ...]
    operations: PullOperations

    @property
    def title(self) -> str:
        return f"{self.pull.repository}#{self.pull.number}"


@dataclass(frozen=True, slots=True)
class UnknownPullView:
    """It was never evaluated, or may not be seen. One that was merged before the App came may have
    been promoted."""

    repository: str
    number: int
    operations: PullOperations

    @property
    def title(self) -> str:
        return f"{self.repository}#{self.number} is not known"


def details_page(site: Site) -> Page:
    """The handler."""

    async def details(request: Request) -> Response:
        owner, name = requested_repository(request)
        number = requested_number(request)
        pull = await find_pull(site, request, owner, name, number)
        if pull is None:
            operations = await _of_unknown(site, request, owner, name, number)
            unknown = UnknownPullView(f"{owner}/{name}", number, operations)
            return render(site, request, "unknown_pull.html", unknown, status=404)
        operations = await _operations(site, pull.repository_id, pull.repository, number)
        view = DetailsView(pull, tuple(map(view_gate, pull.gates or ())), operations)
        return not_modified(request, render(site, request, "details.html", view))

    return details


async def _of_unknown(
    site: Site, request: Request, owner: str, name: str, number: int
) -> PullOperations:
    """None of a repository that is not known or may not be seen."""
    known = await site.environments.find_repository(owner, name)
    if known is None or not await readable_repositories(site, request, [known]):
        return PullOperations()
    return await _operations(site, known.repo.id, known.repo.full_name, number)


async def _operations(
    site: Site, repository_id: int, repository: str, number: int
) -> PullOperations:
    found = await site.operations.fetch_operations_of_pull(
        repository_id, number, limit=OPERATIONS_SHOWN + 1
    )
    live = await live_by_environment(site, repository_id) if found else {}
    views = tuple(
        view_operation(one, repository, live.get(one.plan.environment))
        for one in found[:OPERATIONS_SHOWN]
    )
    return PullOperations(views, len(found) > OPERATIONS_SHOWN)
