"""Backfills: against one single UPDATE, and what writers feel meanwhile.

    python bench/backfill.py [--rows N] [--many N] [--writers N] [--rate N] [--rounds N]

On a PostgreSQL of its own, durable: fsync and synchronous_commit are on. It is sized like one that
somebody uses (``SIZED``), and its WAL has files to use again, as on a server that has been running.
Each way fills the same column of a fresh copy of the same table, vacuumed and after a checkpoint;
of the batched ones the key is walked along in order. Autovacuum leaves the table alone: a backfill
pauses for it, as long as it takes, and one UPDATE gives it nothing to do until its end.

Writers change random rows of the whole table, a transaction each. They come at random at a rate
far below what the server could do, each time due whatever became of the one before, and a latency
is counted from when it was due: who waits is not left out for having waited. Their control is a
process that keeps one core busy and never speaks to the server: on a machine of few cores that
alone makes writers wait, and nobody who does any work beside them can do better.
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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from operator import truediv
from pathlib import Path
from typing import Any

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
SIZED = {"shared_buffers": "1GB", "max_wal_size": "4GB", "min_wal_size": "4GB"}
"""A quarter of the memory is where PostgreSQL's manual has people begin, and its defaults are made
for the smallest of machines: https://www.postgresql.org/docs/current/runtime-config-resource.html
"""
AGED = 10
"""Updates of a table, after which there is as much WAL as ``min_wal_size``."""
CONNECTIONS = 4
"""Of each process that writes."""
IDLE_SECONDS = 4.0
MILLISECOND = timedelta(milliseconds=1)


@contextmanager
def sized_server(home: Path) -> Iterator[str]:
    """Its URL."""
    with (
        embedded_server(home) as server,
        psycopg.connect(server.conninfo, autocommit=True) as connection,
    ):
        for name, value in SIZED.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    with embedded_server(home) as server:
        yield server.conninfo


def age(url: str, rows: int) -> None:
    """Have WAL written and used up, so that nobody waits for its files to be made."""
    for _ in range(AGED):
        prepare(url, min(rows, 1_000_000))
        single(url)


def prepare(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA IF EXISTS lockgate_emc CASCADE; DROP TABLE IF EXISTS recipes;"
            "CREATE TABLE recipes (id bigint PRIMARY KEY, title text, body text, title_norm text) "
            "WITH (autovacuum_enabled = off);"
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
        self.filled = 0.0
        """The clock's reading after the last of them: what follows is the count of what is left."""
        self.paused: set[str] = set()

    def __call__(self, status: BackfillStatus) -> None:
        if status.state is BackfillState.PAUSED:
            self.paused.add(status.why)
        elif status.batches > len(self.sizes):
            self.sizes.append(status.batch_size)
            self.filled = time.monotonic()
            self.longest = max(self.longest, status.batch_took)


def ours(url: str) -> tuple[float, float, Batches]:
    """Seconds until all rows were filled, and until that was proven."""
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

    async def run() -> tuple[float, float]:
        database = PostgresDatabase(url)
        await database.fetch_backfills()  # connected, and asked what it is
        begun = time.monotonic()
        status = await database.run_backfill(backfill, until=lambda: False, progress=batches)
        proven = time.monotonic() - begun
        await database.close()
        if not status.proven:
            raise SystemExit(f"the backfill did not come to its end: {status.why}")
        return batches.filled - begun, proven

    return *asyncio.run(run()), batches


def write(url: str, rows: int, seed: int, rate: float, stop: Event, told: "Queue[Any]") -> None:
    """A process of writers: of each transaction when it was due, and its milliseconds since."""
    found: list[tuple[float, float]] = []

    def one(number: int) -> None:
        chance = random.Random(seed * CONNECTIONS + number)
        with psycopg.connect(url, autocommit=True, application_name="writer") as connection:
            connection.execute("SELECT")
            due = time.monotonic()
            while not stop.is_set():
                due += chance.expovariate(rate / CONNECTIONS)
                time.sleep(max(due - time.monotonic(), 0))
                connection.execute(
                    "UPDATE recipes SET body = %s WHERE id = %s",
                    [str(due), chance.randrange(1, rows + 1)],
                )
                found.append((due, (time.monotonic() - due) * 1000))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(found)


