from collections.abc import AsyncIterator

import pytest
from sandbox_kit import Listener, listening

from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox


@pytest.fixture
async def github() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def shop(github: Sandbox) -> Repository:
    return github.create_repository("octo/shop", files={"README.md": "# Shop\n", "a/b.txt": "b\n"})


@pytest.fixture
async def hook(github: Sandbox) -> AsyncIterator[Listener]:
    async with listening() as listener:
        github.send_events_to(listener.url, "secret")
        yield listener
