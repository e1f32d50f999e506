"""Probes in the store: who looks when, what is counted, and that a window is exact."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore, open_store
from bot.core.model import Sha
from bot.core.slo.probes import BOUNDS_MS, DueProbe, Outcome, Probe, ProbeAnswer, Redirects
from bot.ports.slo import Counter, CounterAt, KeptAlert

SITE = Probe("site", "https://shop.example/", redirects=Redirects.FOLLOW, statuses=((200, 204),))
API = Probe("api", "https://api.example/health", timedelta(seconds=30))
START = datetime(2026, 1, 1, tzinfo=UTC)
FAST = ProbeAnswer(Outcome.OK, 100, 200)
SLOW = ProbeAnswer(Outcome.OK, 301, 200)
DOWN = ProbeAnswer(Outcome.DNS, 3)


@pytest.fixture
def slos(store: PostgresStore) -> PostgresSlos:
    return PostgresSlos(store.pool)


async def claimed(slos: PostgresSlos, url: str, *probes: Probe, repo: int = 42) -> list[DueProbe]:
    """Probes that a repository wants, all due at once."""
    await slos.want_probes(repo, probes)
    make_due(url)
    return sorted(await slos.claim_probes(100), key=lambda due: due.probe.name)


def make_due(url: str) -> None:
    run(url, "UPDATE probes SET due_at = now()")


def run(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(connection_string(url), autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


async def record(
    slos: PostgresSlos, due: DueProbe, answers: Sequence[tuple[timedelta, ProbeAnswer]]
) -> None:
    for after, answer in answers:
        await slos.record_probes([(replace(due, at=START + after), answer)])


async def counters(
    slos: PostgresSlos, *ats: timedelta, probe: str = "site", bound: int = 0, repo: int = 42
) -> list[tuple[int, int] | None]:
    wanted = [CounterAt(repo, probe, bound, START + at) for at in ats]
    return [one and (one.good, one.total) for one in await slos.fetch_counters(wanted)]


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


async def test_probe_comes_back_as_it_was_wanted_and_is_due_once_an_interval(
    slos: PostgresSlos, database_url: str
) -> None:
    api, site = await claimed(slos, database_url, SITE, API)
    assert (api.probe, site.probe) == (API, SITE)
    assert (site.repository_id, abs(site.at - datetime.now(UTC)) < minutes(1)) == (42, True)
    assert await slos.claim_probes(100) == []
    query = "SELECT due_at BETWEEN now() + every * 0.5 AND now() + every * 1.06 FROM probes"
    assert run(database_url, query) == [(True,), (True,)]


async def test_probes_that_were_due_at_once_are_not_again(
    slos: PostgresSlos, database_url: str
) -> None:
    await claimed(slos, database_url, *(replace(SITE, name=f"p{number}") for number in range(40)))
    query = (
        "SELECT count(DISTINCT due_at), max(due_at) - min(due_at) > min(every) * 0.05 FROM probes"
    )
    # By chance alone forty of them lie closer once in 10^10 times.
    assert run(database_url, query) == [(40, True)]
    # So it is when they are wanted for the first time.
    await slos.want_probes(7, [replace(API, name=f"p{number}") for number in range(40)])
    first = f"{query} WHERE repository_id = 7".replace("0.05", "0.2")
    assert run(database_url, first) == [(40, True)]


async def test_eight_claimers_at_once_get_each_probe_once(
    slos: PostgresSlos, database_url: str
) -> None:
    await slos.want_probes(42, [replace(SITE, name=f"p{number}") for number in range(40)])
    make_due(database_url)
    found = await asyncio.gather(*(slos.claim_probes(7) for _ in range(8)))
    names = [due.probe.name for some in found for due in some]
    assert len(names) == len(set(names)) == 40


async def test_probe_that_is_wanted_no_more_rests_and_what_it_found_stays(
    slos: PostgresSlos, database_url: str
) -> None:
    (site,) = await claimed(slos, database_url, SITE)
    await record(slos, site, [(minutes(0), FAST)])
    await slos.want_probes(7, [API])
    await slos.want_probes(42, [])
    make_due(database_url)
    assert [due.probe for due in await slos.claim_probes(9)] == [API], "another's is not touched"
    assert await counters(slos, minutes(1)) == [(1, 1)]
    await slos.want_probes(42, [replace(SITE, url="https://new.example/")])
    make_due(database_url)
    again = {due.probe.name: due for due in await slos.claim_probes(9)}["site"]
    assert (again.id, again.probe.url) == (site.id, "https://new.example/")


async def test_probe_is_asked_out_of_turn_though_wanted_no_more_but_not_while_paused(
    slos: PostgresSlos,
) -> None:
    """A watch goes on by the files that it was begun with."""
    await slos.want_objectives(42, Sha("a" * 40), {"slo/site.yml": "…"})
    await slos.want_probes(42, [SITE, API])
    await slos.want_probes(42, [API])
    assert [due.probe for due in await slos.find_probes(42, ["site"])] == [SITE]
    assert [due.probe for due in await slos.find_probes(42, ["api", "gone"])] == [API]
    await slos.pause(42)
    assert await slos.find_probes(42, ["site", "api"]) == []


async def test_counts_are_of_good_answers_and_of_those_within_each_bound(
    slos: PostgresSlos, database_url: str
) -> None:
    (site,) = await claimed(slos, database_url, SITE)
    await record(slos, site, [(minutes(1), FAST), (minutes(2), SLOW), (minutes(3), DOWN)])
    at_300 = BOUNDS_MS.index(300) + 1
    moments = [minutes(number) for number in (0, 1, 2.5, 9)]
    assert await counters(slos, *moments) == [None, (1, 1), (2, 2), (2, 3)]
    assert await counters(slos, *moments, bound=at_300) == [None, (1, 1), (1, 2), (1, 3)]
    assert await counters(slos, minutes(9), bound=at_300 + 1) == [(2, 3)], "400 ms"
    assert await counters(slos, minutes(9), bound=len(BOUNDS_MS)) == [(2, 3)]
    assert await counters(slos, minutes(9), repo=7) == [None], "another repository's"
    newest, *_ = await slos.fetch_answers(42, "site", limit=2)
    assert newest == replace(DOWN, at=START + minutes(3))
    since = await slos.fetch_answers(42, "site", since=START + minutes(1), limit=9)
    assert [one.at for one in since] == [START + minutes(3), START + minutes(2)]


async def test_answer_that_is_not_newer_is_passed_over(
    slos: PostgresSlos, database_url: str
) -> None:
    (site,) = await claimed(slos, database_url, SITE)
    await record(slos, site, [(minutes(5), FAST), (minutes(5), DOWN), (minutes(4), DOWN)])
    assert await counters(slos, minutes(4), minutes(6)) == [None, (1, 1)]


async def test_thinned_out_counts_are_what_they_were_at_each_hour(
    slos: PostgresSlos, database_url: str
) -> None:
    (site,) = await claimed(slos, database_url, SITE)
    looks = [(minutes(20 * n), DOWN if n % 4 == 0 else FAST) for n in range(30)]
    await record(slos, site, looks)
    hours = [timedelta(hours=n) - timedelta(seconds=1) for n in range(1, 10)]
    before = await counters(slos, *hours)
    await slos.thin_probes(START + timedelta(days=4, hours=6, minutes=59))
    assert run(database_url, "SELECT count(*) FROM probe_hours") == [(6,)]
    assert run(database_url, "SELECT count(*) FROM probe_results") == [(12,)]
    assert await counters(slos, *hours) == before
    await slos.thin_probes(START + timedelta(days=4, hours=6, minutes=59))
    assert await counters(slos, *hours) == before
    await slos.want_probes(42, [])
    await slos.thin_probes(START + timedelta(days=500))
    assert await counters(slos, *hours) == [None] * 9
    assert run(database_url, "SELECT count(*) FROM probes") == [(0,)]


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    looks=st.lists(st.sampled_from([FAST, SLOW, DOWN]), min_size=1, max_size=12),
    cut=st.integers(0, 12),
    thinned=st.integers(0, 12),
)
def test_two_parts_of_a_window_add_up_to_it_also_when_thinned(
    database_url: str, looks: list[ProbeAnswer], cut: int, thinned: int
) -> None:
    """One look an hour: thinning keeps each of them."""

    async def check() -> None:
        async with open_store(database_url) as opened:
            slos = PostgresSlos(opened.pool)
            run(database_url, "TRUNCATE probes CASCADE")
            (site,) = await claimed(slos, database_url, SITE)
            await record(slos, site, [(timedelta(hours=n), look) for n, look in enumerate(looks)])
            await slos.thin_probes(START + timedelta(days=4, hours=thinned))
            middle, end = await counters(
                slos, timedelta(hours=cut) - timedelta(seconds=1), timedelta(days=1)
            )
            part = looks[:cut]
            assert (middle or (0, 0)) == (sum(look.good for look in part), len(part))
            assert end == (sum(look.good for look in looks), len(looks))

    asyncio.run(check())


async def test_counters_come_in_the_order_asked_and_one_asked_twice_comes_twice(
    slos: PostgresSlos, database_url: str
) -> None:
    (site,) = await claimed(slos, database_url, SITE)
    await record(slos, site, [(minutes(1), FAST)])
    late, early = (CounterAt(42, "site", 0, START + minutes(n)) for n in (5, 0))
    found = Counter(START + minutes(1), 1, 1)
    assert await slos.fetch_counters([late, early, late]) == [found, None, found]


async def test_alert_that_another_saved_meanwhile_is_not_overwritten(slos: PostgresSlos) -> None:
    alert = KeptAlert("availability", "page 1h", {"state": "pending"})
    assert await slos.save_alerts(42, [alert])
    assert not await slos.save_alerts(42, [alert])
    (kept,) = await slos.fetch_alerts(42)
    assert kept == replace(alert, revision=1)
    assert await slos.save_alerts(42, [replace(kept, content={"state": "firing"})])
    stale = replace(kept, content={"state": "resolved"})
    other = KeptAlert("latency", "page 1h", {"state": "firing"})
    assert not await slos.save_alerts(42, [other, stale])
    assert not await slos.save_alerts(42, [other, replace(stale, objective="forgotten")])
    assert [one.content for one in await slos.fetch_alerts(42)] == [{"state": "firing"}]
    assert await slos.fetch_alerts(7) == []
    await slos.forget_alerts(42, [stale, other])
    (kept,) = await slos.fetch_alerts(42)
    await slos.forget_alerts(42, [kept])
    assert await slos.fetch_alerts(42) == []
