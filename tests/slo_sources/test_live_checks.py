"""``lockgate slo check`` and ``report`` on what sources say now, by the server's own settings."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from endpoint import Endpoint, never, reply, serving
from live_kit import FAST_ALERT, Site, promql, slo, source

from bot.adapters.postgres.repositories import PostgresRepositories
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.slo.web import Web
from bot.core.model import RepoRef
from bot.core.slo.probes import DueProbe, Outcome, Probe, ProbeAnswer
from bot.ports.environments import KnownRepository

SHOP = RepoRef(1, 42, "octo", "shop")
KEYS = [
    "name", "objective", "window", "good", "total", "ratio", "budget_remaining", "burn", "alerts",
    "state",
]  # fmt: skip


@pytest.fixture
async def stored(site: Site, store: PostgresStore, database_url: str) -> Site:
    """The same, whose server knows the repository."""
    site.environ["DATABASE_URL"] = database_url
    known = PostgresRepositories(store.pool)
    await known.note_repository(KnownRepository(SHOP, private=True), datetime.now(UTC))
    return site


def vector(*values: str, **more: object) -> bytes:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    data = {"resultType": "vector", "result": result}
    return reply(json.dumps({"status": "success", "data": data, **more}).encode())


def answering(endpoint: Endpoint, answers: Mapping[str, bytes]) -> Any:
    """Answers by what the query that was asked last begins with."""

    async def write(writer: Any) -> None:
        query = parse_qs(endpoint.asked[-1][2].decode())["query"][0]
        writer.write(next(body for begin, body in answers.items() if query.startswith(begin)))
        await writer.drain()

    return write


async def test_prometheus_is_asked_with_the_credential_that_the_server_has(site: Site) -> None:
    answers: dict[str, Any] = {}
    async with serving(answers) as endpoint:
        answers["/api/v1/query"] = answering(
            endpoint, {"api_good": vector("9750"), "api_all": vector("10000")}
        )
        details = site.name_source(endpoint, TOKEN="s3cret")
        site.write(source("prometheus", details), promql("api"))
        code, found = await site.states()
        assert {headers.get("authorization") for _, headers, _ in endpoint.asked} == {
            "Bearer s3cret"
        }
    assert code == 0
    assert list(found["api"]) == KEYS
    assert found["api"]["state"] == "ok"
    assert (found["api"]["good"], found["api"]["budget_remaining"]) == (9750, 0.5)
    assert set(found["api"]["burn"].values()) == {0.5}


async def test_another_repository_gets_neither_the_credential_nor_a_private_place(
    site: Site,
) -> None:
    async with serving({"/api/v1/query": vector("1")}) as endpoint:
        details = site.name_source(endpoint, TOKEN="s3cret")
        site.write(
            source("prometheus", details),
            source("prometheus", {"url": endpoint.url}, "open"),
            promql("api"),
            promql("guest", of="open"),
        )
        site.words = ["--repository", "octo/other"]
        done = await site.run()
        assert endpoint.asked == []
    assert done.exit_code == 4
    assert (
        "metrics names the credential metrics, which this server does not have for" in done.stdout
    )
    assert "open is at a place that is not public, so it is not asked" in done.stdout
    assert "s3cret" not in done.output


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            reply(b'{"status":"error","errorType":"execution","error":"many-to-many"}', 422),
            "metrics refuses the query (422): many-to-many",
        ),
        (never, "metrics took longer than 1 s"),
        (vector("1", isPartial=True), "metrics knows only a part of it: partial"),
        (vector("1", "2"), "the query gives 2 series, and one is needed; write sum(…) around it"),
        (reply(b"x" * 5_000_000), "metrics answers more than 4 MB"),
        (vector("-1"), "less than nothing was counted"),
        (vector("1e99"), "1e99 is too large or too small to be a count"),
        (reply(b"<html>no</html>"), "metrics answers 200"),
        (reply(b"", 302, location="http://127.0.0.1:1/"), "metrics answers 302"),
        (reply(b"", 403), "metrics lets nobody in (403)"),
    ],
    ids=["422", "slow", "partial", "two", "long", "negative", "huge", "html", "moved", "refused"],
)
async def test_a_source_that_says_nothing_usable_fails_its_own_objective_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, answer: Any, reason: str
) -> None:
    if answer is never:
        monkeypatch.setitem(Web.__init__.__kwdefaults__ or {}, "seconds", 1)
    fine = {"/n": reply(b"10")}
    async with serving({"/api/v1/query": answer}) as endpoint, serving(fine) as other:
        site.environ["LOCKGATE_SOURCE_FINE"] = other.url
        site.environ["LOCKGATE_SOURCE_FINE_REPOSITORIES"] = "octo/shop"
        site.write(
            source("prometheus", site.name_source(endpoint)),
            source("http-json", {"url": other.url, "credential": "fine"}, "fine"),
            promql("bad"),
            slo("good", *[{"path": "n?{start}{end}", "value": "$"}] * 2, of="fine"),
        )
        done = await site.run()
    assert done.exit_code == 4
    assert reason in done.stdout
    assert "bad: error\n" in done.stdout
    assert "good: ok\n" in done.stdout


async def test_a_clock_that_is_ahead_is_told(site: Site) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    series = {"resultType": "matrix", "result": [{"metric": {}, "values": [[later, "1"]]}]}
    body = reply(json.dumps({"status": "success", "data": series}).encode())
    async with serving({"/api/v1/query_range": body}) as endpoint:
        details = site.name_source(endpoint)
        site.write(source("prometheus", details), promql("api", window="3d", sliced=True))
        done = await site.run()
    assert done.exit_code == 4
    assert "is yet to come: the source's clock is ahead of this machine's" in done.stdout


async def test_a_window_is_judged_by_the_data_that_there_is(site: Site) -> None:
    """What every window counts is alike, as of a source that began a minute ago; and its counter
    began anew in the shortest."""
    answers: dict[str, Any] = {}
    async with serving(answers) as endpoint:
        young = {"api_good": vector("80"), "api_all": vector("100")}
        answers["/api/v1/query"] = answering(endpoint, young)
        site.write(source("prometheus", site.name_source(endpoint)), promql("api"))
        code, found = await site.states()
        assert (code, found["api"]["state"]) == (1, "exhausted")
        assert (found["api"]["total"], found["api"]["budget_remaining"]) == (100, -3)
        answers["/api/v1/query"] = answering(endpoint, {"api_good": vector(), "api_all": vector()})
        code, found = await site.states()
    assert (code, found["api"]["state"], found["api"]["ratio"]) == (4, "no-data", None)


@pytest.mark.parametrize(
    "count", [30, pytest.param(1_000, marks=pytest.mark.long)], ids=["thirty", "a-thousand"]
)
async def test_many_objectives_ask_eight_questions_at_a_time_and_none_twice(
    site: Site, count: int
) -> None:
    arrived = asyncio.Event()
    now = most = 0

    async def write(writer: Any) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if most == 8:
            arrived.set()
        await arrived.wait()
        for _ in range(20):  # whatever else has been sent may come in
            await asyncio.sleep(0)
        now -= 1
        writer.write(vector("10"))
        await writer.drain()

    annotations = {"lockgate/stale-after": "1h"}
    async with serving({"/api/v1/query": write}) as endpoint:
        details = site.name_source(endpoint)
        many = [
            promql(f"s{n:04}", window="1d", annotations=annotations).replace(
                "  objectives:", "  alertPolicies: [fast]\n  objectives:"
            )
            for n in range(count)
        ]
        site.write(source("prometheus", details), FAST_ALERT, *many)
        done = await site.run("--format", "json")
        asked = [(line, body) for line, _, body in endpoint.asked]
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == [
        f"s{n:04}" for n in range(count)
    ]
    # Of the day, an hour and five minutes, the good and all.
    assert (most, len(asked), len(set(asked))) == (8, 6 * count, 6 * count)
    assert f"asked {count:,} of {count:,} objectives" in done.stderr


async def test_probes_are_read_from_the_store(stored: Site, store: PostgresStore) -> None:
    slos = PostgresSlos(store.pool)
    probe = Probe("metrics", "https://shop.example/", timedelta(minutes=1))
    await slos.want_probes(SHOP.id, [probe])
    begun = datetime.now(UTC) - timedelta(minutes=20)
    for number in range(20):
        found = ProbeAnswer(Outcome.STATUS if number < 4 else Outcome.OK, 80, 200)
        at = begun + timedelta(minutes=number)
        await slos.record_probes([(DueProbe(1, SHOP.id, at, probe), found)])
    stored.write(
        source("probe", {"url": probe.url}),
        slo("api", {"measure": "success"}, {"measure": "all"}),
    )
    done = await stored.run()
    assert done.exit_code == 1
    assert "api: exhausted\n" in done.stdout
    assert "  80 % good over 30d, of 95 % that are to be\n" in done.stdout
    assert "  budget returns about " in done.stdout
    page = await stored.run("--format", "html", command="report")
    assert page.stdout.count("<svg") == 1
    drawn = await stored.run("--format", "svg", "--name", "api", command="report")
    assert ElementTree.fromstring(drawn.stdout).tag == "{http://www.w3.org/2000/svg}svg"
    table = await stored.run(command="report")
    assert "| api: 95 % over 30d | 80 % | −300 % |" in table.stdout


async def test_a_database_is_asked_for_the_repository_that_it_is_of(
    stored: Site, store: PostgresStore, database_url: str
) -> None:
    stored.environ["LOCKGATE_DB_SHOP"] = database_url
    count = "SELECT count(*) FROM generate_series(:start, :end - interval '1s', interval '1 min')"
    stored.write(
        source("sql", {"database": "shop"}),
        slo("orders", {"query": count}, {"query": count}, window="3d"),
    )
    code, found = await stored.states()
    assert (code, found["orders"]["total"]) == (0, 3 * 24 * 60)
    schemas = PostgresSchemas(store.pool)
    assert await schemas.fetch_bindings() == {}, "a look gives a database to nobody"
    await schemas.bind_database("shop", SHOP.id + 1)
    done = await stored.run()
    assert done.exit_code == 4
    assert "metrics names the database shop, which is another repository's" in done.stdout


async def test_a_store_that_is_away_takes_nothing_from_other_sources(site: Site) -> None:
    async with serving({"/n": reply(b"10")}) as endpoint:
        site.write(
            source("http-json", site.name_source(endpoint)),
            source("probe", {"url": "https://shop.example/"}, "probe"),
            slo("json", *[{"path": "n?{start}{end}", "value": "$"}] * 2),
            slo("probed", {"measure": "success"}, {"measure": "all"}, of="probe"),
        )
        done = await site.run()
    assert done.exit_code == 4
    assert "json: ok\n" in done.stdout
    assert "probed: error\n  probed\n  the database cannot be reached" in done.stdout


async def test_a_repository_that_the_server_does_not_know(stored: Site) -> None:
    stored.write(
        source("probe", {"url": "https://shop.example/"}),
        slo("api", {"measure": "success"}, {"measure": "all"}),
    )
    stored.words = ["--repository", "octo/other"]
    done = await stored.run()
    assert done.exit_code == 4
    assert "this server knows no repository octo/other" in done.stdout


async def test_without_a_clone_and_a_name_nobody_is_asked(site: Site) -> None:
    site.write(source("prometheus", {"url": "https://m.example"}), promql("api"))
    site.words = []
    done = await site.run()
    assert done.exit_code == 2
    assert "name it with --repository OWNER/REPO" in done.stderr


POLICY = """\
environments:
  production:
    vercel: {{project: shop, domain: shop.example.com}}
    slo: {{require: [{require}], no_data: {no_data}, minimum_budget: {least}}}
