"""A shop on a sandbox Vercel, and a bot that moves its production by comment."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
from journey import Journey, Requests, started

from bot.core.hosting import LedgerEntry
from bot.core.operations.machine import ENDED, Operation, State
from bot.core.policy import POLICY_PATH
from bot.core.render.operation_markers import operation_marker
from bot.sandbox.code import CommitSpec
from bot.sandbox.http import Exchange
from bot.sandbox.model import App, CheckRun, Comment, Pull, Repository
from bot.sandbox.server import Sandbox
from bot.sandbox.tls import tls_context
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.model import Deployment, Project
from bot.settings import Secret

DOMAIN = "shop.example.com"
VERCEL_SECRET = "a secret that Vercel showed once"
POLICY = """\
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, checks, deployment, freeze, lock]
"""


@dataclass
class Production:
    """A shop on a sandbox Vercel, whose pushes are built there. ``asked`` is what the host was
    asked to do to production: those requests that reached it."""

    journey: Journey
    vercel: SandboxVercel
    repository: Repository
    project: Project
    asked: list[Exchange] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)

    @property
    def github(self) -> Sandbox:
        return self.journey.github

    def merged(self, title: str, *, by: str = "ada") -> Pull:
        """A pull request that was squashed onto the trunk, with a green check and a build."""
        pull = self.opened(title)
        self.github.merge(pull, "squash", by=self.github.user(by))
        self.green(pull)
        return pull

    def checking(self, title: str) -> tuple[Pull, CheckRun]:
        """The same with a check that runs still, and that check."""
        pull = self.opened(title)
        self.github.merge(pull, "squash", by=self.github.user("ada"))
        check = self.github.create_check(
            self.repository, self.ci, pull.merge_commit_sha, "test", status="in_progress"
        )
        return pull, check

    def opened(self, title: str) -> Pull:
        return self.github.open_pull(self.repository, title, by=self.github.user("mona"))

    def green(self, pull: Pull, conclusion: str | None = "success") -> None:
        """The check of what was merged; None for one that runs still."""
        self.github.create_check(
            self.repository, self.ci, pull.merge_commit_sha, "test", conclusion=conclusion
        )

    @property
    def ci(self) -> App:
        for app in self.github.apps.values():
            if app.slug == "ci":
                return app
        app = self.github.create_app("ci", permissions={"checks": "write"}, events=())
        self.github.install(app, self.repository.owner)
        return app

    async def change_policy(self, policy: str) -> None:
        spec = CommitSpec("chore: change policy", {POLICY_PATH: policy})
        self.github.push(self.repository, "main", spec)
        await self.journey.rest()

    def release(self, tag: str, pull: Pull) -> None:
        """Publish a release of what became of a pull request."""
        self.github.create_release(
            self.repository, tag, target=pull.merge_commit_sha, by=self.github.user("ada")
        )

    def comment(self, pull: Pull, body: str, *, by: str = "ada") -> Comment:
        return self.github.comment(pull, body, by=self.github.user(by))

    async def say(self, pull: Pull, body: str, *, by: str = "ada") -> str:
        """Type a command, wait for rest, and read the bot's newest comment."""
        comment = self.comment(pull, body, by=by)
        await self.journey.rest()
        return self.answer_to(pull, comment)

    def answer_to(self, pull: Pull, comment: Comment) -> str:
        self.reactions = [reaction.content for reaction in comment.reactions]
        answers = [c for c in self.journey.comments_of(pull) if c.id > comment.id]
        return answers[-1].body if answers else ""

    async def live_build(self, title: str) -> Pull:
        """A pull request that was merged, and promoted by the bot."""
        pull = self.merged(title)
        said = await self.say(pull, "/promote")
        assert await self.served() == pull.merge_commit_sha, said
        return pull

    @property
    def live(self) -> Deployment | None:
        return self.vercel.live(self.project)

    def build_of(self, pull: Pull) -> Deployment:
        """Of the commit that a pull request became."""
        return next(
            build for build in self.project.deployments if build.sha == pull.merge_commit_sha
        )

    async def served(self) -> str:
        """The commit that the production domain answers with."""
        async with httpx.AsyncClient(verify=tls_context()) as client:
            site = self.vercel.site(DOMAIN)
            return (await client.get(f"{site}.well-known/lockgate.json")).json()["sha"]

    def hear_vercel(self) -> None:
        """From now on Vercel's webhooks arrive."""
        url = self.journey.bot.settings.public_url
        self.vercel.hooks.send_to(f"{url}/webhooks/vercel", VERCEL_SECRET)

    async def ledger(self) -> list[LedgerEntry]:
        """Newest first."""
        operations = self.journey.bot.operations
        return await operations.fetch_ledger(self.repository.id, "production")

    def switches(self) -> list[str]:
        """What the host was asked since the last look, by the last two parts of the path."""
        found = ["/".join(each.path.split("/")[-2:]) for each in self.asked]
        self.asked.clear()
        return found

    async def operations(self) -> list[Operation]:
        """Newest first."""
        return await self.journey.bot.operations.fetch_operations(self.repository.id)

    async def newest(self) -> Operation:
        return (await self.operations())[0]

    async def until(self, *states: State, concluded: bool = False) -> Operation:
        """The newest operation, once it is in one of these states."""

        async def reached() -> bool:
            found = await self.operations()
            return bool(found) and found[0].state in states and found[0].concluded >= concluded

        await self.journey.until(reached, f"the newest operation does not become {states}", 20)
        return await self.newest()

    async def until_it_waits(self, pull: Pull) -> None:
        """A promotion of this pull request, for gates that may yet pass."""
        self.comment(pull, "/promote --when-ready")
        await self.until(State.WAITING)

    async def until_step_finds(self, words: str) -> Operation:
        """The newest operation, once one of its steps has found something."""

        async def found() -> bool:
            newest = (await self.operations())[:1]
            return any(words in step.found for each in newest for step in each.steps)

        await self.journey.until(found, f"no step finds {words!r}", 20)
        return await self.newest()

    async def until_served(self, pull: Pull) -> None:
        """What became of a pull request is live, by an operation that has ended."""

        async def served() -> bool:
            newest = await self.newest()
            return newest.concluded and await self.served() == pull.merge_commit_sha

        await self.journey.until(served, f"#{pull.number} does not go live", 20)

    async def run_out_of_time(self) -> None:
        """Let the newest operation's deadline pass."""
        operator = self.journey.bot.engine.shipping.operator
        past = datetime.now(UTC) - timedelta(seconds=1)
        changed = await operator.change(
            (await self.newest()).id, lambda found: replace(found, deadline=past)
        )
        await operator.wake(changed)

    async def job_dies(self, kind: str) -> None:
        """Have the job of a kind end as a dead letter, once it waits between two looks."""
        async with await psycopg.AsyncConnection.connect(
            self.journey.bot.database, autocommit=True
        ) as connection:

            async def died() -> bool:
                cursor = await connection.execute(
                    "UPDATE lockgate.procrastinate_jobs SET status = 'failed'"
                    " WHERE task_name = %s AND status = 'todo'",
                    [kind],
                )
                return cursor.rowcount > 0

            await self.journey.until(died, f"no job {kind} waits", 20)

    async def job_runs_again(self, kind: str) -> None:
        """The newest job of a kind runs once more, as one does whose worker was killed at its
        end."""
        async with await psycopg.AsyncConnection.connect(
            self.journey.bot.database, autocommit=True
        ) as connection:
            done = await connection.execute(
                "UPDATE lockgate.procrastinate_jobs SET status = 'todo' WHERE id = ("
                " SELECT max(id) FROM lockgate.procrastinate_jobs WHERE task_name = %s)",
                [kind],
            )
            assert done.rowcount == 1
        await self.journey.rest()

    async def nothing_left(self) -> None:
        """Whatever happened: everything has ended, has been told once, and holds nothing."""
        await self.journey.rest()
        bot = self.journey.bot
        operations = await self.operations()
        for name in {"production", *(one.plan.environment for one in operations)}:
            holder = await bot.operations.fetch_holder(self.repository.id, name)
            assert holder is None, f"operation {holder} holds {name}"
        entries = [
            entry.entry.subject
            for kind in ("promotion", "rollback")
            for entry in await bot.audit.fetch_entries(kind=kind)
        ]
        comments = [
            comment.body
            for pull in self.repository.pulls.values()
            for comment in self.journey.comments_of(pull)
        ]
        for operation in operations:
            assert operation.state in ENDED, operation
            assert operation.concluded, operation
            subject = f"{operation.plan.environment}: operation {operation.id}"
            assert entries.count(subject) == 1, (subject, entries)
            told = [body for body in comments if body.startswith(operation_marker(operation.id))]
            assert len(told) == bool(operation.pull_number), told
        commands = [
            (record.entry.subject, str(record.entry.detail))
            for record in await bot.audit.fetch_entries(kind="command")
        ]
        assert len(commands) == len(set(commands)), commands
        health = await bot.store.queue_health()
        assert health.dead == 0


