"""A whole bot, web and worker, in front of a sandbox GitHub, on a database of the test's own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters.postgres.outbox import PostgresOutbox
from bot.core.render.check import COMMITS_CHECK
from bot.core.work.deliveries import SweepDeliveries
from bot.core.work.objectives import EvaluateObjectives
from bot.ports import JobStatus
from bot.ports.operations import Notice
from bot.sandbox.http import Exchange
from bot.sandbox.model import CheckRun, Comment, Pull, Repository
from bot.sandbox.server import Sandbox
from bot.settings import AppCredentials, Secret, Settings
from bot.web.bot_app import bot_app
from bot.web.server import address_of, bind, listening
from bot.web.viewer import Everything
from bot.wiring.bot import Bot, open_bot

SECRET = "a webhook secret that nobody guesses"
PATIENCE = 60.0
SQUASH_WITH_TITLE = {
    "allow_merge_commit": False,
    "allow_rebase_merge": False,
    "squash_merge_commit_title": "PR_TITLE",
}


OF_EVERY_MINUTE = frozenset({EvaluateObjectives.kind})
"""Waits for its second of the minute; nothing else waits for it."""


@dataclass
class Requests:
    """Counts what the bot asks of GitHub."""

    on_exchange: Callable[[Exchange], None] | None = None
    seen: list[Exchange] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        if self.on_exchange:
            self.on_exchange(exchange)

    @property
    def kinds(self) -> Counter[str]:
        """``token``, ``read`` and ``write``."""
        return Counter(map(_kind, self.seen))

    @property
    def writes(self) -> list[Exchange]:
        return [exchange for exchange in self.seen if _kind(exchange) == "write"]


def _kind(exchange: Exchange) -> str:
    if exchange.path.endswith("/access_tokens"):
        return "token"
    if exchange.method == "GET" or exchange.path == "/graphql":
        return "read"
    return "write"


class Heard:
    """A channel that keeps what it is told."""

    def __init__(self, notices: list[Notice]) -> None:
        self._notices = notices

    async def send(self, notice: Notice) -> None:
        self._notices.append(notice)


@dataclass
class Journey:
    github: Sandbox
    bot: Bot
    requests: Requests

    def shop(self, policy: str = "", **settings: object) -> Repository:
        """A repository that squashes with the pull request's title, unless told otherwise."""
        files = {"README.md": "# Shop\n"}
        if policy:
            files[".github/lockgate.yml"] = policy
        return self.github.create_repository(
            "octo/shop", files=files, **{**SQUASH_WITH_TITLE, **settings}
        )

    def hear(self) -> list[Notice]:
        """What a channel is told from now on. To be called before a worker runs."""
        notices: list[Notice] = []
        outbox = PostgresOutbox(self.bot.store.pool, {"slack": Heard(notices)})
        shipping = replace(self.bot.engine.shipping, outbox=outbox)
        self.bot = replace(self.bot, engine=replace(self.bot.engine, shipping=shipping))
        return notices

    def check_of(self, pull: Pull, sha: str = "") -> CheckRun | None:
        runs = self.github.latest_checks(
            pull.repository, sha or pull.head_sha, name=COMMITS_CHECK, app_id=self.github.app.id
        )
        return runs[0] if runs else None

    def comments_of(self, pull: Pull) -> list[Comment]:
        """The bot's own."""
        return [c for c in self.github.comments_of(pull) if c.app is self.github.app]

    async def rest(self) -> None:
        """Return when every event has been delivered and every job that is due has run."""
        for _ in range(2):  # what the last jobs did may have led to events of its own
            await self.github.hooks.settled()
            await self.until(self.idle, "the queue does not come to rest")

    async def idle(self) -> bool:
        store = self.bot.store
        health = await store.queue_health()
        if health.running or health.waiting > len(OF_EVERY_MINUTE):
            return False
        if not health.waiting:
            return True
        waiting = await store.fetch_jobs(JobStatus.WAITING)
        # What waited at the first look and does not at the second has begun.
        return len(waiting) == health.waiting and all(
            job.kind in OF_EVERY_MINUTE for job in waiting
        )

    async def verdict(self, pull: Pull) -> str:
        """The conclusion of the check on the head, once everything has come to rest."""
        await self.rest()
        check = self.check_of(pull)
        assert check is not None, "there is no check"
        return check.conclusion or check.status

    async def until(
        self, true: Callable[[], object], otherwise: str, patience: float = PATIENCE
    ) -> None:
        """Look again and again until ``true()`` is, or what it gives to await is."""
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            found = true()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            assert asyncio.get_running_loop().time() < deadline, otherwise
            await asyncio.sleep(0.03)

    async def sweep(self) -> None:
        """What a worker does every few minutes, at once."""
        await self.bot.store.enqueue(SweepDeliveries())
        await self.rest()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = asyncio.create_task(self.bot.work())
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


def settings_for(github: Sandbox, home: Path, database_url: str, url: str) -> Settings:
    return Settings(
        home=home,
        database_url=Secret(database_url),
        github_app=AppCredentials(github.app.id, Secret(github.app.private_key), (Secret(SECRET),)),
        github_api_url=github.url,
        host="127.0.0.1",
        port=urlsplit(url).port or 0,
        public_url=url,
        retention=timedelta(days=7),
        concurrency=8,
    )


@asynccontextmanager
async def started(
    github: Sandbox, requests: Requests, home: Path, database_url: str, **changes: object
) -> AsyncIterator[Journey]:
    """The bot's web side; ``Journey.working`` runs a worker. ``changes`` are to the settings."""
    bound = bind("127.0.0.1", 0)
    settings = settings_for(github, home, database_url, address_of(bound))
    settings = replace(settings, **changes)
    async with open_bot(settings) as bot, listening(bot_app(bot, Everything()), bound) as url:
        github.send_events_to(f"{url}/webhooks/github", SECRET)
        yield Journey(github, bot, requests)
