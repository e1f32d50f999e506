"""The sandbox's page in a real browser: one works on a pull request there and watches it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from sandbox_kit import Listener

from bot.sandbox.markdown import to_html
from bot.sandbox.model import Pull, Repository
from bot.sandbox.server import Sandbox

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        await opened.close()


@pytest.fixture
async def page(browser: Browser, github: Sandbox) -> AsyncIterator[Page]:
    opened = await browser.new_page(base_url=github.url)
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    yield opened
    assert [text for text in troubles if "status of 4" not in text] == []


@pytest.fixture
def pull(github: Sandbox, shop: Repository) -> Pull:
    github.set_role(shop, github.user("mona"), "write")
    github.set_role(shop, github.user("octavia"), "admin")
    return github.open_pull(shop, "Add search", "Add search", head="search", by=github.user("mona"))


@needs_chromium
async def test_a_pull_request_is_opened_and_worked_on(
    github: Sandbox, shop: Repository, page: Page
) -> None:
    github.set_role(shop, github.user("mona"), "write")
    await page.goto("/")
    await page.get_by_role("link", name="octo/shop").click()
    await page.get_by_role("textbox", name="Title").fill("Add search")
    await page.get_by_label("Commit messages").fill("feat: box\nfeat: results")
    await page.get_by_role("button", name="Open pull request").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Add search #1")
    pull = shop.pulls[1]
    assert pull.author is github.user("mona")
    assert len(github.commits_of(pull)) == 2

    await page.get_by_role("textbox", name="Title").fill("feat: add search")
    await page.get_by_role("button", name="Change title").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("feat: add search #1")
    await page.get_by_label("Commit message").fill("fix: sort\n\nby name")
    await page.get_by_role("button", name="Push", exact=True).click()
    await expect(page.get_by_text("wants to merge 3 commits")).to_be_visible()
    await page.get_by_label("Comment", exact=True).fill("**Good** work\n\n- ➖ nothing is left out")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await expect(page.locator("article strong", has_text="Good")).to_be_visible()
    mark = await page.locator("article .emoji.skip").bounding_box()
    line = await page.locator("article li", has=page.locator(".emoji.skip")).bounding_box()
    assert mark
    assert line
    assert line["y"] <= mark["y"] <= line["y"] + line["height"]
    await page.get_by_role("button", name="Merge").click()
    await expect(page.locator(".state", has_text="merged")).to_be_visible()
    assert pull.merged_by is github.user("mona")
    assert shop.git.store.commit(pull.head_sha).message == "fix: sort\n\nby name\n"


@needs_chromium
async def test_what_others_do_appears_by_itself(
    github: Sandbox, shop: Repository, pull: Pull, page: Page, hook: Listener
) -> None:
    await page.goto("/octo/shop/pull/1")
    await expect(page.get_by_text("No check has reported yet")).to_be_visible()
    await page.get_by_label("Comment", exact=True).fill("half a thought")
    run = github.create_check(
        shop,
        github.app,
        pull.head_sha,
        "lockgate/commits",
        conclusion="failure",
        title="The title needs a type",
        summary="| a | b |\n|---|---|\n| 1 | 2 |",
        actions=[{"label": "Fix title", "description": "Add a type", "identifier": "fix-title"}],
    )
    said = github.comment(pull, "<sub>one</sub>", app=github.app)
    await expect(page.get_by_text("1 check has failed")).to_be_visible()
    await expect(page.locator("sub", has_text="one")).to_be_visible()
    await page.get_by_text("What it says").click()
    await expect(page.get_by_role("cell", name="2")).to_be_visible()
    github.edit_comment(said, "<sub>two</sub>")
    await expect(page.locator("sub", has_text="two")).to_be_visible()
    # what one reads and writes stays as it is meanwhile
    await expect(page.get_by_role("cell", name="2")).to_be_visible()
    assert await page.get_by_label("Comment", exact=True).input_value() == "half a thought"

    github.edit_pull(pull, title="feat: add search")
    await expect(page.get_by_role("textbox", name="Title")).to_have_value("feat: add search")
    await page.get_by_role("textbox", name="Title").fill("feat: half a title")
    github.edit_pull(pull, title="feat: search")
    await expect(page.get_by_role("heading", level=1)).to_have_text("feat: search #1")
    half = await page.get_by_role("textbox", name="Title").input_value()
    assert half == "feat: half a title"

    await page.get_by_role("button", name="Fix title").click()
    await page.get_by_role("button", name="Run lockgate/commits again").click()
    github.update_check(run, conclusion="success")
    await expect(page.get_by_text("All checks have passed")).to_be_visible()
    await github.hooks.settled()
    pressed = [i for i in hook.received if i.name == "check_run.requested_action"]
    assert [i.payload["sender"]["login"] for i in pressed] == ["mona"]
    assert "check_run.rerequested" in hook.names


@needs_chromium
async def test_one_acts_as_whom_one_chose(
    github: Sandbox, shop: Repository, pull: Pull, page: Page
) -> None:
    await page.goto("/octo/shop/pull/1")
    await page.get_by_label("Act as").select_option("octavia")
    await expect(page.get_by_label("Act as")).to_have_value("octavia")
    await expect(page).to_have_url(f"{github.url}/octo/shop/pull/1")
    await page.get_by_label("Comment", exact=True).fill("from me")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await expect(page.get_by_text("from me")).to_be_visible()
    [comment] = github.comments_of(pull)
    assert comment.author is github.user("octavia")


@needs_chromium
async def test_a_refusal_is_said_on_the_page(
    github: Sandbox, shop: Repository, pull: Pull, page: Page
) -> None:
    await page.goto("/octo/shop/pull/1")
    await expect(page.get_by_role("button", name="Merge")).to_be_visible()
    # The page is of the time before: by itself it would soon offer no squash any more.
    await page.route("**/live", lambda route: route.fulfill(status=404))
    shop.settings.allow_squash_merge = False
    await page.get_by_label("How to merge").select_option("squash")
    await page.get_by_role("button", name="Merge").click()
    await expect(page.get_by_role("alert")).to_have_text(
        "Squash merges are not allowed on this repository."
    )


@needs_chromium
async def test_it_works_by_keyboard_and_without_scripts(
    github: Sandbox, shop: Repository, pull: Pull, browser: Browser
) -> None:
    context = await browser.new_context(java_script_enabled=False, base_url=github.url)
    page = await context.new_page()
    await page.goto("/octo/shop/pull/1")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.get_by_role("textbox", name="Title").focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("feat: typed")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("feat: typed #1")
    assert pull.title == "feat: typed"
    await page.get_by_label("Comment", exact=True).fill("no script")
    await page.get_by_role("button", name="Comment", exact=True).click()
    await expect(page.get_by_text("no script")).to_be_visible()
    await context.close()


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_it(
    github: Sandbox, shop: Repository, pull: Pull, browser: Browser, scheme: Any
) -> None:
    if not AXE.exists():
        pytest.skip("npm's axe-core is not installed (npm install)")
    github.create_check(
        shop, github.app, pull.head_sha, "a", conclusion="failure", title="t", summary="s"
    )
    github.create_check(shop, github.app, pull.head_sha, "b", status="in_progress")
    github.comment(
        pull, "| ✅ | b |\n|---|---|\n| ❌ `x` | ⏳ |\n\n<sub>small</sub>", app=github.app
    )
    context = await browser.new_context(
        color_scheme=scheme, viewport={"width": 360, "height": 740}, bypass_csp=True,
        base_url=github.url,
    )  # fmt: skip
    page = await context.new_page()
    github.create_release(shop, "v1.0.0", body="### Added\n\n- `search`")
    code = (
        f"/octo/shop/commit/{pull.head_sha}",
        f"/octo/shop/compare/v1.0.0...{pull.head_sha}",
        "/octo/shop/releases/tag/v1.0.0",
        "/octo/shop/blob/HEAD/README.md",
    )
    for path in ("/", "/octo/shop", "/octo/shop/pull/1", "/octo/none", *code):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        await page.add_script_tag(path=AXE)
        found = await page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
        told = [(rule["id"], [n["html"] for n in rule["nodes"]]) for rule in found["violations"]]
        assert told == [], path
    await context.close()


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<details open ontoggle="alert(1)">x</details>',
    "[x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "</article></ol></main><h1>taken over</h1>",
    '<a href="https://evil.example">x</a>',
    "<svg/onload=alert(1)>",
    "<!--><script>alert(1)</script>-->",
    "<details><summary>x",
    '<b onclick="alert(1)">x</b>',
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_comments_do_nothing(text: str) -> None:
    shown = to_html(f"before\n\n{text}\n\nafter {text}")
    for harmful in ("<script", "<img", "<svg", "onerror=", "<h1", "</article", 'href="java', "<a "):
        bare = shown.replace("&lt;", "\0").lower()
        assert harmful not in bare or (harmful == "onerror=" and "\0img" in bare)
    for tag in ("details", "summary", "b", "p"):
        assert shown.count(f"<{tag}>") == shown.count(f"</{tag}>"), tag


def test_marks_tables_and_folds_are_shown() -> None:
    shown = to_html(
        "| ✅ | ⚠️ |\n|---|---|\n| `a` | ~~b~~ |\n\n<details><summary>x</summary>\n\n*y*\n"
    )
    assert '<span class="emoji pass" role="img" aria-label="✅">✓</span>' in shown
    assert 'aria-label="⚠️"' in shown
    assert "<s>b</s>" in shown
    assert shown.endswith("</details>")
    assert "<em>y</em>" in shown


async def test_other_sites_cannot_press_its_buttons(github: Sandbox, pull: Pull) -> None:
    edit = f"{github.url}/_sandbox/octo/shop/pulls/1/edit"
    async with httpx.AsyncClient(trust_env=False) as api:
        foreign = {"origin": "https://evil.example"}
        answer = await api.post(edit, data={"title": "owned"}, headers=foreign)
        assert answer.status_code == 403
        rebound = await api.get(f"{github.url}/octo/shop", headers={"host": "evil.example"})
        assert rebound.status_code == 403
        answer = await api.post(edit, json={"title": "feat: mine"}, headers={"origin": github.url})
        assert answer.json()["number"] == 1
        shown = await api.get(f"{github.url}/octo/shop/pull/1")
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        away = await api.post(
            f"{github.url}/_sandbox/me?back=//evil.example/", data={"login": "mona"}
        )
        assert away.headers["location"] == "/"
    assert pull.title == "feat: mine"


async def test_programs_use_the_same_buttons(github: Sandbox, hook: Listener) -> None:
    async with httpx.AsyncClient(base_url=f"{github.url}/_sandbox", trust_env=False) as api:
        made = await api.post("/repositories", json={"name": "octo/new", "files": {"a": "b"}})
        assert made.json()["full_name"] == "octo/new"
        opened = await api.post("/octo/new/pulls", json={"title": "feat: x"})
        assert opened.json()["number"] == 1
        fault = {"kind": "answer", "route": "GET /repos/*", "status": 502}
        assert (await api.post("/faults", json=fault)).json() == {"planned": 1}
        assert (await api.post("/faults", json={"kind": "quake"})).status_code == 422
        assert (await api.post("/faults/clear", json={})).json() == {"planned": 0}
        missing = await api.post("/octo/new/pulls", json={})
        assert (missing.status_code, missing.json()) == (422, {"message": "missing: 'title'"})
        unknown = await api.post("/octo/none/pulls", json={"title": "x"})
        assert unknown.status_code == 404
    await github.hooks.settled()
    assert "pull_request.opened" in hook.names
