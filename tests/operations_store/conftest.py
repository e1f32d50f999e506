from collections.abc import AsyncIterator

import pytest

from bot.adapters.postgres.operations import PostgresOperations, open_operations


@pytest.fixture
async def operations(database_url: str) -> AsyncIterator[PostgresOperations]:
    async with open_operations(database_url) as opened:
        yield opened
