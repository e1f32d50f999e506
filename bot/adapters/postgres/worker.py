"""Takes jobs from the queue and hands each to the handler of its kind.

procrastinate's worker does the fetching and the bookkeeping of what runs. On top of it: a worker
that was killed has its jobs taken over, a failed job waits longer each time and is dead in the
end, recurring work is queued once over all workers, and a database that goes away is waited for.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import procrastinate
import psycopg
import structlog
from procrastinate import exceptions, jobs, manager
from procrastinate import worker as library

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import Connection, Pool, connection_pool, with_connection
from bot.core.backoff import MAX_ATTEMPTS, backoff
from bot.core.work.deliveries import SweepDeliveries
from bot.core.work.kinds import Work, from_args
from bot.core.work.objectives import SweepObjectives
from bot.core.work.observations import SweepEnvironments
from bot.core.work.probes import AskProbes, SweepProbes
from bot.core.work.schemas import SweepSchemas
from bot.core.work.upkeep import PruneStore, SequenceAudit
from bot.logs import log_context
from bot.metrics import JOB_SECONDS, JOBS
from bot.ports import JobInfo, RetryLater, StoreUnavailable

log = structlog.get_logger()

Handler: TypeAlias = Callable[[Any, JobInfo], Awaitable[None]]
"""Called with the work (of the kind it is registered for) and what is known of its job."""

POLL = 0.1
"""Seconds between looks at the queue: a lock that was released wakes nobody by itself."""
BEAT = 1.0
_NEVER = 1e9
STALLED_AFTER = timedelta(seconds=3)
FORGET_WORKERS_AFTER = 300.0
UNKNOWN_KIND_DELAY = timedelta(seconds=30)
"""During an upgrade a worker of the other release takes it before long."""
PERSIST_FOR = 60.0
"""Seconds for which the outcome of a job is held on to while the database is away."""


@dataclass(frozen=True, slots=True)
class Recurring:
    """Work that is queued again and again, once over all workers."""

    work: Work
    every: timedelta
    at_start: bool = False
    """Also when a worker starts, unless one did so within the last half minute."""


RECURRING = (
    Recurring(SweepDeliveries(), timedelta(minutes=5), at_start=True),
    Recurring(SweepEnvironments(), timedelta(minutes=5)),
    Recurring(SweepSchemas(), timedelta(minutes=5)),
    Recurring(SweepProbes(), timedelta(minutes=5)),
    Recurring(AskProbes(), timedelta(seconds=10)),
    Recurring(SweepObjectives(), timedelta(minutes=1)),
    Recurring(PruneStore(), timedelta(hours=1)),
    Recurring(SequenceAudit(), timedelta(seconds=10)),
)
_START_GAP = timedelta(seconds=30)
_SCHEDULE_POLL = 5.0


@dataclass(frozen=True, slots=True)
class _Ending:
    """What is to become of a job whose handler has ended."""

    outcome: str
    delay: timedelta = timedelta()
    error: str = ""


async def run_worker(
    conninfo: str,
    handlers: Mapping[str, Handler],
    *,
    concurrency: int = 8,
    grace: timedelta = timedelta(seconds=25),
    recurring: Sequence[Recurring] = RECURRING,
    max_attempts: int = MAX_ATTEMPTS,
) -> None:
    """Work until cancelled. ``handlers`` maps a work's kind to its handler.

    Cancelling stops the fetching; what runs may finish within ``grace``, and is then cancelled
    and put back. It returns only once that is done. A handler may be run again with the same work
    after a crash, so what it does must come to the same when done twice.
    """
    # The work is told to stop and never cancelled: before Python 3.12 ``asyncio.wait_for``, on
    # which psycopg waits, may lose a cancellation, and the worker would run on for ever.
    stop = asyncio.Event()
    running = asyncio.create_task(
        _run(conninfo, handlers, stop, concurrency, grace, recurring, max_attempts)
    )
    cancelled = False
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            cancelled = True
            stop.set()
    running.result()
    if cancelled:
        raise asyncio.CancelledError


async def _run(
    conninfo: str,
    handlers: Mapping[str, Handler],
    stop: asyncio.Event,
    concurrency: int,
    grace: timedelta,
    recurring: Sequence[Recurring],
    max_attempts: int,
) -> None:
    pool = connection_pool(conninfo, size=4, wait=5.0)
    await pool.open(wait=False)
    try:
        connector = procrastinate.PsycopgConnector()
        await connector.open_async(pool)
        app = procrastinate.App(connector=connector)
        queue_manager = _QueueManager(connector, pool, handlers.keys(), max_attempts)
        app.job_manager = queue_manager
        for kind, handler in handlers.items():
            app.task(name=kind, pass_context=True)(_task(kind, handler, queue_manager))
        async with asyncio.TaskGroup() as group:
            group.create_task(_work(app, pool, stop, concurrency, grace))
            group.create_task(_every(BEAT, stop, lambda: _rescue(pool, max_attempts)))
            wanted = [item for item in recurring if item.work.kind in handlers]
            group.create_task(_schedule(pool, stop, wanted))
    finally:
        await pool.close()


async def _work(
    app: procrastinate.App, pool: Pool, stop: asyncio.Event, concurrency: int, grace: timedelta
) -> None:
    while not stop.is_set():
        worker = library.Worker(
            app,
            concurrency=concurrency,
            fetch_job_polling_interval=POLL,
            shutdown_graceful_timeout=grace.total_seconds(),
            install_signal_handlers=False,
            stalled_worker_timeout=FORGET_WORKERS_AFTER,
            # Not used: jobs are not aborted from outside, and the heart is ours.
            abort_job_polling_interval=_NEVER,
            update_heartbeat_interval=_NEVER,
        )
        ended = asyncio.Event()
        beating = asyncio.create_task(_every(BEAT, ended, partial(_beat, pool, worker)))
        running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            worker.stop()  # type: ignore[no-untyped-call]
            await running
        except exceptions.ConnectorException as error:
            log.warning("queue_unavailable", error=str(error.__cause__ or error))
        finally:
            stopping.cancel()
            ended.set()
            await beating
        # It ends by itself only when the database was away at the wrong moment.
        await _pause(1.0, stop)


async def _beat(pool: Pool, worker: library.Worker) -> None:
    """Say that the worker lives, also while it is stopping: the library falls silent then, and
    what it still runs would be taken from it."""
    worker_id = worker.worker_id
    if worker_id is not None:
        await with_connection(
            pool, lambda c: c.execute(queue.SQL["beat"], {"worker_id": worker_id})
        )


def _task(
    kind: str, handler: Handler, endings: "_QueueManager"
) -> Callable[..., Coroutine[Any, Any, None]]:
    async def run(context: procrastinate.JobContext, **args: Any) -> None:
        job = context.job
        assert job.id is not None  # noqa: S101 (it was fetched)
        info = JobInfo(job.id, job.attempts + 1, queue.queued_at(args))
        with log_context(
            installation=args.get("installation_id"),
            repository=f"{args['owner']}/{args['name']}" if "owner" in args else None,
            job=job.id,
        ):
            started = time.monotonic()
            try:
                await handler(from_args(kind, queue.public_args(args)), info)
            except asyncio.CancelledError:
                endings.note(job.id, _Ending("interrupted"))
                raise
            except RetryLater as later:
                endings.note(job.id, _Ending("postponed", later.delay, str(later)))
                seconds = later.delay.total_seconds()
                log.info("job_postponed", kind=kind, seconds=seconds, reason=str(later))
            except Exception as error:
                endings.note(job.id, endings.after_failure(info.attempt, error))
                log.exception("job_failed", kind=kind, attempt=info.attempt)
            finally:
                JOB_SECONDS.labels(kind).observe(time.monotonic() - started)

    return run


class _QueueManager(manager.JobManager):
    """The library's access to its tables, made to outlast a database that is away.

    A job's end is decided by ``note`` while its task runs and written when the library reports
    that the task is over, so that the job is never free to be taken before.
    """

    def __init__(
        self,
        connector: procrastinate.BaseConnector,
        pool: Pool,
        kinds: Iterable[str],
        max_attempts: int,
    ) -> None:
        super().__init__(connector)
        self._pool = pool
        self._kinds = frozenset(kinds)
        self._max_attempts = max_attempts
        self._endings: dict[int, _Ending] = {}
        self._away = False

    def note(self, job_id: int, ending: _Ending) -> None:
        self._endings[job_id] = ending

    def after_failure(self, attempt: int, error: Exception) -> _Ending:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if attempt >= self._max_attempts:
            return _Ending("dead", error=text)
        return _Ending("retried", backoff(attempt, random.random()), text)  # noqa: S311

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        try:
            job = await super().fetch_job(queues, worker_id)
        except exceptions.ConnectorException as error:
            if not self._away:
                log.warning("queue_unavailable", error=str(error.__cause__ or error))
            self._away = True
            await asyncio.sleep(0.5)
            return None
        self._away = False
        if job is not None and job.task_name not in self._kinds:
            log.warning("job_of_unknown_kind", kind=job.task_name, job=job.id)
            await self._end(job, _Ending("postponed", UNKNOWN_KIND_DELAY))
            return None
        return job

    async def finish_job(self, job: jobs.Job, status: jobs.Status, delete_job: bool) -> None:
        assert job.id is not None  # noqa: S101 (it was fetched)
        await self._end(job, self._endings.pop(job.id, _Ending("done")))

    async def _end(self, job: jobs.Job, ending: _Ending) -> None:
        until = time.monotonic() + PERSIST_FOR
        while True:
            try:
                outcome = await with_connection(self._pool, lambda c: _write_ending(c, job, ending))
            except StoreUnavailable:
                if time.monotonic() > until:
                    # It is done once more, by whoever finds that nobody holds it.
                    log.warning("job_outcome_lost", kind=job.task_name, job=job.id)
                    return
                await asyncio.sleep(0.5)
            else:
                JOBS.labels(job.task_name, outcome).inc()
                if outcome in ("lost", "dead"):
                    log.error("job_ended", kind=job.task_name, job=job.id, outcome=outcome)
                return

    async def listen_for_jobs(
        self,
        *,
        on_notification: manager.NotificationCallback,
        queues: Iterable[str] | None = None,
    ) -> None:
        while True:
            listening = asyncio.create_task(
                super().listen_for_jobs(on_notification=on_notification, queues=queues)
            )
            try:
                await asyncio.wait({listening})
            finally:
                await _end_surely(listening)
            await asyncio.sleep(1.0)  # the connection was lost; polling goes on meanwhile

    async def unregister_worker(self, worker_id: int) -> None:
        try:
            await super().unregister_worker(worker_id)
        except exceptions.ConnectorException as error:
            log.warning("worker_not_unregistered", error=str(error.__cause__ or error))


async def _write_ending(connection: Connection, job: jobs.Job, ending: _Ending) -> str:
    assert job.id is not None  # noqa: S101 (it was fetched)
    if ending.outcome in ("done", "dead"):
        status = "succeeded" if ending.outcome == "done" else "failed"
        held = await queue.finish_job(connection, job.id, job.worker_id, status, ending.error)
        return ending.outcome if held else "lost"
    became = await queue.put_back_job(
        connection,
        job.id,
        job.worker_id,
        delay=ending.delay,
        counted=ending.outcome == "retried",
        error=ending.error,
    )
    return ending.outcome if became == "waiting" else became


async def _rescue(pool: Pool, max_attempts: int) -> None:
    """Take over the jobs of workers whose heart has stopped; it counts as an attempt, since the
    job may be what stopped it."""

    async def rescue(connection: Connection) -> None:
        cursor = await connection.execute(
            queue.SQL["fetch_stalled_jobs"], {"stalled_after": STALLED_AFTER}
        )
        for job_id, kind, attempts, worker_id in await cursor.fetchall():
            error = f"the worker running it vanished (attempt {attempts + 1})"
            if attempts + 1 >= max_attempts:
                held = await queue.finish_job(connection, job_id, worker_id, "failed", error)
                outcome = "dead" if held else "lost"
            else:
                outcome = await queue.put_back_job(connection, job_id, worker_id, error=error)
            if outcome != "lost":  # another worker was faster
                log.warning("job_rescued", kind=kind, job=job_id, attempts=attempts + 1)
                JOBS.labels(kind, "dead" if outcome == "dead" else "rescued").inc()

    await with_connection(pool, rescue)


async def _schedule(pool: Pool, stop: asyncio.Event, recurring: Sequence[Recurring]) -> None:
    starting = True

    async def queue_due() -> None:
        nonlocal starting
        for item in recurring:
            every = _START_GAP if starting and item.at_start else item.every
            await with_connection(pool, partial(_claim, item.work, every))
        starting = False

    await _every(_SCHEDULE_POLL, stop, queue_due)


async def _claim(work: Work, every: timedelta, connection: Connection) -> None:
    async with connection.transaction():
        cursor = await connection.execute(
            queue.SQL["claim_schedule"], {"kind": work.kind, "every": every}
        )
        if await cursor.fetchone():
            await queue.enqueue(connection, [work])


async def _every(seconds: float, stop: asyncio.Event, act: Callable[[], Awaitable[Any]]) -> None:
    while not stop.is_set():
        try:
            await act()
        except (StoreUnavailable, psycopg.Error) as error:
            log.warning("queue_upkeep_failed", error=str(error))
        await _pause(seconds, stop)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _end_surely(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it ends, however often it loses that; its failure is not told."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
    if not task.cancelled():
        task.exception()
