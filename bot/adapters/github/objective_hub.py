"""``bot.ports.objectives.ObjectiveHub`` on GitHub's API."""

from collections.abc import Mapping

from cachetools import LRUCache

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess
from bot.adapters.github.folders import read_folder
from bot.core.model import RepoRef, Sha
from bot.ports.objectives import OBJECTIVES_FOLDER

_ENDINGS = (".yml", ".yaml")
_REMEMBERED = 64
"""A folder at a commit never changes: those asked for last are kept."""
_REMEMBERED_BYTES = 256 * 1024


class GitHubObjectiveHub:
    """It shares connection, tokens and known names with the hub whose ``access`` it is given."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access
        self._known: LRUCache[tuple[int, Sha], Mapping[str, bytes]] = LRUCache(_REMEMBERED)

    async def fetch_objectives(self, repo: RepoRef, at: Sha) -> Mapping[str, bytes]:
        """One request, and one more for each file that GraphQL does not give as it is."""
        if (known := self._known.get((repo.id, at))) is not None:
            return known
        name = f"{at}:{OBJECTIVES_FOLDER}"
        data, _ = await self._access.query(
            op.FOLDERS_AT, repo, f"{repo.full_name}@{at[:7]}", {"first": name, "second": name}
        )
        found = data["repository"]
        repo = self._access.learn(repo, found)
        files = await read_folder(self._access, repo, OBJECTIVES_FOLDER, found["first"], _ENDINGS)
        if sum(map(len, files.values())) <= _REMEMBERED_BYTES:
            self._known[repo.id, at] = files
        return files
