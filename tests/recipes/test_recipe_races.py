"""Two transactions at the same rows, in each order that could lose a write.

The first has written and is not committed when the second begins; what a lock must keep apart
waits here until the first is through.
"""

import threading
from dataclasses import dataclass

import psycopg
import pytest
from recipe_kit import NUTRITION, RECIPES_TABLE, draft, told

from bot.core.migrations.drafts.facts import Table, TableName
from bot.core.migrations.drafts.files import Draft, Part

_PATIENCE = 20
BACKFILL = "the backfill"

RENAME = draft(
    "rename-column",
    "recipes.calories",
    "recipes.energy",
    tables=(told(RECIPES_TABLE, calories="int"),),
)
MOVE = draft(
    "move-column",
    "recipes.calories",
    "nutrition.calories",
    tables=(told(RECIPES_TABLE, calories="int"), Table(NUTRITION)),
    on=("recipe_id",),
)
SPLIT = draft(
    "split-table",
    "recipes.calories",
    tables=(told(RECIPES_TABLE, id="int", calories="int"),),
    to=TableName("public", "energies"),
)
SCHEMA = """
CREATE TABLE recipes (id int PRIMARY KEY, calories int);
CREATE TABLE nutrition (recipe_id int PRIMARY KEY REFERENCES recipes ON DELETE CASCADE);
INSERT INTO recipes VALUES (1, 5), (2, 7);
INSERT INTO nutrition VALUES (1);
"""
BOTH = {
    "rename": "SELECT id, calories, energy FROM recipes ORDER BY 1",
    "move": "SELECT id, r.calories, n.calories FROM recipes r"
    " JOIN nutrition n ON recipe_id = id ORDER BY 1",
    "split": "SELECT r.id, r.calories, e.calories FROM recipes r JOIN energies e USING (id)"
    " ORDER BY 1",
}


@dataclass(frozen=True)
class Race:
    made: Draft
    first: str
    second: str
    select: str
    expected: list[tuple[int, int | None]]


RACES = {
    "an old write, then a backfill that read before": Race(
        RENAME,
        "UPDATE recipes SET calories = 6 WHERE id = 1",
        BACKFILL,
        BOTH["rename"],
        [(1, 6), (2, 7)],
    ),
    "a new write, then a backfill that read before": Race(
        RENAME,
        "UPDATE recipes SET energy = 6 WHERE id = 1",
        BACKFILL,
        BOTH["rename"],
        [(1, 6), (2, 7)],
    ),
    "an old NULL, then a backfill of the other table": Race(
        MOVE,
        "UPDATE recipes SET calories = NULL WHERE id = 1",
        BACKFILL,
        BOTH["move"],
        [(1, None)],
    ),
    "a backfill of the other table, then an old NULL": Race(
        MOVE,
        BACKFILL,
        "UPDATE recipes SET calories = NULL WHERE id = 1",
        BOTH["move"],
        [(1, None)],
    ),
    "an old write, then a new row that takes its value": Race(
        MOVE,
        "UPDATE recipes SET calories = 8 WHERE id = 2",
        "INSERT INTO nutrition VALUES (2)",
        "SELECT * FROM (" + BOTH["move"] + ") s WHERE id = 2",
        [(2, 8)],
    ),
    "a new row that took the value, then an old write": Race(
        MOVE,
        "INSERT INTO nutrition VALUES (2)",
        "UPDATE recipes SET calories = 8 WHERE id = 2",
        "SELECT * FROM (" + BOTH["move"] + ") s WHERE id = 2",
        [(2, 8)],
    ),
    "a new row with the same value, then an old write": Race(
        MOVE,
        "INSERT INTO nutrition VALUES (2, 7)",
        "UPDATE recipes SET calories = 8 WHERE id = 2",
        "SELECT * FROM (" + BOTH["move"] + ") s WHERE id = 2",
        [(2, 8)],
    ),
    "an old write, then a backfill that makes its row": Race(
        SPLIT,
        "UPDATE recipes SET calories = 6 WHERE id = 1",
        BACKFILL,
        BOTH["split"],
        [(1, 6), (2, 7)],
    ),
    "a backfill that makes the row, then an old write": Race(
        SPLIT,
        BACKFILL,
        "UPDATE recipes SET calories = 6 WHERE id = 1",
        BOTH["split"],
        [(1, 6), (2, 7)],
    ),
    "a row is deleted, then a backfill that read it": Race(
        SPLIT, "DELETE FROM recipes WHERE id = 1", BACKFILL, BOTH["split"], [(2, 7)]
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_the_later_write_stays_and_both_are_equal(name: str, empty_database_url: str) -> None:
    race = RACES[name]
    (backfill,) = (file.text for file in race.made.files if file.part is Part.BACKFILL)
    first, second = (
        backfill.replace(":batch", "true") if statement is BACKFILL else statement
        for statement in (race.first, race.second)
    )
    with (
        psycopg.connect(empty_database_url, autocommit=True) as one,
        psycopg.connect(empty_database_url, autocommit=True) as two,
        psycopg.connect(empty_database_url, autocommit=True) as onlooker,
    ):
        one.execute(SCHEMA)
        for file in race.made.files:
            if file.part is Part.EXPAND:
                with one.transaction():
                    one.execute(file.text)
        faults: list[BaseException] = []
        with one.transaction():
            one.execute(first)
            thread = threading.Thread(target=_execute, args=(two, second, faults))
            thread.start()
            _until_through_or_waiting(thread, two.info.backend_pid, onlooker)
        thread.join(_PATIENCE)
        assert faults == []
        found = one.execute(race.select).fetchall()
    assert found == [(key, value, value) for key, value in race.expected]


def _execute(connection: psycopg.Connection, text: str, faults: list[BaseException]) -> None:
    try:
        connection.execute(text)
    except psycopg.Error as error:
        faults.append(error)


def _until_through_or_waiting(
    thread: threading.Thread, pid: int, onlooker: psycopg.Connection
) -> None:
    for _ in range(_PATIENCE * 200):
        thread.join(0.005)
        waits = onlooker.execute("SELECT cardinality(pg_blocking_pids(%s))", [pid]).fetchone()
        if not thread.is_alive() or waits != (0,):
            return
    raise AssertionError("the second transaction neither ends nor waits")
