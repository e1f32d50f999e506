"""Backfills: against one single UPDATE, and what writers feel meanwhile.

    python bench/backfill.py [--rows N] [--writers N]

On a PostgreSQL of its own, durable: fsync and synchronous_commit are on. Each way fills the same
column of a fresh copy of the same table, vacuumed and after a checkpoint; of the batched ones the
key is walked along in order. Writers are processes of their own, each changing random rows of the
whole table, a transaction each, as fast as it goes.
"""

import argparse
import asyncio
import logging
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import psycopg
import structlog

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.postgres.embedded import embedded_server
from bot.core.backfills.model import DEFAULT_TARGET, BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Backfill, Version

STATEMENT = "UPDATE recipes SET title_norm = lower(title) WHERE :batch AND title_norm IS NULL"
KEYSET_BATCH = 1_000
KEYSET = """
WITH batch AS (
    SELECT id FROM recipes WHERE id > %s AND title_norm IS NULL ORDER BY id LIMIT %s FOR UPDATE
), changed AS (
    UPDATE recipes SET title_norm = lower(title) FROM batch WHERE recipes.id = batch.id
    RETURNING recipes.id
)
SELECT max(id) FROM changed
"""
ROUNDS = 3
IDLE_SECONDS = 5.0


def prepare(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA IF EXISTS lockgate_emc CASCADE; DROP TABLE IF EXISTS recipes;"
            "CREATE TABLE recipes (id bigint PRIMARY KEY, title text, body text, title_norm text);"
            "CREATE SCHEMA IF NOT EXISTS supabase_migrations;"
            "CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations "
            "(version text PRIMARY KEY, statements text[], name text);"
            "INSERT INTO supabase_migrations.schema_migrations VALUES ('20260101000000') "
            "ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO recipes SELECT n, 'Title ' || n, repeat('x', 60) "
            "FROM generate_series(1, %s) AS n",
            [rows],
        )
        connection.execute("VACUUM ANALYZE recipes")
        connection.execute("CHECKPOINT")


def single(url: str) -> float:
    """Seconds."""
    with psycopg.connect(url, autocommit=True) as connection:
        begun = time.monotonic()
        connection.execute("UPDATE recipes SET title_norm = lower(title) WHERE title_norm IS NULL")
        return time.monotonic() - begun


def keyset(url: str) -> float:
    begun, last = time.monotonic(), 0
    with psycopg.connect(url, autocommit=True) as connection:
        while last is not None:
            last = connection.execute(KEYSET, [last, KEYSET_BATCH]).fetchone()[0]
    return time.monotonic() - begun


def bare(url: str, sizes: list[int]) -> float:
    """The same batches as ours had, with nothing recorded and nothing looked at."""
    begun, low = time.monotonic(), 0
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        for size in sizes:
            connection.execute(
                "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = 50"
            )
            high = connection.execute(
                "SELECT id FROM recipes WHERE id > %s ORDER BY id OFFSET %s LIMIT 1",
                [low, size - 1],
            ).fetchone()[0]
            connection.execute(
                "UPDATE recipes SET title_norm = lower(title) WHERE (id > %s AND id <= %s) "
                "AND title_norm IS NULL",
                [low, high],
            )
            connection.execute("COMMIT")
            low = high
    return time.monotonic() - begun


