"""The pages on a real store, served over real HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest
from served_pages import NOW, FixedClock, build, serve, tell_story

from bot.ports import Store
from bot.sandbox.tls import tls_context
from bot.web.viewer import Everything, PublicOnly


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def site(store: Store, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sits at the machine and may see everything. The clock stands still."""
    async with (
        serve(build(store, Everything(), clock)) as url,
        httpx.AsyncClient(verify=tls_context(), base_url=url) as client,
    ):
        yield client


@pytest.fixture
async def public(store: Store, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is nobody."""
    async with (
        serve(build(store, PublicOnly(), clock)) as url,
        httpx.AsyncClient(verify=tls_context(), base_url=url) as client,
    ):
        yield client


@pytest.fixture
async def story(store: Store, database_url: str) -> int:
    return await tell_story(store, database_url)