def burn(stop: Event) -> None:
    """A process that keeps a core busy."""
    while not stop.is_set():
        for _ in range(10_000):
            pass


@contextmanager
def busy_core() -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=burn, args=(stop,))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


@contextmanager
def writers(url: str, rows: int, count: int, rate: float) -> Iterator[list[float]]:
    """Their latencies of the block, once it has ended."""
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    processes = [
        context.Process(target=write, args=(url, rows, seed, rate / count, stop, told))
        for seed in range(count)
    ]
    for process in processes:
        process.start()
    there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writer'"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(there).fetchone()[0] < count * CONNECTIONS:
            time.sleep(0.05)
    time.sleep(0.5)  # all of them are at their rate
    found: list[float] = []
    begun = time.monotonic()
    try:
        yield found
    finally:
        ended = time.monotonic()
        stop.set()
        for _ in processes:
            found += [took for due, took in told.get() if begun <= due <= ended]
        for process in processes:
            process.join()


def quantile(milliseconds: list[float], part: float) -> float:
    return sorted(milliseconds)[min(int(len(milliseconds) * part), len(milliseconds) - 1)]


def measure_filling(url: str, rows: int, rounds: int) -> None:
    runs: list[Batches] = []
    proofs: list[float] = []

    def run_ours() -> float:
        filled, proven, batches = ours(url)
        runs.append(batches)
        proofs.append(proven - filled)
        return filled

    ways: dict[str, Callable[[], float]] = {
        "one single UPDATE": lambda: single(url),
        f"keyset CTEs, {KEYSET_BATCH:,} rows each": lambda: keyset(url),
        "Lockgate": run_ours,
        "the same batches, nothing recorded": lambda: bare(url, runs[-1].sizes),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    # One after the other in each round: what else the machine does changes by the minute.
    for number in range(rounds):
        for name, way in ways.items():
            say(f"round {number + 1}: {name} …")
            prepare(url, rows)
            taken[name].append(way())
    once = taken["one single UPDATE"]
    print("| filled by | rows/s | of one UPDATE |", "|---|--:|--:|", sep="\n")
    for name, seconds in taken.items():
        ratio = statistics.median(map(truediv, once, seconds))
        print(f"| {name} | {rows / statistics.median(seconds):,.0f} | {ratio:.2f} |")
    size = statistics.median(size for run in runs for size in run.sizes)
    bare_seconds = taken["the same batches, nothing recorded"]
    progress = statistics.median(map(truediv, taken["Lockgate"], bare_seconds)) - 1
    proof = statistics.median(map(truediv, proofs, once))
    longest = max(run.longest for run in runs) / MILLISECOND
    print(
        f"\nMedians of {rounds} rounds, and of the ratios within each. Batches of {size:,.0f} rows "
        f"(median), the longest {longest:.0f} ms; progress costs {max(progress, 0):.0%}. The count "
        f"that proves the end is not among it: it takes {proof:.0%} of the one UPDATE's time."
    )


def measure_many(url: str, rows: int) -> None:
    """Whether what holds for some rows holds for many. In the order one, ours, ours, one: what the
    machine does by the minute is in both sums."""
    once, filled, proofs = [], [], []
    runs: list[Batches] = []
    for name in ("one single UPDATE", "Lockgate", "Lockgate", "one single UPDATE"):
        say(f"{rows:,} rows: {name} …")
        prepare(url, rows)
        if name == "Lockgate":
            seconds, proven, batches = ours(url)
            filled.append(seconds)
            proofs.append(proven - seconds)
            runs.append(batches)
        else:
            once.append(single(url))
    ratio = sum(once) / sum(filled)
    longest = max(batches.longest for batches in runs) / MILLISECOND
    print(
        f"\n{rows:,} rows, twice: Lockgate {rows / statistics.mean(filled):,.0f} rows/s, "
        f"{ratio:.2f} of one UPDATE's {rows / statistics.mean(once):,.0f} (each by itself: "
        f"{', '.join(f'{one / ours:.2f}' for one, ours in zip(once, filled, strict=True))}); "
        f"{len(runs[0].sizes):,} batches, the longest of both runs {longest:.0f} ms, and "
        f"{statistics.mean(proofs):.0f} s for the count that proves the end."
    )


def measure_writers(url: str, rows: int, count: int, rate: float, rounds: int) -> None:
    found: dict[str, list[list[float]]] = {
        "alone": [],
        "beside a busy core, the control": [],
        "beside a backfill": [],
        f"beside keyset CTEs, {KEYSET_BATCH:,} rows each": [],
        "beside one single UPDATE": [],
    }
    speeds: list[float] = []
    longest: list[timedelta] = []
    paused: set[str] = set()
    for number in range(rounds):
        for name, rounds_found in found.items():
            say(f"writers, round {number + 1}: {name} …")
            prepare(url, rows)
            with writers(url, rows, count, rate) as latencies:
                match name:
                    case "alone":
                        time.sleep(IDLE_SECONDS)
                    case "beside a busy core, the control":
                        with busy_core():
                            time.sleep(IDLE_SECONDS)
                    case "beside a backfill":
                        filled, _, batches = ours(url)
                        speeds.append(rows / filled)
                        longest.append(batches.longest)
                        paused |= batches.paused
                    case "beside one single UPDATE":
                        single(url)
                    case _:
                        keyset(url)
            rounds_found.append(latencies)
    print(
        f"\n| {count * CONNECTIONS} writers of single rows, {rate:.0f} transactions/s | p50 | p99 "
        "| most | p99, of that alone |",
        "|---|--:|--:|--:|--:|",
        sep="\n",
    )
    alone = [quantile(one, 0.99) for one in found["alone"]]
    for name, each in found.items():
        p50, p99 = ([quantile(one, part) for one in each] for part in (0.5, 0.99))
        ratio = statistics.median(map(truediv, p99, alone))
        print(
            f"| {name} | {statistics.median(p50):.1f} ms | {statistics.median(p99):.1f} ms | "
            f"{max(map(max, each)):.0f} ms | {ratio:.1f} × |"
        )
    control = found["beside a busy core, the control"]
    beside = [quantile(one, 0.99) for one in found["beside a backfill"]]
    ratio = statistics.median(map(truediv, beside, (quantile(one, 0.99) for one in control)))
    print(
        "\nThe control asks nothing of the server: beside a backfill the writers' p99 is "
        f"{ratio:.1f} × what it is beside that."
    )
    print(
        f"\nMedians of {rounds} rounds. Beside writers the backfill gives way: "
        f"{statistics.median(speeds):,.0f} rows/s, the longest batch "
        f"{max(longest) / MILLISECOND:.0f} ms."
    )
    if paused:
        print(f"\nIt paused: {'; '.join(sorted(paused))}.")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure backfills.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--many", type=int, default=10_000_000, help="rows, once more with so many")
    parser.add_argument("--writers", type=int, default=4, help="processes of them")
    parser.add_argument("--rate", type=float, default=400, help="transactions a second, of all")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)  # noqa: PTH101
        with sized_server(Path(folder)) as url:
            rows, rounds = arguments.rows, arguments.rounds
            target = DEFAULT_TARGET / MILLISECOND
            settings = ", ".join(f"{name} {value}" for name, value in SIZED.items())
            print(f"{rows:,} rows, the target {target:.0f} ms a batch; {settings}.\n")
            age(url, rows)
            measure_filling(url, rows, rounds)
            measure_many(url, arguments.many)
            measure_writers(url, rows, arguments.writers, arguments.rate, rounds)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP TABLE recipes; CHECKPOINT")  # so that it stops at once


if __name__ == "__main__":
    main()
