"""A watch reads real sources: the hour before, what was counted since, and the day before that."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from endpoint import Endpoint, Write, reply, serving
from live_kit import promql, slo, source
from shop_slos import latency, probed

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.slo.http_json import HttpJsonSource
from bot.adapters.slo.prometheus import PrometheusSource
from bot.adapters.slo.reach import Reach
from bot.adapters.slo.sql import SqlSource
from bot.adapters.slo.web import Web
from bot.core.hosting import Build
from bot.core.model import RepoRef, Sha
from bot.core.policy.slo import OnFail
from bot.core.slo.model import SourceKind
from bot.core.slo.probes import Outcome as Answered
from bot.core.slo.probes import Probe, ProbeAnswer
from bot.core.slo.watch import Compare, FailOn, Outcome, Watched, decide_watch
from bot.core.slo.watching import Watch
from bot.engine.watch_reading import WatchReading
from bot.ports.slo import Source, SourceRefused

REPO = RepoRef(1, 42, "octo", "shop")
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
MOVED = datetime(2026, 1, 2, 12, 0, 30, tzinfo=UTC)
BEGUN = MOVED + 90 * SECOND
EVERY = 6 * SECOND
"""There is an event: a good one in the hour before alone."""
WATCH = Watch(
    id=1,
    repo=REPO,
    environment="production",
    operation_id=1,
    build=Build(Sha("a" * 40), "dpl_a"),
    pull_number=1,
    moved_at=MOVED,
    begun=BEGUN,
    policy_lasts=timedelta(minutes=15),
    every=timedelta(seconds=15),
    compare=Compare.BEFORE,
    fail_on=FailOn.REGRESSION,
    on_fail=OnFail.ROLLBACK,
    doubt=Fraction(1, 100),
)


@dataclass
class Later:
    at: datetime

    def now(self) -> datetime:
        return self.at


def reading(kind: SourceKind, of: Source, clock: Later) -> WatchReading:
    """Of a watch whose files are known and have no probes, so that nobody else is asked."""
    nobody: object = None
    return WatchReading(nobody, nobody, {kind: lambda repo: of}, nobody, nobody, clock)  # type: ignore[arg-type]


def counted(start: datetime, end: datetime) -> tuple[int, int]:
    """Good events and all of them, after the start and up to the end."""

    def number(since: datetime, until: datetime) -> int:
        return max((until - MOVED) // EVERY - (since - MOVED) // EVERY, 0)

    return number(max(start, MOVED - HOUR), min(end, MOVED)), number(start, end)


def judged(watch: Watch, seen: list[Watched], now: datetime) -> Outcome:
    return decide_watch(seen, watch.rules, watch.begun, now).outcome


async def looked(kind: SourceKind, of: Source, files: str) -> Watch:
    """The watch after two looks, a minute apart, which find the build worse."""
    clock = Later(BEGUN + 61 * SECOND)
    watch = replace(WATCH, files={"slo/shop.yml": files})
    part = reading(kind, of, clock)
    watch, _, seen = await part.read(watch, REPO)
    assert [one.unread for one in seen] == [""]
    clock.at = BEGUN + 125 * SECOND
    watch, _, seen = await part.read(watch, REPO)
    assert judged(watch, list(seen), clock.at) is Outcome.WORSE
    (series,) = watch.series
    assert [one.at for one in series.before] == [MOVED - HOUR + MINUTE * n for n in range(1, 61)]
    assert {(one.good, one.total) for one in series.before} == {(10, 10)}
    assert [one.at for one in series.after] == [BEGUN + MINUTE, BEGUN + 2 * MINUTE]
    assert {(one.good, one.total) for one in series.after} == {(0, 10)}
    return watch


async def test_of_a_probe_the_day_before_is_known_as_well(store: PostgresStore) -> None:
    """The first two of its hours: quick and slow by turns."""
    slos = PostgresSlos(store.pool)
    probe = Probe("shop", "https://shop.example/")
    await slos.want_probes(REPO.id, [probe])
    (due,) = await slos.find_probes(REPO.id, ["shop"])
    first = MOVED - 25 * HOUR + SECOND
    for minute in range(120):
        took = 400 if minute // 20 % 2 else 100
        answer = ProbeAnswer(Answered.OK, took, 200)
        await slos.record_probes([(replace(due, at=first + minute * MINUTE), answer)])
    nobody: object = None
    part = WatchReading(nobody, nobody, {}, slos, nobody, Later(WATCH.ends))  # type: ignore[arg-type]
    files = {"slo/shop.yml": probed('url: "https://shop.example/"') + latency("value: 300")}
    _, _, (seen,) = await part.read(replace(WATCH, files=files), REPO)
    assert (seen.before, seen.unread) == ((), "")
    assert seen.latency.usual > 0.5


async def test_a_database_tells_the_time_before_and_since(empty_database_url: str) -> None:
    url = connection_string(empty_database_url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA lockgate")
        connection.execute("CREATE TABLE orders (at timestamptz, fine boolean)")
        connection.execute(
            "INSERT INTO orders SELECT at, at > %(hour)s AND at <= %(moved)s"
            " FROM generate_series(%(first)s::timestamptz, %(last)s, '6 s') AS at",
            {
                "hour": MOVED - HOUR,
                "moved": MOVED,
                "first": MOVED - 2 * HOUR,
                "last": BEGUN + 9 * MINUTE,
            },
        )

    async def owner_of(name: str, repository_id: int) -> int:
        return repository_id

    total = "SELECT count(*) FROM orders WHERE at > :start AND at <= :end"
    files = source("sql", {"database": "shop"}) + slo(
        "orders", {"query": f"{total} AND fine"}, {"query": total}
    )
    watch = await looked(SourceKind.SQL, SqlSource(REPO, {"shop": url}, owner_of), files)
    assert watch.series[0].usual == 0, "a day is more questions than a database is asked"


@asynccontextmanager
async def asked_over_http(answer: Callable[[str, dict[str, str]], object]):
    """A server that answers each question, and what may ask it."""
    answers: dict[str, Write] = {}
    reach = Reach(allowed=frozenset({"127.0.0.1"}))
    async with serving(answers) as endpoint:

        async def write(writer) -> None:
            line, _, body = endpoint.asked[-1]
            url = urlsplit(line.split(" ")[1])
            given = {name: values[0] for name, values in parse_qs(url.query).items()}
            given |= {name: values[0] for name, values in parse_qs(body.decode()).items()}
            writer.write(reply(json.dumps(answer(url.path, given)).encode()))
            await writer.drain()

        for path in ("/good", "/all", "/api/v1/query_range"):
            answers[path] = write
        yield endpoint, Web(reach, {})
    await reach.aclose()


async def test_an_api_tells_the_time_before_and_since() -> None:
    def answer(path: str, given: dict[str, str]) -> int:
        span = (datetime.fromisoformat(given[name]) for name in ("from", "to"))
        return counted(*span)[path == "/all"]

    async with asked_over_http(answer) as (endpoint, web):
        query = "?from={start}&to={end}"
        files = source("http-json", {"url": endpoint.url}) + slo(
            "orders", *({"path": f"{path}{query}", "value": "$"} for path in ("good", "all"))
        )
        await looked(SourceKind.HTTP_JSON, HttpJsonSource(web), files)
        assert len(endpoint.asked) == 2 * (60 + 2), "nothing is asked twice, nor for a whole day"


def matrix(counts: Callable[[datetime, datetime], tuple[float, float]], given: dict[str, str]):
    """What Prometheus answers for a range, one series."""
    first, last, step = (float(given[name]) for name in ("start", "end", "step"))
    moments = [first + step * number for number in range(round((last - first) / step) + 1)]
    whole = "_all" in given["query"]
    values = [
        [at, str(counts(*(datetime.fromtimestamp(one, UTC) for one in (at - step, at)))[whole])]
        for at in moments
    ]
    data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
    return {"status": "success", "data": data}


def spans(endpoint: Endpoint) -> list[timedelta]:
    """How long each question reaches from its first moment to its last."""
    forms = [parse_qs(body.decode()) for _, _, body in endpoint.asked]
    return [timedelta(seconds=float(one["end"][0]) - float(one["start"][0])) for one in forms]


async def test_a_prometheus_is_asked_once_for_the_day_before_as_well() -> None:
    def restless(start: datetime, end: datetime) -> tuple[float, float]:
        """Of 1,000 a minute 100 fail, or 10 in turns of twenty minutes: in the day alone."""
        if end > MOVED - HOUR:
            return counted(start, end)
        return (900, 1000) if (end - MOVED) // (20 * MINUTE) % 2 else (990, 1000)

    async with asked_over_http(lambda _, given: matrix(restless, given)) as (endpoint, web):
        files = source("prometheus", {"url": endpoint.url}) + promql("orders")
        watch = await looked(SourceKind.PROMETHEUS, PrometheusSource(web), files)
        day = timedelta(days=1) - MINUTE
        assert spans(endpoint).count(day) == 2, "the good ones and all of them, and no second time"
    # Half of the logarithm of ten, but for the little that neighbours do not share.
    assert watch.series[0].usual == pytest.approx(1.0, abs=0.2)


async def test_a_build_that_answers_nothing_well_has_no_good_event_to_be_found() -> None:
    """Its processes never counted one, and those of the build before are gone."""

    def answer(_: str, given: dict[str, str]):
        found = matrix(counted, given)
        since = datetime.fromtimestamp(float(given["start"]), UTC)
        if since > BEGUN and "_all" not in given["query"]:
            found["data"]["result"] = []
        return found

    async with asked_over_http(answer) as (endpoint, web):
        files = source("prometheus", {"url": endpoint.url}) + promql("orders")
        await looked(SourceKind.PROMETHEUS, PrometheusSource(web), files)


async def test_objectives_of_a_source_share_what_it_is_asked_at_once_and_take_turns() -> None:
    """A database would have as many connections as objectives times four else; and where all were
    asked at once, and the time is not enough for all, none would ever be read."""
    made, asking, most = 0, 0, 0

    class Shared:
        def __init__(self) -> None:
            nonlocal made
            made += 1

        async def fetch_samples(self, indicator, since, until, step):
            nonlocal asking, most
            if until - since > HOUR:
                raise SourceRefused("a day is more questions than it is asked")
            asking += 1
            most = max(most, asking)
            await asyncio.sleep(0)  # the others would have their turn
            asking -= 1
            return []

    files = {
        f"slo/{name}.yml": text
        for name, text in {
            "source": source("prometheus", {"url": "https://metrics.example"}),
            **{f"orders-{number}": promql(f"orders-{number}") for number in range(9)},
        }.items()
    }
    nobody: object = None
    sources = {SourceKind.PROMETHEUS: lambda repo: Shared()}
    clock = Later(BEGUN + 61 * SECOND)
    part = WatchReading(nobody, nobody, sources, nobody, nobody, clock)  # type: ignore[arg-type]
    _, _, seen = await part.read(replace(WATCH, files=files), REPO)
    assert ([one.unread for one in seen], most, made) == ([""] * 9, 2, 1)


async def test_a_day_that_cannot_be_read_leaves_the_hour() -> None:
    def answer(path: str, given: dict[str, str]):
        long = float(given["end"]) - float(given["start"]) > HOUR.total_seconds()
        return {"status": "error"} if long else matrix(counted, given)

    async with asked_over_http(answer) as (endpoint, web):
        files = source("prometheus", {"url": endpoint.url}) + promql("orders")
        watch = await looked(SourceKind.PROMETHEUS, PrometheusSource(web), files)
    assert watch.series[0].usual == 0
