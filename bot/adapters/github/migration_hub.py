"""``bot.ports.migrations.MigrationHub`` on GitHub's API."""

import asyncio
from collections.abc import Sequence

from cachetools import LRUCache

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess
from bot.adapters.github.folders import read_folder
from bot.core.model import RepoRef, Sha
from bot.ports.migrations import Folders

_ENDINGS = (".sql",)
_REMEMBERED = 64
"""Folders at a commit never change: those asked for last are kept."""
_REMEMBERED_BYTES = 256 * 1024


class GitHubMigrationHub:
    """It shares connection, tokens and known names with the hub whose ``access`` it is given."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access
        self._known: LRUCache[tuple[int, Sha, str, str], Folders] = LRUCache(_REMEMBERED)

    async def fetch_folders(
        self, repo: RepoRef, at: Sha, migrations: str, backfills: str
    ) -> Folders:
        """One request, and one more for each file that GraphQL does not give as it is."""
        key = (repo.id, at, migrations, backfills)
        if (known := self._known.get(key)) is not None:
            return known
        about = f"{repo.full_name}@{at[:7]}"
        names = {"first": f"{at}:{migrations}", "second": f"{at}:{backfills}"}
        data, _ = await self._access.query(op.FOLDERS_AT, repo, about, names)
        found = data["repository"]
        repo = self._access.learn(repo, found)
        folders = Folders(
            await read_folder(self._access, repo, migrations, found["first"], _ENDINGS),
            await read_folder(self._access, repo, backfills, found["second"], _ENDINGS),
        )
        size = sum(map(len, (*folders.migrations.values(), *folders.backfills.values())))
        if size <= _REMEMBERED_BYTES:
            self._known[key] = folders
        return folders

    async def fetch_fork(self, repo: RepoRef, base: Sha, head: Sha) -> Sha | None:
        repo = await self._access.named(repo)
        fork = await self._access.fetch_fork(repo, base, head)
        return Sha(fork) if fork else None

    async def is_contained(self, repo: RepoRef, commit: Sha, heads: Sequence[Sha]) -> list[bool]:
        """One request for each head that is another commit."""
        repo = await self._access.named(repo)
        return list(
            await asyncio.gather(*(self._access.is_behind(repo, commit, head) for head in heads))
        )
