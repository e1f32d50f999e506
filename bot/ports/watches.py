"""Where watches over promotions are kept."""

from collections.abc import Sequence
from typing import Protocol

from bot.core.slo.watching import Watch


class WatchStore(Protocol):
    """Every method may raise StoreUnavailable."""

    async def add_watch(self, watch: Watch) -> Watch:
        """Store one (its id is given here) with the job that advances it, ``AdvanceWatch``, in one
        transaction. An operation leads to one watch: the one that stands is returned."""
        ...

    async def fetch_watch(self, watch_id: int) -> Watch | None: ...

    async def fetch_watch_of(self, operation_id: int) -> Watch | None: ...

    async def fetch_open_watches(
        self, repository_id: int = 0, environment: str = ""
    ) -> Sequence[Watch]:
        """Those that are not ``concluded``, newest first; without a repository all of them."""
        ...

    async def save_watch(self, watch: Watch) -> Watch | None:
        """None if somebody has changed it since it was read: read it again, and decide again."""
        ...
