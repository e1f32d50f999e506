"""``GET /slo`` and what is below it, and the same of one repository: how objectives stand.

Sources are never asked for a page: it shows what workers found in the last minute. A chart is kept
by nobody for longer than that, and is shown to whoever may see the repository. Machines are given
records in place of pages.
"""

import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.core.hosting import LedgerEntry
from bot.core.slo.alerts import AlertState, restored
from bot.core.slo.chart import NARROW, STYLE, WIDTH, render_badge, render_chart
from bot.core.slo.kept import FRESH, KeptState
from bot.core.slo.model import State
from bot.core.slo.windows import period
from bot.ports.environments import KnownRepository
from bot.ports.slo import KeptAlert
from bot.web.pages.names import requested_objective, requested_repository
from bot.web.pages.objective_records import as_json, record_of, wants_json
from bot.web.pages.objectives import (
    AlertView,
    AnswerView,
    Budgets,
    BudgetSummary,
    ChartView,
    ObjectiveView,
    forecast_of,
    thinned,
    view_alerts,
    view_budgets,
    view_chart,
    view_counts,
    view_objective,
)
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.shipping import readable_repositories
from bot.web.pages.shipping_pages import UnknownView

ROWS = 100
"""Objectives on one page of a list."""
ANSWERS_SHOWN = 20
MOVES_SHOWN = 20
_LEDGER_READ = 200
_MOST_SAME = 50
"""Repositories that are offered where several have an objective of one name."""
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PICTURE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
PICTURE_SECONDS = 60
"""For so long a picture may be kept: it changes once a minute at most."""

