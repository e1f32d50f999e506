"""A worker is killed after it has done a command, and before that is written down: the command
runs again once all that it began has ended."""

from datetime import UTC, datetime, timedelta

import pytest
from kitchen import ADD_COLUMN, BACKFILLS, EXPAND, FILL, FOLDER, SLOW_FILL, Kitchen
from production import Production

from bot.core.migrations.runs import RunState
from bot.core.operations.machine import State
from bot.core.render.command import answer_marker
from bot.sandbox.model import Comment, Pull


def told(production: Production, pull: Pull) -> list[tuple[str, list[str]]]:
    """All comments, with what was reacted to them."""
    return [
        (comment.body, [reaction.content for reaction in comment.reactions])
        for comment in production.github.comments_of(pull)
    ]


@pytest.mark.slow
async def test_a_delivery_is_routed_once(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    jobs = await production.journey.bot.store.fetch_jobs()
    await production.job_runs_again("route_deliveries")
    later = await production.journey.bot.store.fetch_jobs()
    assert {job.id for job in later} == {job.id for job in jobs}


@pytest.mark.parametrize(
    "line",
    ["/promote", *(pytest.param(line, marks=pytest.mark.slow) for line in ("/rollback", "/retry"))],
)
async def test_a_command_starts_one_operation_and_has_one_answer(production: Production, line: str):
    await production.live_build("feat: add search")
    pull = production.merged("feat: sort by price")
    if line == "/rollback":
        await production.say(pull, "/promote")
    if line == "/retry":
        production.green(pull, "failure")
        await production.say(pull, "/promote")
        production.green(pull)
    await production.say(pull, line)
    assert production.reactions == ["eyes", "rocket"]
    before, operations = told(production, pull), await production.operations()
    await production.job_runs_again("run_command")
    assert told(production, pull) == before
    assert await production.operations() == operations


@pytest.mark.slow
async def test_a_command_whose_answer_github_does_not_take_is_carried_out_once(
    production: Production,
):
    """Each attempt at the answer froze anew, and the last one at an unlocking found no lock."""
    pull = production.merged("feat: add search")
    await production.say(pull, "/lock the sale begins")
    operations, repository = production.journey.bot.operations, production.repository
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    for line, said in (
        ("/unlock", "**Production is unlocked by ada.** ada had locked it"),
        (f"/freeze production until {tomorrow} the sale", f"is frozen by ada until {tomorrow}"),
    ):
        production.github.faults.answer("POST */comments", 502, times=2)
        comment = production.comment(pull, line)
        await production.journey.until(
            lambda comment=comment: production.answer_to(pull, comment), "no answer comes", 20
        )
        assert said in production.answer_to(pull, comment)
    assert len(await operations.fetch_freezes(repository.id, "production")) == 1


@pytest.mark.slow
async def test_a_delivery_that_is_played_again_is_not_carried_out_again(production: Production):
    """Under another id, where no answer tells of it: its signature is of the body alone."""
    pull = production.merged("feat: add search")
    await production.say(pull, "/lock the sale begins")
    pull.locked = True
    unlocking = production.comment(pull, "/unlock")
    await production.journey.rest()
    pull.locked = False
    await production.say(pull, "/lock it begins tomorrow")
    github = production.github
    (delivery,) = (
        each
        for each in github.hooks.newest_first(github.app)
        if each.action == "created" and f'"id":{unlocking.id},'.encode() in each.body
    )
    github.hooks.send_raw(github.app, "issue_comment", delivery.body)
    await production.journey.rest()
    assert "**Production is unlocked by ada.**" in production.answer_to(pull, unlocking)
    lock = await production.journey.bot.operations.fetch_lock(
        production.repository.id, "production"
    )
    assert lock is not None
    assert lock.reason == "it begins tomorrow"


async def test_a_command_is_carried_out_though_nothing_may_be_reacted(production: Production):
    pull = production.merged("feat: add search")
    refused = "Resource not accessible by integration"
    production.github.faults.answer("POST */reactions", 403, times=None, message=refused)
    assert "is locked by ada" in await production.say(pull, "/lock the sale begins")
    assert production.reactions == []


async def answered_again(production: Production, pull: Pull, comment: Comment) -> tuple[str, str]:
    """The answer to a comment, and what it is where a worker was killed just before it."""
    await production.journey.rest()
    (answer,) = [
        each
        for each in production.journey.comments_of(pull)
        if each.body.startswith(answer_marker(comment.id))
    ]
    production.github.delete_comment(answer)
    await production.job_runs_again("run_command")
    (again,) = [
        each
        for each in production.journey.comments_of(pull)
        if each.body.startswith(answer_marker(comment.id))
    ]
    assert [reaction.content for reaction in comment.reactions] == ["eyes"], "nothing was refused"
    return answer.body, again.body


async def waiting(production: Production, title: str) -> Pull:
    """A promotion that waits for a check."""
    pull, _ = production.checking(title)
    await production.until_it_waits(pull)
    return pull


@pytest.mark.slow
async def test_an_override_that_was_done_is_not_refused(production: Production):
    pull = await waiting(production, "feat: add search")
    comment = production.comment(pull, "/override checks production is down")
    await production.until(State.SUCCEEDED, concluded=True)
    answer, again = await answered_again(production, pull, comment)
    assert "set aside by ada" in answer
    assert again == answer
    assert (await production.newest()).overrides == {"checks": "ada: production is down"}
    later = await production.say(pull, "/override checks production is down")
    assert "refused" in later, "another comment is another matter"


async def test_a_cancelling_that_was_done_is_not_refused(production: Production):
    pull = await waiting(production, "feat: add search")
    comment = production.comment(pull, "/cancel")
    await production.until(State.CANCELLED, concluded=True)
    answer, again = await answered_again(production, pull, comment)
    assert "cancelled" in answer
    assert again == answer


@pytest.mark.slow
async def test_a_run_that_was_cancelled_is_not_refused(kitchen: Kitchen):
    pull = kitchen.merged(
        "feat: search titles",
        {
            f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN,
            f"{BACKFILLS}/{FILL}_title_norm.sql": SLOW_FILL,
        },
    )
    await kitchen.filling(pull)
    comment = kitchen.production.comment(pull, "/cancel")
    answer, again = await answered_again(kitchen.production, pull, comment)
    assert again == answer
    (run,) = await kitchen.runs()
    assert run.state is RunState.CANCELLED
