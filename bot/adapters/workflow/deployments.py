"""GitHub deployments, as far as the host on them needs: what it asks, and GitHub's answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from bot.adapters.github import operations as op
from bot.adapters.github.access import RepositoryAccess, path_of
from bot.core.model import RepoRef, Sha
from bot.ports import HubRefused

TASK: Final = "deploy"
"""Of what a workflow shall do; what only announces an operation bears another task."""
MARK: Final = "lockgate"
"""The payload's key for what is asked: ``promote`` or ``rollback``."""
_LISTED: Final = 30
LIST_STATUSES: Final = op.Operation(
    "repos/list-deployment-statuses",
    "GET",
    "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
    "list the statuses of the deployment",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A deployment that the bot asked a workflow for."""

    id: int
    kind: str
    sha: Sha
    created_at: datetime


class DeploymentsApi(Protocol):
    """Every method may raise HubUnavailable, HubGone or HubRefused."""

    async def ask(
        self, repo: RepoRef, *, sha: Sha, environment: str, kind: str, description: str
    ) -> int:
        """Create a deployment; sent once, never again by itself."""
        ...

    async def fetch_asked(self, repo: RepoRef, *, environment: str) -> tuple[Asked, ...]:
        """The bot's own newest ones, newest first."""
        ...

    async def fetch_states(self, repo: RepoRef, deployment_id: int) -> tuple[str, ...]:
        """Of a deployment's statuses, newest first."""
        ...


class GitHubDeployments:
    """``access`` is the hub's own: connection, tokens and known names are shared."""

    def __init__(self, access: RepositoryAccess) -> None:
        self._access = access

    async def ask(
        self, repo: RepoRef, *, sha: Sha, environment: str, kind: str, description: str
    ) -> int:
        repo = await self._access.named(repo)
        answer = await self._access.client.rest(
            op.CREATE_DEPLOYMENT,
            installation=repo.installation_id,
            path=path_of(repo),
            # Without the last two GitHub may merge branches instead, and asks for every check.
            body={
                "ref": sha,
                "task": TASK,
                "environment": environment,
                "description": description[:140],
                "payload": {MARK: kind, "sha": sha},
                "auto_merge": False,
                "required_contexts": [],
            },
            about=f"{repo.full_name}@{sha[:7]}",
        )
        if "id" not in answer.data:
            raise HubRefused(
                f"could not create a deployment of {repo.full_name}@{sha[:7]}: "
                "GitHub merged branches instead"
            )
        return int(answer.data["id"])

    async def fetch_asked(self, repo: RepoRef, *, environment: str) -> tuple[Asked, ...]:
        repo = await self._access.named(repo)
        answer = await self._access.client.rest(
            op.LIST_DEPLOYMENTS,
            installation=repo.installation_id,
            path=path_of(repo),
            query={"environment": environment, "task": TASK, "per_page": _LISTED},
            about=repo.full_name,
        )
        found = [_asked(item) for item in answer.data if self._is_ours(item)]
        return tuple(sorted(found, key=lambda each: (each.created_at, each.id), reverse=True))

    async def fetch_states(self, repo: RepoRef, deployment_id: int) -> tuple[str, ...]:
        repo = await self._access.named(repo)
        statuses: list[Mapping[str, Any]] = []
        async for page in self._access.client.pages(
            LIST_STATUSES,
            installation=repo.installation_id,
            path={**path_of(repo), "deployment_id": deployment_id},
            about=f"{repo.full_name} (deployment {deployment_id})",
        ):
            statuses += page.data
        statuses.sort(key=lambda status: int(status["id"]), reverse=True)
        return tuple(str(status["state"]) for status in statuses)

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        """A workflow's job with an ``environment`` makes a deployment with the same task, and any
        writer may copy our payload: only what our App made counts."""
        payload = item.get("payload")
        if not isinstance(payload, dict) or payload.get(MARK) not in ("promote", "rollback"):
            return False
        app = item.get("performed_via_github_app")
        return isinstance(app, dict) and app.get("id") == self._access.app_id


def _asked(item: Mapping[str, Any]) -> Asked:
    return Asked(
        int(item["id"]),
        str(item["payload"][MARK]),
        Sha(item["sha"]),
        datetime.fromisoformat(item["created_at"]),
    )
