"""The stage of the demo: a sandbox GitHub and the real bot, wired together on loopback."""

import asyncio
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.sandbox.model import App, Repository
from bot.sandbox.server import Sandbox
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.model import Project
from bot.settings import AppCredentials, Secret, Settings
from bot.web.bot_app import bot_app
from bot.web.server import address_of, bind, listening
from bot.web.viewer import Everything
from bot.wiring.bot import Bot, open_bot
from bot.wiring.databases import Playground, open_playground
from bot.wiring.store import remove_server

HOST = "127.0.0.1"
_DOMAIN = "shop.example.com"
_ORDERS = 20_000
"""That the shop has already."""
_POLICY = """\
commits:
  types: [feat, fix, docs, refactor, test, chore]
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, checks, commits, deployment, freeze, lock, migrations, backfills, schema]
migrations:
  rollback_window: {builds: 1, age: 0s}
release:
  kind: simple
"""
_WATCH = "    slo: {watch: {for: 15m, every: 1s}}\n"
_OBJECTIVE = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: shop}
spec:
  type: probe
  connectionDetails: {url: "URL", interval: 1m}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability, displayName: Availability}
spec:
  service: shop
  indicator:
    spec:
      ratioMetric:
        good: {metricSource: {metricSourceRef: shop, type: probe, spec: {measure: success}}}
        total: {metricSource: {metricSourceRef: shop, type: probe, spec: {measure: all}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running bot in front of a running sandbox."""

    sandbox: Sandbox
    vercel: SandboxVercel
    bot: Bot
    repository: Repository
    project: Project
    """The shop at the sandbox Vercel."""
    ci: App
    """Whose checks say whether the shop's own tests pass."""
    shop: Playground
    """The shop's database, and its customers."""
    database: str
    """Which PostgreSQL, in words."""

    @property
    def dashboard(self) -> str:
        return self.bot.settings.public_url

    @property
    def sandbox_page(self) -> str:
        return self.sandbox.url

    @property
    def vercel_page(self) -> str:
        return self.vercel.url


@asynccontextmanager
async def open_stage(*, port: int, sandbox_port: int) -> AsyncIterator[Stage]:
    """Everything lives in a temporary folder and is gone at the end.

    A port that is taken gives way to a free one.

    Raises:
        EmbeddedError: the embedded PostgreSQL cannot be started.
    """
    async with AsyncExitStack() as stack:
        home = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="lockgate-demo-", ignore_cleanup_errors=True)
        )
        # As root its data lie elsewhere: the folder is closed to the server's account.
        stack.push_async_callback(remove_server, Path(home))
        sandbox = await stack.enter_async_context(_sandbox(sandbox_port))
        bound = stack.enter_context(_bound(port))
        vercel = await stack.enter_async_context(SandboxVercel())
        settings = _settings(Path(home), sandbox, vercel, address_of(bound))
        shop = await stack.enter_async_context(open_playground(settings, rows=_ORDERS))
        settings = replace(settings, databases={"production": Secret(shop.conninfo)})
        bot = await stack.enter_async_context(open_bot(settings))
        await bot.migrate()
        await stack.enter_async_context(listening(bot_app(bot, Everything()), bound))
        await stack.enter_async_context(_working(bot))
        sandbox.send_events_to(
            f"{settings.public_url}/webhooks/github", bot.app.webhook_secrets[0].reveal()
        )
        vercel.hooks.send_to(
            f"{settings.public_url}/webhooks/vercel", settings.vercel_webhook_secret.reveal()
        )
        repository = _repository(sandbox)
        project = vercel.create_project("shop", domain=_DOMAIN, auto_assign=False)
        vercel.attach(sandbox, repository, project)
        ci = sandbox.create_app("ci", permissions={"checks": "write"}, events=())
        sandbox.install(ci, repository.owner)
        yield Stage(sandbox, vercel, bot, repository, project, ci, shop, "embedded PostgreSQL")


def watched_files(vercel: SandboxVercel) -> Mapping[str, str]:
    """With these on the trunk every promotion is watched, by a probe of the shop's own domain."""
    policy = _POLICY.replace("migrations:\n", f"{_WATCH}migrations:\n", 1)
    objective = _OBJECTIVE.replace("URL", vercel.site(_DOMAIN))
    return {".github/lockgate.yml": policy, "slo/shop.yml": objective}


def _settings(home: Path, sandbox: Sandbox, vercel: SandboxVercel, url: str) -> Settings:
    return Settings(
        home=home,
        database_url=Secret(""),
        github_app=AppCredentials(
            sandbox.app.id, Secret(sandbox.app.private_key), (Secret(secrets.token_hex(32)),)
        ),
        github_api_url=sandbox.url,
        host=HOST,
        port=urlsplit(url).port or 0,
        public_url=url,
        retention=timedelta(days=1),
        concurrency=8,
        vercel_token=Secret(vercel.token),
        vercel_api_url=vercel.url,
        vercel_webhook_secret=Secret(secrets.token_hex(32)),
        probe_hosts=frozenset({HOST}),
    )


def _repository(sandbox: Sandbox) -> Repository:
    repository = sandbox.create_repository(
        "octo/shop",
        files={
            "README.md": "# Shop\n\nA small shop.\n",
            "src/shop.py": "def price() -> int:\n    return 100\n",
            ".github/lockgate.yml": _POLICY,
        },
        message="chore: open the shop",
        description="A small shop to try Lockgate on.",
        allow_merge_commit=False,
        allow_rebase_merge=False,
        squash_merge_commit_title="PR_TITLE",
    )
    sandbox.tag(repository, "v1.4.0")
    for login, role in (("mona", "write"), ("ada", "admin"), ("hubot-fan", "read")):
        sandbox.set_role(repository, sandbox.user(login), role)
    return repository


@asynccontextmanager
async def _working(bot: Bot) -> AsyncIterator[None]:
    worker = asyncio.create_task(bot.work())
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


def _bound(port: int) -> socket.socket:
    """On ``port``, or on a free one where that is taken."""
    try:
        return bind(HOST, port)
    except OSError:
        return bind(HOST, 0)


def _sandbox(port: int) -> Sandbox:
    with _bound(port) as bound:
        free: int = bound.getsockname()[1]
    return Sandbox(port=free)
