"""What the engine asks of the store to notice what was moved at a host, past the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.hosting import HostTarget, LedgerEntry
from bot.core.model import RepoRef
from bot.core.operations.outside import Move


@dataclass(frozen=True, slots=True)
class Place:
    """An environment, and where the last usable policy says that it lives."""

    repo: RepoRef
    environment: str
    target: HostTarget


@dataclass(frozen=True, slots=True)
class Standing:
    """What the bot itself has to do with an environment at one moment."""

    live: LedgerEntry | None
    fence: int
    """Grows each time that an operation takes the environment; 0 if none ever did."""
    busy: bool
    """An operation holds the environment, or is open and does not merely wait for its gates."""


class ObservationStore(Protocol):
    """Every method may raise StoreUnavailable."""

    async def fetch_target(self, repository_id: int, environment: str) -> HostTarget | None:
        """Where an environment lives, by the last usable policy."""
        ...

    async def fetch_names(self, repository_id: int, host: str) -> list[str]:
        """The environments of a repository that live at a host."""
        ...

    async def fetch_places(self) -> list[Place]:
        """All environments."""
        ...

    async def find_places(self, host: str, projects: Sequence[str]) -> list[Place]:
        """The environments that live in a host's project, by any of its names."""
        ...

    async def fetch_live_places(self) -> list[Place]:
        """The environments of which the ledger says that something is live."""
        ...

    async def fetch_unplaced(self) -> Mapping[int, str]:
        """By the repository's id, the remembered policies of those that something is live in and
        that no place is known of: they were remembered by a release that kept none."""
        ...

    async def add_places(self, repository_id: int, targets: Mapping[str, HostTarget]) -> None:
        """Of environments by name; what is known already stays."""
        ...

    async def fetch_standing(self, repository_id: int, environment: str) -> Standing: ...

    async def note_sighting(
        self,
        repository_id: int,
        environment: str,
        deployment_id: str,
        standing: Standing,
        at: datetime,
    ) -> datetime:
        """Remember what was seen served beside ``standing``; returns since when nothing else was
        seen and nothing has changed there."""
        ...

    async def forget_sighting(self, repository_id: int, environment: str) -> None: ...

    async def record_move(
        self, repo: RepoRef, environment: str, move: Move, standing: Standing, at: datetime
    ) -> LedgerEntry | None:
        """End what was live, begin the new entry, and queue ``TellMove`` for it, in one
        transaction. None, and nothing is done, unless all is still as it was at ``standing`` and
        no operation is under way."""
        ...

    async def fetch_move(
        self, repository_id: int, entry_id: int
    ) -> tuple[LedgerEntry, LedgerEntry | None] | None:
        """An entry of the ledger, and the one before it in its environment."""
        ...
