"""What is on its way out of a sandbox, GitHub's or Vercel's."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import httpx

from bot.sandbox.tls import tls_context

TIMEOUT_SECONDS: Final = 10.0


class Outgoing:
    """Sends in the background, over one client that is made on first use."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def settled(self) -> None:
        """Return when nothing is on its way any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _begin(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post_to(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """
        Raises:
            httpx.HTTPError, httpx.InvalidURL: nobody answered.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=TIMEOUT_SECONDS,
                trust_env=False,
                follow_redirects=False,
                verify=tls_context(),
            )
        return await self._client.post(url, content=body, headers=headers)
