"""A runner that is killed at any instant: nothing is lost, nothing is done twice.

Writers work all the time, through the expand's trigger. At the end the table is compared with a
twin that one single transaction has filled.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from backfilling import Told, backfill, make_ledger

from bot.adapters.database.database import PostgresDatabase
from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Version

ROWS = 5_000
FILLING = backfill(
    "UPDATE recipes SET title_norm = lower(title), touched = touched + 1 "
    "WHERE :batch AND title_norm IS NULL",
    batch=100,
    target_ms=3,
)
COUNTING = backfill(
    "UPDATE counters SET n = n + 1 WHERE :batch",
    table="counters",
    version=Version("20260103000000"),
    batch=100,
    target_ms=3,
)
"""It can be run but once for each row, and nothing but the record's cursor sees to that."""
SCHEMA = """
CREATE TABLE recipes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text, title_norm text,
    touched int NOT NULL DEFAULT 0
);
INSERT INTO recipes (title) SELECT 'Title ' || n FROM generate_series(1, {rows}) AS n;
CREATE FUNCTION sync() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN new.title_norm := lower(new.title); RETURN new; END $$;
CREATE TRIGGER sync BEFORE INSERT OR UPDATE OF title ON recipes FOR EACH ROW
EXECUTE FUNCTION sync();
CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO counters SELECT generate_series(1, {rows});
"""
CHECKSUM = """
SELECT count(*), sum(hashtextextended(ROW(id, title, title_norm)::text, 0)::numeric) FROM {table}
"""


def forked(act: Callable[[], None]) -> int:
    """The id of a process that does something until it is through or killed."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    return child


def killed(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def write(url: str, seed: int) -> None:
    """Rows are added, changed and removed, as fast as the server goes."""
    chance = random.Random(seed)
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = chance.randrange(1, ROWS + 1)
            connection.execute("UPDATE recipes SET title = title || '!' WHERE id = %s", [row])
            connection.execute("INSERT INTO recipes (title) VALUES ('Written meanwhile')")
            if row % 50 == 0:
                connection.execute("DELETE FROM recipes WHERE id = %s", [row])
            time.sleep(0.001)  # two cores are shared with what is tested


async def run_both(url: str, told: Told) -> list[BackfillStatus]:
    first, second = PostgresDatabase(url), PostgresDatabase(url)
    try:
        return await asyncio.gather(
            first.run_backfill(FILLING, until=told.until, progress=told),
            second.run_backfill(COUNTING, until=told.until, progress=told),
        )
    finally:
        await first.close()
        await second.close()


class Announcing(Told):
    """Writes a byte for each batch that is committed; after so many it stops, to be killed."""

    def __init__(self, writing: int, most: int) -> None:
        super().__init__()
        self._writing = writing
        self._most = most
        self._batches: dict[Version, int] = {}

    def __call__(self, status: BackfillStatus) -> None:
        before = self._batches.setdefault(status.version, status.batches)
        self._batches[status.version] = status.batches
        for _ in range(before, status.batches):
            os.write(self._writing, b".")
            self._most -= 1
        while self._most <= 0:
            signal.pause()


def seconds_of_batches(reading: int, count: int) -> list[float]:
    """How long each took that was announced, of ``count``: fewer where the runner is through."""
    took = []
    for _ in range(count):
        begun = time.monotonic()
        if not os.read(reading, 1):
            break
        took.append(time.monotonic() - begun)
    return took


def kill_at_random(sql: psycopg.Connection, url: str, kills: int, seed: int) -> None:
    make_ledger(sql)
    sql.execute(SCHEMA.format(rows=ROWS))
    chance = random.Random(seed)
    writer = forked(lambda: write(url, seed))
    amid = 0
    try:
        for _ in range(kills):
            reading, writing = os.pipe()
            drawn = chance.randint(1, 6)

            def announce(writing: int = writing, drawn: int = drawn) -> None:
                asyncio.run(run_both(url, Announcing(writing, drawn + 1)))

            child = forked(announce)
            os.close(writing)
            took = seconds_of_batches(reading, drawn)
            # Anywhere in the batch that is under way now, however fast the machine is.
            time.sleep(chance.uniform(0, took[-1]) if took else 0)
            killed(child)
            os.close(reading)
            batches = sql.execute("SELECT sum(batches) FROM lockgate_emc.backfills").fetchone()[0]
            assert batches >= len(took), "what was announced is committed"
            amid += len(took) == drawn
        statuses = asyncio.run(run_both(url, Told()))
    finally:
        killed(writer)
    assert amid > 0, "every runner was through"
    filling, counting = statuses
    assert (filling.state, filling.proven, filling.why) == (BackfillState.FINISHED, True, "")
    assert (counting.visited, counting.changed) == (ROWS, ROWS)
    assert sql.execute("SELECT min(n), max(n) FROM counters").fetchone() == (1, 1)
    assert sql.execute("SELECT max(touched) FROM recipes").fetchone() == (1,)
    sql.execute(
        "CREATE TABLE twin AS SELECT id, title, NULL::text AS title_norm FROM recipes;"
        "UPDATE twin SET title_norm = lower(title)"
    )
    twin = sql.execute(CHECKSUM.format(table="twin")).fetchone()
    assert sql.execute(CHECKSUM.format(table="recipes")).fetchone() == twin


@pytest.mark.parametrize("seed", [1])
def test_five_kills(sql: psycopg.Connection, empty_database_url: str, seed: int) -> None:
    kill_at_random(sql, empty_database_url, 5, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_fifty_kills(sql: psycopg.Connection, empty_database_url: str, seed: int) -> None:
    kill_at_random(sql, empty_database_url, 5, seed + 100)


async def test_a_runner_that_was_killed_before_the_bound_was_frozen_leaves_it_to_the_next(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_ledger(sql)
    sql.execute(SCHEMA.format(rows=500))
    database = PostgresDatabase(empty_database_url)
    await database.run_backfill_for(COUNTING, timedelta(0))
    sql.execute("UPDATE lockgate_emc.backfills SET bound = NULL, total = 0, started_at = now()")
    status = await database.run_backfill_for(COUNTING, timedelta(seconds=30))
    await database.close()
    assert (status.visited, status.bound) == (500, ("500",))


async def test_a_killed_runners_place_is_taken_at_once(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    """Its lease has half a minute to go; that its session is gone is enough."""
    make_ledger(sql)
    sql.execute(SCHEMA.format(rows=500))
    sql.execute("DROP TRIGGER sync ON recipes")
    database = PostgresDatabase(empty_database_url)
    told = Told(batches=1)
    await database.run_backfill(FILLING, until=told.until, progress=told)
    sql.execute(
        "UPDATE lockgate_emc.backfills SET holder = 'killed', state = 'running', "
        "lease_until = now() + interval '30 seconds'"
    )
    status = await database.run_backfill_for(FILLING, timedelta(seconds=30))
    await database.close()
    assert status.proven
