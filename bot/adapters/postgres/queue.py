"""The job queue: procrastinate's tables, with what a bot needs on top.

A job's ``lock`` is the work's key, so two jobs of one key never run at once. Its ``queueing_lock``
is kind and key, so one waits at most. ``_queued_at`` among its arguments is when it was first asked
for.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bot.adapters.postgres.connection import Connection, Row, text
from bot.adapters.postgres.statements import load_queries
from bot.core.redaction import redact
from bot.core.work.kinds import Work, from_args, to_args
from bot.ports import Job, JobStatus

QUEUE = "default"
SQL = load_queries("queue")
LONGEST_ERROR = 2000
"""Characters kept of an error's text."""

_STATUSES = {
    JobStatus.WAITING: ("todo",),
    JobStatus.RUNNING: ("doing",),
    JobStatus.DONE: ("succeeded", "cancelled", "aborted"),
    JobStatus.DEAD: ("failed",),
}
_STATUS_OF = {name: status for status, names in _STATUSES.items() for name in names}


async def enqueue(
    connection: Connection, works: Sequence[Work], delay: timedelta = timedelta()
) -> None:
    """Queue works within the caller's transaction. One that waits already is kept, and is due no
    later than asked for now."""
    unique = {f"{work.kind}:{work.key}": work for work in works}
    if not unique:
        return
    locks = [work.key for work in unique.values()]
    keys = sorted(set(locks))
    await connection.execute(SQL["take_turns"], {"locks": keys})
    await connection.execute(
        SQL["enqueue"],
        {
            "queue": QUEUE,
            "kinds": [work.kind for work in unique.values()],
            "priorities": [work.priority for work in unique.values()],
            "locks": locks,
            "queueing_locks": list(unique),
            "args": [Jsonb(to_args(work)) for work in unique.values()],
            "delay": delay,
        },
    )
    # Last: what was in the way of the insertion is committed by now, and is seen.
    await connection.execute(SQL["expedite"], {"locks": keys, "delay": delay})


async def fetch_jobs(connection: Connection, status: JobStatus | None, limit: int) -> list[Job]:
    wanted = _STATUSES[status] if status else tuple(_STATUS_OF)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL["fetch_jobs"], {"statuses": list(wanted), "limit": limit})
        return [_job(row) for row in await cursor.fetchall()]


def _job(row: Row) -> Job:
    args = public_args(row["args"])
    try:
        key = from_args(row["task_name"], args).key
    except (KeyError, TypeError):  # queued by another release
        key = ""
    return Job(
        id=row["id"],
        kind=row["task_name"],
        key=key,
        args=args,
        status=_STATUS_OF.get(row["status"], JobStatus.DONE),
        attempts=row["attempts"],
        error=row["error"],
        queued_at=row["queued_at"],
        due_at=row["scheduled_at"] if row["status"] == "todo" else None,
    )


def public_args(args: dict[str, Any]) -> dict[str, Any]:
    """A job's arguments without the queue's own."""
    return {name: value for name, value in args.items() if not name.startswith("_")}


def queued_at(args: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(args.get("_queued_at", 0)), UTC)


async def retry_job(connection: Connection, job_id: int) -> bool:
    """Put a dead job back; where the same work waits by now, that one stands for it."""
    arguments = {"id": job_id, "worker_id": None}
    try:
        async with connection.transaction():
            cursor = await connection.execute(SQL["retry_job"], arguments)
            found = await cursor.fetchone()
            if found:
                await connection.execute(SQL["notify"], arguments)
    except psycopg.errors.UniqueViolation:
        cursor = await connection.execute(SQL["supersede_job"], arguments)
        found = await cursor.fetchone()
    return found is not None


async def finish_job(
    connection: Connection, job_id: int, worker_id: int | None, status: str, error: str = ""
) -> bool:
    """End a job; False if it is not this worker's any more. One that failed takes the place of
    those that died of the same work before."""
    async with connection.transaction():
        cursor = await connection.execute(
            SQL["finish_job"], {"id": job_id, "worker_id": worker_id, "status": status}
        )
        found = await cursor.fetchone()
        if found and error:
            await _note_error(connection, job_id, error)
        if found and status == "failed":
            await connection.execute(SQL["coalesce_dead"], {"id": job_id})
    return found is not None


async def put_back_job(
    connection: Connection,
    job_id: int,
    worker_id: int | None,
    *,
    delay: timedelta = timedelta(),
    counted: bool = True,
    error: str = "",
) -> str:
    """Let a job wait for another attempt.

    Returns ``waiting``; ``superseded`` where the same work was queued meanwhile, which then stands
    for this one; ``lost`` if the job is not this worker's any more.
    """
    arguments = {
        "id": job_id,
        "worker_id": worker_id,
        "delay": delay,
        "counted": int(counted),
    }
    try:
        async with connection.transaction():
            cursor = await connection.execute(SQL["put_back_job"], arguments)
            found = await cursor.fetchone()
            if found and error:
                await _note_error(connection, job_id, error)
            if found and not delay:
                await connection.execute(SQL["notify"], arguments)
    except psycopg.errors.UniqueViolation:
        cursor = await connection.execute(SQL["supersede_job"], arguments)
        return "superseded" if await cursor.fetchone() else "lost"
    return "waiting" if found else "lost"


async def _note_error(connection: Connection, job_id: int, error: str) -> None:
    safe = text(redact(error))[:LONGEST_ERROR]
    await connection.execute(SQL["note_error"], {"id": job_id, "error": safe})
