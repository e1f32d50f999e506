"""Two at work on one repository's release at once, as when a worker that was taken for dead is not,
and pushes while it is written: one pull request, one tag, one release, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from databases import Databases
from journey import Journey
from test_release_publish import published
from test_release_pull import BRANCH, head_of, push, release_pulls, shop, text, work

from bot.ports import HubUnavailable
from bot.sandbox.code import CommitSpec
from bot.sandbox.http import Exchange
from bot.sandbox.model import Repository
from bot.settings import Secret
from bot.wiring.bot import Bot, open_bot

pytestmark = pytest.mark.slow


@pytest.fixture(params=["one database", "two databases"])
async def other(
    request: pytest.FixtureRequest, idle_journey: Journey, databases: Databases
) -> AsyncIterator[Bot]:
    """A second bot with connections and memories of its own."""
    apart = request.param == "two databases"
    database = databases.take() if apart else idle_journey.bot.database
    settings = replace(idle_journey.bot.settings, database_url=Secret(database))
    async with open_bot(settings) as bot:
        yield bot
    if apart:
        databases.give_back(database)


async def at_once(journey: Journey, repository: Repository, *bots: Bot) -> None:
    async def reconcile(bot: Bot) -> None:
        while True:
            try:
                run = bot.engine.shipping.releases.reconcile_release
                return await run(work(journey, repository), "a test")
            except HubUnavailable:  # then its job is run again
                pass

    async with asyncio.timeout(30):
        await asyncio.gather(*map(reconcile, bots))


async def test_two_at_once_make_one_of_each(idle_journey: Journey, other: Bot) -> None:
    github, bot = idle_journey.github, idle_journey.bot
    repository = shop(idle_journey)
    push(idle_journey, repository, "feat: add search")
    await at_once(idle_journey, repository, bot, other, bot)
    (pull,) = release_pulls(repository)
    assert pull.title == "chore(release): v1.5.0"
    push(idle_journey, repository, "fix: round prices")
    await at_once(idle_journey, repository, other, bot, other)
    assert release_pulls(repository) == [pull]
    assert "round prices" in (pull.body or "")
    ahead = repository.git.store.ahead(pull.head_sha, head_of(repository))
    assert ahead == [pull.head_sha], "one commit, on the trunk's head"

    github.merge(pull, "squash", by=github.user("ada"))
    await at_once(idle_journey, repository, bot, other, bot)
    assert repository.git.refs["refs/tags/v1.5.0"] == pull.merge_commit_sha
    assert published(repository).tag_name == "v1.5.0"
    assert release_pulls(repository) == [pull], "nothing is left to release"


async def test_a_push_to_the_trunk_while_the_branch_is_written(journey: Journey) -> None:
    repository = shop(journey)
    after(journey, "POST", "/git/commits", lambda: push(journey, repository, "feat: add search"))
    push(journey, repository, "fix: round prices")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert pull.title == "chore(release): v1.5.0"
    assert "round prices" in text(repository, "CHANGELOG.md")
    ahead = repository.git.store.ahead(pull.head_sha, head_of(repository))
    assert ahead == [pull.head_sha]


async def test_a_push_to_the_branch_while_it_is_written_stays(journey: Journey) -> None:
    repository = shop(journey)
    push(journey, repository, "fix: round prices")
    await journey.rest()
    theirs = CommitSpec("docs: news", {"NEWS.md": "mine\n"})
    after(
        journey,
        "POST",
        "/git/commits",
        lambda: journey.github.push(repository, BRANCH, theirs),
    )
    push(journey, repository, "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository)
    assert (pull.state, pull.title) == ("open", "chore(release): v1.5.0")
    assert text(repository, "NEWS.md") == "mine\n"
    assert "add search" in text(repository, "CHANGELOG.md")


def after(journey: Journey, method: str, path: str, happens: Callable[[], object]) -> None:
    """Once, when such a request has been carried out and before it is answered."""

    def watch(exchange: Exchange) -> None:
        if exchange.method == method and exchange.path.endswith(path):
            journey.requests.on_exchange = None
            happens()

    journey.requests.on_exchange = watch
