"""Work on what hosts serve, whoever moved it."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.work.repositories import RepoWork


@dataclass(frozen=True, slots=True)
class ObserveEnvironment(RepoWork):
    """Something may have been moved at the host, past the bot: compare what the production domain
    serves with the ledger. Without an ``environment`` it is all of the repository at that host.

    It has a key of its own, not ``AdvanceEnvironment``'s: a domain that is slow to answer must not
    hold up a rollback.
    """

    kind: ClassVar[str] = "observe_environment"
    environment: str = ""

    @property
    def key(self) -> str:
        return f"observation:{self.repository_id}/{self.environment}"


@dataclass(frozen=True, slots=True)
class PollEnvironment(ObserveEnvironment):
    """The same where nothing hints at it: one of many at once, which lets others go first."""

    kind: ClassVar[str] = "poll_environment"
    priority: ClassVar[int] = -10


@dataclass(frozen=True, slots=True)
class TellMove(RepoWork):
    """Write to the audit log, and tell the team, that an entry of the ledger came past the bot."""

    kind: ClassVar[str] = "tell_move"
    entry_id: int

    @property
    def key(self) -> str:
        return f"move:{self.entry_id}"


@dataclass(frozen=True, slots=True)
class SweepEnvironments:
    """Have every environment looked at that something is live in."""

    kind: ClassVar[str] = "sweep_environments"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_environments"
