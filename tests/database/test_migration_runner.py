"""Migrations on a real PostgreSQL: all of a file or nothing, once, and nobody held up by it."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from backfilling import make_ledger, migration

from bot.adapters.database import runner
from bot.adapters.database.connection import fetch_scalar, session
from bot.adapters.database.database import PostgresDatabase
from bot.adapters.database.runner import LOCK_KEY, Limits
from bot.core.migrations.model import Version
from bot.ports.database import (
    AppliedMigration,
    DatabaseBusy,
    DatabaseRefused,
    DatabaseUnavailable,
)

LEDGER = "SELECT version, name, statements FROM supabase_migrations.schema_migrations"
QUICK = Limits(first_lock_wait=timedelta(milliseconds=20), tries=3)
INDEXES = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index JOIN pg_class c ON c.oid = "
INDEXES += "indrelid WHERE relname = 'recipes' ORDER BY 1"


async def test_a_file_is_applied_once_with_its_row_in_the_ledger(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    one = migration("CREATE TABLE a (id int); -- ; no end\nINSERT INTO a VALUES (1);")
    applied = await database.apply(one)
    assert (applied.applied, applied.tries) == (True, 1)
    assert sql.execute(LEDGER).fetchall() == [
        (one.version, one.name, ["CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)"])
    ]
    assert not (await database.apply(one)).applied
    assert sql.execute("SELECT count(*) FROM a").fetchone() == (1,)
    assert await database.fetch_applied() == (AppliedMigration(one.version, one.name),)


async def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("CREATE TABLE recipes (id int)")
    planned = await database.apply(
        migration("CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY i ON recipes (id)"),
        dry_run=True,
    )
    assert [step.text.split(" (")[0] for step in planned.steps.steps] == [
        "CREATE TABLE a",
        "CREATE INDEX CONCURRENTLY i ON recipes",
    ]
    assert (planned.applied, planned.steps.in_transaction) == (False, False)
    assert await database.fetch_applied() == ()
    assert sql.execute("SELECT to_regclass('a')").fetchone() == (None,)


async def test_of_a_file_that_fails_nothing_stays_and_the_line_is_named(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    one = migration("CREATE TABLE a (id int);\n\nALTER TABLE missing ADD COLUMN b int;")
    with pytest.raises(DatabaseRefused, match=r'line 3: relation "missing" does not exist'):
        await database.apply(one)
    assert sql.execute("SELECT to_regclass('a')").fetchone() == (None,)
    assert await database.fetch_applied() == ()


@pytest.mark.parametrize("ahead", ["", "CREATE INDEX CONCURRENTLY i ON recipes (id);\n"])
async def test_a_statement_that_holds_its_locks_for_long_is_ended(
    sql: psycopg.Connection, database: PostgresDatabase, ahead: str
) -> None:
    sql.execute("CREATE TABLE recipes (id int)")
    text = f"{ahead}ALTER TABLE recipes ADD a int;\nSELECT pg_sleep(5)"
    limits = Limits(statement=timedelta(milliseconds=50))
    with pytest.raises(DatabaseRefused, match=r"statement timeout \(57014\)") as refused:
        await database.apply(migration(text), limits=limits)
    assert f"line {text.count(chr(10)) + 1}:" in str(refused.value)
    assert "split it" in refused.value.remedy
    assert sql.execute(LEDGER).fetchall() == []
    # A file in one transaction leaves nothing; of another the statements before are kept.
    columns = (
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'recipes'::regclass AND attnum > 0"
    )
    assert sql.execute(columns).fetchone() == (2 if ahead else 1,)
    await database.apply(migration("SELECT pg_sleep(0.1)", version=Version("20260103000000")))


async def test_what_a_file_sets_for_its_session_is_not_kept(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("CREATE ROLE nobody_in_particular")
    try:
        sql.execute("GRANT nobody_in_particular TO CURRENT_USER")
        await database.apply(
            migration(
                "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.a ();"
                "SET ROLE nobody_in_particular;"
            )
        )
    finally:
        sql.execute("DROP ROLE nobody_in_particular")
    assert len(await database.fetch_applied()) == 1


async def test_a_session_is_left_as_it_was(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    async with session(empty_database_url) as connection:
        await runner.apply(connection, migration("SET lock_timeout = 0; SET search_path = ''"))
        assert await fetch_scalar(connection, "SHOW lock_timeout") == "4s"
        assert await fetch_scalar(connection, "SHOW search_path") == '"$user", public'
        await runner.apply(connection, migration("VACUUM", version=Version("2")))
        assert await fetch_scalar(connection, "SHOW statement_timeout") == "1min"


async def test_the_ledger_of_an_early_supabase_cli_is_completed(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations "
        "(version text PRIMARY KEY); INSERT INTO supabase_migrations.schema_migrations VALUES ('1')"
    )
    assert await database.fetch_applied() == (AppliedMigration(Version("1"), ""),)
    await database.apply(migration("CREATE TABLE a ()"))
    assert [one.version for one in await database.fetch_applied()] == ["1", "20260101000000"]


async def test_a_table_of_the_ledgers_name_that_is_none_is_refused(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (a "
        "int)"
    )
    with pytest.raises(DatabaseRefused, match="it is no ledger"):
        await database.fetch_applied()


async def test_a_second_runner_is_told_so(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
    with pytest.raises(DatabaseBusy, match="another runner applies migrations"):
        await database.apply(migration("CREATE TABLE a ()"))
    sql.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])
    assert (await database.apply(migration("CREATE TABLE a ()"))).applied


async def test_runners_at_the_same_time_apply_a_file_once(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_ledger(sql, "1")
    sql.execute("CREATE TABLE a (id int)")
    one = migration("INSERT INTO a VALUES (1)")

    async def apply() -> bool:
        database = PostgresDatabase(empty_database_url)
        try:
            return (await database.apply(one)).applied
        except DatabaseBusy:
            return False
        finally:
            await database.close()

    outcomes = await asyncio.gather(*(apply() for _ in range(5)))
    assert sum(outcomes) == 1
    assert sql.execute("SELECT count(*) FROM a").fetchone() == (1,)


async def test_it_gives_way_to_who_holds_a_lock_and_tries_again(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    sql.execute("CREATE TABLE recipes (id int)")
    one = migration("ALTER TABLE recipes ADD COLUMN a int")
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT FROM recipes")
        with pytest.raises(DatabaseUnavailable, match="gave way 3 times") as refused:
            await database.apply(one, limits=QUICK)
        assert "pg_stat_activity" in refused.value.remedy
        applying = asyncio.create_task(
            database.apply(one, limits=Limits(first_lock_wait=timedelta(milliseconds=50)))
        )
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not sql.execute(waiting).fetchone()[0]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        # It has given up once:
        while sql.execute(waiting).fetchone()[0]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        other.commit()
        applied = await applying
    assert applied.tries > 1


async def test_what_waits_for_a_lock_can_be_ended_between_two_tries(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    class Stopped(Exception):
        pass

    tries: list[int] = []

    def gave_way(number: int) -> None:
        tries.append(number)
        if number == 2:
            raise Stopped

    sql.execute("CREATE TABLE recipes (id int)")
    one = migration("ALTER TABLE recipes ADD COLUMN a int")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE recipes IN ACCESS SHARE MODE")
        with pytest.raises(Stopped):
            await database.apply(one, limits=QUICK, gave_way=gave_way)
    assert tries == [1, 2]
    assert (await database.apply(one)).applied


async def test_the_schema_is_read_before_and_after(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    database = PostgresDatabase(empty_database_url)
    before = await database.fetch_schema()
    applied = await database.apply(migration("CREATE TABLE a ()"))
    after = await database.fetch_schema()
    assert (applied.schema_before, applied.schema_after) == (before.root, after.root)
    assert after.objects.keys() - before.objects.keys() == {"table public.a"}
    await database.close()


# --- without a transaction ------------------------------------------------------------------------

CONCURRENT = (
    "CREATE TABLE dishes (id int);\nCREATE UNIQUE INDEX CONCURRENTLY by_id ON recipes (id);"
)


async def test_an_index_is_made_without_a_transaction(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("CREATE TABLE recipes (id int)")
    applied = await database.apply(migration(CONCURRENT))
    assert (applied.applied, applied.cleaned) == (True, ())
    assert sql.execute(INDEXES).fetchall() == [("by_id", True)]
    assert sql.execute("SELECT count(*) FROM lockgate_emc.unfinished").fetchone() == (0,)
    assert not (await database.apply(migration(CONCURRENT))).applied


async def test_after_a_failure_it_leaves_no_invalid_index_and_goes_on_with_the_statement(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("CREATE TABLE recipes (id int); INSERT INTO recipes VALUES (1), (1)")
    with pytest.raises(DatabaseRefused, match="line 2: could not create unique index"):
        await database.apply(migration(CONCURRENT))
    assert sql.execute(INDEXES).fetchall() == []
    assert await database.fetch_applied() == ()
    with pytest.raises(DatabaseRefused, match="was edited after 1 of its statements"):
        await database.apply(migration(f"{CONCURRENT} SELECT 1"))
    sql.execute("DELETE FROM recipes")
    assert (await database.apply(migration(CONCURRENT))).applied
    assert sql.execute(INDEXES).fetchall() == [("by_id", True)]


@pytest.mark.parametrize("name", ["by_id", ""])
async def test_an_invalid_index_that_a_killed_runner_left_is_dropped(
    sql: psycopg.Connection, database: PostgresDatabase, name: str
) -> None:
    sql.execute("CREATE TABLE recipes (id int); INSERT INTO recipes VALUES (1), (1)")
    text = f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON recipes (id)"
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql.execute(text)
    (left,) = sql.execute(INDEXES).fetchall()
    assert left[1] is False
    sql.execute("DELETE FROM recipes")
    if not name:  # whose it is, is known only if one of ours was begun
        await database.apply(migration("SELECT 1; VACUUM", version=Version("1")))
        sql.execute(
            "INSERT INTO lockgate_emc.unfinished SELECT %s, encode(sha256(%s), 'hex'), 0, 1",
            [migration(text).version, text.encode()],
        )
    applied = await database.apply(migration(text))
    assert applied.cleaned == (left[0],)
    assert [valid for _, valid in sql.execute(INDEXES).fetchall()] == [True]


async def test_an_index_that_was_made_and_not_recorded_is_not_made_again(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("CREATE TABLE recipes (id int)")
    text = "CREATE INDEX CONCURRENTLY by_id ON recipes (id)"
    await database.apply(migration("VACUUM", version=Version("1")))
    sql.execute(
        "INSERT INTO lockgate_emc.unfinished SELECT %s, encode(sha256(%s), 'hex'), 0, 1",
        [migration(text).version, text.encode()],
    )
    sql.execute(text)  # then it was killed
    assert (await database.apply(migration(text))).applied
    assert sql.execute(INDEXES).fetchall() == [("by_id", True)]


async def test_an_index_of_that_name_that_somebody_made_is_no_reason_to_pass_over_ours(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    sql.execute("CREATE TABLE recipes (id int, n int); CREATE INDEX by_id ON recipes (n)")
    with pytest.raises(DatabaseRefused, match="already exists"):
        await database.apply(migration("CREATE INDEX CONCURRENTLY by_id ON recipes (id)"))
