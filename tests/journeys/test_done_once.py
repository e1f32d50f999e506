"""A worker is killed after it has done a command, and before that is written down: the command
runs again once all that it began has ended."""

import pytest
from production import Production

from bot.sandbox.model import Pull


def told(production: Production, pull: Pull) -> list[tuple[str, list[str]]]:
    """All comments, with what was reacted to them."""
    return [
        (comment.body, [reaction.content for reaction in comment.reactions])
        for comment in production.github.comments_of(pull)
    ]


async def test_a_delivery_is_routed_once(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    jobs = await production.journey.bot.store.fetch_jobs()
    await production.job_runs_again("route_deliveries")
    later = await production.journey.bot.store.fetch_jobs()
    assert {job.id for job in later} == {job.id for job in jobs}


@pytest.mark.parametrize("line", ["/promote", "/rollback", "/retry"])
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
