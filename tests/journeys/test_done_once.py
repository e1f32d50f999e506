"""A worker is killed after it has done a command, and before that is written down: the command
runs again once all that it began has ended."""

import psycopg
import pytest
from production import Production

from bot.sandbox.model import Pull


async def again(production: Production, kind: str) -> None:
    """The newest job of a kind runs once more, as one does whose worker was killed at its end."""
    async with await psycopg.AsyncConnection.connect(
        production.journey.bot.database, autocommit=True
    ) as connection:
        done = await connection.execute(
            "UPDATE lockgate.procrastinate_jobs SET status = 'todo' WHERE id = ("
            " SELECT max(id) FROM lockgate.procrastinate_jobs WHERE task_name = %s)",
            [kind],
        )
        assert done.rowcount == 1
    await production.journey.rest()


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
    await again(production, "route_deliveries")
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
    await again(production, "run_command")
    assert told(production, pull) == before
    assert await production.operations() == operations