class Batches:
    """What each batch of a run had."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.longest = timedelta(0)
        self.paused: set[str] = set()

    def __call__(self, status: BackfillStatus) -> None:
        if status.state is BackfillState.PAUSED:
            self.paused.add(status.why)
        elif status.batches > len(self.sizes):
            self.sizes.append(status.batch_size)
            self.longest = max(self.longest, status.batch_took)


def ours(url: str) -> tuple[float, Batches]:
    backfill = Backfill(
        version=Version("20260102000000"),
        name="title_norm",
        path="title_norm.sql",
        text=STATEMENT,
        table="recipes",
        key=("id",),
        after=Version("20260101000000"),
        statement=STATEMENT,
    )
    batches = Batches()

    async def run() -> float:
        database = PostgresDatabase(url)
        await database.fetch_backfills()  # connected, and asked what it is
        begun = time.monotonic()
        status = await database.run_backfill(backfill, until=lambda: False, progress=batches)
        took = time.monotonic() - begun
        await database.close()
        if not status.proven:
            raise SystemExit(f"the backfill did not come to its end: {status.why}")
        return took

    return asyncio.run(run()), batches


def write(url: str, rows: int, seed: int, stop: Event, told: "multiprocessing.Queue") -> None:
    """Latencies in milliseconds are told at the end."""
    chance, took = random.Random(seed), []
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            begun = time.monotonic()
            connection.execute(
                "UPDATE recipes SET body = %s WHERE id = %s",
                [str(begun), chance.randrange(1, rows + 1)],
            )
            took.append((time.monotonic() - begun) * 1000)
    told.put(took)


@contextmanager
def writers(url: str, rows: int, count: int) -> Iterator[list[float]]:
    """Their latencies, once the block has ended."""
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    processes = [
        context.Process(target=write, args=(url, rows, seed, stop, told)) for seed in range(count)
    ]
    for process in processes:
        process.start()
    with psycopg.connect(url, autocommit=True) as connection:
        while (
            connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UPDATE recipes SET body%'"
            ).fetchone()[0]
            < count
        ):
            time.sleep(0.05)
    found: list[float] = []
    try:
        yield found
    finally:
        stop.set()
        for _ in processes:
            found += told.get()
        for process in processes:
            process.join()


def p99(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=100)[98]


def measure(url: str, rows: int, count: int) -> None:
    runs: list[Batches] = []

    def run_ours() -> float:
        took, batches = ours(url)
        runs.append(batches)
        return took

    ways: dict[str, Callable[[], float]] = {
        "one single UPDATE": lambda: single(url),
        f"keyset CTEs, {KEYSET_BATCH:,} rows each": lambda: keyset(url),
        "Lockgate": run_ours,
        "the same batches, nothing recorded": lambda: bare(url, runs[-1].sizes),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    # One after the other in each round: what else the machine does changes by the minute.
    for number in range(ROUNDS):
        for name, way in ways.items():
            say(f"round {number + 1}: {name} …")
            prepare(url, rows)
            rates[name].append(rows / way())
    once, _, mine, without = medians = [statistics.median(found) for found in rates.values()]
    say("writers …")
    prepare(url, rows)
    with writers(url, rows, count) as alone:
        time.sleep(IDLE_SECONDS)
    prepare(url, rows)
    with writers(url, rows, count) as beside:
        took, contended = ours(url)
    longest = max(run.longest for run in runs)

    print(
        f"{rows:,} rows, the target {DEFAULT_TARGET / timedelta(milliseconds=1):.0f} ms a batch.\n"
    )
    print("| filled by | rows/s | of one UPDATE |", "|---|--:|--:|", sep="\n")
    for name, rate in zip(ways, medians, strict=True):
        print(f"| {name} | {rate:,.0f} | {rate / once:.2f} |")
    size = statistics.median(runs[-1].sizes)
    print(
        f"\nBatches of {size:,.0f} rows (median); progress costs {max(1 - mine / without, 0):.0%}."
    )
    print(
        f"\n| {count} writers of single rows | transactions/s | p50 | p99 |",
        "|---|--:|--:|--:|",
        sep="\n",
    )
    for name, latencies, seconds in (
        ("alone", alone, IDLE_SECONDS),
        ("beside a backfill", beside, took),
    ):
        rate, half = len(latencies) / seconds, statistics.median(latencies)
        print(f"| {name} | {rate:,.0f} | {half:.1f} ms | {p99(latencies):.1f} ms |")
    print(
        f"\np99 beside it: {p99(beside) / p99(alone):.1f} × that alone; {rows / took:,.0f} rows/s."
    )
    print("\n| longest batch, locks held | |", "|---|--:|", sep="\n")
    for name, span in (("without writers", longest), ("with writers", contended.longest)):
        print(f"| {name} | {span / timedelta(milliseconds=1):.0f} ms |")
    if contended.paused:
        print(f"\nIt paused: {'; '.join(sorted(contended.paused))}.")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure backfills.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--writers", type=int, default=4)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)  # noqa: PTH101
        with embedded_server(Path(folder)) as server:
            measure(server.conninfo, arguments.rows, arguments.writers)


if __name__ == "__main__":
    main()
