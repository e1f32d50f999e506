"""What the engine asks GitHub on a repository's migrations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.model import RepoRef, Sha


@dataclass(frozen=True, slots=True)
class Folders:
    """The SQL files of two folders at a commit, by path: the migrations' and the backfills'. A
    folder that is not there has none."""

    migrations: Mapping[str, bytes]
    backfills: Mapping[str, bytes]


class MigrationHub(Protocol):
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    async def fetch_folders(
        self, repo: RepoRef, at: Sha, migrations: str, backfills: str
    ) -> Folders:
        """Both folders whole: a file that cannot be read is an error, never left out."""
        ...

    async def fetch_fork(self, repo: RepoRef, base: Sha, head: Sha) -> Sha | None:
        """The newest commit that both are built on; None where there is none."""
        ...

    async def is_contained(self, repo: RepoRef, commit: Sha, heads: Sequence[Sha]) -> list[bool]:
        """For each head, whether ``commit`` is in its history, or is it."""
        ...
