"""The worker on a real queue: order, failures, and what it does when it is stopped or killed."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.postgres.worker import Handler, Recurring, run_worker
from bot.core.work.deliveries import SweepDeliveries
from bot.core.work.kinds import Work
from bot.core.work.pulls import ReconcilePullRequest, RerunPullRequest
from bot.core.work.upkeep import PruneStore
from bot.ports import Job, JobInfo, JobStatus, RetryLater


def pull(number: int) -> ReconcilePullRequest:
    return ReconcilePullRequest(7, 42, "octo", "shop", number)


class Bench:
    """Handlers that note what they are given, and wait until they are let go."""

    def __init__(self) -> None:
        self.seen: list[tuple[Work, JobInfo]] = []
        self.running: set[str] = set()
        self.most_of_one_key = 0
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Condition()

    async def handle(self, work: Any, job: JobInfo) -> None:
        overlap = work.key in self.running
        self.most_of_one_key = max(self.most_of_one_key, 1 + overlap)
        self.running.add(work.key)
        self.most_at_once = max(self.most_at_once, len(self.running))
        await self._note(work, job)
        try:
            await self.gate.wait()
        finally:
            self.running.discard(work.key)

    async def _note(self, work: Any, job: JobInfo) -> None:
        async with self.changed:
            self.seen.append((work, job))
            self.changed.notify_all()

    async def until(self, count: int, seconds: float = 60) -> None:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: len(self.seen) >= count)


@asynccontextmanager
async def working(
    url: str, handlers: Mapping[str, Handler], **options: Any
) -> AsyncIterator[asyncio.Task[None]]:
    options = {"recurring": (), "concurrency": 4} | options
    task = asyncio.create_task(run_worker(url, handlers, **options))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_jobs(
    store: PostgresStore, true: Callable[[list[Job]], bool], seconds: float = 60
) -> list[Job]:
    async with asyncio.timeout(seconds):
        while not true(found := await store.fetch_jobs(limit=1000)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


def all_done(jobs: list[Job]) -> bool:
    return all(job.status is JobStatus.DONE for job in jobs)


async def test_work_reaches_its_handler_with_what_is_known_of_its_job(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    async with working(database_url, {"reconcile_pull_request": bench.handle}):
        await store.enqueue(pull(1))
        await bench.until(1)
        (job,) = await until_jobs(store, all_done)
    ((work, info),) = bench.seen
    assert work == pull(1)
    assert (info.id, info.attempt) == (job.id, 1)
    assert info.queued_at == job.queued_at
    assert datetime.now(UTC) - info.queued_at < timedelta(minutes=1)


async def test_jobs_of_one_key_run_one_after_another_and_of_others_at_once(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    handlers = {"reconcile_pull_request": bench.handle, "rerun_pull_request": bench.handle}
    bench.gate.clear()
    for number in (1, 2, 3):
        await store.enqueue(pull(number))
        await store.enqueue(RerunPullRequest(7, 42, "octo", "shop", number))
    async with working(database_url, handlers, concurrency=6):
        await bench.until(3)
        bench.gate.set()
        await until_jobs(store, all_done)
    assert len(bench.seen) == 6
    assert bench.most_of_one_key == 1
    assert bench.most_at_once == 3


async def test_chained_jobs_of_one_key_do_not_wait_for_a_long_poll(
    database_url: str, store: PostgresStore
) -> None:
    """A lock that is released wakes nobody: the next job waits for the next look at the queue."""
    bench = Bench()
    async with working(database_url, {"reconcile_pull_request": bench.handle}, concurrency=2):
        for n in range(6):
            await store.enqueue(pull(1))
            await bench.until(n + 1, seconds=4.5)


async def test_work_queued_while_the_same_runs_is_done_once_more(
    database_url: str, store: PostgresStore
) -> None:
    """What runs has read the state already: an event after that needs another look."""
    bench = Bench()
    bench.gate.clear()
    async with working(database_url, {"reconcile_pull_request": bench.handle}):
        await store.enqueue(pull(1))
        await bench.until(1)
        for _ in range(5):
            await store.enqueue(pull(1))
        bench.gate.set()
        await until_jobs(store, all_done)
    assert len(bench.seen) == 2


async def test_failed_job_is_tried_again_and_dead_in_the_end(
    database_url: str, store: PostgresStore
) -> None:
    attempts: list[int] = []

    async def fail(_: Any, job: JobInfo) -> None:
        attempts.append(job.attempt)
        raise ValueError("no luck with ghs_16C7e42F292c6912E7710c838347Ae178B4a\0")

    async with working(database_url, {"reconcile_pull_request": fail}, max_attempts=3):
        await store.enqueue(pull(1))
        (job,) = await until_jobs(store, lambda jobs: jobs[0].status is JobStatus.DEAD)
        assert attempts == [1, 2, 3]
        assert job.attempts == 3
        assert job.error == "ValueError: no luck with [redacted]"
        assert (await store.queue_health()).dead == 1
        assert await store.retry_job(job.id)
        await until_jobs(store, lambda jobs: len(attempts) > 3 and jobs[0].attempts == 3)
    assert attempts == [1, 2, 3, 1, 2, 3]


async def test_postponed_job_waits_for_as_long_as_it_was_told_and_loses_no_attempt(
    database_url: str, store: PostgresStore
) -> None:
    seen: list[int] = []
    limit = "GitHub's limit resets in an hour"

    async def postpone(_: Any, job: JobInfo) -> None:
        seen.append(job.attempt)
        if len(seen) < 4:
            raise RetryLater(timedelta(milliseconds=50))
        if len(seen) == 4:
            raise RetryLater(timedelta(hours=1), limit)

    async with working(database_url, {"reconcile_pull_request": postpone}, max_attempts=2):
        await store.enqueue(pull(1))
        (job,) = await until_jobs(
            store, lambda jobs: jobs[0].error == limit and jobs[0].status is JobStatus.WAITING
        )
        assert job.due_at is not None
        assert timedelta(minutes=59) < job.due_at - datetime.now(UTC) <= timedelta(hours=1)
        await store.enqueue(pull(1))
        await until_jobs(store, all_done)
    assert seen == [1] * 5


async def test_failed_job_gives_way_to_the_same_work_queued_meanwhile(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    bench.gate.clear()

    async def fail_first(work: Any, job: JobInfo) -> None:
        await bench.handle(work, job)
        if len(bench.seen) == 1:
            raise ValueError("first")

    async with working(database_url, {"reconcile_pull_request": fail_first}):
        await store.enqueue(pull(1))
        await bench.until(1)
        await store.enqueue(pull(1))
        bench.gate.set()
        jobs = await until_jobs(store, lambda jobs: len(jobs) == 2 and all_done(jobs))
    assert len(bench.seen) == 2
    assert len({job.id for job in jobs}) == 2


async def test_job_of_an_unknown_kind_is_left_for_another_release(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    await store.enqueue(SweepDeliveries())
    await store.enqueue(pull(1))
    async with working(database_url, {"reconcile_pull_request": bench.handle}):
        await bench.until(1)
        jobs = await until_jobs(store, lambda jobs: all(job.due_at for job in jobs[1:]))
    unknown = jobs[-1]
    assert (unknown.kind, unknown.status) == ("sweep_deliveries", JobStatus.WAITING)
    assert unknown.attempts == 0


async def test_recurring_work_is_queued_once_over_many_workers(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    handlers = {"sweep_deliveries": bench.handle, "prune_store": bench.handle}
    recurring = (
        Recurring(SweepDeliveries(), timedelta(hours=1), at_start=True),
        Recurring(PruneStore(), timedelta(hours=1)),
    )
    async with (
        working(database_url, handlers, recurring=recurring),
        working(database_url, handlers, recurring=recurring),
        working(database_url, handlers, recurring=recurring),
    ):
        await bench.until(2)
        await until_jobs(store, all_done)
    assert sorted(work.kind for work, _ in bench.seen) == ["prune_store", "sweep_deliveries"]
    await _execute(database_url, "UPDATE schedules SET last_at = now() - interval '1 minute'")
    async with working(database_url, handlers, recurring=recurring):
        await bench.until(3)
    assert bench.seen[2][0] == SweepDeliveries(), "at the start, if that was not just now"


async def test_stopping_lets_what_runs_finish(database_url: str, store: PostgresStore) -> None:
    bench = Bench()
    bench.gate.clear()
    async with working(database_url, {"reconcile_pull_request": bench.handle}) as task:
        await store.enqueue(pull(1))
        await bench.until(1)
        task.cancel()
        await store.enqueue(pull(2))
        bench.gate.set()
        with suppress(asyncio.CancelledError):
            await task
    statuses = {job.args["number"]: job.status for job in await store.fetch_jobs()}
    assert statuses == {1: JobStatus.DONE, 2: JobStatus.WAITING}


async def test_stopping_puts_back_what_does_not_finish_in_time(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    bench.gate.clear()
    grace = timedelta(milliseconds=100)
    handlers = {"reconcile_pull_request": bench.handle}
    async with working(database_url, handlers, grace=grace) as task:
        await store.enqueue(pull(1))
        await bench.until(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    (job,) = await store.fetch_jobs()
    assert (job.status, job.attempts, job.due_at) == (JobStatus.WAITING, 0, None)


@pytest.mark.slow
async def test_what_still_runs_while_stopping_is_not_taken_for_stalled(
    database_url: str, store: PostgresStore
) -> None:
    bench, other = Bench(), Bench()
    bench.gate.clear()
    async with working(database_url, {"reconcile_pull_request": bench.handle}) as stopping:
        await store.enqueue(pull(1))
        await bench.until(1)
        stopping.cancel()
        handlers = {"reconcile_pull_request": other.handle, "sweep_deliveries": other.handle}
        async with working(database_url, handlers):
            # It looks for stalled jobs each second: long enough for it to find one.
            for n in range(5):
                await store.enqueue(SweepDeliveries(), delay=timedelta(seconds=1))
                await other.until(n + 1)
        assert await store.fetch_jobs(JobStatus.RUNNING)
        bench.gate.set()
        with suppress(asyncio.CancelledError):
            await stopping
    assert {work.kind for work, _ in other.seen} == {"sweep_deliveries"}
    jobs = {job.kind: job for job in await store.fetch_jobs()}
    assert jobs["reconcile_pull_request"].status is JobStatus.DONE
    assert jobs["reconcile_pull_request"].attempts == 1


async def test_worker_stops_at_whatever_moment_it_is_told(
    database_url: str, store: PostgresStore
) -> None:
    """Before Python 3.12 a cancellation that meets an answer of the database may be lost."""
    bench = Bench()
    recurring = (Recurring(SweepDeliveries(), timedelta()),)
    for n in range(40):
        task = asyncio.create_task(
            run_worker(database_url, {"sweep_deliveries": bench.handle}, recurring=recurring)
        )
        await asyncio.sleep(n / 400)
        task.cancel()
        async with asyncio.timeout(30):
            with suppress(asyncio.CancelledError):
                await task
        assert task.cancelled()


async def _execute(url: str, query: str) -> None:
    async with await psycopg.AsyncConnection.connect(
        connection_string(url), autocommit=True
    ) as connection:
        await connection.execute(query)  # type: ignore[arg-type]


_VICTIM = textwrap.dedent(
    """
    import asyncio, sys
    from bot.adapters.postgres.worker import run_worker

    async def handle(work, job):
        print(job.attempt, flush=True)
        await asyncio.sleep(3600)

    asyncio.run(run_worker(sys.argv[1], {"reconcile_pull_request": handle}, recurring=()))
    """
)


async def _start_victim(url: str) -> asyncio.subprocess.Process:
    """A worker in a process of its own, with a job in its hands."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _VICTIM, url, stdout=subprocess.PIPE
    )
    assert victim.stdout is not None
    async with asyncio.timeout(30):
        assert await victim.stdout.readline() == b"1\n"
    return victim


