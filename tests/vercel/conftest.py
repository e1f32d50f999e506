from collections.abc import AsyncIterator

import pytest
from vercel_kit import Place, opened


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with opened() as place:
        yield place
