"""A sandbox Vercel for one test, over real HTTP, and the bot's host on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.adapters.vercel.host import VercelHost
from bot.core.hosting import HostTarget
from bot.core.model import RepoRef
from bot.sandbox.http import Exchange
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.model import Project

REPO = RepoRef(1, 2, "octo", "shop")
SHA = "3f2c1aa" + "0" * 33
OTHER_SHA = "a91b77c" + "0" * 33


@dataclass
class MovableClock:
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Place:
    """A sandbox with the project ``shop``, and the bot's host."""

    vercel: SandboxVercel
    shop: Project
    host: VercelHost
    clock: MovableClock
    connect: Callable[..., VercelHost]
    seen: list[Exchange] = field(default_factory=list)

    @property
    def target(self) -> HostTarget:
        return HostTarget("vercel", self.shop.name, self.shop.domain)

    def routes(self) -> list[str]:
        return [f"{each.method} {each.template or each.path}" for each in self.seen]

    def asked(self, part: str) -> int:
        return sum(part in route for route in self.routes())


@asynccontextmanager
async def opened(*, switch_seconds: float | None = 0.0) -> AsyncIterator[Place]:
    seen: list[Exchange] = []
    hosts: list[VercelHost] = []
    clock = MovableClock()
    async with SandboxVercel(on_exchange=seen.append, switch_seconds=switch_seconds) as vercel:

        def connect(*, token: str = "", team: str = "") -> VercelHost:
            hosts.append(
                VercelHost.connect(
                    api_url=vercel.url, token=token or vercel.token, team=team, clock=clock
                )
            )
            return hosts[-1]

        shop = vercel.create_project("shop", domains=["www.shop.example.com"], auto_assign=False)
        try:
            yield Place(vercel, shop, connect(), clock, connect, seen)
        finally:
            for host in hosts:
                await host.aclose()
