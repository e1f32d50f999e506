"""``lockgate jobs`` on a real queue."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator

import psycopg
import pytest
from click.testing import CliRunner, Result

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.store import open_store
from bot.cli.main import main
from bot.core.work.pulls import ReconcilePullRequest

Jobs = Callable[..., Result]


@pytest.fixture
def jobs(database_url: str) -> Iterator[Jobs]:
    """Runs ``lockgate jobs`` with the arguments given."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level

    def run(*arguments: str, url: str = database_url) -> Result:
        return CliRunner().invoke(main, ["jobs", *arguments], env={"DATABASE_URL": url})

    yield run
    root.handlers[:], root.level = kept


def queue(url: str, *numbers: int) -> None:
    async def add() -> None:
        async with open_store(url) as store:
            for number in numbers:
                await store.enqueue(ReconcilePullRequest(7, 42, "octo", "shop", number))

    asyncio.run(add())


def kill_all(url: str) -> None:
    with psycopg.connect(connection_string(url), autocommit=True) as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = 'failed', attempts = 12")
        connection.execute(
            "INSERT INTO job_errors (job_id, error)"
            " SELECT id, 'ValueError: \x1b[2J\nno' FROM procrastinate_jobs"
        )


def test_empty_queue_is_said(jobs: Jobs) -> None:
    assert jobs("list").output == "No jobs: the queue is empty.\n"
    assert jobs("list", "--status", "dead").output == "No dead jobs.\n"
    assert jobs("list", "--format", "json").output == ""
    assert jobs("retry", "--all-dead").output == "No job is dead.\n"


def test_a_database_without_tables_says_what_makes_them(
    jobs: Jobs, empty_database_url: str
) -> None:
    ended = jobs("list", url=empty_database_url)
    assert ended.exit_code == 1
    assert "`lockgate migrate` brings it up to date" in ended.stderr


def test_jobs_are_listed_one_a_line_newest_first(jobs: Jobs, database_url: str) -> None:
    queue(database_url, 1, 2)
    lines = jobs("list").output.splitlines()
    assert ["pull:42#2" in lines[0], "pull:42#1" in lines[1]] == [True, True]
    rows = [json.loads(line) for line in jobs("list", "--format", "json").output.splitlines()]
    assert [row["args"]["number"] for row in rows] == [2, 1]
    assert rows[0].keys() == {
        "id", "kind", "key", "status", "attempts", "error", "queued_at", "due_at", "args",
    }  # fmt: skip
    assert len(jobs("list", "--limit", "1").output.splitlines()) == 1


def test_dead_job_is_shown_with_its_error_on_one_line_and_retried(
    jobs: Jobs, database_url: str
) -> None:
    queue(database_url, 1)
    kill_all(database_url)
    line, remedy = jobs("list", "--status", "dead").output.splitlines()
    assert line.endswith("12 attempts: ValueError:  [2J no")
    assert "lockgate jobs retry" in remedy
    job_id = line.split()[0]
    retried = jobs("retry", job_id)
    assert (retried.exit_code, retried.output) == (0, "Put back 1 job.\n")
    assert jobs("list", "--status", "waiting").output.split()[0] == job_id
    again = jobs("retry", job_id)
    assert again.exit_code == 1
    assert f"error: there is no dead job {job_id}" in again.output


def test_all_dead_jobs_are_retried(jobs: Jobs, database_url: str) -> None:
    queue(database_url, 1, 2, 3)
    kill_all(database_url)
    assert jobs("retry", "--all-dead").output == "Put back 3 jobs.\n"
    assert jobs("list", "--status", "dead").output == "No dead jobs.\n"


@pytest.mark.parametrize("arguments", [[], ["4711", "--all-dead"]])
def test_retry_wants_one_job_or_all(jobs: Jobs, arguments: list[str]) -> None:
    refused = jobs("retry", *arguments)
    assert refused.exit_code == 2
    assert "error: either one job's id or --all-dead is needed" in refused.output


def test_database_that_is_down_is_said_without_its_password(jobs: Jobs) -> None:
    failed = jobs("list", url="postgresql://lockgate:hunter2hunter2@127.0.0.1:1/none")
    assert failed.exit_code == 1
    assert "error: the database cannot be reached" in failed.output
    assert "hunter2" not in failed.output
