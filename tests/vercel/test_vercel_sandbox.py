"""The sandbox Vercel by itself: what goes live, when, what it says of it, and its page."""

import asyncio
import hashlib
import hmac
import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import async_playwright, expect
from starlette.requests import Request
from starlette.responses import Response
from vercel_kit import OTHER_SHA, SHA, Place

from bot.sandbox.code import CommitSpec
from bot.sandbox.server import Sandbox, serve
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.errors import VercelError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


@pytest.fixture
async def vercel() -> AsyncIterator[SandboxVercel]:
    async with SandboxVercel() as vercel:
        yield vercel


def asking(vercel: SandboxVercel, token: str | None = None) -> httpx.AsyncClient:
    value = vercel.token if token is None else token
    headers = {"authorization": f"Bearer {value}"} if value else {}
    return httpx.AsyncClient(base_url=vercel.url, headers=headers, trust_env=False)


async def test_a_new_build_goes_live_by_itself_unless_told_otherwise(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop")
    preview = vercel.build(shop, SHA, target="preview")
    assert vercel.live(shop) is not preview
    assert vercel.live(shop) is None
    first = vercel.build(shop, SHA)
    assert vercel.live(shop) is first
    vercel.build(shop, OTHER_SHA, fails=True)
    assert vercel.live(shop) is first
    shop.auto_assign = False
    vercel.build(shop, OTHER_SHA)
    assert vercel.live(shop) is first


async def test_after_a_rollback_new_builds_wait_for_a_promotion(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop")
    first, second = vercel.build(shop, SHA), vercel.build(shop, OTHER_SHA)
    vercel.rollback(shop, first)
    third = vercel.build(shop, "c" * 40)
    assert vercel.live(shop) is first
    vercel.promote(shop, third)
    fourth = vercel.build(shop, "d" * 40)
    assert vercel.live(shop) is fourth
    assert second.was_live == 1


async def test_a_build_takes_its_time(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop")
    made = vercel.build(shop, SHA, seconds=0.1)
    assert (made.state, vercel.live(shop)) == ("BUILDING", None)
    with pytest.raises(VercelError, match="BUILDING"):
        vercel.promote(shop, made)
    await vercel.settled()
    assert (made.state, vercel.live(shop)) == ("READY", made)


async def test_what_is_live_already_is_not_promoted_again(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop")
    made = vercel.build(shop, SHA)
    with pytest.raises(VercelError, match="already"):
        vercel.promote(shop, made)


async def test_the_production_domain_answers_with_the_live_build(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop", domain="shop.example.com")
    async with httpx.AsyncClient(base_url=vercel.url, trust_env=False) as browser:
        by_name = {"host": "shop.example.com"}
        nothing = await browser.get("/", headers=by_name)
        assert nothing.status_code == 404
        assert nothing.headers["x-vercel-error"] == "DEPLOYMENT_NOT_FOUND"
        made = vercel.build(shop, SHA, message="feat: <b>search</b>")
        page = await browser.get("/", headers=by_name)
        assert SHA in page.text
        assert made.id in page.text
        assert "feat: &lt;b&gt;search" in page.text
        mark = await browser.get("/.well-known/lockgate.json", headers=by_name)
        assert mark.json() == {"sha": SHA, "deployment": made.id}
        assert (await browser.get("/_sites/shop.example.com/")).text == page.text
        # the API is not reached by a domain's name
        assert (await browser.get("/v9/projects/shop", headers=by_name)).text == page.text


async def test_tokens_are_looked_at(vercel: SandboxVercel) -> None:
    vercel.create_project("shop")
    other = vercel.create_team("other")
    past = datetime(2020, 1, 1, tzinfo=UTC)
    tokens = {
        "": 401,
        "wrong": 403,
        vercel.create_token(expires_at=past).value: 403,
        vercel.create_token(other).value: 404,
        vercel.token: 200,
    }
    for token, status in tokens.items():
        async with asking(vercel, token) as api:
            assert (await api.get("/v9/projects/shop")).status_code == status
    async with asking(vercel) as api:
        assert (await api.get("/v9/projects/shop?teamId=team_none")).status_code == 403
        assert (await api.get(f"/v9/projects/shop?teamId={vercel.team.id}")).status_code == 200
        assert (await api.get("/v9/nothing")).status_code == 404
        assert (await api.get("/v7/deployments?until=soon")).status_code == 400


async def test_a_project_is_told_to_keep_its_domains(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop")
    async with asking(vercel) as api:
        told = await api.patch("/v9/projects/shop", json={"autoAssignCustomDomains": False})
        assert told.json()["autoAssignCustomDomains"] is False
        assert (await api.patch("/v9/projects/shop", content=b"[")).status_code == 400
    assert not shop.auto_assign


async def test_events_are_signed_and_a_rollback_is_told_before_it_is_done() -> None:
    received: list[tuple[dict[str, Any], str, bytes]] = []

    async def take(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        received.append((json.loads(raw), request.headers["x-vercel-signature"], raw))
        await Response(status_code=200)(scope, receive, send)

    async with serve(take) as url, SandboxVercel(switch_seconds=None) as vercel:
        vercel.hooks.send_to(f"{url}/hook", "a secret")
        shop = vercel.create_project("shop")
        first, second = vercel.build(shop, SHA), vercel.build(shop, OTHER_SHA)
        vercel.rollback(shop, first)
        await vercel.hooks.settled()
        assert vercel.live(shop) is second
        assert "deployment.rollback" in [body["type"] for body, _, _ in received]
        vercel.switch_seconds = 0
        vercel.advance(shop)
        vercel.advance(shop)
        assert vercel.live(shop) is first
        vercel.promote(shop, second)
        await vercel.settled()
        deliveries = vercel.hooks.deliveries
    kinds = [body["type"] for body, _, _ in received]
    for kind in ("created", "ready", "succeeded", "rollback", "promoted"):
        assert f"deployment.{kind}" in kinds
    for _, signature, raw in received:
        assert signature == hmac.new(b"a secret", raw, hashlib.sha1).hexdigest()
    body = next(body for body, _, _ in received if body["type"] == "deployment.rollback")
    assert body["payload"]["toDeploymentId"] == first.id
    assert body["payload"]["deployment"]["meta"]["githubCommitSha"] == SHA
    assert {delivery.status for delivery in deliveries} == {200}


async def test_a_push_makes_a_build_and_a_forged_one_none(vercel: SandboxVercel) -> None:
    async with Sandbox() as github:
        repository = github.create_repository("octo/shop", files={"README.md": "# Shop"})
        shop = vercel.create_project("shop")
        vercel.attach(github, repository, shop)
        github.push(repository, "main", CommitSpec("feat: add search"))
        github.push(repository, "search", CommitSpec("fix: search"), onto="main")
        await github.hooks.settled()
        tip = repository.branch("main")
        assert [(each.sha, each.target) for each in shop.deployments] == [
            (tip, "production"),
            (repository.branch("search"), "preview"),
        ]
        assert shop.deployments[0].message == "feat: add search"
        async with httpx.AsyncClient(base_url=vercel.url, trust_env=False) as forger:
            refused = await forger.post("/_github", json={}, headers={"x-github-event": "push"})
        assert refused.status_code == 401
        assert len(shop.deployments) == 2


async def test_buttons_take_json_too_and_refuse_other_sites(vercel: SandboxVercel) -> None:
    shop = vercel.create_project("shop", auto_assign=False)
    async with httpx.AsyncClient(base_url=vercel.url, trust_env=False) as hand:
        made = (await hand.post("/_vercel/projects/shop/builds", json={"sha": SHA})).json()
        assert made["sha"] == SHA
        refused = await hand.post("/_vercel/projects/shop/promote/start", json={"deployment": "x"})
        assert refused.status_code == 404
        done = await hand.post(
            "/_vercel/projects/shop/promote/start", json={"deployment": made["id"]}
        )
        assert done.json() == {"state": "succeeded"}
        foreign = {"origin": "https://evil.example"}
        built = await hand.post("/_vercel/projects/shop/builds", json={}, headers=foreign)
        assert built.status_code == 403
        assert (await hand.post("/_vercel/faults", json={"kind": "x"})).status_code == 400
    assert len(shop.deployments) == 1


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("429", 429), ("token", 403)])
async def test_planned_faults_hit_the_api_and_are_forgotten(
    vercel: SandboxVercel, kind: str, status: int
) -> None:
    vercel.create_project("shop")
    async with asking(vercel) as api:
        await api.post("/_vercel/faults", json={"kind": kind})
        assert (await api.get("/v9/projects/shop")).status_code == status
        await api.post("/_vercel/faults/clear", json={})
        assert (await api.get("/v9/projects/shop")).status_code == 200


async def test_a_slow_answer_takes_effect_all_the_same(place: Place) -> None:
    place.vercel.faults.slow("GET /v9/projects/*", 0.05)
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with asking(place.vercel) as api:
        assert (await api.get("/v9/projects/shop")).status_code == 200
    assert loop.time() - before >= 0.05


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_shows_what_is_live_and_makes_it_so(
    vercel: SandboxVercel, scheme: Any
) -> None:
    shop = vercel.create_project("shop", domain="shop.example.com", auto_assign=False)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(
            base_url=vercel.url, color_scheme=scheme, viewport={"width": 360, "height": 740}
        )
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else 0)
        await page.goto("/")
        await expect(page.get_by_text("No build yet")).to_be_visible()
        await page.get_by_label("Commit message").fill("feat: add <search>")
        await page.get_by_role("button", name="Make a build").click()
        row = page.get_by_role("row", name="feat: add <search>")
        await expect(row.get_by_text("ready")).to_be_visible()
        await row.get_by_role("button", name="Promote").click()
        await expect(row.get_by_text("live")).to_be_visible()
        # what happens elsewhere appears by itself
        vercel.promote(shop, vercel.build(shop, SHA, message="fix: totals"))
        await expect(
            page.get_by_role("row", name="fix: totals").get_by_text("live")
        ).to_be_visible()
        await expect(row.get_by_role("button", name="Roll back to it")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        if AXE.exists():
            await page.evaluate(AXE.read_text())
            found = await page.evaluate("async () => (await axe.run()).violations")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        await page.get_by_role("link", name="shop.example.com").click()
        await expect(page.get_by_text(SHA)).to_be_visible()
        await browser.close()
    assert troubles == []
