"""What the engine asks of the store about releases that were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.core.model import RepoRef, Sha


class ReleaseState(StrEnum):
    """How far a release has got: each state is the step that was done last."""

    MERGED = "merged"
    """Its pull request was merged, and what it released is settled."""
    TAGGED = "tagged"
    RELEASED = "released"
    """GitHub has the release: from here on it is not made again if somebody deletes it."""
    TOLD = "told"
    """Every pull request in it was told. Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class MadeRelease:
    """``sha`` is what the merge of the pull request put on the trunk, and what the tag is on."""

    package: str
    version: str
    tag: str
    sha: Sha
    pull_number: int
    state: ReleaseState = ReleaseState.MERGED
    url: str = ""


class ReleaseLedger(Protocol):
    """Every method may raise StoreUnavailable."""

    async def fetch_releases(
        self, repository_id: int, pull_numbers: Sequence[int]
    ) -> Sequence[MadeRelease]:
        """Of these pull requests, in the order of their tags."""
        ...

    async def add_release(self, repository_id: int, release: MadeRelease) -> None:
        """One whose tag is in the ledger is kept as it is."""
        ...

    async def note_state(
        self, repository_id: int, tag: str, state: ReleaseState, *, url: str = ""
    ) -> None:
        """An empty ``url`` leaves the one there is."""
        ...

    # what cannot be released as things stand

    async def hold(self, repo: RepoRef, branch: str, head: Sha) -> None:
        """The release from a branch is held, and its head, which may be another than before, is to
        say so."""
        ...

    async def fetch_held(self, repository_id: int) -> Sequence[tuple[str, Sha]]:
        """The branches whose release is held, each with the head that says so."""
        ...

    async def fetch_held_long(self, before: datetime) -> Sequence[RepoRef]:
        """The repositories in which something is held that was last seen to be before then."""
        ...

    async def let_go(self, repository_id: int, branch: str) -> None: ...
