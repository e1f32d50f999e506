"""A sandbox GitHub for one test, over real HTTP, with a clock that can be moved."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from openapi import DESCRIPTION, Contract

from bot.adapters.github.hub import GitHubHub
from bot.core.model import PullRef, RepoRef
from bot.sandbox.http import Exchange
from bot.sandbox.model import Pull, Repository
from bot.sandbox.server import Sandbox


@dataclass
class MovableClock:
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Seen:
    """Every request that reached the sandbox, in order."""

    exchanges: list[Exchange] = field(default_factory=list)

    def routes(self) -> list[str]:
        return [f"{each.method} {each.template or each.path}" for each in self.exchanges]

    def clear(self) -> None:
        self.exchanges.clear()


@dataclass
class GitHub:
    """A sandbox and what tests ask of it."""

    sandbox: Sandbox
    clock: MovableClock
    seen: Seen
    connect: Callable[..., GitHubHub]

    def ref(self, repository: Repository) -> RepoRef:
        installation = self.sandbox.installation_of(self.sandbox.app, repository)
        assert installation is not None
        return RepoRef(installation.id, repository.id, repository.owner.login, repository.name)

    def pull_ref(self, pull: Pull) -> PullRef:
        return PullRef(self.ref(pull.repository), pull.number)


@asynccontextmanager
async def opened() -> AsyncIterator[GitHub]:
    seen, clock, contract = Seen(), MovableClock(), Contract()
    hubs: list[GitHubHub] = []

    def watch(exchange: Exchange) -> None:
        seen.exchanges.append(exchange)
        if DESCRIPTION.exists():
            contract(exchange)

    async with Sandbox(on_exchange=watch) as sandbox:
        sandbox.clock = clock.now

        def connect(**changes) -> GitHubHub:
            plain = {
                "app_id": sandbox.app.id,
                "private_key": sandbox.app.private_key,
                "api_url": sandbox.url,
                "clock": clock,
            }
            hub = GitHubHub.connect(**{**plain, **changes})
            hubs.append(hub)
            return hub

        try:
            yield GitHub(sandbox, clock, seen, connect)
        finally:
            for hub in hubs:
                await hub.aclose()
    contract.check()
