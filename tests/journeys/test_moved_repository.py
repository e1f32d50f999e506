"""A repository gets another owner, another name or other eyes while the bot is at work on it."""

import httpx
import pytest
from journey import Journey
from production import Production

from bot.core.operations.machine import Operation, State
from bot.core.work.pulls import ReconcilePullRequest
from bot.ports import JobStatus
from bot.sandbox.model import Comment, Pull

pytestmark = pytest.mark.slow


def moved(production: Production, name: str) -> None:
    production.github.rename(production.repository, name)
    production.vercel.repositories[name] = production.project


def let_go(production: Production) -> None:
    """The host does at last what it was asked for."""
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)


async def waiting_at_host(production: Production) -> tuple[Pull, Comment]:
    pull = production.merged("feat: add search")
    production.vercel.switch_seconds = None
    comment = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    return pull, comment


def install_on_acme(production: Production) -> int:
    github = production.github
    return github.install(github.app, github.organization("acme")).id


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
async def test_a_transfer_under_way_ends_at_the_new_owner(production: Production, told: bool):
    """By the event of the transfer, or by what GitHub refuses at the old place."""
    pull, comment = await waiting_at_host(production)
    installation = install_on_acme(production)
    if not told:
        production.github.hooks.faults.drop("*", times=None)
    moved(production, "acme/shop")
    let_go(production)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    operation = await production.newest()
    assert operation.state is State.SUCCEEDED
    assert (operation.repo.installation_id, operation.repo.owner) == (installation, "acme")
    assert "Live:" in production.answer_to(pull, comment)
    assert production.reactions == ["eyes", "rocket"]
    [deployment] = production.repository.deployments.values()
    assert deployment.state == "success"
    production.github.hooks.faults.clear()
    assert pull.merge_commit_sha[:7] in await production.say(pull, "/status")


async def until_waiting(production: Production) -> Operation:
    github, pull = production.github, production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    production.green(pull, None)
    production.comment(pull, "/promote --when-ready")
    return await production.until(State.WAITING)


async def test_a_transfer_before_the_gates_pass(production: Production):
    await until_waiting(production)
    install_on_acme(production)
    moved(production, "acme/shop")
    [pull] = production.repository.pulls.values()
    production.green(pull)
    await production.nothing_left()
    assert (await production.newest()).state is State.SUCCEEDED
    assert await production.served() == pull.merge_commit_sha


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
async def test_a_transfer_to_where_the_app_is_not(production: Production, private: bool):
    """It ends, says why and what to do, and holds nothing; installed, the App tells the end."""
    github, repository = production.github, production.repository
    repository.private = private
    await until_waiting(production)
    moved(production, "acme/shop")
    [pull] = repository.pulls.values()
    production.green(pull)
    await production.journey.bot.engine.shipping.operator.wake(await production.newest())
    ended = await production.until(State.FAILED, concluded=True)
    assert "the App is not installed on octo/shop any more" in ended.outcome
    assert ended.outcome.endswith("Production is unchanged.")
    assert "install the App where the repository is now" in ended.remedy
    await production.journey.rest()
    operations = production.journey.bot.operations
    assert await operations.fetch_holder(repository.id, "production") is None
    assert production.live is None
    health = await production.journey.bot.store.queue_health()
    assert health.dead == 0
    install_on_acme(production)
    github.edit_pull(production.opened("feat: sort by price"), title="feat: sort by size")
    await production.nothing_left()
    told = [comment.body for comment in production.journey.comments_of(pull)]
    assert any("nstall the App where the repository is now" in body for body in told), told


async def test_jobs_for_the_old_owner_end_and_are_not_tried_again(production: Production):
    """What may be read by everybody is read, and GitHub refuses what is then to be written."""
    journey, github = production.journey, production.github
    pull = production.opened("feat: add search")
    await journey.rest()
    old = github.installation_of(github.app, production.repository)
    install_on_acme(production)
    await journey.rest()
    github.hooks.faults.drop("*", times=None)
    moved(production, "acme/shop")
    github.edit_pull(pull, title="Add search")
    repo = (old.id, production.repository.id, "octo", "shop")
    await journey.bot.store.enqueue(ReconcilePullRequest(*repo, pull.number))
    await journey.until(journey.idle, "it is tried again", patience=5)
    assert await journey.bot.store.fetch_jobs(JobStatus.DEAD) == []
    known = await journey.bot.engine.shipping.repositories.fetch_repository(repo[1])
    assert known.full_name == "acme/shop"


async def test_a_stranger_loses_sight_of_what_was_made_private_at_once(journey: Journey):
    """Also while GitHub cannot be asked; and sees it again once GitHub says that it is public."""
    pull = journey.github.open_pull(journey.shop(), "feat: add search")
    await journey.rest()
    page = f"{journey.bot.settings.public_url}/repos/octo/shop/pulls/{pull.number}"

    async def answered(client: httpx.AsyncClient, status: int) -> bool:
        asked = await client.get(page, headers={"Host": "lockgate.example"})
        return asked.status_code == status

    async with httpx.AsyncClient() as client:
        assert await answered(client, 200)
        journey.github.faults.answer("*", 502, times=None)
        journey.github.set_private(pull.repository, True)
        await journey.until(lambda: answered(client, 404), "it can still be seen", patience=5)
        journey.github.faults.clear()
        await journey.rest()
        assert await answered(client, 404)
        journey.github.set_private(pull.repository, False)
        await journey.until(lambda: answered(client, 200), "it stays hidden", patience=5)


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
async def test_a_command_of_just_before_a_transfer_is_answered_after_it(
    idle_production: Production, private: bool
):
    production, journey = idle_production, idle_production.journey
    production.repository.private = private
    pull = production.merged("feat: add search")
    await journey.github.hooks.settled()
    comment = production.comment(pull, "/promote")
    await journey.github.hooks.settled()
    install_on_acme(production)
    moved(production, "acme/shop")
    async with journey.working():
        await production.nothing_left()
        assert (await production.newest()).state is State.SUCCEEDED
        assert "Live:" in production.answer_to(pull, comment)
        assert production.reactions == ["eyes", "rocket"]
        assert await journey.bot.store.fetch_jobs(JobStatus.DEAD) == []


async def test_a_command_that_nobody_can_answer_any_more_ends(idle_production: Production):
    """The comment is gone, or the App is not installed where the repository is now."""
    production, journey = idle_production, idle_production.journey
    pull = production.merged("feat: add search")
    journey.github.delete_comment(production.comment(pull, "/status"))
    production.comment(pull, "/status")
    await journey.github.hooks.settled()
    moved(production, "acme/shop")
    async with journey.working():
        await journey.until(journey.idle, "it is tried again", patience=5)
    assert await journey.bot.store.fetch_jobs(JobStatus.DEAD) == []
    assert journey.comments_of(pull) == []
