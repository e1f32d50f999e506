from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journey import Journey, Requests, started
from kitchen import Kitchen, opened_kitchen
from production import Production, opened_production

from bot.sandbox.server import Sandbox


@pytest.fixture
async def github() -> AsyncIterator[Sandbox]:
    """With no bot before it."""
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def idle_journey(database_url: str, tmp_path: Path) -> AsyncIterator[Journey]:
    """No worker runs."""
    requests = Requests()
    async with (
        Sandbox(on_exchange=requests) as github,
        started(github, requests, tmp_path, database_url) as journey,
    ):
        yield journey


@pytest.fixture
async def journey(idle_journey: Journey) -> AsyncIterator[Journey]:
    seen = idle_journey.requests.seen
    async with idle_journey.working():
        swept = "/app/hook/deliveries"
        await idle_journey.until(lambda: any(e.path == swept for e in seen), "no sweep at start")
        await idle_journey.rest()
        seen.clear()
        yield idle_journey


@pytest.fixture
async def idle_production(database_url: str, tmp_path: Path) -> AsyncIterator[Production]:
    """No worker runs."""
    async with opened_production(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def production(idle_production: Production) -> AsyncIterator[Production]:
    async with idle_production.journey.working():
        await idle_production.journey.rest()
        yield idle_production


@pytest.fixture
async def kitchen(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[Kitchen]:
    async with (
        opened_kitchen(database_url, empty_database_url, tmp_path) as opened,
        opened.production.journey.working(),
    ):
        await opened.production.journey.rest()
        yield opened
