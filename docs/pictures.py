"""The README's pictures, taken from the real pages: ``python docs/pictures.py``.

Needs Chromium. Sets the demo's stage, plays the story on it, and writes docs/images/*.png.
"""

import asyncio
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Page, async_playwright

from bot.core.hosting import Build, Origin
from bot.core.model import RepoRef, Sha
from bot.core.slo.budget import evaluate_series
from bot.core.slo.kept import kept_state
from bot.core.slo.model import Sample
from bot.core.slo.openslo import parse_slos
from bot.core.slo.windows import Series
from bot.demo.stage import Stage, open_stage
from bot.demo.story import play
from bot.logs import configure_logging
from bot.ports.environments import KnownRepository
from bot.sandbox.model import Pull

IMAGES = Path(__file__).parent / "images"
OBJECTIVES = Path(__file__).parent.parent / "slo"
API = RepoRef(1, 4242, "octo", "api")
HOUR = timedelta(hours=1)
WIDTH = 1000
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def main() -> None:
    configure_logging(level="error", json=False)
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("error: no Chromium here\nhelp: apt-get install chromium")
    async with open_stage(port=0, sandbox_port=0) as stage, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = await browser.new_page(
            viewport={"width": WIDTH, "height": 820}, device_scale_factor=2, color_scheme="light"
        )
        pull = await tell(stage)
        IMAGES.mkdir(exist_ok=True)
        await page.goto(stage.dashboard)
        await page.get_by_role("link", name=pull.title).first.wait_for()
        await page.screenshot(path=IMAGES / "dashboard.png")
        await comment(page, stage, pull)
        await budget(page, stage)
        await browser.close()


async def tell(stage: Stage) -> Pull:
    async for told in play(stage):
        if not told.ok:
            sys.exit(f"error: {told.name}: {told.evidence}")
    return stage.sandbox.open_pull(
        stage.repository,
        "Add receipts",
        "Mail the receipt",
        head="receipts",
        body="Customers ask for one.",
        by=stage.sandbox.user("mona"),
    )


async def comment(page: Page, stage: Stage, pull: Pull) -> None:
    await page.goto(f"{stage.sandbox_page}/{pull.repository.full_name}/pull/{pull.number}")
    await page.get_by_text("Not ready to merge").first.wait_for()
    await page.screenshot(path=IMAGES / "comment.png")


async def budget(page: Page, stage: Stage) -> None:
    """A week of an objective, in which a build spent its budget and was put back. Nobody can wait
    for it here, so the store is told what workers would have found."""
    now = datetime.now(UTC)
    shipping = stage.bot.engine.shipping
    await shipping.repositories.note_repository(KnownRepository(API, private=False), now)
    for sha, tag, origin, hours in (
        ("a3f19c2" * 5, "v2.3.0", Origin.PROMOTION, 140),
        ("7d20e4b" * 5, "v2.4.0", Origin.PROMOTION, 50),
        ("a3f19c2" * 5, "v2.3.0", Origin.ROLLBACK, 30),
    ):
        await stage.bot.operations.record_live(
            API.id,
            "production",
            Build(Sha(sha + "00000"), f"dpl_{tag}", tag, 7),
            origin=origin,
            actor="mona",
            at=now - hours * HOUR,
            verified=True,
            operation_id=None,
            fence=None,
        )
    files = [(f"slo/{path.name}", path.read_text()) for path in sorted(OBJECTIVES.glob("*.yml"))]
    slo = next(one for one in parse_slos(files).slos if one.name == "api-availability")
    bad = dict.fromkeys((160, 100, 49, 45, 41, 37, 34, 31, 6), 1)
    samples = [
        Sample(now - hours * HOUR, 60 - bad.get(hours, 0), 60) for hours in range(340, -1, -1)
    ]
    series = Series(tuple(samples))
    for hours in range(168, -1, -1):
        state = evaluate_series(slo, series, now - hours * HOUR)
        await shipping.slos.save_states(API.id, [kept_state(API.id, slo, state)])
    await page.goto(f"{stage.dashboard}/repos/{API.full_name}/slo/{slo.name}")
    await page.get_by_role("img", name="of the error budget is left on").wait_for()
    await page.screenshot(path=IMAGES / "slo.png")


asyncio.run(main())