Found: TypeAlias = tuple[KnownRepository, ObjectiveView]
Shown: TypeAlias = Callable[[Request, KnownRepository, ObjectiveView], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ObjectivesPageView:
    """``repository`` is ``owner/name`` or empty for all; ``page`` counts from 1. ``awaited`` says
    that files define objectives, and nobody has looked at any yet."""

    repository: str
    budgets: Budgets
    page: int
    pages: int
    awaited: bool

    @property
    def title(self) -> str:
        return f"Error budgets, {self.repository}" if self.repository else "Error budgets"

    @property
    def shown(self) -> tuple[ObjectiveView, ...]:
        return self.budgets.objectives[(self.page - 1) * ROWS : self.page * ROWS]


@dataclass(frozen=True, slots=True)
class ObjectivePageView:
    """``moves`` are promotions and rollbacks in the window, ``answers`` those of its probe; both
    newest first."""

    objective: ObjectiveView
    alerts: tuple[AlertView, ...]
    forecast: str
    chart: ChartView
    version: str
    """Of the chart: another one has another address."""
    moves: tuple[LedgerEntry, ...]
    more_moves: bool
    answers: tuple[AnswerView, ...]

    @property
    def title(self) -> str:
        return f"{self.objective.title}, {self.objective.repository}"


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """Several repositories have an objective of the name; ``suffix`` is what was asked for of it,
    such as ``.svg``."""

    name: str
    objectives: tuple[ObjectiveView, ...]
    suffix: str

    @property
    def title(self) -> str:
        return f"Objectives called {self.name}"


def objective_routes(site: Site) -> list[Route]:
    """All of them; each is there by the repository, and by the objective's name alone."""
    every, page = _list(site), _page(site)
    picture, badge = _picture(site), _badge(site)
    # A name goes up to the next slash, so what ends in more stands first.
    return [
        Route("/slo", every),
        Route("/slo/{objective}/badge.svg", _by_name(site, "/badge.svg", badge)),
        Route("/slo/{objective}.svg", _by_name(site, ".svg", picture)),
        Route("/slo/{objective}", _by_name(site, "", page)),
        Route("/repos/{owner}/{name}/slo", every),
        Route(
            "/repos/{owner}/{name}/slo/{objective}/badge.svg",
            _of_repository(site, "/badge.svg", badge),
        ),
        Route("/repos/{owner}/{name}/slo/{objective}.svg", _of_repository(site, ".svg", picture)),
        Route("/repos/{owner}/{name}/slo/{objective}", _of_repository(site, "", page)),
    ]


async def view_summary(site: Site, request: Request, repository_id: int = 0) -> BudgetSummary:
    """How many objectives that the reader may see stand how, of one repository or of all. None of
    them is read for that."""
    known = await _readable(site, request, repository_id)
    fresh = site.clock.now() - FRESH
    states = await site.slos.count_states(sorted(known), fresh)
    return view_counts(states, defined=not states and await _defined(site, known))


async def _defined(site: Site, known: Mapping[int, KnownRepository]) -> bool:
    """Whether files define any: of one repository those are known that define none, too."""
    return not known.keys().isdisjoint(await site.slos.fetch_defining())


async def _readable(
    site: Site, request: Request, repository_id: int
) -> Mapping[int, KnownRepository]:
    ids = [repository_id] if repository_id else await site.slos.fetch_defining()
    return await _readable_of(site, request, ids)


async def _readable_of(
    site: Site, request: Request, ids: Sequence[int]
) -> Mapping[int, KnownRepository]:
    return await readable_repositories(
        site, request, await site.environments.fetch_repositories(ids)
    )


async def _called(site: Site, request: Request, name: str) -> list[Found]:
    """Those of a name that the reader may see, of all repositories."""
    states = await site.slos.find_states(name)
    known = await _readable_of(site, request, [kept.repository_id for kept in states])
    return _found(site, known, states)


def _found(
    site: Site, known: Mapping[int, KnownRepository], states: Sequence[KeptState]
) -> list[Found]:
    now = site.clock.now()
    return [
        (
            known[kept.repository_id],
            view_objective(known[kept.repository_id].repo.full_name, kept, now),
        )
        for kept in states
        if kept.repository_id in known
    ]


def _list(site: Site) -> Page:
    async def objectives(request: Request) -> Response:
        repository, id_ = "", 0
        if "owner" in request.path_params:
            found = await _repository(site, request)
            if found is None:
                return _unknown(site, request)
            repository, id_ = found.repo.full_name, found.repo.id
        known = await _readable(site, request, id_)
        states = await site.slos.fetch_states(sorted(known))
        budgets = view_budgets(one for _, one in _found(site, known, states))
        pages = max(-(-len(budgets.objectives) // ROWS), 1)
        number = _page_number(request, pages)
        awaited = not states and await _defined(site, known)
        view = ObjectivesPageView(repository, budgets, number, pages, awaited)
        if wants_json(request):
            more = f"{quote(request.url.path)}?format=json&page={view.page + 1}"
            records = [record_of(one) for one in view.shown]
            return as_json(request, records, following=more if view.page < pages else "")
        return not_modified(request, render(site, request, "objectives.html", view))

    return objectives


def _page_number(request: Request, pages: int) -> int:
    """
    Raises:
        HTTPException: 404, there is no such page.
    """
    asked = request.query_params.get("page", "1")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 7 and 1 <= int(asked) <= pages):
        raise HTTPException(404)
    return int(asked)


def _of_repository(site: Site, suffix: str, shown: Shown) -> Page:
    async def objective(request: Request) -> Response:
        name = requested_objective(request)
        repository = await _repository(site, request)
        if repository is not None:
            id_ = repository.repo.id
            states = await site.slos.find_states(name, id_)
            for found, one in _found(site, {id_: repository}, states):
                return await shown(request, found, one)
        if suffix:
            raise HTTPException(404)
        return _unknown(site, request)

    return objective


def _by_name(site: Site, suffix: str, shown: Shown) -> Page:
    async def objective(request: Request) -> Response:
        name = requested_objective(request)
        found = await _called(site, request, name)
        if len(found) == 1 and (suffix or wants_json(request)):
            return await shown(request, *found[0])
        if len(found) == 1:
            return RedirectResponse(found[0][1].path, status_code=302)
        if found:
            same = sorted((one for _, one in found), key=lambda one: one.repository.lower())
            choice = ChoiceView(name, tuple(same[:_MOST_SAME]), suffix)
            if not suffix and wants_json(request):
                return as_json(request, [record_of(one) for one in choice.objectives], 300)
            return render(site, request, "objective_choice.html", choice, status=300)
        if suffix:
            raise HTTPException(404)
        return _unknown(site, request)

    return objective


async def _repository(site: Site, request: Request) -> KnownRepository | None:
    """The one that the address names, if the reader may see it."""
    owner, name = requested_repository(request)
    found = await site.environments.find_repository(owner, name)
    seen = await readable_repositories(site, request, [found] if found else [])
    return seen.get(found.repo.id) if found else None


def _unknown(site: Site, request: Request) -> Response:
    """Not there and not to be seen are one answer."""
    what = request.path_params.get("objective", "")
    where = "/".join(filter(None, (request.path_params.get(key, "") for key in ("owner", "name"))))
    view = UnknownView(
        f"{f'Objective {what}' if what else 'Error budgets'}{f' of {where}' if where else ''}"
        f" {'is' if what else 'are'} not known",
        "No such objective can be shown." if what else "No such repository can be shown.",
        "Either no file in `slo/` of the default branch defines it, or no worker has looked at it "
        "yet, or the repository is one that you may not see.",
    )
    if wants_json(request):
        return as_json(request, {"error": view.title}, 404)
    return render(site, request, "unknown.html", view, status=404)


def _page(site: Site) -> Shown:
    async def page(request: Request, found: KnownRepository, one: ObjectiveView) -> Response:
        if wants_json(request):
            return as_json(request, record_of(one))
        states = {
            each.alert: state
            for each in await site.slos.fetch_alerts(found.repo.id)
            if each.objective == one.kept.name and (state := _state_of(each)) is not None
        }
        moves = await _moves(site, found, one)
        chart = await _chart(site, found, one, moves)
        answers = (
            await site.slos.fetch_answers(found.repo.id, one.kept.probe, limit=ANSWERS_SHOWN)
            if one.kept.probe
            else ()
        )
        view = ObjectivePageView(
            objective=one,
            alerts=view_alerts(one, states),
            forecast=forecast_of(one),
            chart=chart,
            version=hashlib.sha256(repr(chart).encode("utf-8", "replace")).hexdigest()[:12],
            moves=tuple(moves[:MOVES_SHOWN]),
            more_moves=len(moves) > MOVES_SHOWN,
            answers=tuple(map(AnswerView, answers)),
        )
        return not_modified(request, render(site, request, "objective.html", view))

    return page


def _state_of(kept: KeptAlert) -> AlertState | None:
    """None where another release wrote it in a way that this one cannot read."""
    try:
        return restored(kept.content)
    except (KeyError, ValueError):
        return None


def _picture(site: Site) -> Shown:
    async def picture(request: Request, found: KnownRepository, one: ObjectiveView) -> Response:
        chart = await _chart(site, found, one, await _moves(site, found, one))
        line, gap = thinned(chart.line)
        width = NARROW if request.query_params.get("size") == "narrow" else WIDTH
        svg = render_chart(chart.title, line, chart.marks, width=width, gap=gap)
        return not_modified(request, _svg(found, svg))

    return picture


def _badge(site: Site) -> Shown:
    async def badge(request: Request, found: KnownRepository, one: ObjectiveView) -> Response:
        state = replace(one.kept.state, state=State.ERROR) if one.old else one.kept.state
        return not_modified(request, _svg(found, render_badge(state, one.title)))

    return badge


def _svg(found: KnownRepository, svg: str) -> Response:
    """What everybody may see may be shown by any page, and kept by what lies between."""
    everybody = "private" if found.private else "public"
    return Response(
        svg.encode("utf-8", "replace"),
        media_type="image/svg+xml",
        headers={
            "Content-Security-Policy": PICTURE_POLICY,
            "Cross-Origin-Resource-Policy": "same-origin" if found.private else "cross-origin",
            "Cache-Control": f"{everybody}, max-age={PICTURE_SECONDS}",
            "ETag": f'"{hashlib.sha256(svg.encode("utf-8", "replace")).hexdigest()[:24]}"',
        },
    )


async def _moves(site: Site, found: KnownRepository, one: ObjectiveView) -> list[LedgerEntry]:
    """What came live in the window, in an environment that the objective is for; newest first."""
    since, _ = period(one.kept.window, one.kept.evaluated_at)
    places = await site.environments.fetch_environments(found.repo.id)
    entries = [
        entry
        for place in places
        if one.kept.concerns(place.name)
        for entry in await site.operations.fetch_ledger(
            found.repo.id, place.name, limit=_LEDGER_READ
        )
        if entry.live_from >= since
    ]
    return sorted(entries, key=lambda entry: (entry.live_from, entry.id), reverse=True)


async def _chart(
    site: Site, found: KnownRepository, one: ObjectiveView, moves: Sequence[LedgerEntry]
) -> ChartView:
    since, _ = period(one.kept.window, one.kept.evaluated_at)
    history = await site.slos.fetch_budget_history(found.repo.id, one.kept.name, since)
    return view_chart(one, history, moves)
