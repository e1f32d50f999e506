"""What the command line asks of GitHub with a person's own token, and as that person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.commands.following import Look, Remark
from bot.core.model import PullRef, RepoRef


@dataclass(frozen=True, slots=True)
class Posted:
    """A comment, once GitHub has it. ``url`` is its address for people."""

    id: int
    login: str
    url: str
    at: datetime


class PersonHub(Protocol):
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    async def fetch_repository(self, owner: str, name: str) -> RepoRef:
        """By the name that it has now, following renames. Its installation is not known: 0."""
        ...

    async def fetch_remarks(
        self, ref: PullRef, since: datetime | None = None
    ) -> tuple[Remark, ...]:
        """The comments that were written or changed since then, oldest first; without a time the
        first hundred."""
        ...

    async def fetch_look(self, ref: PullRef, posted: Posted) -> Look: ...

    async def post_comment(self, ref: PullRef, body: str) -> Posted:
        """HubUnavailable leaves open whether it was posted."""
        ...
