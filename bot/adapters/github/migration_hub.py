"""``bot.ports.migrations.MigrationHub`` on GitHub's API."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

from cachetools import LRUCache

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.adapters.github.release_reading import unfit
from bot.core.model import RepoRef, Sha
from bot.ports import HubGone, HubRefused
from bot.ports.migrations import Folders

MAX_BYTES = 2 * 1024 * 1024
"""Of one file: nobody reads through a migration that is longer."""
MAX_FILES = 5_000
"""Of one folder."""
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
            await self._read(repo, migrations, found["first"]),
            await self._read(repo, backfills, found["second"]),
        )
        size = sum(map(len, (*folders.migrations.values(), *folders.backfills.values())))
        if size <= _REMEMBERED_BYTES:
            self._known[key] = folders
        return folders

    async def is_contained(self, repo: RepoRef, commit: Sha, heads: Sequence[Sha]) -> list[bool]:
        """One request for each head that is another commit."""
        repo = await self._access.named(repo)
        return list(
            await asyncio.gather(*(self._access.is_behind(repo, commit, head) for head in heads))
        )

    async def _read(
        self, repo: RepoRef, folder: str, tree: dict[str, Any] | None
    ) -> dict[str, bytes]:
        entries = [one for one in (tree or {}).get("entries") or () if _is_sql(one["name"])]
        if len(entries) > MAX_FILES:
            raise HubRefused(f"{folder} of {repo.full_name} has {len(entries):,} files, too many")
        return {
            f"{folder}/{entry['name']}": await self._content(repo, folder, entry)
            for entry in entries
        }

    async def _content(self, repo: RepoRef, folder: str, entry: dict[str, Any]) -> bytes:
        path = f"{folder}/{entry['name']}"
        if fault := unfit(entry):
            raise HubRefused(f"{path} of {repo.full_name} cannot be read: {fault}")
        blob = entry["object"]
        if blob["byteSize"] > MAX_BYTES:
            raise HubRefused(f"{path} of {repo.full_name} is too large: {blob['byteSize']:,} bytes")
        text = blob["text"]
        if text is not None and not blob["isTruncated"]:
            content: bytes = text.encode("utf-8", "replace")
            if len(content) == blob["byteSize"]:
                return content
        answer = await self._access.client.rest(
            op.GET_BLOB,
            installation=repo.installation_id,
            path={**path_of(repo), "file_sha": entry["oid"]},
            about=path,
        )
        if answer.data.get("encoding") != "base64":
            raise HubGone(f"{path} of {repo.full_name} could not be read")
        return base64.b64decode(answer.data["content"])


def _is_sql(name: str) -> bool:
    return name.endswith(".sql")