async def test_job_of_a_killed_worker_is_done_once_more(
    database_url: str, store: PostgresStore
) -> None:
    await store.enqueue(pull(1))
    victim = await _start_victim(database_url)
    bench = Bench()
    async with working(database_url, {"reconcile_pull_request": bench.handle}):
        os.kill(victim.pid, signal.SIGKILL)
        await victim.wait()
        await bench.until(1)
        (job,) = await until_jobs(store, all_done)
    assert [info.attempt for _, info in bench.seen] == [2]
    assert "vanished" in job.error


async def test_job_that_kills_its_workers_is_dead_in_the_end(
    database_url: str, store: PostgresStore
) -> None:
    await store.enqueue(pull(1))
    victim = await _start_victim(database_url)
    bench = Bench()
    handlers = {"reconcile_pull_request": bench.handle}
    async with working(database_url, handlers, max_attempts=1):
        os.kill(victim.pid, signal.SIGKILL)
        await victim.wait()
        (job,) = await until_jobs(store, lambda jobs: jobs[0].status is JobStatus.DEAD)
    assert not bench.seen
    assert "vanished" in job.error


async def test_worker_that_was_taken_for_dead_does_not_end_the_job_of_another(
    database_url: str, store: PostgresStore
) -> None:
    bench = Bench()
    bench.gate.clear()
    handlers = {"reconcile_pull_request": bench.handle}
    async with working(database_url, handlers):
        await store.enqueue(pull(1))
        await bench.until(1)
        # Another worker holds it now.
        await _execute(
            database_url,
            "WITH other AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
            " UPDATE procrastinate_jobs SET worker_id = other.id FROM other",
        )
        bench.gate.set()
    (job,) = await store.fetch_jobs()
    assert job.status is not JobStatus.DONE
