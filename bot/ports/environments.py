"""What the pages ask of the store: which repositories there are, and what stands in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.hosting import Freeze, LedgerEntry, Lock
from bot.core.model import RepoRef


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """``private`` is as it was when a pull request was last evaluated; True where none was."""

    repo: RepoRef
    private: bool


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """What stands in an environment; ``freezes`` are those that have not ended."""

    repository_id: int
    name: str
    live: LedgerEntry | None
    holder: int | None
    """The operation that holds it."""
    lock: Lock | None
    freezes: tuple[Freeze, ...]


class EnvironmentReader(Protocol):
    """Every method may raise StoreUnavailable."""

    async def find_repository(self, owner: str, name: str) -> KnownRepository | None:
        """By its present name; a name may have belonged to another repository before."""
        ...

    async def fetch_repositories(self, ids: Sequence[int]) -> list[KnownRepository]:
        """Those of the ids that are known."""
        ...

    async def fetch_environments(
        self, repository_id: int = 0, *, limit: int = 500
    ) -> list[EnvironmentState]:
        """Of one repository or of all, those that changed last first."""
        ...