@asynccontextmanager
async def opened_production(
    database_url: str,
    home: Path,
    policy: str = POLICY,
    on_exchange: Callable[[Exchange], None] | None = None,
    **changes: object,
) -> AsyncIterator[Production]:
    """No worker runs, and nothing was done about the repository yet. Vercel sends its webhooks once
    ``Production.hear_vercel`` was called. ``on_exchange`` sees what is asked of GitHub;
    ``changes`` are to the settings."""
    requests = Requests(on_exchange)
    asked: list[Exchange] = []

    def see(exchange: Exchange) -> None:
        if exchange.method == "POST":
            asked.append(exchange)

    async with Sandbox(on_exchange=requests) as github, SandboxVercel(on_exchange=see) as vercel:
        project = vercel.create_project("shop", domain=DOMAIN, auto_assign=False)
        async with started(
            github,
            requests,
            home,
            database_url,
            vercel_token=Secret(vercel.create_token().value),
            vercel_api_url=vercel.url,
            vercel_webhook_secret=Secret(VERCEL_SECRET),
            **changes,
        ) as journey:
            repository = journey.shop(policy)
            github.set_role(repository, github.user("ada"), "admin")
            github.set_role(repository, github.user("mona"), "write")
            vercel.attach(github, repository, project)
            yield Production(journey, vercel, repository, project, asked)
