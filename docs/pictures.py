"""The README's pictures, taken from the real pages: ``python docs/pictures.py``.

Needs Chromium. Sets the demo's stage, plays the story on it, and writes docs/images/*.png.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import Page, async_playwright

from bot.demo.stage import Stage, open_stage
from bot.demo.story import play
from bot.logs import configure_logging
from bot.sandbox.model import Pull

IMAGES = Path(__file__).parent / "images"
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


asyncio.run(main())
