"""The pages in a real headless Chromium."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from changes_kit import MOVING, opened_database, tell_changes
from objectives_kit import PROBED, SHOP, kept, tell_objectives
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from served_pages import (
    NOW,
    PASSING,
    FixedClock,
    SystemClock,
    audit_log,
    build,
    carried,
    evaluation,
    serve,
    ship,
    tell_story,
)
from sign_in_kit import opened
from test_watch_pages import FINE, WORSE, watch

from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.store import PostgresStore, open_store
from bot.adapters.postgres.watches import PostgresWatches
from bot.core.operations.machine import StepName
from bot.core.slo.watching import WatchState
from bot.ports.operations import AuditEntry
from bot.sandbox.server import Sandbox
from bot.web.viewer import Everything, PublicOnly

PATHS = (
    "/",
    "/repos/octo/shop",
    "/repos/octo/api",
    "/repos/octo/shop/pulls/12",
    "/repos/octo/api/pulls/4",
    "/repos/octo/shop/pulls/99",
    "/repos/octo/shop/environments/production",
    "/operations/1",
    "/operations/2",
    "/audit",
    "/audit?since=never",
    "/nowhere",
)
ANSWER_NO = ("/repos/octo/shop/pulls/99", "/audit?since=never", "/nowhere")
DESKTOP = {"width": 1200, "height": 800}
PHONE = {"width": 360, "height": 740}

_NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""
_REFRESH_NOW = 'document.dispatchEvent(new Event("visibilitychange"))'


# Starting a browser takes longer than most of these tests, so all share one, and with it its loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable,
            args=[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def store(database_url: str) -> AsyncIterator[PostgresStore]:
    async with open_store(database_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def story(store: PostgresStore, database_url: str) -> int:
    dead = await tell_story(store, database_url)
    await ship(PostgresOperations(store.pool))
    await watched(store)
    log = audit_log(store)
    await log.append(AuditEntry("command", "maria", "octo/shop", "octo/shop#12", {"line": "/lock"}))
    await log.append(AuditEntry("promotion", "ada", "octo/shop", "x", {}, "b" * 40, "s", "v1", 12))
    return dead


async def watched(store: PostgresStore) -> None:
    """What the first operation put in place was worse."""
    watches = PostgresWatches(store.pool)
    begun = await watches.add_watch(replace(watch(WatchState.WATCHING), operation_id=1))
    decided = replace(begun, state=WatchState.WORSE, judged=(WORSE, FINE), refused="It is locked.")
    assert await watches.save_watch(decided)


@pytest_asyncio.fixture(loop_scope="module")
async def live_url(store: PostgresStore) -> AsyncIterator[str]:
    """The pages for whoever sits at the machine, with a clock that runs."""
    async with serve(build(store, Everything(), SystemClock())) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def still_url(store: PostgresStore) -> AsyncIterator[str]:
    """With a clock that stands, so that nothing told of then grows old."""
    async with serve(build(store, Everything(), FixedClock(NOW))) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def public_url(store: PostgresStore) -> AsyncIterator[str]:
    async with serve(build(store, PublicOnly(), SystemClock())) as url:
        yield url


@pytest.fixture
def axe() -> str:
    path = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.skip("no axe-core here: npm install")
    return path.read_text()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=DESKTOP)
    await context.add_init_script(_NOTE_VIOLATIONS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


@pytest.mark.usefixtures("story")
async def test_axe_finds_nothing(page: Page, live_url: str, public_url: str, axe: str) -> None:
    for viewport, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.set_viewport_size(viewport)  # type: ignore[arg-type]
        for address in [*(live_url + path for path in PATHS), public_url + "/"]:
            await page.goto(address)
            assert await axe_violations(page, axe) == []


async def axe_violations(page: Page, axe: str) -> list[tuple[str, str, str, str]]:
    await page.evaluate(axe)
    violations = await page.evaluate("axe.run().then((result) => result.violations)")
    return [
        (page.url, violation["id"], node["html"], node["failureSummary"])
        for violation in violations
        for node in violation["nodes"]
    ]


async def test_axe_finds_nothing_on_empty_pages(page: Page, live_url: str, axe: str) -> None:
    for path in ("/", "/repos/octo/shop"):
        await page.goto(live_url + path)
        await page.evaluate(axe)
        violations = await page.evaluate("axe.run().then((result) => result.violations)")
        assert [violation["id"] for violation in violations] == []


@pytest.mark.usefixtures("story")
async def test_a_phone_scrolls_in_one_direction_only(page: Page, live_url: str) -> None:
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in PATHS:
        await page.goto(live_url + path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert (path, width) == (path, PHONE["width"])


@pytest.mark.usefixtures("story")
@pytest.mark.slow
async def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, live_url: str
) -> None:
    for path in PATHS:
        await page.goto(live_url + path)
        await walk_through(page)


async def walk_through(page: Page) -> None:
    """Tab from the top of a page to its end."""
    wanted = await page.evaluate(
        """[...document.querySelectorAll("a, button, summary")]
             .filter((element) => element.checkVisibility()).length"""
    )
    reached = []
    for _ in range(wanted):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate(
                """(() => {
                     const at = document.activeElement;
                     at.dataset.reached = "yes";
                     const style = getComputedStyle(at);
                     return [at.textContent, style.outlineStyle, style.outlineWidth];
                   })()"""
            )
        )
    assert reached[0][0] == "Skip to the content"
    assert {tuple(each[1:]) for each in reached} == {("solid", "2px")}
    assert await page.locator("[data-reached]").count() == wanted


@pytest.mark.slow
@pytest.mark.usefixtures("story")
async def test_every_page_leads_to_every_other(page: Page, live_url: str, axe: str) -> None:
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    pages = page.get_by_role("navigation", name="Pages")
    for name, path in (
        ("Error budgets", "/repos/octo/shop/slo"),
        ("Database changes", "/repos/octo/shop/migrations"),
        ("Repository", "/repos/octo/shop"),
        ("Audit log", "/audit?repository=octo/shop"),
        ("Error budgets", "/slo"),
        ("Dashboard", "/"),
    ):
        await pages.get_by_role("link", name=name).focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url(live_url + path)
        here = pages.locator("[aria-current=page]")
        assert await here.all_inner_texts() == [name]
        assert await axe_violations(page, axe) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.usefixtures("story")
async def test_the_skip_link_leads_to_the_content(page: Page, live_url: str) -> None:
    await page.goto(live_url + "/")
    await page.keyboard.press("Tab")
    box = await page.get_by_text("Skip to the content").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"


@pytest.mark.usefixtures("story")
@pytest.mark.slow
async def test_everything_can_be_read_without_javascript(browser: Browser, live_url: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    text = await page.inner_text("main")
    assert "give the title a type" in text
    assert " min ago" in text
    assert "PR" not in text
    assert "squash" in text
    assert await page.get_by_role("button").count() == 0
    await page.goto(live_url + "/")
    assert "Add search" in await page.inner_text("main")
    await context.close()


@pytest.mark.usefixtures("story")
async def test_nothing_violates_the_content_security_policy(page: Page, live_url: str) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    for path in (path for path in PATHS if path not in ANSWER_NO):
        await page.goto(live_url + path)
        # 200 where a running operation's time has gone on, 304 elsewhere.
        async with page.expect_response(lambda answer: answer.status in (200, 304)):
            await page.evaluate(_REFRESH_NOW)
        assert await page.evaluate("window.violations") == []
    assert told == []


@pytest.mark.usefixtures("story")
async def test_a_change_appears_and_leaves_the_reader_alone(
    page: Page, live_url: str, store: PostgresStore
) -> None:
    await page.set_viewport_size({"width": 1200, "height": 300})
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    await page.evaluate("window.kept = true")
    await page.locator("summary").click()
    await page.locator("summary").focus()
    await page.evaluate("document.getElementById('facts').scrollIntoView()")
    before = await page.evaluate("scrollY")
    assert before > 0
    newer = evaluation(title="feat: add search", age=timedelta(minutes=1))
    await store.save_evaluation(newer)
    await page.evaluate(_REFRESH_NOW)
    await page.locator("h1", has_text="feat: add search").wait_for()
    assert await page.evaluate("window.kept") is True
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert await page.evaluate("document.querySelector('details').open") is False
    assert await page.evaluate("scrollY") == before


@pytest.mark.usefixtures("story")
async def test_rows_come_move_and_go(page: Page, live_url: str, store: PostgresStore) -> None:
    await page.goto(live_url + "/repos/octo/shop")
    rows = page.locator("#pulls .pulls > li")
    shown = [text.split("\n")[-1] for text in await rows.locator(".pull").all_inner_texts()]
    assert shown == ["#12 Add search", "#11 feat(search): add search"]
    link = page.get_by_role("link", name="#12 Add search")
    await link.focus()
    await store.save_evaluation(evaluation(number=12, decision=PASSING, age=timedelta(minutes=1)))
    await store.save_evaluation(evaluation(number=13, title="New", age=timedelta(minutes=1)))
    await store.save_evaluation(
        evaluation(number=11, state="merged", decision=PASSING, age=timedelta(minutes=1))
    )
    async with page.expect_response(live_url + "/repos/octo/shop") as answered:
        await page.evaluate(_REFRESH_NOW)
    await page.get_by_role("link", name="#13 New").wait_for()
    shown = [text.split("\n")[-1] for text in await rows.locator(".pull").all_inner_texts()]
    assert shown == ["#13 New", "#12 Add search"]
    assert await page.evaluate("document.activeElement.textContent") == "#12 Add search"
    shown_tag = await page.evaluate("document.documentElement.dataset.etag")
    assert shown_tag == await (await answered.value).header_value("etag")


@pytest.mark.usefixtures("story")
@pytest.mark.slow
async def test_refreshing_can_be_paused(page: Page, live_url: str) -> None:
    await page.goto(live_url + "/")
    await page.get_by_role("button", name="Pause refreshing this page").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.evaluate(_REFRESH_NOW)
    assert asked == []
    async with page.expect_request(live_url + "/"):
        await page.get_by_role("button", name="Resume refreshing this page").click()


@pytest.mark.slow
async def test_a_page_whose_server_is_gone_says_so_and_keeps_what_it_shows(
    page: Page, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    async with serve(build(store, Everything(), SystemClock())) as url:
        await page.goto(url + "/")
    await page.evaluate(_REFRESH_NOW)
    await page.get_by_text("the bot does not answer, asking again").wait_for()
    assert "Add search" in await page.inner_text("main")


@pytest.mark.slow
async def test_unknown_pull_request_turns_into_its_page_by_itself(
    page: Page, live_url: str, store: PostgresStore
) -> None:
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    await page.get_by_role("heading", name="octo/shop#12 is not known").wait_for()
    await store.save_evaluation(evaluation())
    await page.evaluate(_REFRESH_NOW)
    await page.get_by_role("heading", name="Add search #12").wait_for()
    assert await page.title() == "octo/shop#12 · Lockgate"


@pytest.mark.slow
async def test_copying_takes_the_line_as_it_is(
    context: BrowserContext, page: Page, live_url: str, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_url)
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    button = page.get_by_role("button", name="Copy the line to paste")
    await button.click()
    await page.get_by_role("status").filter(has_text="Copied").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == "feat: add search"


@pytest.mark.slow
async def test_without_a_clipboard_the_line_is_selected(
    page: Page, live_url: str, store: PostgresStore
) -> None:
    await store.save_evaluation(evaluation())
    await page.add_init_script("delete Navigator.prototype.clipboard")
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    await page.get_by_role("button", name="Copy the line to paste").click()
    await page.get_by_role("status").filter(has_text="press the keys that copy").wait_for()
    assert await page.evaluate("String(getSelection())") == "feat: add search"


@pytest.mark.usefixtures("story")
@pytest.mark.slow
async def test_paper_gets_exact_times_and_no_buttons(page: Page, live_url: str) -> None:
    await page.goto(live_url + "/repos/octo/shop/pulls/12")
    await page.emulate_media(media="print", color_scheme="dark")
    assert await page.get_by_role("button").count() == 0
    told = await page.evaluate(
        "getComputedStyle(document.querySelector('time[data-relative]'), '::after').content"
    )
    assert "UTC" in told
    assert await page.evaluate("getComputedStyle(document.documentElement).color") == "rgb(0, 0, 0)"
    verdict = "getComputedStyle(document.querySelector('.verdict.fail')).color"
    assert await page.evaluate(verdict) == "rgb(179, 35, 26)"


@pytest.mark.usefixtures("story")
@pytest.mark.slow
async def test_a_running_operation_moves_on_by_itself(
    page: Page, live_url: str, store: PostgresStore
) -> None:
    operations = PostgresOperations(store.pool)
    await page.goto(live_url + "/operations/2")
    await page.evaluate("window.kept = true")
    step = page.locator("#step-2-settle")
    assert "under way" in await step.inner_text()
    current = await operations.fetch_operation(2)
    assert current is not None
    moved = await operations.save_operation(carried(current, StepName.SETTLE))
    assert moved is not None
    await page.evaluate(_REFRESH_NOW)
    await page.locator("#step-2-settle.pass").wait_for()
    assert "settle is through" in await step.inner_text()
    done = carried(moved, StepName.VERIFY, StepName.RECORD, StepName.CONFIRM, StepName.RELEASE)
    assert await operations.save_operation(done)
    await page.evaluate(_REFRESH_NOW)
    await page.get_by_text("Production serves v1.5.0.").wait_for()
    assert await page.evaluate("window.kept") is True


@pytest.mark.slow
async def test_a_backfill_moves_on_by_itself(
    page: Page, browser: Browser, store: PostgresStore, empty_database_url: str, axe: str
) -> None:
    """On a page that suits everybody, with all that it can hold."""
    await store.save_evaluation(evaluation())
    await tell_changes(store, empty_database_url)
    clock = FixedClock(NOW)
    async with (
        opened_database(empty_database_url) as databases,
        serve(build(store, Everything(), clock, databases=databases)) as url,
    ):
        await page.goto(url + "/repos/octo/shop/migrations")
        for viewport, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await page.set_viewport_size(viewport)  # type: ignore[arg-type]
            await page.locator("details > summary").evaluate("(it) => it.parentElement.open = true")
            assert await axe_violations(page, axe) == []
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width == viewport["width"]
        await walk_through(page)
        with psycopg.connect(empty_database_url, autocommit=True) as sql:
            sql.execute(
                "UPDATE lockgate_emc.backfills SET visited = 371 WHERE version = %s",
                [MOVING.version],
            )
        clock.at += timedelta(seconds=2)
        await page.evaluate("window.kept = true")
        await page.evaluate(_REFRESH_NOW)
        await page.locator('progress[value="92"]').wait_for()
        assert await page.evaluate("window.kept") is True
        assert await page.evaluate("document.querySelector('details').open") is True
        assert await page.evaluate("window.violations") == []
        plain = await browser.new_context(java_script_enabled=False)
        read = await plain.new_page()
        await read.goto(url + "/repos/octo/shop/migrations")
        text = await read.inner_text("main")
        assert "key 137" in text
        assert "92 %" in text
        assert await read.get_by_role("button").count() == 0
        await plain.close()


@pytest.mark.slow
async def test_a_budget_is_drawn_for_everybody_and_moves_on_by_itself(
    page: Page, browser: Browser, still_url: str, store: PostgresStore, axe: str
) -> None:
    slos = await tell_objectives(store)
    one = still_url + "/repos/octo/shop/slo/api-availability"
    for viewport, scheme, drawn in ((PHONE, "dark", 328), (DESKTOP, "light", 640)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.set_viewport_size(viewport)  # type: ignore[arg-type]
        for address in (still_url + "/slo", one):
            await page.goto(address)
            assert await axe_violations(page, axe) == []
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width == viewport["width"]
        chart = page.get_by_role("img", name="38 % of the error budget is left on")
        assert await chart.evaluate("(it) => it.decode().then(() => it.naturalWidth)") == drawn
    await walk_through(page)
    # The picture by itself, under its own policy: the line has its colour.
    await page.goto(one + ".svg")
    line = "getComputedStyle(document.querySelector('.budget')).stroke"
    assert await page.evaluate(line) == "rgb(11, 92, 173)"
    await page.goto(one)
    await slos.save_states(SHOP.id, [kept(PROBED, 70, age=timedelta(0))])
    await page.evaluate("window.kept = true")
    await page.evaluate(_REFRESH_NOW)
    await page.get_by_role("img", name="30 % of the error budget is left on").wait_for()
    assert await page.evaluate("window.kept") is True
    assert await page.evaluate("window.violations") == []
    plain = await browser.new_context(java_script_enabled=False)
    read = await plain.new_page()
    await read.goto(one)
    text = await read.inner_text("main")
    assert "30 % of its error budget is left" in text
    assert "TLS failed" in text
    await plain.close()


@pytest.mark.usefixtures("story")
async def test_the_audit_log_is_searched_with_the_keyboard(page: Page, live_url: str) -> None:
    await page.goto(live_url + "/audit")
    await page.get_by_label("Actor").fill("maria")
    await page.keyboard.press("Enter")
    await page.get_by_text("1 entry, newest first.").wait_for()
    assert "actor=maria" in page.url
    assert await page.get_by_label("Actor").input_value() == "maria"
    assert await page.evaluate("window.violations") == []
    async with page.expect_download() as started:
        await page.get_by_role("link", name="CSV").click()
    assert (await started.value).suggested_filename == "audit.csv"


@pytest.mark.usefixtures("story")
@pytest.mark.slow
async def test_shipping_can_be_read_without_javascript(browser: Browser, live_url: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(live_url + "/operations/2")
    text = await page.inner_text("main")
    assert "the host's job is in-progress" in text
    assert "overridden, it said fail" in text
    await page.goto(live_url + "/audit")
    await page.get_by_label("Kind").select_option("promotion")
    await page.get_by_role("button", name="Search").click()
    assert "1 entry, newest first." in await page.inner_text("main")
    await context.close()


async def test_signing_in_and_out(page: Page, store: PostgresStore) -> None:
    async with Sandbox() as github, opened(store, github, SystemClock()) as pages:
        repository = github.create_repository("octo/secret", private=True)
        github.set_role(repository, github.user("mona"), "read")
        hidden = evaluation("octo/secret", 1, "fix: hush", private=True)
        await store.save_evaluation(replace(hidden, repo=replace(hidden.repo, id=repository.id)))
        await page.goto(pages.url + "/repos/octo/secret")
        await page.get_by_role("banner").get_by_role("link", name="Sign in with GitHub").click()
        await page.get_by_role("button", name="Authorise").click()
        await page.get_by_text("Signed in as mona").wait_for()
        assert page.url == pages.url + "/repos/octo/secret"
        assert "fix: hush" in await page.inner_text("main")
        assert await page.evaluate("document.cookie") == ""
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("banner").get_by_role("link", name="Sign in with GitHub").wait_for()
        assert await page.evaluate("window.violations") == []
        await page.goto(pages.url + "/repos/octo/secret")
        assert "fix: hush" not in await page.inner_text("main")


async def test_somebody_who_may_not_read_sees_what_a_stranger_sees(
    browser: Browser, store: PostgresStore, axe: str
) -> None:
    async with (
        Sandbox() as github,
        opened(store, github, SystemClock()) as pages,
        await browser.new_context() as context,
    ):
        repository = github.create_repository("octo/secret", private=True)
        hidden = evaluation("octo/secret", 1, "fix: hush", private=True)
        await store.save_evaluation(replace(hidden, repo=replace(hidden.repo, id=repository.id)))
        stranger = github.user("hubot").login
        await context.add_cookies([{"name": "sandbox_me", "value": stranger, "url": github.url}])
        page = await context.new_page()
        await page.goto(pages.url + "/repos/octo/secret/pulls/1")
        await page.get_by_role("banner").get_by_role("link", name="Sign in with GitHub").click()
        await page.get_by_role("button", name="Authorise").click()
        await page.get_by_text(f"Signed in as {stranger}").wait_for()
        assert page.url == pages.url + "/repos/octo/secret/pulls/1"
        assert "fix: hush" not in await page.content()
        assert await axe_violations(page, axe) == []
        for path in ("/", "/repos/octo/secret"):
            await page.goto(pages.url + path)
            assert "fix: hush" not in await page.content()
