from collections.abc import AsyncIterator

import pytest
from audit_kit import KEY, Clock

from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.store import open_store


@pytest.fixture
async def audit(database_url: str) -> AsyncIterator[PostgresAudit]:
    async with open_store(database_url) as store:
        yield PostgresAudit(store.pool, [KEY], Clock())
