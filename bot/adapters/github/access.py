"""Repositories by id: what everybody who asks GitHub about one goes through.

Names may be old: reads follow a rename and then compare the id, and nothing is written by a name
that was not seen to belong to the id.
"""

from typing import Any

from cachetools import TTLCache

from bot.adapters.github import operations as op
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.reading import graphql_error, read_repo
from bot.core.model import RepoRef
from bot.ports import HubGone

_NAME_LIFE = 600
"""Seconds for which a name that was seen to belong to an id is relied on."""
_NAMES = 10_000


class RepositoryAccess:
    """One for the process, beside its client. ``app_id`` tells our own writing from others'."""

    def __init__(self, client: GitHubClient, *, app_id: int) -> None:
        self.client = client
        self.app_id = app_id
        self._names: TTLCache[tuple[int, int], RepoRef] = TTLCache(
            _NAMES, _NAME_LIFE, timer=lambda: client.clock.now().timestamp()
        )

    async def query(
        self, document: op.Document, repo: RepoRef, about: str, variables: dict[str, Any]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The data, and the errors that touch nothing but the organisation's part of it.

        Raises:
            HubUnavailable, HubGone, HubRefused: there is no whole answer, or no repository.
        """
        answer = await self.client.graphql(
            document,
            {"owner": repo.owner, "name": repo.name, **variables},
            installation=repo.installation_id,
            about=about,
        )
        aside = [error for error in answer.errors if _concerns_organisation(error)]
        ours = [error for error in answer.errors if not _concerns_organisation(error)]
        if ours:
            raise graphql_error(document.task, about, ours)
        if answer.data.get("repository") is None:
            raise HubGone(f"could not {document.task} {about}: there is no such repository")
        return answer.data, aside

    def learn(self, repo: RepoRef, node: dict[str, Any]) -> RepoRef:
        """The repository by the name that an answer gives it.

        Raises:
            HubGone: the answer is about another repository.
        """
        named = read_repo(repo, node)
        self.note(named)
        return named

    def note(self, repo: RepoRef) -> None:
        """This name was seen to belong to this id."""
        self._names[repo.installation_id, repo.id] = repo

    async def named(self, repo: RepoRef) -> RepoRef:
        """The repository by a name that was seen lately to be its own.

        Raises:
            HubUnavailable, HubGone, HubRefused: GitHub did not say.
        """
        known = self._names.get((repo.installation_id, repo.id))
        if known is not None:
            return known
        answer = await self.client.rest(
            op.GET_REPO,
            installation=repo.installation_id,
            path=path_of(repo),
            about=repo.full_name,
        )
        return self.learn(repo, {**answer.data, "databaseId": answer.data["id"]})

    async def is_behind(self, repo: RepoRef, sha: str, tip: str) -> bool:
        """Whether a commit is a branch's tip or one that it was built on. Asked in this direction
        the comparison has no commits and no files to tell of."""
        if sha == tip:
            return True
        compared = await self._compared(repo, tip, sha)
        return compared is not None and compared["status"] in ("behind", "identical")

    async def fetch_fork(self, repo: RepoRef, base: str, head: str) -> str | None:
        """The newest commit that both are built on; None where there is none."""
        compared = await self._compared(repo, base, head)
        return str(compared["merge_base_commit"]["sha"]) if compared else None

    async def _compared(self, repo: RepoRef, base: str, head: str) -> Any:
        """With one of the commits at most; None where both have no ancestor in common."""
        try:
            answer = await self.client.rest(
                op.COMPARE,
                installation=repo.installation_id,
                path={**path_of(repo), "basehead": f"{base}...{head}"},
                query={"per_page": 1},
                about=f"{repo.full_name} {base[:7]}...{head[:7]}",
            )
        except HubGone:  # both are there
            return None
        return answer.data


def path_of(repo: RepoRef) -> dict[str, str | int]:
    return {"owner": repo.owner, "repo": repo.name}


def _concerns_organisation(error: dict[str, Any]) -> bool:
    path = error.get("path")
    return isinstance(path, list) and path[:1] == ["organisation"]
