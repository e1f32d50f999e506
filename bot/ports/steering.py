"""What the engine asks of the store about ``/release …``."""

from collections.abc import Sequence
from typing import Protocol

from bot.core.release.steering import Wish


class SteeringStore(Protocol):
    """What people asked for on release pull requests. Every method may raise StoreUnavailable."""

    async def add_wish(self, repository_id: int, pull_number: int, wish: Wish) -> None:
        """Keep a command that was carried out. One whose comment has been kept is kept as it is."""
        ...

    async def fetch_wishes(self, repository_id: int, pull_number: int) -> Sequence[Wish]:
        """Of one pull request, those of the oldest comments first.
        ``decide_steering`` makes of them what counts for a package."""
        ...
