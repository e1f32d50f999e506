"""Promotions and error budgets: held by one that is spent, overridden, and let through."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from probed_api import DOWN, FINE, SLO_FILE
from production import POLICY, Production, opened_production
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import open_store
from bot.core.operations.machine import State
from bot.core.policy import POLICY_PATH
from bot.core.slo.probes import DueProbe, Probe, ProbeAnswer
from bot.sandbox.code import CommitSpec
from bot.settings import NumbersSource, Secret
from bot.web.server import bind, listening

pytestmark = pytest.mark.slow

FROM_PROMETHEUS = (
    SLO_FILE.replace("type: probe", "type: prometheus")
    .replace('{url: "http://127.0.0.1:9/", interval: 1h}', '{url: "http://127.0.0.1:9/"}')
    .replace("measure: success", 'query: "good[{{.window}}]"')
    .replace("measure: all", 'query: "all[{{.window}}]"')
)
ASKED = POLICY + "    slo: {require: [api-availability]}\n"


def write(production: Production, slo: str, policy: str = ASKED) -> None:
    files = {POLICY_PATH: policy, "slo/api.yml": slo}
    production.github.push(production.repository, "main", CommitSpec("chore: ask for it", files))


@asynccontextmanager
async def probed(production: Production) -> AsyncIterator["Probed"]:
    """The store of what probes found, which nobody looks at by themselves here."""
    async with open_store(production.journey.bot.database) as store:
        slos = PostgresSlos(store.pool)
        repository = production.repository.id
        probe = Probe("api-probe", "http://127.0.0.1:9/", timedelta(hours=1))
        await slos.want_probes(repository, [probe])
        due = DueProbe(1, repository, datetime.now(UTC), probe)
        yield Probed(slos, due)


class Probed:
    def __init__(self, slos: PostgresSlos, due: DueProbe) -> None:
        self._slos, self._due = slos, due
        self._at = datetime.now(UTC) - timedelta(hours=1)

    async def found(self, answer: ProbeAnswer, times: int) -> None:
        for _ in range(times):
            self._at += timedelta(minutes=1)
            await self._slos.record_probes([(replace(self._due, at=self._at), answer)])


async def test_a_spent_budget_holds_a_promotion_until_somebody_sets_it_aside(
    production: Production,
):
    write(production, SLO_FILE)
    pull = production.merged("feat: add search")
    async with probed(production) as probes:
        await probes.found(FINE, 38)
        await probes.found(DOWN, 12)
        said = await production.say(pull, "/promote")
    assert "refused" in said
    # 12 of 50 failed, and 2.5 might have: 1 − 12 ÷ 2.5 is −380 %, spent 4.8 times over.
    assert "API availability has −380 % of its 30-day budget left; burning 4.8× over 1 d" in said
    assert "budget returns about" in said
    assert "a rollback is not held by this gate" in said
    page = f"{production.journey.bot.settings.public_url}/repos/octo/shop/slo/api-availability"
    assert f"\n- `░░░░░░░░░░ −380 %` [api-availability]({page})\n" in said
    assert production.live is None
    await production.say(pull, "/override slo the fix is in it")
    await production.say(pull, "/promote")
    assert production.live.sha == pull.merge_commit_sha
    assert (await production.newest()).overrides == {"slo": "ada: the fix is in it"}


async def test_a_budget_that_is_left_lets_a_promotion_through(production: Production):
    write(production, SLO_FILE)
    pull = production.merged("feat: add search")
    async with probed(production) as probes:
        await probes.found(FINE, 39)
        await probes.found(DOWN, 1)
        await production.say(pull, "/promote")
    assert (await production.newest()).state is State.SUCCEEDED
    assert production.live.sha == pull.merge_commit_sha


@pytest.mark.parametrize(
    ("slo", "expected"),
    [
        (SLO_FILE, "API availability is not known: nothing was counted in the window"),
        (SLO_FILE.replace("0.95", "1"), "slo/api.yml, line 22, column 25"),
        (SLO_FILE.replace("api-availability", "other"), "is not defined for"),
        (FROM_PROMETHEUS, "api-probe is at a place that is not public, so it is not asked"),
        (
            SLO_FILE.replace("probe, spec: {measure: success}", "sql, spec: {measure: success}"),
            "slo/api.yml, line",
        ),
    ],
)
async def test_what_is_not_known_holds_a_promotion(production: Production, slo: str, expected: str):
    write(production, slo)
    said = await production.say(production.merged("feat: add search"), "/promote")
    assert "refused" in said
    assert expected in said.replace("`", "").replace("\\", "")
    assert production.live is None


@asynccontextmanager
async def metrics(good: int) -> AsyncIterator[str]:
    """The address of a Prometheus that counted 1,000 events in every window, some of them good."""

    async def query(request: Request) -> JSONResponse:
        if request.headers.get("authorization") != "Bearer s3cret":
            return JSONResponse({}, 401)
        form = parse_qs((await request.body()).decode())
        value = str(good) if form["query"][0].startswith("good") else "1000"
        result = [{"metric": {}, "value": [0, value]}]
        data = {"resultType": "vector", "result": result}
        return JSONResponse({"status": "success", "data": data})

    app = Starlette(routes=[Route("/api/v1/query", query, methods=["POST"])])
    async with listening(app, bind("127.0.0.1", 0)) as url:
        yield url


@pytest.mark.parametrize(
    ("owner", "live", "expected"),
    [
        ("octo/shop", True, ""),
        ("octo/other", False, "the credential metrics, which this server does not have for"),
    ],
)
async def test_a_source_is_asked_for_the_repository_that_its_operator_named(
    database_url: str, tmp_path: Path, owner: str, live: bool, expected: str
):
    async with metrics(990) as url:
        source = NumbersSource(url, frozenset({owner}), Secret("Bearer s3cret"))
        async with (
            opened_production(database_url, tmp_path, sources={"metrics": source}) as production,
            production.journey.working(),
        ):
            await production.journey.rest()
            details = f'{{url: "{url}", credential: metrics}}'
            slo = FROM_PROMETHEUS.replace('{url: "http://127.0.0.1:9/"}', details)
            write(production, slo)
            said = await production.say(production.merged("feat: add search"), "/promote")
            assert (production.live is not None) is live
    assert expected in said.replace("`", "").replace("\\", "")
    assert "s3cret" not in said


async def test_a_budget_of_time_slices_is_counted_slice_by_slice(production: Production):
    sliced = SLO_FILE.replace("Occurrences", "Timeslices").replace("30d", "3d")
    spec = "{target: 0.95, timeSliceTarget: 0.9, timeSliceWindow: 5m}"
    write(production, sliced.replace("{target: 0.95}", spec))
    pull = production.merged("feat: add search")
    async with probed(production) as probes:
        await probes.found(FINE, 38)
        await probes.found(DOWN, 12)
        said = await production.say(pull, "/promote")
    assert "API availability has −" in said
    assert "of its 3-day budget left" in said


async def test_a_rollback_asks_no_budget(production: Production):
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    write(production, SLO_FILE)
    assert "Rolled back" in await production.say(bad, "/rollback")
    assert await production.served() == good.merge_commit_sha
