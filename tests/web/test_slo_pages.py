"""The pages of objectives: who sees them, what they say, and that nothing unknown is fine."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from xml.etree import ElementTree

import httpx
import pytest
from growth import assert_alike, counting
from objectives_kit import (
    DAY,
    FILES,
    HOUR,
    LOOKED,
    MINUTES,
    STATES,
    answer,
    kept,
    save,
    ship_twice,
    slo,
    tell_objectives,
    unread,
)
from served_pages import HOSTILE, NOW, SHOP, FixedClock, evaluation

from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.core.model import Sha
from bot.core.slo.alerts import AlertState, Phase, content_of
from bot.core.slo.kept import FRESH
from bot.core.slo.model import Pair, Unit, Window, record
from bot.ports.slo import KeptAlert
from bot.web.headers import SECURITY_HEADERS

ONE = "/repos/octo/shop/slo/api-availability"


def words(page: httpx.Response) -> str:
    """What a reader sees of the page, on one line."""
    main = page.text.partition('<main id="main" tabindex="-1">')[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def said(svg: httpx.Response) -> str:
    return " ".join(filter(None, map(str.strip, ElementTree.fromstring(svg.text).itertext())))


@pytest.fixture
async def shop(store: PostgresStore) -> PostgresStore:
    """Whose objectives stand in every way."""
    await store.save_evaluation(evaluation())
    await save(store, *STATES)
    return store


async def another(store: PostgresStore, *, private: bool, name: str = "api-availability") -> None:
    """octo/secret, with an objective of the same name."""
    hidden = evaluation("octo/secret", 1, private=private)
    await store.save_evaluation(hidden)
    state = kept(slo(name, "Hush"), 5, repository_id=hidden.repo.id)
    await save(store, state, repository_id=hidden.repo.id)


@pytest.mark.usefixtures("shop")
async def test_the_list_has_the_worst_first(public: httpx.AsyncClient) -> None:
    for path in ("/slo", "/repos/octo/shop/slo"):
        page = await public.get(path)
        rows = re.findall(r'<tr role="row" id="objective-\d+-([^"]+)">', page.text)
        assert rows == [
            "api-latency",
            "flag-response",
            "search",
            "checkout",
            "api-availability",
            "database-errors",
        ]
        text = words(page)
        assert "1 of 6 objectives is out of budget, 2 are not known, 1 is burning fast." in text
        assert "exhausted API latency" in text
        assert "99.888 % of 99.9 % over 30 days −12 %" in text
        assert "burning Checkout" in text
        assert "60 % 16× over 1 h page over 1 h and 6 h" in text
        assert "metrics answered 422: <b>bad query</b>" in text
        assert 'max="100" value="60"' in page.text
        assert 'max="100" value="0"' in page.text


async def test_a_repository_without_objectives_says_how_to_get_one(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    for path in ("/slo", "/repos/octo/shop/slo"):
        page = await public.get(path)
        assert page.status_code == 200
        assert "The first entry comes when a file in slo/" in words(page)
    for path in ("/", "/repos/octo/shop"):
        assert "no objective" in words(await public.get(path))
    # In the first minute they are known, and nobody has looked.
    await PostgresSlos(store.pool).want_objectives(SHOP.id, Sha("a" * 40), FILES)
    for path in ("/", "/repos/octo/shop"):
        assert "the first look is to come" in words(await public.get(path))
    for path in ("/slo", "/repos/octo/shop/slo"):
        page = words(await public.get(path))
        assert "to come Files define objectives. The first look at them comes within a" in page
        assert "No objective" not in page


async def test_an_objective_with_all_that_belongs_to_it(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await tell_objectives(store)
    page = await public.get(ONE)
    text = words(page)
    assert "in budget 38 % of its error budget is left, and it burns at 9× over 1 h." in text
    assert "Now 99.938 % of 99.9 % over 30 days" in text
    assert "Counted 100,000 62 of them bad" in text
    spent = words(await public.get("/repos/octo/shop/slo/api-latency"))
    assert "exhausted Its error budget is overspent by 12 %, and it burns at " in spent
    # By hand: 4 × 12 less 9 leaves 39 elevenths, and 2 × 12 ÷ (9 − 39 ÷ 11) half hours it takes.
    assert "Next: the 6 h window pages at 6×; now 4×; at this rate in about 2 h 12 min." in text
    assert "quiet page 6× 4× over 6 h 9× over 30 min never fired" in text
    assert "unexpected status 503 90 ms" in text
    for words_ in ("TLS failed – 41 ms", "name not found – 12 ms", "no answer in time – 10000 ms"):
        assert words_ in text
    assert "rolled back by maria" in text
    assert text.count("promoted by maria") == 2
    assert 'href="https://github.example/octo/shop/blob/HEAD/slo/shop.yml#L12"' in page.text
    assert "Marked: 2 promotions and 1 rollback." in page.text
    (picture,) = re.findall(r'<img src="([^"]+)" width="640"', page.text)
    assert (await public.get(unescape(picture))).status_code == 200


async def test_the_chart_shows_what_is_kept_and_no_more(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await tell_objectives(store)
    wide, narrow = [
        await public.get(ONE + ".svg", params={"size": size}) for size in ("", "narrow")
    ]
    assert "38 % of the error budget is left on" in said(wide)
    assert "rollback of v1.4.2 in production" in said(wide)
    pieces = [
        one.attrib["points"].split()
        for one in ElementTree.fromstring(wide.text).iter()
        if one.tag.endswith("polyline")
    ]
    # One point an hour and the newest; no worker ran for 19 of them.
    assert [len(piece) for piece in pieces] == [59, 91]
    assert 'viewBox="0 0 640 240"' in wide.text
    assert 'viewBox="0 0 328 240"' in narrow.text


@pytest.mark.usefixtures("shop")
async def test_a_picture_can_do_nothing_and_is_kept_for_a_minute(
    public: httpx.AsyncClient,
) -> None:
    for path in (ONE + ".svg", ONE + "/badge.svg", "/slo/api-availability.svg"):
        picture = await public.get(path)
        assert picture.headers["content-type"] == "image/svg+xml"
        policy = picture.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert policy.endswith("; sandbox")
        for name in ("X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"):
            assert picture.headers[name] == SECURITY_HEADERS[name]
        assert picture.headers["cache-control"] == "public, max-age=60"
        again = await public.get(path, headers={"If-None-Match": picture.headers["etag"]})
        assert (again.status_code, again.text) == (304, "")
    assert (await public.get("/slo")).headers["content-security-policy"] == (
        SECURITY_HEADERS["Content-Security-Policy"]
    )


async def test_a_private_picture_is_for_no_other_page(
    site: httpx.AsyncClient, store: PostgresStore
) -> None:
    await another(store, private=True)
    picture = await site.get("/repos/octo/secret/slo/api-availability/badge.svg")
    assert picture.headers["cache-control"] == "private, max-age=60"
    assert picture.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.usefixtures("shop")
async def test_a_badge(public: httpx.AsyncClient) -> None:
    for name, told in (
        ("api-availability", "API availability: 38 % left"),
        ("api-latency", "API latency: −12 % left"),
        ("flag-response", "Flag response: no data"),
        ("search", "Search: unknown"),
    ):
        for path in (f"/slo/{name}/badge.svg", f"/repos/octo/shop/slo/{name}/badge.svg"):
            assert said(await public.get(path)).startswith(told)


async def test_what_is_old_is_never_fine(
    public: httpx.AsyncClient, store: PostgresStore, clock: FixedClock
) -> None:
    await store.save_evaluation(evaluation())
    await save(store, kept())
    clock.at = LOOKED + FRESH
    assert "in budget" in words(await public.get(ONE))
    assert "The one objective is in budget." in words(await public.get("/slo"))
    clock.at += timedelta(seconds=1)
    text = words(await public.get(ONE))
    assert "Last evaluated 5 min ago . How it stands now, nobody knows." in text
    assert "Next:" not in text
    assert "quiet" not in text
    assert "1 of 1 objective is not known" in words(await public.get("/slo"))
    assert "1 of 1 to look at" in words(await public.get("/repos/octo/shop"))
    assert said(await public.get(ONE + "/badge.svg")).startswith("API availability: unknown")


async def test_a_repository_that_may_not_be_seen_has_no_objectives(
    public: httpx.AsyncClient, site: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    before = {path: await public.get(path) for path in ("/", "/slo")}
    await another(store, private=True)
    for path, page in before.items():
        assert (await public.get(path)).text == page.text
    for suffix in ("", ".svg", "/badge.svg"):
        for place in ("/slo/api-availability", "/repos/octo/secret/slo/api-availability"):
            hidden = await public.get(place + suffix)
            absent = await public.get((place + suffix).replace("secret", "absent"))
            assert hidden.status_code == absent.status_code == 404
            assert "Hush" not in hidden.text
            shown = await site.get(place + suffix, follow_redirects=True)
            assert shown.status_code == 200
    assert (await public.get("/repos/octo/secret/slo")).status_code == 404
    assert "Hush" in (await site.get("/slo")).text


async def test_a_name_alone_leads_to_the_one_repository_or_offers_several(
    public: httpx.AsyncClient, shop: PostgresStore
) -> None:
    alone = await public.get("/slo/api-availability")
    assert (alone.status_code, alone.headers["location"]) == (302, ONE)
    await another(shop, private=False)
    for suffix in ("", ".svg", "/badge.svg"):
        several = await public.get(f"/slo/api-availability{suffix}")
        assert several.status_code == 300
        for repository in ("octo/shop", "octo/secret"):
            assert f'href="/repos/{repository}/slo/api-availability{suffix}"' in several.text


JSON = {"Accept": "application/json"}


@pytest.mark.usefixtures("shop")
async def test_machines_are_given_what_slo_check_prints(public: httpx.AsyncClient) -> None:
    for path in ("/slo", "/repos/octo/shop/slo"):
        for asked in ({"params": {"format": "json"}}, {"headers": JSON}):
            answer = await public.get(path, **asked)  # type: ignore[arg-type]
            assert answer.headers["content-type"] == "application/json"
            found = answer.json()
            assert [one["name"] for one in found][:2] == ["api-latency", "flag-response"]
    printed = record(STATES[1].state)
    assert found[0] == {
        **printed,
        "repository": "octo/shop",
        "evaluated_at": LOOKED.isoformat(),
        "counted_at": LOOKED.isoformat(),
    }
    assert list(found[0])[: len(printed)] == list(printed)
    for path in (ONE, "/slo/api-availability"):
        one = await public.get(path, headers=JSON)
        assert (one.status_code, one.json()["name"]) == (200, "api-availability")
        held = {**JSON, "If-None-Match": one.headers["etag"]}
        assert (await public.get(path, headers=held)).status_code == 304
    browser = {"Accept": "text/html,application/xhtml+xml,application/json;q=0.9"}
    page = await public.get("/slo", headers=browser)
    assert page.headers["content-type"].startswith("text/html")
    assert (await public.get("/slo", params={"format": "yaml"})).status_code == 404


async def test_records_are_for_those_who_see_the_pages_and_never_fine_when_old(
    public: httpx.AsyncClient,
    site: httpx.AsyncClient,
    store: PostgresStore,
    clock: FixedClock,
) -> None:
    await store.save_evaluation(evaluation())
    await save(store, kept(), replace(kept(slo("rests")), looked_at=NOW + timedelta(minutes=2)))
    await another(store, private=True)
    (first, _) = (await public.get("/slo", headers=JSON)).json()
    assert (first["repository"], first["state"]) == ("octo/shop", "ok")
    for path in ("/repos/octo/secret/slo", "/repos/octo/secret/slo/api-availability"):
        hidden = await public.get(path, headers=JSON)
        absent = await public.get(path.replace("secret", "absent"), headers=JSON)
        assert hidden.status_code == absent.status_code == 404
        assert hidden.text == absent.text.replace("absent", "secret")
        assert (await site.get(path, headers=JSON)).status_code == 200
    several = await site.get("/slo/api-availability", headers=JSON)
    assert several.status_code == 300
    assert [one["repository"] for one in several.json()] == ["octo/secret", "octo/shop"]
    clock.at = LOOKED + FRESH + timedelta(seconds=1)
    assert [one["state"] for one in (await public.get("/slo", headers=JSON)).json()] == [
        "error",
        "ok",
    ]
    rests = words(await public.get("/repos/octo/shop/slo/rests"))
    assert "by what was counted 5 min ago" in rests
    assert "by what was counted" not in words(await public.get(ONE))


@pytest.mark.usefixtures("shop")
async def test_what_is_not_there(public: httpx.AsyncClient) -> None:
    for path in (
        "/slo/absent",
        "/slo/absent.svg",
        "/repos/octo/shop/slo/absent",
        "/repos/octo/shop/slo/absent/badge.svg",
        "/repos/octo/shop/slo/%00",
        "/repos/octo/shop/slo/" + "a" * 256,
        "/slo?page=2",
        "/slo?page=0",
        "/slo?page=²",
    ):
        assert (path, (await public.get(path)).status_code) == (path, 404)


async def test_what_comes_from_outside_is_shown_and_does_nothing(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    name = '"><script>alert(1)'
    hostile = slo(name, HOSTILE, description=HOSTILE, service=HOSTILE, path="slo/#<b>.yml")
    await save(store, unread(hostile, HOSTILE), replace(kept(slo("b", HOSTILE)), probe=HOSTILE))
    quoted = "%22%3E%3Cscript%3Ealert%281%29"
    pages = [
        await public.get(path)
        for path in ("/slo", f"/repos/octo/shop/slo/{quoted}", "/repos/octo/shop/slo/b", "/")
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "\u202e" not in page.text
    for suffix in (".svg", "/badge.svg"):
        picture = await public.get(f"/repos/octo/shop/slo/b{suffix}")
        tags = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(picture.text).iter()}
        assert "script" not in tags


async def test_where_an_alert_stands(public: httpx.AsyncClient, store: PostgresStore) -> None:
    await store.save_evaluation(evaluation())
    pairs = (
        Pair("page", HOUR, HOUR / 12, factor=slo().objective * 8),
        Pair("ticket", DAY, HOUR, factor=slo().objective * 90, policy="slow"),
        Pair("page", DAY, 2 * DAY, factor=slo().objective * 90),
    )
    whole = kept(slo(pairs=pairs), 5, MINUTES)
    unknown = replace(whole.state.alerts[2], long_burn=None)
    state = replace(whole.state, alerts=(*whole.state.alerts[:2], unknown))
    slos = await save(store, replace(whole, state=state))
    since = NOW - timedelta(minutes=40)
    for alert, phase in (("page", Phase.FIRING), ("ticket/slow", Phase.RESOLVED)):
        content = content_of(AlertState(phase, since))
        assert await slos.save_alerts(SHOP.id, [KeptAlert("api-availability", alert, content)])
    text = words(await public.get(ONE))
    at = since.strftime("%Y-%m-%d %H:%M UTC")
    assert f"fires page 8× 9× over 1 h 11× over 5 min firing since {at}" in text
    assert f"quiet ticket of slow 89.9× 2× over 1 d 9× over 1 h resolved {at}" in text
    assert "not known page 89.9× unknown over 1 d" in text


async def test_a_budget_of_the_calendar_and_one_that_returns(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    month = Window(timedelta(days=31), Unit.MONTH, 1, NOW.replace(day=1))
    spent = kept(slo(window=month), 200)
    back = replace(spent, state=replace(spent.state, returns_at=NOW + timedelta(days=3)))
    await save(store, back)
    text = words(await public.get(ONE))
    assert "of 99.9 % over this month" in text
    assert "−100 % returns in 3 d" in text
    assert "Nothing was promoted or put back meanwhile" in text


async def test_moves_of_other_environments_and_before_the_window_are_not_told(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    await ship_twice(store)
    await save(
        store,
        kept(slo("elsewhere", environments=("preview",))),
        kept(slo("short", window=Window(DAY))),
        replace(kept(slo("asked")), probe="api-probe"),
    )
    assert "Nothing was promoted" in words(await public.get("/repos/octo/shop/slo/elsewhere"))
    short = words(await public.get("/repos/octo/shop/slo/short"))
    assert "rolled back by maria" in short
    assert "promoted by maria" not in short
    asked = "/repos/octo/shop/slo/asked"
    assert "The probe has not asked yet." in words(await public.get(asked))
    await answer(PostgresSlos(store.pool))
    assert "answered 200 88 ms" in words(await public.get(asked))


@pytest.mark.slow
async def test_a_thousand_objectives_are_paged_and_quick(
    public: httpx.AsyncClient, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    slos = PostgresSlos(store.pool)
    await slos.want_objectives(SHOP.id, Sha("a" * 40), FILES)
    calls = []
    for count in (500, 1000):
        states = [kept(slo(f"objective-{one}", f"No. {one}"), one) for one in range(count)]
        await slos.save_states(SHOP.id, states)
        with counting() as counted:
            page = await public.get("/slo", params={"page": 2})
        calls.append(counted.calls)
    assert_alike(*calls)
    assert page.text.count('<tr role="row" id="objective-') == 100
    assert "900 of 1,000 objectives are out of budget" in words(page)
    assert "Before Page 2 of 10 After" in words(page)
    records = await public.get("/slo", params={"page": 9, "format": "json"})
    assert len(records.json()) == 100
    assert records.links["next"]["url"] == "/slo?format=json&page=10"
    last = await public.get(records.links["next"]["url"])
    assert (len(last.json()), last.links) == (100, {})
