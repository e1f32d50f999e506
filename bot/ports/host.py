"""What the engine asks of whoever serves production: Vercel, or a workflow of the team's own."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.core.hosting import AliasFailure, HostDeployment, HostJob, HostProject, HostTarget
from bot.core.model import RepoRef, Sha


class HostError(Exception):
    """The host could not be asked, or refused. The text holds no secret and may be shown."""


class HostUnavailable(HostError):
    """Not known: an outage, a limit, a cut connection. A write may or may not have happened."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class HostGone(HostError):
    """The project or the deployment is not there for us."""


class HostRefused(HostError):
    """It will not be done. ``remedy`` is the next step for a person; ``busy`` tells that another
    request is under way at the host (409)."""

    def __init__(self, message: str, remedy: str = "", *, busy: bool = False) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.busy = busy


@dataclass(frozen=True, slots=True)
class Switched:
    """The host took the request. ``queued`` tells that it waits behind a rolling release."""

    queued: bool = False


class Host(Protocol):
    """Every method may raise HostUnavailable, HostGone or HostRefused."""

    async def fetch_project(self, repo: RepoRef, target: HostTarget) -> HostProject: ...

    async def fetch_builds(
        self, repo: RepoRef, target: HostTarget, sha: Sha
    ) -> tuple[HostDeployment, ...]:
        """What was built from a commit, newest first."""
        ...

    async def fetch_build(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> HostDeployment: ...

    async def promote(self, repo: RepoRef, target: HostTarget, deployment_id: str) -> Switched:
        """Ask once, never again by itself: what became of a request that was cut off is read
        from ``fetch_job``."""
        ...

    async def rollback(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, *, reason: str
    ) -> Switched: ...

    async def fetch_job(self, repo: RepoRef, target: HostTarget) -> HostJob | None:
        """The newest request to move the domains; None if there never was one."""
        ...

    async def fetch_failed_aliases(
        self, repo: RepoRef, target: HostTarget, kind: str
    ) -> tuple[AliasFailure, ...]: ...

    async def fetch_elsewhere(
        self, repo: RepoRef, target: HostTarget, deployment_id: str
    ) -> tuple[str, ...]:
        """The production domains of the project that do not lead to a deployment."""
        ...

    async def lead(
        self, repo: RepoRef, target: HostTarget, deployment_id: str, domain: str
    ) -> None:
        """Lead one domain to a deployment, past the host's jobs: for what a job left halfway. It
        is done when this returns, and may be asked for again."""
        ...

    async def fetch_serving(self, repo: RepoRef, target: HostTarget) -> str:
        """The id of the deployment that the production domain answers with, asked now."""
        ...
