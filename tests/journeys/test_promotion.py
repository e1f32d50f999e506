"""Production moves by comment: promoted, verified, rolled back, and refused where it is unsafe."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from journey import Journey, Requests, started

from bot.core.operations.machine import Operation, State
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Comment, Pull, Repository
from bot.sandbox.server import Sandbox
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.model import Deployment, Project
from bot.settings import Secret

POLICY = """\
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, checks, deployment, freeze, lock]
"""


@dataclass
class Production:
    """A shop on a sandbox Vercel, whose pushes are built there."""

    journey: Journey
    vercel: SandboxVercel
    repository: Repository
    project: Project

    @property
    def github(self) -> Sandbox:
        return self.journey.github

    def merged(self, title: str, *, by: str = "ada") -> Pull:
        """A pull request that was squashed onto the trunk, with a green check and a build."""
        pull = self.github.open_pull(self.repository, title, by=self.github.user("mona"))
        self.github.merge(pull, "squash", by=self.github.user(by))
        self.green(pull)
        return pull

    def green(self, pull: Pull, conclusion: str = "success") -> None:
        self.github.create_check(
            self.repository, self.ci, pull.merge_commit_sha, "test", conclusion=conclusion
        )

    @property
    def ci(self):
        for app in self.github.apps.values():
            if app.slug == "ci":
                return app
        app = self.github.create_app("ci", permissions={"checks": "write"}, events=())
        self.github.install(app, self.repository.owner)
        return app

    def comment(self, pull: Pull, body: str, *, by: str = "ada") -> Comment:
        return self.github.comment(pull, body, by=self.github.user(by))

    async def say(self, pull: Pull, body: str, *, by: str = "ada") -> str:
        """Type a command, wait for rest, and read the bot's newest comment."""
        comment = self.comment(pull, body, by=by)
        await self.journey.rest()
        self.reactions = [reaction.content for reaction in comment.reactions]
        answers = [c for c in self.journey.comments_of(pull) if c.id > comment.id]
        return answers[-1].body if answers else ""

    @property
    def live(self) -> Deployment | None:
        return self.vercel.live(self.project)

    async def served(self) -> str:
        """The commit that the production domain answers with."""
        async with httpx.AsyncClient() as client:
            site = self.vercel.site("shop.example.com")
            return (await client.get(f"{site}.well-known/lockgate.json")).json()["sha"]

    async def operations(self) -> list[Operation]:
        return await self.journey.bot.operations.fetch_operations(self.repository.id)


@pytest.fixture
async def production(database_url: str, tmp_path: Path) -> AsyncIterator[Production]:
    requests = Requests()
    async with Sandbox(on_exchange=requests) as github, SandboxVercel() as vercel:
        token = vercel.create_token().value
        project = vercel.create_project("shop", domain="shop.example.com", auto_assign=False)
        async with (
            started(
                github,
                requests,
                tmp_path,
                database_url,
                vercel_token=Secret(token),
                vercel_api_url=vercel.url,
            ) as journey,
            journey.working(),
        ):
            repository = journey.shop(POLICY)
            github.set_role(repository, github.user("ada"), "admin")
            github.set_role(repository, github.user("mona"), "write")
            vercel.attach(github, repository, project)
            await journey.rest()
            yield Production(journey, vercel, repository, project)


async def test_a_merged_pull_request_is_promoted_and_verified(production: Production):
    pull = production.merged("feat: add search")
    said = await production.say(pull, "/promote")
    assert "Live:" in said
    assert production.live.sha == pull.merge_commit_sha
    assert await production.served() == pull.merge_commit_sha
    assert production.reactions == ["eyes", "rocket"]
    (operation,) = await production.operations()
    assert operation.state is State.SUCCEEDED
    assert (
        await production.journey.bot.operations.fetch_holder(operation.repo.id, "production")
        is None
    )


async def test_a_red_check_holds_a_promotion(production: Production):
    pull = production.merged("feat: add search")
    production.green(pull, "failure")
    said = await production.say(pull, "/promote")
    assert "refused" in said
    assert "test" in said
    assert production.live is None
    assert production.reactions == ["eyes", "-1"]


async def test_a_rollback_puts_the_previous_good_build_back(production: Production):
    good = production.merged("feat: add search")
    await production.say(good, "/promote")
    bad = production.merged("feat: break everything")
    await production.say(bad, "/promote")
    assert await production.served() == bad.merge_commit_sha
    said = await production.say(bad, "/rollback")
    assert "Rolled back" in said
    assert await production.served() == good.merge_commit_sha


async def test_what_is_live_already_is_not_promoted_again(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    assert "already" in await production.say(pull, "/promote")
    assert len(await production.operations()) == 1


async def test_a_dry_run_changes_nothing_and_shows_the_plan_of_the_run(production: Production):
    pull = production.merged("feat: add search")
    said = await production.say(pull, "/promote --dry-run")
    assert production.live is None
    await production.say(pull, "/promote")
    (operation,) = await production.operations()
    assert operation.plan.digest in said


async def test_a_writer_may_not_promote(production: Production):
    pull = production.merged("feat: add search")
    said = await production.say(pull, "/promote", by="mona")
    assert "refused" in said
    assert "maintain" in said
    assert production.live is None


async def test_a_lock_holds_promotions_and_an_override_counts_once(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/lock the database is being moved")
    assert "locked" in (await production.say(pull, "/promote")).lower()
    await production.say(pull, "/unlock")
    await production.say(pull, "/promote")
    assert production.live.sha == pull.merge_commit_sha


async def test_status_says_what_is_live(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    said = await production.say(pull, "/status")
    assert pull.merge_commit_sha[:7] in said


async def test_help_is_for_everybody(production: Production):
    pull = production.merged("feat: add search")
    assert "/promote" in await production.say(pull, "/help", by="mona")


async def test_a_broken_policy_refuses_a_promotion_and_lets_a_rollback_through(
    production: Production,
):
    good = production.merged("feat: add search")
    await production.say(good, "/promote")
    bad = production.merged("feat: break everything")
    await production.say(bad, "/promote")
    production.github.push(
        production.repository,
        "main",
        CommitSpec("chore: break the policy", {".github/lockgate.yml": "nonsense: [1"}),
    )
    await production.journey.rest()
    assert "refused" in await production.say(bad, "/promote")
    assert "Rolled back" in await production.say(bad, "/rollback")
    assert await production.served() == good.merge_commit_sha


async def test_commands_in_quotes_and_code_are_silence(production: Production):
    pull = production.merged("feat: add search")
    assert (
        await production.say(pull, "> /promote\n\n```\n/promote\n```\n\n<!--\n/promote\n-->") == ""
    )
    assert production.live is None
