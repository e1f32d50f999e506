"""Where repositories are deployed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bot.adapters.domain import DomainReader
from bot.adapters.github.hub import GitHubHub
from bot.adapters.vercel.client import is_local
from bot.adapters.vercel.host import VercelHost
from bot.adapters.workflow.deployments import GitHubDeployments
from bot.adapters.workflow.host import WorkflowHost
from bot.ports.host import Host
from bot.settings import Settings
from bot.wiring.clock import CLOCK


@asynccontextmanager
async def open_hosts(settings: Settings, hub: GitHubHub) -> AsyncIterator[Mapping[str, Host]]:
    """Those that this server has access to, by the name that ``HostTarget.host`` gives them."""
    local = settings.vercel_api_url if is_local(settings.vercel_api_url) else ""
    workflow = WorkflowHost(GitHubDeployments(hub.access), DomainReader(stand_in=local), CLOCK)
    vercel = None
    if settings.vercel_token:
        vercel = VercelHost.connect(
            api_url=settings.vercel_api_url,
            token=settings.vercel_token.reveal(),
            team=settings.vercel_team,
            clock=CLOCK,
        )
    try:
        yield {"github": workflow, **({"vercel": vercel} if vercel else {})}
    finally:
        await workflow.aclose()
        if vercel:
            await vercel.aclose()