"""


@pytest.mark.parametrize(
    ("good", "phase", "policy", "code", "said"),
    [
        # good of 100 in the whole window, and in those of its fast alert
        ((98, 98), "pre", {}, 0, "pre: a promotion may come"),
        ((98, 98), "pre", {"least": "60.1%"}, 1, "pre: a promotion is held\n"),
        ((90, 99), "pre", {}, 1, "pre: a promotion is held\n"),
        ((98, 50), "pre", {}, 0, "pre: a promotion may come"),
        ((98, 50), "post", {}, 1, "post: a promotion burns its budget"),
        ((20, 99), "post", {}, 0, "post: a promotion stands"),
        ((20, None), "post", {}, 4, "post: a promotion cannot be judged yet"),
        ((20, None), "post", {"no_data": "allow"}, 0, "post: a promotion stands"),
        ((None, None), "pre", {}, 4, "pre: a promotion is held, since this is not known"),
        ((None, None), "pre", {"no_data": "allow"}, 0, "pre: a promotion may come"),
        ((98, 50), "", {}, 1, "api: burning"),
        ((None, None), "", {"no_data": "allow"}, 0, "api: no-data"),
        ((98, 98), "pre", {"require": "api"}, 0, "pre: a promotion may come"),
        ((98, 98), "post", {"require": "other"}, 2, "requires other, and the files define no such"),
        ((98, 98), "", {"require": "other"}, 0, "api: ok"),
    ],
)
async def test_a_phase_judges_by_the_policy_what_it_is_for(
    site: Site,
    good: tuple[int | None, int | None],
    phase: str,
    policy: Mapping[str, str],
    code: int,
    said: str,
) -> None:
    whole, fast = (vector() if number is None else vector(str(number)) for number in good)
    total = {"whole": vector() if good[0] is None else vector("100"),
             "fast": vector() if good[1] is None else vector("100")}  # fmt: skip
    answers: dict[str, Any] = {}
    async with serving(answers) as endpoint:
        answers["/api/v1/query"] = answering(
            endpoint,
            {
                "api_good[86400s]": whole,
                "api_all[86400s]": total["whole"],
                "api_good[21600s]": whole,
                "api_all[21600s]": total["whole"],
                "api_good": fast,
                "api_all": total["fast"],
            },
        )
        text = promql("api", window="1d").replace(
            "  objectives:", "  alertPolicies: [fast]\n  objectives:"
        )
        given = {"require": "", "no_data": "block", "least": "0%", **policy}
        site.write(
            source("prometheus", site.name_source(endpoint)),
            FAST_ALERT,
            text,
            policy=POLICY.format(**given),
        )
        words: Sequence[str] = ("--phase", phase) if phase else ()
        done = await site.run("--environment", "production", *words)
    assert done.exit_code == code, done.output
    assert said in done.output


async def test_a_policy_that_is_wrong_judges_nothing(site: Site) -> None:
    site.write(policy="environments: [")
    site.write(source("prometheus", {"url": "https://m.example"}), promql("api"))
    done = await site.run("--environment", "production")
    assert done.exit_code == 2
    assert "lockgate policy check" in done.stderr
