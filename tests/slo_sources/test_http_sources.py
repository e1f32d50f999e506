"""Prometheus and other JSON: what is taken for a number, and what is refused with its reason."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from endpoint import Endpoint, never, reply, serving

from bot.adapters.slo.asking import answer_each
from bot.adapters.slo.http_json import HttpJsonSource
from bot.adapters.slo.prometheus import PrometheusSource
from bot.adapters.slo.reach import Reach
from bot.adapters.slo.web import Access, Web
from bot.core.model import RepoRef
from bot.core.slo.model import (
    Counts,
    Indicator,
    Metric,
    Operator,
    Ratio,
    Sample,
    Source,
    SourceKind,
    Threshold,
)
from bot.ports.slo import Asked, PartMissing, SourceError, SourceRefused, SourceUnavailable

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUERY, RANGE = "/api/v1/query", "/api/v1/query_range"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    reach = Reach(allowed=frozenset({"127.0.0.1"}))
    yield Web(reach, {})
    await reach.aclose()


def prometheus(endpoint: Endpoint, *, bad: bool = False) -> Ratio:
    source = Source("metrics", SourceKind.PROMETHEUS, {"url": endpoint.url})
    part, total = (
        Metric(source, {"query": f"sum(increase({name}[{{{{.window}}}}]))"}) for name in ("p", "t")
    )
    return Ratio(total, None, part) if bad else Ratio(total, part)


def vector(*values: str) -> dict[str, Any]:
    result = [{"metric": {}, "value": [AT.timestamp(), value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def answer(document: object, status: int = 200) -> bytes:
    return reply(json.dumps(document).encode(), status)


def by_query(endpoint: Endpoint, answers: dict[str, bytes]) -> Any:
    """Answers by what the query that was asked last begins with."""

    async def write(writer: Any) -> None:
        query = parse_qs(endpoint.asked[-1][2].decode())["query"][0]
        writer.write(next(body for start, body in answers.items() if query.startswith(start)))
        await writer.drain()

    return write


async def counts(source: Any, indicator: Indicator, window: timedelta = HOUR) -> Counts:
    (found,) = await source.fetch_counts([Asked(indicator, (window,))], AT)
    if isinstance(found, SourceError):
        raise found
    return found[window]


async def ratio_of(web: Web, part: object, total: object, *, bad: bool = False) -> Counts:
    answers: dict[str, Any] = {}
    async with serving(answers) as endpoint:
        bodies = {
            "sum(increase(p": part if isinstance(part, bytes) else answer(part),
            "sum(increase(t": total if isinstance(total, bytes) else answer(total),
        }
        answers[QUERY] = by_query(endpoint, bodies)
        return await counts(PrometheusSource(web), prometheus(endpoint, bad=bad))


async def test_prometheus_counts_stay_exact_and_the_window_is_in_the_query(web: Web) -> None:
    async with serving({QUERY: answer(vector("99.7"))}) as endpoint:
        found = await counts(PrometheusSource(web), prometheus(endpoint))
    assert found == Counts(Fraction(997, 10), Fraction(997, 10))
    forms = [parse_qs(body.decode()) for _, _, body in endpoint.asked]
    assert sorted(form["query"][0] for form in forms) == [
        "sum(increase(p[3600s]))",
        "sum(increase(t[3600s]))",
    ]
    assert {form["time"][0] for form in forms} == {f"{AT.timestamp():.3f}"}


@pytest.mark.parametrize(
    ("part", "total", "bad", "expected"),
    [
        (vector("90"), vector("100"), False, Counts(90, 100)),
        (vector("10"), vector("100"), True, Counts(90, 100)),
        (vector(), vector(), False, Counts()),
        (vector(), vector("0"), True, Counts()),
        (vector("NaN"), vector("NaN"), False, Counts()),
        (vector("100.4"), vector("100"), False, Counts(100, 100)),
    ],
)
async def test_good_and_bad_events_of_all(web: Web, part, total, bad, expected) -> None:
    assert await ratio_of(web, part, total, bad=bad) == expected


@pytest.mark.parametrize(
    ("part", "total", "kind", "said"),
    [
        (vector("1", "2"), vector("100"), SourceRefused, r"gives 2 series, and one is needed"),
        (vector(), vector("100"), SourceRefused, "good events finds nothing"),
        (vector("200"), vector("100"), SourceRefused, "more events were good"),
        (vector("-1"), vector("100"), SourceRefused, "less than nothing"),
        (vector("1e999999999"), vector("100"), SourceRefused, "too large"),
        (vector("ten"), vector("100"), SourceRefused, "ten is no number"),
        (
            answer({"status": "error", "errorType": "execution", "error": "many-to-many"}, 422),
            vector("1"),
            SourceRefused,
            r"refuses the query \(422\): many-to-many",
        ),
        (
            answer({"status": "error", "errorType": "timeout", "error": "timed out"}, 503),
            vector("1"),
            SourceUnavailable,
            "answers 503: timed out",
        ),
        ({**vector("1"), "isPartial": True}, vector("1"), SourceUnavailable, "only a part"),
        ({**vector("1"), "warnings": ["a store is down"]}, vector("1"), SourceUnavailable, "down"),
        (answer([1]), vector("1"), SourceUnavailable, "answers 200"),
        (reply(b"<html>"), vector("1"), SourceUnavailable, "answers 200"),
        (answer({"status": "success", "data": {}}), vector("1"), SourceRefused, "is it a Prom"),
        (reply(b"", 401), vector("1"), SourceRefused, "mend its credential"),
        (reply(b"x" * 5_000_000), vector("1"), SourceRefused, "answers more than 4 MB"),
    ],
)
async def test_prometheus_that_says_what_cannot_be_used(web: Web, part, total, kind, said) -> None:
    with pytest.raises(kind, match=said):
        await ratio_of(web, part, total)


@pytest.mark.parametrize(("bad", "expected"), [(False, Counts(0, 100)), (True, Counts(100, 100))])
async def test_what_a_longer_window_finds_there_was_none_of_in_a_shorter(
    web: Web, bad: bool, expected: Counts
) -> None:
    """A build that fails whatever it is asked never counts its first good answer."""
    short = timedelta(minutes=5)
    answers: dict[str, Any] = {}
    async with serving(answers) as endpoint:
        bodies = {
            "sum(increase(p[300s": answer(vector()),
            "sum(increase(p": answer(vector("50")),
            "sum(increase(t": answer(vector("100")),
        }
        answers[QUERY] = by_query(endpoint, bodies)
        asked = Asked(prometheus(endpoint, bad=bad), (HOUR, short))
        (found,) = await PrometheusSource(web).fetch_counts([asked], AT)
    assert found == {HOUR: Counts(50, 100), short: expected}


async def test_slow_prometheus_fails_its_objective_and_no_other() -> None:
    reach = Reach(allowed=frozenset({"127.0.0.1"}))
    web = Web(reach, {}, seconds=0.5)
    async with serving({QUERY: never}) as slow, serving({QUERY: answer(vector("5"))}) as quick:
        source = PrometheusSource(web)
        asked = [Asked(prometheus(one), (HOUR,)) for one in (slow, quick)]
        first, second = await source.fetch_counts(asked, AT)
    await reach.aclose()
    assert isinstance(first, SourceUnavailable)
    assert "took longer than 0.5 s" in str(first)
    assert second == {HOUR: Counts(5, 5)}


@pytest.mark.parametrize("at_once", ["", "\r\n\r\n"])
async def test_an_answer_that_drips_is_let_go_when_its_time_is_over(at_once: str) -> None:
    """No byte is late, from the first one on or from the first of the body: together they are."""
    whole = answer(vector("5"))
    head = whole.index(at_once.encode()) + len(at_once)
    dripped, gone = 0, asyncio.Event()

    async def drip(writer: asyncio.StreamWriter) -> None:
        nonlocal dripped
        writer.write(whole[:head])
        try:
            for place in range(head, len(whole)):
                writer.write(whole[place : place + 1])
                await writer.drain()
                dripped += 1
                await asyncio.sleep(0.02)  # the drip itself: nothing is waited for by it
        finally:
            gone.set()

    reach = Reach(allowed=frozenset({"127.0.0.1"}))
    async with serving({QUERY: drip}) as endpoint:
        source = Source("metrics", SourceKind.PROMETHEUS, {"url": endpoint.url})
        with pytest.raises(SourceUnavailable, match=r"took longer than 0\.3 s"):
            await Web(reach, {}, seconds=0.3).fetch(source, f"{endpoint.url}{QUERY}", b"query=x")
        async with asyncio.timeout(20):
            await gone.wait()
    assert 0 < dripped < len(whole) - head, "the connection was not ended"
    await reach.aclose()


async def test_threshold_is_counted_by_prometheus_and_no_value_is_no_event(web: Web) -> None:
    answers: dict[str, Any] = {}
    async with serving(answers) as endpoint:
        bodies = {
            "count_over_time(((p95) <= (300 / 1))": answer(vector("57")),
            "count_over_time(((p95) >= -Inf)[3600s:1m])": answer(vector("60")),
        }
        answers[QUERY] = by_query(endpoint, bodies)
        source = Source("metrics", SourceKind.PROMETHEUS, {"url": endpoint.url})
        slow = Threshold(Metric(source, {"query": "p95"}), Operator.LTE, Fraction(300))
        assert await counts(PrometheusSource(web), slow) == Counts(57, 60)


async def test_samples_of_a_range_leave_out_what_is_missing(web: Web) -> None:
    times = [AT + timedelta(minutes=n) for n in (1, 2, 3)]
    values = [[at.timestamp(), value] for at, value in zip(times, ("4", "NaN", "6"), strict=True)]
    data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
    document = {"status": "success", "data": data}
    async with serving({RANGE: answer(document)}) as endpoint:
        found = await PrometheusSource(web).fetch_samples(
            prometheus(endpoint), AT, AT + timedelta(minutes=3), timedelta(minutes=1)
        )
    assert found == [Sample(times[0], 4, 4), Sample(times[2], 6, 6)]
    forms = [parse_qs(body.decode()) for _, _, body in endpoint.asked]
    assert {(form["step"][0], form["start"][0]) for form in forms} == {
        ("60", f"{times[0].timestamp():.3f}")
    }
    with pytest.raises(SourceRefused, match="longer slices"):
        await PrometheusSource(web).fetch_samples(
            prometheus(endpoint), AT - timedelta(days=30), AT, timedelta(minutes=1)
        )


async def test_a_range_has_none_where_it_finds_none_but_not_where_it_finds_none_at_all(
    web: Web,
) -> None:
    times = [AT + timedelta(minutes=n) for n in (1, 2, 3)]
    good: list[list[Any]] = []

    def matrix(values: list[list[Any]]) -> bytes:
        found = [{"metric": {}, "values": values}] if values else []
        return answer({"status": "success", "data": {"resultType": "matrix", "result": found}})

    async def samples() -> list[Sample]:
        answers: dict[str, Any] = {}
        async with serving(answers) as endpoint:
            every = matrix([[at.timestamp(), "9"] for at in times])
            bodies = {"sum(increase(p": matrix(good), "sum(increase(t": every}
            answers[RANGE] = by_query(endpoint, bodies)
            return await PrometheusSource(web).fetch_samples(
                prometheus(endpoint), AT, times[-1], timedelta(minutes=1)
            )

    with pytest.raises(PartMissing, match="finds nothing, while there are 27") as missing:
        await samples()
    assert missing.value.samples == tuple(Sample(at, 0, 9) for at in times)
    good += [[times[0].timestamp(), "8"], [times[1].timestamp(), "NaN"]]
    assert await samples() == [Sample(times[0], 8, 9), Sample(times[2], 0, 9)]


async def test_an_api_may_find_nothing_at_one_time_of_several(web: Web) -> None:
    answers: dict[str, Any] = {"/v1/all": answer({"data": [{"count": 9}]})}
    async with serving(answers) as endpoint:

        async def good(writer: Any) -> None:
            last = "to=2026-01-02T03%3A06" in endpoint.asked[-1][0]
            writer.write(answer({"data": [{"count": None if last else 8}]}))
            await writer.drain()

        answers["/v1/good"] = good
        minute = timedelta(minutes=1)
        found = await HttpJsonSource(web).fetch_samples(
            json_ratio(endpoint), AT, AT + 2 * minute, minute
        )
    assert found == [Sample(AT + minute, 8, 9), Sample(AT + 2 * minute, 0, 9)]


def json_ratio(endpoint: Endpoint, value: str = "$.data[0].count", **details: str) -> Ratio:
    source = Source("api", SourceKind.HTTP_JSON, {"url": f"{endpoint.url}/v1", **details})
    part, total = (
        Metric(source, {"path": f"/{name}?from={{start}}&to={{end}}", "value": value})
        for name in ("good", "all")
    )
    return Ratio(total, part)


async def test_json_is_asked_for_the_window_and_read_at_its_path(web: Web) -> None:
    answers = {
        "/v1/good": answer({"data": [{"count": 9.9}]}),
        "/v1/all": answer({"data": [{"count": "10"}]}),
    }
    async with serving(answers) as endpoint:
        found = await counts(HttpJsonSource(web), json_ratio(endpoint))
    assert found == Counts(Fraction(99, 10), 10)
    lines = sorted(line for line, _, _ in endpoint.asked)
    window = "from=2026-01-02T02%3A04%3A05.000Z&to=2026-01-02T03%3A04%3A05.000Z"
    assert lines[0] == f"GET /v1/all?{window} HTTP/1.1"


@pytest.mark.parametrize(
    ("good", "kind", "said"),
    [
        (answer({"data": []}), SourceRefused, r"has no \[0\] at \$\.data"),
        (answer({"data": [{"count": [1, 2]}]}), SourceRefused, "is a list of 2"),
        (answer({"data": [{"count": True}]}), SourceRefused, "True is no number"),
        (reply(b'{"data": [{"count": NaN}]}'), None, ""),
        (reply(b"oops"), SourceRefused, "no JSON"),
        (reply(b"[" * 100_000), SourceRefused, "no JSON"),
        (reply(b"", 404), SourceRefused, "answers 404"),
        (reply(b"", 503), SourceUnavailable, "answers 503"),
    ],
)
async def test_json_that_cannot_be_used(web: Web, good: bytes, kind, said: str) -> None:
    answers = {"/v1/good": good, "/v1/all": answer({"data": [{"count": 10}]})}
    async with serving(answers) as endpoint:
        if kind is None:
            with pytest.raises(SourceRefused, match="finds nothing"):
                await counts(HttpJsonSource(web), json_ratio(endpoint))
            return
        with pytest.raises(kind, match=said):
            await counts(HttpJsonSource(web), json_ratio(endpoint))


async def test_each_value_of_a_list_is_held_to_the_threshold(web: Web) -> None:
    async with serving({"/v1/times": answer([12, 50, 50.5, None])}) as endpoint:
        source = Source("api", SourceKind.HTTP_JSON, {"url": f"{endpoint.url}/v1"})
        metric = Metric(source, {"path": "times", "value": "$"})
        slow = Threshold(metric, Operator.LTE, Fraction(50))
        assert await counts(HttpJsonSource(web), slow) == Counts(2, 3)


SHOP = RepoRef(1, 42, "Octo", "Shop")


async def test_a_credential_goes_to_its_own_origin_and_nowhere_else() -> None:
    reach = Reach()
    answers = {"/v1/good": answer([1]), "/v1/all": answer([1])}
    async with serving(answers) as endpoint, serving(answers) as other:
        access = Access(f"{endpoint.url}/v1", frozenset({"octo/shop"}), "Bearer s3cret")
        source = HttpJsonSource(Web(reach, {"ours": access}))
        await counts(source, json_ratio(endpoint, "$[0]", credential="ours"))
        assert {headers["authorization"] for _, headers, _ in endpoint.asked} == {"Bearer s3cret"}
        for name, said in (("ours", "for another address"), ("none", "does not have")):
            with pytest.raises(SourceRefused, match=said) as refused:
                await counts(source, json_ratio(other, "$[0]", credential=name))
            assert "s3cret" not in str(refused.value)
        with pytest.raises(SourceRefused, match="not public"):
            await counts(source, json_ratio(other, "$[0]"))
        assert other.asked == []
    await reach.aclose()
    assert "s3cret" not in repr(access)


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://m.example/prom/api/v1/query", True),
        ("https://m.example:443/prom", True),
        ("https://M.example/prom/x?q=../y", True),
        ("http://m.example/prom/x", False),
        ("https://m.example:8443/prom/x", False),
        ("https://m.example.evil/prom/x", False),
        ("https://evil/prom/x", False),
        ("https://m.example/", False),
        ("https://m.example/promised/x", False),
        ("https://m.example/prom/../admin", False),
        ("https://m.example/prom/./../admin", False),
        ("https://m.example/prom/%2e%2e/admin", False),
        ("https://m.example/prom/%252E%252e/admin", False),
        ("https://m.example/prom/..%2fadmin", False),
        ("https://m.example/prom/..\\admin", False),
        ("https://m.example/prom/..;/admin", False),
    ],
)
def test_what_an_access_is_for(url: str, covered: bool) -> None:
    access = Access("https://m.example/prom", frozenset({"42"}), "Bearer x")
    assert access.covers(urlsplit(url)) is covered


@pytest.mark.parametrize(
    ("named", "served"),
    [("octo/shop", True), ("42", True), ("octo/sho", False), ("4", False), ("octo", False)],
)
def test_whom_an_access_serves(named: str, served: bool) -> None:
    assert Access("https://m.example", frozenset({named, "octo/other"})).serves(SHOP) is served


async def test_what_is_not_answered_in_time_takes_nothing_from_what_is() -> None:
    async def count(indicator: Indicator, window: timedelta, at: datetime) -> Counts:
        if window == HOUR:
            await asyncio.Event().wait()
        return Counts(1, 2)

    source = Source("metrics", SourceKind.PROMETHEUS, {})
    one = Ratio(Metric(source, {}), Metric(source, {}))
    asked = [Asked(one, (timedelta(days=1), HOUR)), Asked(one, (timedelta(days=1),))]
    first, second = await answer_each(asked, AT, count, seconds=0.5)
    assert "metrics did not answer within 0.5 s" in str(first)
    assert second == {timedelta(days=1): Counts(1, 2)}
