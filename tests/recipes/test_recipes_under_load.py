"""Each recipe from its files to its end, on PostgreSQL, while builds of both shapes write.

Expand, writers, backfill, SIGKILL in the middle of it, resume, contract; no row is lost or stale at
the end: the table equals a twin to which one transaction has applied what was written.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from load_kit import Shape, Writer, differences, make_twin, replay
from recipe_kit import BUILD, read_files
from victim import Victim

from bot.adapters.database.database import PostgresDatabase
from bot.cli.emc_new import new
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.files import Folder
from bot.core.migrations.model import Backfill, Phase

ROWS = 600
A_WHILE = 15
"""Writes of each writer between two steps."""


def words(choose: random.Random) -> str:
    return f"word {choose.randrange(1000)}"


def numbers(choose: random.Random) -> int:
    return choose.randrange(-1000, 1000)


@dataclass(frozen=True)
class Scenario:
    arguments: tuple[str, ...]
    schema: str
    twin: str
    """What the table is to be in the end, said of the old shape."""
    result: str
    """The same, of the new shape."""
    old: Shape
    new: Shape
    new_nulls: bool = True
    last_write: Callable[[psycopg.Connection], object] | None = None
    """What is to be done to the twin besides."""
    old_leaves_first: bool = False
    """Whether the old build is gone before the backfill."""


RENAME = Scenario(
    ("rename-column", "recipes.title", "recipes.title_norm"),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text);"
    "CREATE INDEX ON recipes (title);"
    "INSERT INTO recipes (title) SELECT nullif('word ' || n % 9, 'word 3')"
    f" FROM generate_series(1, {ROWS}) n",
    "SELECT id AS key, title AS value FROM recipes",
    "SELECT id AS key, title_norm AS value FROM recipes",
    Shape(
        ("INSERT INTO recipes (title) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET title = %(value)s WHERE id = %(id)s",
        words,
    ),
    Shape(
        ("INSERT INTO recipes (title_norm) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET title_norm = %(value)s WHERE id = %(id)s",
        words,
    ),
)
CHANGE_TYPE = Scenario(
    (
        *("change-type", "recipes.price", "recipes.cents", "--type", "bigint"),
        *("--using", "price * 100", "--back", "cents / 100.0"),
    ),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price numeric);"
    f"INSERT INTO recipes (price) SELECT nullif(n / 10.0, 3) FROM generate_series(1, {ROWS}) n",
    "SELECT id AS key, (price * 100)::bigint::text AS value FROM recipes",
    "SELECT id AS key, cents::text AS value FROM recipes",
    Shape(
        ("INSERT INTO recipes (price) VALUES (%(value)s / 100.0) RETURNING id",),
        "UPDATE recipes SET price = %(value)s / 100.0 WHERE id = %(id)s",
        numbers,
    ),
    Shape(
        ("INSERT INTO recipes (cents) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET cents = %(value)s WHERE id = %(id)s",
        numbers,
    ),
)
ADD_NOT_NULL = Scenario(
    ("add-not-null", "recipes.title", "--value", "'none'"),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text);"
    "INSERT INTO recipes (title) SELECT nullif('word ' || n % 3, 'word 1')"
    f" FROM generate_series(1, {ROWS}) n",
    "SELECT id AS key, coalesce(title, 'none') AS value FROM recipes",
    "SELECT id AS key, title AS value FROM recipes",
    Shape(
        ("INSERT INTO recipes (title) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET title = %(value)s WHERE id = %(id)s",
        words,
        logged=lambda value: value or "none",
    ),
    Shape(
        ("INSERT INTO recipes (title) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET title = %(value)s WHERE id = %(id)s",
        words,
    ),
    new_nulls=False,
)
ADD_UNIQUE = Scenario(
    ("add-unique", "recipes.slug", "--value", "concat(slug, '-', id)"),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text);"
    f"INSERT INTO recipes (slug) SELECT 'word ' || n % 50 FROM generate_series(1, {ROWS}) n",
    "SELECT id AS key, slug AS value FROM recipes",
    "SELECT id AS key, slug AS value FROM recipes",
    Shape(
        ("INSERT INTO recipes (slug) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET slug = %(value)s WHERE id = %(id)s",
        words,
    ),
    Shape(
        ("INSERT INTO recipes (slug) VALUES (%(value)s) RETURNING id",),
        # Which rows of the old ones are duplicates is not to depend on who comes first.
        "UPDATE recipes SET slug = %(value)s WHERE id = %(id)s AND slug LIKE 'new %%'",
        lambda choose: f"new {choose.getrandbits(80)}",
        delete="DELETE FROM recipes WHERE id = %(id)s AND slug LIKE 'new %%'",
    ),
    last_write=lambda connection: connection.execute(
        "UPDATE twin SET value = concat(value, '-', key) WHERE EXISTS ("
        " SELECT FROM twin earlier WHERE earlier.value = twin.value AND earlier.key < twin.key)"
    ),
    old_leaves_first=True,
)
DROP_COLUMN = Scenario(
    ("drop-column", "recipes.legacy"),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text,"
    " legacy text NOT NULL);"
    f"INSERT INTO recipes (title, legacy) SELECT n, n FROM generate_series(1, {ROWS}) n",
    "SELECT id AS key, title AS value FROM recipes",
    "SELECT id AS key, title AS value FROM recipes",
    Shape(
        ("INSERT INTO recipes (title, legacy) VALUES (%(value)s, 'old') RETURNING id",),
        "UPDATE recipes SET title = %(value)s, legacy = 'old' WHERE id = %(id)s",
        words,
    ),
    Shape(
        ("INSERT INTO recipes (title) VALUES (%(value)s) RETURNING id",),
        "UPDATE recipes SET title = %(value)s WHERE id = %(id)s",
        words,
    ),
)
MOVE_COLUMN = Scenario(
    ("move-column", "recipes.calories", "nutrition.calories", "--on", "recipe_id"),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, calories int);"
    "CREATE TABLE nutrition (recipe_id bigint PRIMARY KEY REFERENCES recipes ON DELETE CASCADE);"
    f"INSERT INTO recipes (calories) SELECT nullif(n % 9, 3) FROM generate_series(1, {ROWS}) n;"
    "INSERT INTO nutrition SELECT id FROM recipes",
    "SELECT id AS key, calories::text AS value FROM recipes",
    "SELECT recipe_id AS key, calories::text AS value FROM nutrition",
    Shape(
        (
            "INSERT INTO recipes (calories) VALUES (%(value)s) RETURNING id",
            "INSERT INTO nutrition (recipe_id) VALUES (%(id)s)",
        ),
        "UPDATE recipes SET calories = %(value)s WHERE id = %(id)s",
        numbers,
    ),
    Shape(
        (
            "INSERT INTO recipes DEFAULT VALUES RETURNING id",
            "INSERT INTO nutrition (recipe_id, calories) VALUES (%(id)s, %(value)s)",
        ),
        "UPDATE nutrition SET calories = %(value)s WHERE recipe_id = %(id)s",
        numbers,
    ),
)
SPLIT_TABLE = Scenario(
    ("split-table", "recipes.body", "recipes.notes", "--to", "texts"),
    "CREATE TABLE recipes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text,"
    " notes text NOT NULL DEFAULT 'none');"
    f"INSERT INTO recipes (body) SELECT 'word ' || n FROM generate_series(1, {ROWS}) n",
    "SELECT id AS key, body || '/' || notes AS value FROM recipes",
    "SELECT id AS key, body || '/' || notes AS value FROM texts",
    Shape(
        ("INSERT INTO recipes (body, notes) VALUES (%(value)s, 'old') RETURNING id",),
        "UPDATE recipes SET body = %(value)s, notes = 'old' WHERE id = %(id)s",
        words,
        logged=lambda value: None if value is None else f"{value}/old",
    ),
    Shape(
        (
            "INSERT INTO recipes DEFAULT VALUES RETURNING id",
            "INSERT INTO texts (id, body, notes) VALUES (%(id)s, %(value)s, 'new')",
        ),
        "UPDATE texts SET body = %(value)s, notes = 'new' WHERE id = %(id)s",
        words,
        logged=lambda value: None if value is None else f"{value}/new",
    ),
)
SCENARIOS = {
    scenario.arguments[0]: scenario
    for scenario in (
        RENAME,
        CHANGE_TYPE,
        ADD_NOT_NULL,
        ADD_UNIQUE,
        DROP_COLUMN,
        MOVE_COLUMN,
        SPLIT_TABLE,
    )
}


def files(scenario: Scenario, url: str, folder: Path) -> Folder:
    arguments = [*scenario.arguments, "--database", url, "--build", BUILD, "--dir", str(folder)]
    result = CliRunner().invoke(new, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = read_files(folder)
    assert found.problems == ()
    return found


def apply(url: str, folder: Folder, phase: Phase) -> None:
    async def all_of_it() -> None:
        database = PostgresDatabase(url)
        for migration in folder.migrations:
            if migration.marked is phase:
                assert (await database.apply(migration)).applied
        await database.close()

    asyncio.run(all_of_it())


def backfill_to_the_end(url: str, backfill: Backfill) -> None:
    async def run() -> None:
        database = PostgresDatabase(url)
        status = await database.run_backfill(
            backfill, until=lambda: False, progress=lambda status: None
        )
        assert status.state is BackfillState.FINISHED, (status.why, status.poison)
        assert status.left == 0
        await database.close()

    asyncio.run(run())


@pytest.mark.parametrize("recipe", SCENARIOS)
def test_no_row_is_lost_or_stale(recipe: str, empty_database_url: str, tmp_path: Path) -> None:
    go_out(SCENARIOS[recipe], empty_database_url, tmp_path, seed=0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
@pytest.mark.parametrize("recipe", SCENARIOS)
def test_no_row_is_lost_or_stale_in_many_orders(
    recipe: str, seed: int, empty_database_url: str, tmp_path: Path
) -> None:
    go_out(SCENARIOS[recipe], empty_database_url, tmp_path, seed=seed)


def go_out(scenario: Scenario, url: str, tmp_path: Path, *, seed: int) -> None:
    """``seed``: what is written, and after how many batches the backfill is killed."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(scenario.schema)
    make_twin(url, scenario.twin)
    folder = files(scenario, url, tmp_path)
    with ExitStack() as stack:
        victim = stack.enter_context(Victim(url, batches=1 + (seed + 2) % 5))
        old = [Writer(url, scenario.old, 4 * seed + n).start() for n in (0, 1)]
        stack.callback(lambda: [writer.stop() for writer in old])

        apply(url, folder, Phase.EXPAND)
        # NULL written to a row that is not filled yet has no meaning: new builds wait for the
        # backfill, and only these are there before it.
        eager = [Writer(url, scenario.new, 4 * seed + 2, nulls=False).start()]
        stack.callback(lambda: [writer.stop() for writer in eager])
        for writer in (*old, *eager):
            writer.write(A_WHILE)
        if scenario.old_leaves_first:
            for writer in old:
                writer.stop()

        for backfill in folder.backfills:
            assert victim.begin(backfill), "it was through before it could be killed"
            victim.kill()
            for writer in eager if scenario.old_leaves_first else (*old, *eager):
                writer.write(A_WHILE)
            backfill_to_the_end(url, replace(backfill, batch=100))

        fresh = [Writer(url, scenario.new, 4 * seed + 3, nulls=scenario.new_nulls).start()]
        stack.callback(lambda: [writer.stop() for writer in fresh])
        for writer in (*eager, *fresh) if scenario.old_leaves_first else (*old, *eager, *fresh):
            writer.write(A_WHILE)
        for writer in old:
            writer.stop()
        apply(url, folder, Phase.CONTRACT)
        for writer in (*eager, *fresh):
            writer.write(A_WHILE)

    replay(url)
    with psycopg.connect(url, autocommit=True) as connection:
        if scenario.last_write:
            scenario.last_write(connection)
        left = connection.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION ALL"
            " SELECT proname FROM pg_proc WHERE proname LIKE 'lockgate%'"
        ).fetchall()
    assert differences(url, scenario.result) == []
    assert left == []
