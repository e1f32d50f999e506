"""What the engine asks of the store about where repositories are: they are renamed, transferred to
other owners and made private while the bot is at work on them."""

from datetime import datetime
from typing import Protocol

from bot.core.model import RepoRef
from bot.ports.environments import KnownRepository


class RepositoryStore(Protocol):
    """Every method may raise StoreUnavailable."""

    async def fetch_repository(self, repository_id: int) -> RepoRef | None:
        """Where it was when it was last looked for; None for one that is not known."""
        ...

    async def note_hint(self, repo: RepoRef) -> None:
        """Take an event's word for where a repository is that nothing was known of."""
        ...

    async def note_repository(self, known: KnownRepository, asked_at: datetime) -> None:
        """What GitHub answered to a question asked then. From now on the operations that began
        before are read with this place."""
        ...

    async def hide_repository(self, repository_id: int) -> None:
        """It was made private, or is said to be: from now on it is shown as such."""
        ...
