"""The pages on a real store, served over real HTTP, seen by a real browser."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psycopg
import pytest
from playwright.async_api import Browser, async_playwright
from served_pages import (
    FAILING,
    HOSTILE,
    NOW,
    PASSING,
    FixedClock,
    SystemClock,
    build,
    delivery,
    evaluation,
    serve,
)

from bot.ports import Store
from bot.web.viewer import Everything, PublicOnly


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def site(store: Store, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sits at the machine and may see everything. The clock stands still."""
    async with (
        serve(build(store, Everything(), clock)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        yield client


@pytest.fixture
async def public(store: Store, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is nobody."""
    async with (
        serve(build(store, PublicOnly(), clock)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        yield client


@pytest.fixture
async def live_url(store: Store) -> AsyncIterator[str]:
    """The pages as a browser gets them, with a clock that runs."""
    async with serve(build(store, Everything(), SystemClock())) as url:
        yield url


@pytest.fixture
async def public_url(store: Store) -> AsyncIterator[str]:
    async with serve(build(store, PublicOnly(), SystemClock())) as url:
        yield url


@pytest.fixture
async def story(store: Store, database_url: str) -> int:
    """Something of each: returns the number of the job that gave up."""
    for each in (
        evaluation(),
        evaluation("octo/shop", 11, "feat(search): add search", PASSING),
        evaluation("octo/api", 4, HOSTILE, FAILING, author="\u202eghost", base_ref="b" * 200),
        evaluation("octo/secret", 1, "fix: hush", PASSING, private=True),
    ):
        await store.save_evaluation(each)
    guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    await store.add_deliveries([delivery(guid), delivery("82d3162e", "star", routed=False)])
    (job,) = await store.fetch_jobs()
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            "UPDATE procrastinate_jobs SET status = 'failed', attempts = 8 WHERE id = %s", [job.id]
        )
        await connection.execute(
            "INSERT INTO job_errors (job_id, error) VALUES (%s, 'GitHub answered 502 <b>')",
            [job.id],
        )
    return job.id


@pytest.fixture
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


@pytest.fixture
def axe() -> str:
    path = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.skip("no axe-core here: npm install")
    return path.read_text()
