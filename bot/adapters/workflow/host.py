"""GitHub deployments behind the port ``bot.ports.host.Host``, for teams that are not on Vercel.

The bot creates a deployment, a workflow of theirs does the work and reports its statuses, and the
production domain tells at ``/.well-known/lockgate.json`` which commit it serves. A build has no id
of its own here: its commit is its id.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from bot.adapters.domain import MARK_PATH, DomainReader
from bot.adapters.workflow.deployments import DeploymentsApi
from bot.core.hosting import (
    AliasFailure,
    BuildState,
    HostDeployment,
    HostJob,
    HostJobState,
    HostProject,
    HostTarget,
)
from bot.core.model import RepoRef, Sha
from bot.ports import Clock, HubGone, HubRefused, HubUnavailable
from bot.ports.host import HostGone, HostRefused, HostUnavailable, Switched

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_STATES: Final = {
    "queued": HostJobState.PENDING,
    "pending": HostJobState.PENDING,
    "in_progress": HostJobState.IN_PROGRESS,
    "success": HostJobState.SUCCEEDED,
    "failure": HostJobState.FAILED,
    "error": HostJobState.FAILED,
}


class WorkflowHost:
    """``target.project`` is the name of the GitHub environment."""

    def __init__(self, deployments: DeploymentsApi, domains: DomainReader, clock: Clock) -> None:
        self._deployments = deployments
        self._domains = domains
        self._clock = clock

    async def aclose(self) -> None:
        await self._domains.aclose()

    async def fetch_project(self, repo: RepoRef, target: HostTarget) -> HostProject:
        # Whether another workflow deploys the trunk by itself cannot be read from GitHub.
        return HostProject(id=target.project, name=target.project, auto_assigns=False)

    async def fetch_builds(
        self, repo: RepoRef, target: HostTarget, sha: Sha
    ) -> tuple[HostDeployment, ...]:
        return (self._build(sha),)

    async def fetch_build(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> HostDeployment:
        return self._build(_commit(deployment_id))

    async def promote(self, repo: RepoRef, target: HostTarget, deployment_id: str) -> Switched:
        return await self._ask(repo, target, deployment_id, "promote", "promote")

    async def rollback(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, *, reason: str
    ) -> Switched:
        return await self._ask(
            repo, target, deployment_id, "rollback", f"rollback: {reason}" if reason else "rollback"
        )

    async def fetch_job(self, repo: RepoRef, target: HostTarget) -> HostJob | None:
        with _as_host_errors():
            asked = await self._deployments.fetch_asked(repo, environment=target.project)
            if not asked:
                return None
            newest = asked[0]
            states = await self._deployments.fetch_states(repo, newest.id)
        return HostJob(
            kind=newest.kind,
            to_deployment=newest.sha,
            from_deployment=asked[1].sha if len(asked) > 1 else "",
            state=job_state(states),
            requested_at=newest.created_at,
        )

    async def fetch_failed_aliases(
        self, repo: RepoRef, target: HostTarget, kind: str
    ) -> tuple[AliasFailure, ...]:
        return ()  # a workflow tells of one result only

    async def fetch_elsewhere(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> tuple[str, ...]:
        return ()  # of other domains than the policy's nothing is known

    async def lead(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, domain: str
    ) -> None:
        raise HostRefused("a workflow moves all domains or none", "run the workflow again")

    async def fetch_serving(self, repo: RepoRef, target: HostTarget) -> str:
        """The commit that the production domain names."""
        answer = await self._domains.ask(target.domain)
        if not _SHA.fullmatch(answer.sha):
            raise HostUnavailable(
                f"https://{target.domain}{MARK_PATH} names no whole commit as `sha` "
                f"(it answers {answer.status})"
            )
        return answer.sha

    async def _ask(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, kind: str, description: str
    ) -> Switched:
        sha = _commit(deployment_id)
        with _as_host_errors():
            await self._deployments.ask(
                repo, sha=sha, environment=target.project, kind=kind, description=description
            )
        return Switched()

    def _build(self, sha: Sha) -> HostDeployment:
        """Any commit can be asked for: whether it builds is the workflow's to tell."""
        return HostDeployment(
            id=sha,
            sha=sha,
            state=BuildState.READY,
            production=True,
            created_at=self._clock.now(),
        )


def job_state(states: Sequence[str]) -> HostJobState:
    """From a deployment's statuses, newest first. None yet means that no workflow took it up.

    Raises:
        HostUnavailable: the newest is of no known kind.
    """
    if not states:
        return HostJobState.PENDING
    if states[0] == "inactive":
        # GitHub makes a deployment inactive when a later one succeeds in its environment.
        return HostJobState.SUCCEEDED if "success" in states else HostJobState.SKIPPED
    state = _STATES.get(states[0])
    if state is None:
        raise HostUnavailable(f"the deployment is in the unknown state {states[0]!r}")
    return state


def _commit(deployment_id: str) -> Sha:
    if not _SHA.fullmatch(deployment_id):
        raise HostGone("a build is named by its whole commit here")
    return Sha(deployment_id)


@contextmanager
def _as_host_errors() -> Generator[None]:
    try:
        yield
    except HubUnavailable as error:
        raise HostUnavailable(str(error), error.retry_after) from None
    except HubGone as error:
        raise HostGone(str(error)) from None
    except HubRefused as error:
        raise HostRefused(
            str(error), "give the App “Deployments: read and write” for this repository"
        ) from None
