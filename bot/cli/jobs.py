"""``lockgate jobs``: what waits, runs and is dead in the queue, and dead jobs once more."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.groups import Group
from bot.logs import configure_logging
from bot.ports import Job, JobStatus, Store, StoreUnavailable
from bot.settings import Settings
from bot.wiring.store import EmbeddedError, open_store

T = TypeVar("T")

_ALL = 10_000
"""Dead jobs retried by one ``--all-dead``; more of them want a look first."""


@click.group(cls=Group)
def jobs() -> None:
    """List the queue's jobs and retry dead ones."""


@jobs.command("list")
@click.option(
    "--status", type=click.Choice([status.value for status in JobStatus]), help="Only these."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="At most so many.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A table for people, or one JSON object a line.",
)
def list_jobs(status: str | None, limit: int, output: str) -> None:
    """List jobs, newest first.

    \b
    Examples:
      lockgate jobs list --status dead
      lockgate jobs list --format json --limit 1000

    \b
    Exit codes:
      0  listed, also when there is none
      1  the database cannot be used
      2  usage or configuration
    """
    wanted = JobStatus(status) if status else None
    found = _with_store(lambda store: store.fetch_jobs(wanted, limit))
    if output == "json":
        for job in found:
            click.echo(json.dumps(_as_json(job), ensure_ascii=False))
        return
    if not found:
        click.echo(f"No {status} jobs." if status else "No jobs: the queue is empty.")
        return
    now = datetime.now(UTC)
    for job in found:
        click.echo(_line(job, now))
    if wanted is JobStatus.DEAD:
        click.echo("Once the cause is mended: lockgate jobs retry ID, or --all-dead")


@jobs.command("retry")
@click.argument("job_id", metavar="ID", type=int, required=False)
@click.option("--all-dead", is_flag=True, help="Every dead job.")
def retry_jobs(job_id: int | None, all_dead: bool) -> None:
    """Put a dead job back in the queue, or all of them.

    \b
    Examples:
      lockgate jobs retry 4711
      lockgate jobs retry --all-dead

    \b
    Exit codes:
      0  put back, or nothing is dead
      1  there is no such dead job, or the database cannot be used
      2  usage or configuration
    """
    if (job_id is None) == (not all_dead):
        raise CommandError(
            "either one job's id or --all-dead is needed",
            "`lockgate jobs list --status dead` lists the ids",
        )
    retried = _with_store(lambda store: _retry(store, job_id))
    if job_id is not None and not retried:
        raise CommandError(
            f"there is no dead job {job_id}",
            "`lockgate jobs list --status dead` lists them",
            exit_code=1,
        )
    if not retried:
        click.echo("No job is dead.")
    else:
        click.echo(f"Put back {retried} {'job' if retried == 1 else 'jobs'}.")


async def _retry(store: Store, job_id: int | None) -> int:
    if job_id is not None:
        return int(await store.retry_job(job_id))
    dead = await store.fetch_jobs(JobStatus.DEAD, _ALL)
    retried = 0
    for job in reversed(dead):  # oldest first, as they were queued
        retried += await store.retry_job(job.id)
    return retried


def _with_store(act: Callable[[Store], Awaitable[T]]) -> T:
    configure_logging(level="warning", json=False)
    try:
        return asyncio.run(_open_and(act, settings_or_exit(app_needed=False)))
    except (EmbeddedError, StoreUnavailable) as error:
        raise CommandError(
            str(error), "`lockgate doctor` says what is wrong with the database", exit_code=1
        ) from error


async def _open_and(act: Callable[[Store], Awaitable[T]], settings: Settings) -> T:
    async with open_store(settings) as store:
        return await act(store)


def _as_json(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "kind": job.kind,
        "key": job.key,
        "status": job.status.value,
        "attempts": job.attempts,
        "error": job.error,
        "queued_at": job.queued_at.isoformat(),
        "due_at": job.due_at.isoformat() if job.due_at else None,
        "args": job.args,
    }


def _line(job: Job, now: datetime) -> str:
    columns = f"{job.id:>8}  {job.status.value:<7}  {job.kind:<22}  {job.key:<32}"
    line = f"{columns}  {_ago((now - job.queued_at).total_seconds()):>5} ago"
    if job.attempts:
        line += f", {job.attempts} {'attempt' if job.attempts == 1 else 'attempts'}"
    # One line a job: control characters of an error could rewrite the terminal.
    error = "".join(c if c.isprintable() else " " for c in job.error)
    return f"{line}: {error}" if error else line


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
