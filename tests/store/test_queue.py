"""Several who queue the same work at the same time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import psycopg
import pytest

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import Connection, connection_string
from bot.core.work.kinds import Work
from bot.core.work.operations import AdvanceEnvironment
from bot.core.work.pulls import ReconcilePullRequest, RefreshPullRequest, RerunPullRequest
from bot.ports import JobStatus

ADVANCE = AdvanceEnvironment(42, "production")
PULL = ReconcilePullRequest(7, 42, "octo", "shop", 12)
REFRESH = RefreshPullRequest(7, 42, "octo", "shop", 12)
RERUN = RerunPullRequest(7, 42, "octo", "shop", 12)
LATER = timedelta(hours=1)


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[list[Connection]]:
    opened = [
        await psycopg.AsyncConnection.connect(connection_string(database_url), autocommit=True)
        for _ in range(4)
    ]
    yield opened
    for connection in opened:
        await connection.close()


async def enqueued(
    connection: Connection, works: Sequence[Work], delay: timedelta = timedelta()
) -> None:
    async with connection.transaction():
        await queue.enqueue(connection, works, delay)


async def until_waiting(watcher: Connection, *waiting: Connection) -> None:
    """Until each of them waits for a lock that somebody else holds."""
    pids = [connection.info.backend_pid for connection in waiting]
    async with asyncio.timeout(20):
        while True:
            cursor = await watcher.execute(
                "SELECT count(*) FROM unnest(%s::int[]) AS pid WHERE pg_blocking_pids(pid) <> '{}'",
                [pids],
            )
            row = await cursor.fetchone()
            if row and row[0] == len(pids):
                return
            await asyncio.sleep(0.005)


async def held_back(connection: Connection) -> int:
    cursor = await connection.execute(
        "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at > now()"
    )
    row = await cursor.fetchone()
    return row[0] if row else -1


async def test_a_wake_does_not_lose_to_the_same_work_being_queued_for_later(
    connections: list[Connection],
) -> None:
    sleeper, waker, watcher, _ = connections
    async with sleeper.transaction():
        await queue.enqueue(sleeper, [ADVANCE], LATER)
        waking = asyncio.create_task(enqueued(waker, [ADVANCE]))
        await until_waiting(watcher, waker)
    await waking
    assert await held_back(watcher) == 0


async def test_a_wake_does_not_lose_to_a_job_that_is_put_back_for_later(
    connections: list[Connection],
) -> None:
    worker, waker, watcher, _ = connections
    await enqueued(worker, [ADVANCE])
    cursor = await worker.execute("UPDATE procrastinate_jobs SET status = 'doing' RETURNING id")
    job = await cursor.fetchone()
    assert job
    async with worker.transaction():
        assert await queue.put_back_job(worker, job[0], None, delay=LATER) == "waiting"
        waking = asyncio.create_task(enqueued(waker, [ADVANCE]))
        await until_waiting(watcher, waker)
    await waking
    assert await held_back(watcher) == 0


async def test_two_who_wake_one_key_for_different_kinds_do_not_deadlock(
    connections: list[Connection],
) -> None:
    """The first row of the key is held, so that both come as far as they can get."""
    holder, first, second, watcher = connections
    await enqueued(holder, [REFRESH], LATER)
    await enqueued(holder, [PULL, RERUN], LATER)
    async with holder.transaction():
        await holder.execute(
            "SELECT FROM procrastinate_jobs WHERE task_name = %s FOR UPDATE", [REFRESH.kind]
        )
        both = [
            asyncio.create_task(enqueued(first, [PULL])),
            asyncio.create_task(enqueued(second, [RERUN])),
        ]
        await until_waiting(watcher, first, second)
    await asyncio.gather(*both)
    assert await held_back(watcher) == 0


async def dies(connection: Connection, work: Work, error: str) -> int:
    """Its job's id."""
    await enqueued(connection, [work])
    cursor = await connection.execute(
        "UPDATE procrastinate_jobs SET status = 'doing' WHERE status = 'todo' RETURNING id"
    )
    [(job_id,)] = await cursor.fetchall()
    assert await queue.finish_job(connection, job_id, None, "failed", error)
    return int(job_id)


async def test_work_that_dies_again_is_one_dead_letter_with_its_newest_error(
    connections: list[Connection],
) -> None:
    connection, *_ = connections
    other = await dies(connection, AdvanceEnvironment(42, "staging"), "other")
    another = await dies(connection, PULL, "another kind")
    for error in ("first", "second"):
        newest = await dies(connection, ADVANCE, error)
    dead = await queue.fetch_jobs(connection, JobStatus.DEAD, 10)
    assert [(job.id, job.error) for job in dead] == [
        (newest, "second"), (another, "another kind"), (other, "other"),
    ]  # fmt: skip
    assert await queue.retry_job(connection, newest)
    assert [job.id for job in await queue.fetch_jobs(connection, JobStatus.WAITING, 9)] == [newest]
