"""Backfills on a real PostgreSQL: to their end, in spite of what comes in between."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from backfilling import Told, backfill, make_ledger, make_recipes
from psycopg.conninfo import make_conninfo

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.database.lease import LOCK_SPACE, lock_key
from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Backfill, Version
from bot.ports.database import Burning, DatabaseBusy, DatabaseRefused

SLICE = timedelta(seconds=30)
DONE = "SELECT count(*) FROM recipes WHERE title_norm = lower(title)"


def count(sql: psycopg.Connection, query: str = DONE) -> int:
    return sql.execute(query).fetchone()[0]


async def run(
    database: PostgresDatabase, one: Backfill | None = None, told: Told | None = None
) -> BackfillStatus:
    told = told or Told()
    return await database.run_backfill(one or backfill(), until=told.until, progress=told)


async def test_every_row_has_its_turn_and_the_end_is_proven(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 5_000)
    status = await run(database)
    assert status.state is BackfillState.FINISHED
    assert status.proven
    assert (status.visited, status.changed, status.left, status.total) == (5_000, 5_000, 0, 5_000)
    assert status.cursor == status.bound == ("5000",)
    assert count(sql) == 5_000
    assert "title_norm IS NULL" in status.proof
    assert await database.fetch_backfills() == (status,)
    assert (status.progress.proven, status.progress.done) == (True, 1.0)


async def test_a_run_that_ended_early_goes_on_where_it_was(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 500)
    first = await run(database, backfill(batch=50), Told(batches=2))
    assert (first.state, first.visited, first.holder) == (BackfillState.WAITING, 150, "")
    assert 0 < first.done < 1
    sql.execute("UPDATE recipes SET title_norm = NULL WHERE id <= 50")  # nobody looks back
    second = await run(database, backfill(batch=50))
    assert (second.visited, second.changed) == (500, 500)
    assert (second.state, second.left) == (BackfillState.FAILED, 50)


async def test_a_slice_ends_when_its_time_is_up(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 100)
    status = await database.run_backfill_for(backfill(), timedelta(0))
    assert (status.state, status.visited) == (BackfillState.WAITING, 0)
    status = await database.run_backfill_for(backfill(), SLICE)
    assert status.proven


async def test_an_empty_table_is_done_at_once(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 0)
    status = await run(database)
    assert (status.proven, status.batches, status.bound) == (True, 0, None)


# --- the end -------------------------------------------------------------------------------------


async def test_without_a_condition_of_its_own_it_ends_at_the_frozen_bound_and_is_not_proven(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_ledger(sql)
    sql.execute("CREATE TABLE recipes (id int PRIMARY KEY, n int DEFAULT 0)")
    sql.execute("INSERT INTO recipes SELECT generate_series(1, 300)")
    one = backfill("UPDATE recipes SET n = n + 1 WHERE :batch", batch=100)
    told = Told(batches=1)
    await run(database, one, told)
    sql.execute("INSERT INTO recipes SELECT generate_series(301, 400)")
    status = await run(database, one)
    assert (status.state, status.proven, status.left) == (BackfillState.FINISHED, False, None)
    assert "nothing besides `:batch`" in status.why
    assert count(sql, "SELECT count(*) FROM recipes WHERE n = 1") == 300
    assert count(sql, "SELECT count(*) FROM recipes WHERE n = 0") == 100
    # Run again, it does nothing twice.
    assert await run(database, one) == status
    with pytest.raises(DatabaseRefused, match="cannot be counted") as refused:
        await database.verify_backfill(one)
    assert "-- needed: no" in refused.value.remedy
    assert status.progress.uncounted
    assert status.progress.settled(needed=False)
    assert not status.progress.settled(needed=True)


async def test_a_delete_of_all_rows_is_counted_up_to_the_frozen_bound(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_ledger(sql)
    sql.execute('CREATE TABLE recipes (kind text, "id %" int, PRIMARY KEY (kind, "id %"))')
    sql.execute("INSERT INTO recipes SELECT 'it''s', generate_series(1, 300)")
    one = backfill("DELETE FROM recipes WHERE :batch", key=("kind", "id %"), batch=100)
    with pytest.raises(DatabaseRefused, match="has not begun"):
        await database.verify_backfill(one)
    await run(database, one, Told(batches=1))
    sql.execute("INSERT INTO recipes SELECT 'later', generate_series(1, 7)")
    status = await run(database, one)
    assert (status.proven, status.changed, status.left) == (True, 300, 0)
    assert count(sql, "SELECT count(*) FROM recipes") == 7
    assert count(sql, status.proof) == 0
    sql.execute("INSERT INTO recipes VALUES ('it''s', 5)")
    status = await database.verify_backfill(replace(one, name="renamed"))
    assert (status.proven, status.left) == (False, 1)
    status = await database.resume_backfill(one)
    status = await run(database, one)
    # Its new bound is the last of the rows that there are now.
    assert (status.proven, status.left, count(sql, "SELECT count(*) FROM recipes")) == (True, 0, 0)


async def test_a_delete_of_an_empty_table_is_proven_at_once(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 0)
    status = await run(database, backfill("DELETE FROM recipes WHERE :batch"))
    assert (status.proven, status.batches) == (True, 0)


async def test_a_predicate_that_never_shrinks_is_stopped_by_the_bound_and_reported(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 300)
    one = backfill("UPDATE recipes SET title_norm = title WHERE :batch AND title LIKE 'T%'")
    status = await run(database, one)
    assert (status.state, status.proven, status.left) == (BackfillState.FAILED, False, 300)
    assert "300 rows are left by its own WHERE" in status.why
    assert "whether its SET makes its WHERE false" in status.remedy
    assert (status.visited, status.changed) == (300, 300)


async def test_rows_that_nobody_filled_meanwhile_are_found_and_a_second_run_fills_them(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 300)
    await run(database, backfill(batch=100), Told(batches=1))
    sql.execute("INSERT INTO recipes VALUES (1000, 'Late', NULL)")
    status = await run(database, backfill(batch=100))
    assert (status.state, status.left) == (BackfillState.FAILED, 1)
    status = await database.resume_backfill(backfill(batch=100))
    assert (status.state, status.cursor, status.visited) == (BackfillState.WAITING, None, 0)
    status = await run(database, backfill(batch=100))
    assert (status.proven, status.changed) == (True, 301)


async def test_verify_counts_again(sql: psycopg.Connection, database: PostgresDatabase) -> None:
    make_recipes(sql, 100)
    await run(database)
    assert (await database.verify_backfill(backfill())).proven
    sql.execute("UPDATE recipes SET title_norm = NULL WHERE id < 4")
    status = await database.verify_backfill(backfill())
    assert (status.state, status.proven, status.left) == (BackfillState.FAILED, False, 3)
    assert await database.fetch_backfills() == (status,)


# --- statements and keys -------------------------------------------------------------------------


async def test_rows_are_copied_into_another_table(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 300)
    sql.execute("CREATE TABLE titles (recipe_id bigint PRIMARY KEY, title text)")
    sql.execute("INSERT INTO titles VALUES (7, 'written meanwhile')")
    one = backfill(
        "INSERT INTO titles (recipe_id, title) SELECT r.id, r.title FROM recipes r WHERE :batch "
        "ON CONFLICT (recipe_id) DO NOTHING",
        batch=100,
    )
    status = await run(database, one)
    assert (status.proven, status.changed) == (True, 299)
    assert count(sql, "SELECT count(*) FROM titles WHERE title LIKE 'Title %'") == 299


async def test_rows_are_deleted(sql: psycopg.Connection, database: PostgresDatabase) -> None:
    make_recipes(sql, 300)
    one = backfill("DELETE FROM recipes WHERE :batch AND id % 3 = 0", batch=50)
    status = await run(database, one)
    assert (status.proven, status.changed) == (True, 100)
    assert count(sql, "SELECT count(*) FROM recipes") == 200


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("id int", "n * 7 - 900"),
        ("id bigint", "n * 10000000000 - 900"),
        ("id text", "md5(n::text)"),
        ('id text COLLATE "C"', "chr(64 + n % 60) || n"),
        ("id varchar(40)", "'it''s % \\ ' || n"),
        ("id uuid", "md5(n::text)::uuid"),
        ("id timestamptz", "'2026-01-01'::timestamptz + n * interval '1.000001 s'"),
        ("id numeric", "n / 3.0 - 20"),
        ("id double precision", "n / 3.0::float8"),
        ("id date", "'2026-01-01'::date - n"),
        ("id bytea", "decode(md5(n::text), 'hex')"),
    ],
)
async def test_keys_of_any_type(
    sql: psycopg.Connection, database: PostgresDatabase, columns: str, values: str
) -> None:
    make_ledger(sql)
    sql.execute("SET timezone = 'Asia/Kathmandu'")
    sql.execute(f"CREATE TABLE recipes ({columns} PRIMARY KEY, n int DEFAULT 0)")
    sql.execute(f"INSERT INTO recipes SELECT {values} FROM generate_series(1, 200) AS n")
    status = await run(database, backfill("UPDATE recipes SET n = n + 1 WHERE :batch", batch=7))
    assert (status.visited, status.changed) == (200, 200)
    assert count(sql, "SELECT count(*) FROM recipes WHERE n = 1") == 200


async def test_a_key_of_several_columns_with_names_that_need_quoting(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_ledger(sql)
    sql.execute(
        'CREATE TABLE "Odd %s Table" ("Shop %s" text, "order" int, n int DEFAULT 0, '
        'PRIMARY KEY ("Shop %s", "order"))'
    )
    sql.execute(
        'INSERT INTO "Odd %s Table" SELECT chr(97 + n % 5), n / 5 - 20 FROM generate_series(1, 200)'
        " AS n"
    )
    one = backfill(
        'UPDATE "Odd %s Table" AS t SET n = t.n + 1 FROM (SELECT 1 AS "order") AS o WHERE :batch '
        "AND '%s' LIKE '%'",
        table='"Odd %s Table"',
        key=("Shop %s", "order"),
        batch=9,
    )
    status = await run(database, one)
    assert (status.visited, status.changed) == (200, 200)
    assert count(sql, 'SELECT count(*) FROM "Odd %s Table" WHERE n = 1') == 200


async def test_a_partitioned_table(sql: psycopg.Connection, database: PostgresDatabase) -> None:
    make_ledger(sql)
    sql.execute(
        "CREATE TABLE recipes (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF recipes FOR VALUES FROM (MINVALUE) TO (100);"
        "CREATE TABLE high PARTITION OF recipes FOR VALUES FROM (100) TO (MAXVALUE);"
        "INSERT INTO recipes SELECT generate_series(1, 200)"
    )
    status = await run(database, backfill("UPDATE recipes SET n = n + 1 WHERE :batch", batch=30))
    assert (status.visited, status.changed) == (200, 200)


@pytest.mark.parametrize(
    ("table", "message", "remedy"),
    [
        ("CREATE TABLE recipes (id int NOT NULL)", "no unique B-tree index", "CREATE UNIQUE INDEX"),
        ("CREATE TABLE recipes (id int UNIQUE)", "may be NULL", "SET NOT NULL"),
        (
            "CREATE TABLE recipes (id int NOT NULL, slug text PRIMARY KEY)",
            "no unique B-tree index",
            "use `-- key: slug`",
        ),
        (
            "CREATE TABLE recipes (id int NOT NULL);"  # noqa: ISC004
            "CREATE UNIQUE INDEX ON recipes (id) WHERE false",
            "no unique B-tree index",
            "CREATE UNIQUE INDEX",
        ),
        ("CREATE TABLE recipes (no_id int)", "has no column id", "-- key:"),
        ("CREATE VIEW recipes AS SELECT 1 AS id", "is no table", "stored in"),
        ("CREATE TABLE dishes (id int)", "there is no table recipes", "as it is now"),
    ],
)
async def test_a_table_that_cannot_be_walked_along_is_refused_with_the_fix(
    sql: psycopg.Connection, database: PostgresDatabase, table: str, message: str, remedy: str
) -> None:
    make_ledger(sql)
    sql.execute(table)
    with pytest.raises(DatabaseRefused, match=message) as refused:
        await run(database, backfill("UPDATE recipes SET id = id WHERE :batch"))
    assert remedy in refused.value.remedy


@pytest.fixture
async def under_policies(
    sql: psycopg.Connection, empty_database_url: str
) -> AsyncIterator[PostgresDatabase]:
    """The database as a role sees it that owns nothing and may all."""
    make_recipes(sql, 100)
    role = f"filler_{secrets.token_hex(4)}"
    sql.execute(
        "CREATE TABLE titles (id bigint PRIMARY KEY); INSERT INTO titles VALUES (1), (2);"
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT ALL ON recipes, titles TO {role};"
        f"GRANT ALL ON SCHEMA supabase_migrations TO {role};"
        f"GRANT ALL ON ALL TABLES IN SCHEMA supabase_migrations TO {role};"
        f"DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database());"
        "END $$;"
    )
    opened = PostgresDatabase(make_conninfo(empty_database_url, user=role, password="x"))
    yield opened
    await opened.close()
    sql.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


async def test_a_role_from_which_policies_hide_rows_is_refused(
    sql: psycopg.Connection, under_policies: PostgresDatabase
) -> None:
    sql.execute(
        "ALTER TABLE recipes ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON recipes USING (id < 9)"
    )
    with pytest.raises(DatabaseRefused, match=r"hides rows of .*recipes.* from") as refused:
        await run(under_policies)
    assert "a role with BYPASSRLS" in refused.value.remedy
    assert count(sql, "SELECT count(*) FROM recipes WHERE title_norm IS NULL") == 100


async def test_nothing_is_proven_by_a_count_that_policies_shorten(
    sql: psycopg.Connection, under_policies: PostgresDatabase
) -> None:
    sql.execute(
        "ALTER TABLE titles ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON titles USING (id = 1)"
    )
    one = backfill(
        "UPDATE recipes SET title_norm = 'x' FROM titles "
        "WHERE :batch AND titles.id = recipes.id AND title_norm IS NULL"
    )
    with pytest.raises(DatabaseRefused, match="row-level security policy for table"):
        await run(under_policies, one)
    with pytest.raises(DatabaseRefused, match="row-level security policy for table"):
        await under_policies.verify_backfill(one)
    (status,) = await under_policies.fetch_backfills()
    assert not status.proven


async def test_a_header_that_means_another_table_than_the_statement_is_refused(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 10)
    sql.execute("CREATE SCHEMA other; CREATE TABLE other.recipes (id bigint PRIMARY KEY, n int)")
    with pytest.raises(DatabaseRefused, match=r'"other"\."recipes" in the statement is another'):
        await run(database, backfill("UPDATE other.recipes SET n = 1 WHERE :batch"))


async def test_a_backfill_waits_for_its_expand(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 10)
    with pytest.raises(DatabaseRefused, match="waits for migration 20260101000001"):
        await run(database, backfill(after=Version("20260101000001")))


async def test_a_file_that_was_edited_meanwhile_is_refused(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 200)
    edited = backfill("UPDATE recipes SET title_norm = '' WHERE :batch AND title_norm IS NULL")
    await database.pause_backfill(edited, by="maria", reason="not yet")
    await database.resume_backfill(edited)
    await run(database, backfill(batch=50), Told(batches=1))  # it had not begun
    with pytest.raises(DatabaseRefused, match="was edited after"):
        await run(database, edited)
    with pytest.raises(DatabaseRefused, match="was edited after"):
        await database.verify_backfill(edited)


# --- rows that fail ------------------------------------------------------------------------------


async def test_a_row_that_fails_is_found_and_named_and_harms_no_other_backfill(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 3_000)
    sql.execute("ALTER TABLE recipes ADD CONSTRAINT short CHECK (length(title_norm) < 20)")
    sql.execute("UPDATE recipes SET title = repeat('x', 30) WHERE id = 1234")
    sql.execute("CREATE TABLE dishes (id int PRIMARY KEY, n int)")
    sql.execute("INSERT INTO dishes SELECT generate_series(1, 100)")
    status = await run(database)
    assert status.state is BackfillState.FAILED
    assert status.poison.key == ("1234",)
    assert (status.poison.sqlstate, status.poison.constraint) == ("23514", "short")
    assert "the row with id = 1234 fails" in status.why
    assert "xxx" not in status.why
    assert count(sql) == 1_233  # all before it, and nothing after it
    assert status.cursor == ("1233",)
    assert await run(database) == status  # it stays failed until somebody has looked

    other = backfill(
        "UPDATE dishes SET n = 1 WHERE :batch AND n IS NULL",
        table="dishes",
        version=Version("20260103000000"),
    )
    assert (await run(database, other)).proven

    sql.execute("UPDATE recipes SET title = 'short' WHERE id = 1234")
    assert (await database.resume_backfill(backfill())).poison is None
    status = await run(database)
    assert (status.proven, status.changed) == (True, 3_000)


async def test_a_row_that_fails_at_commit_is_found_too(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 100)
    sql.execute("CREATE TABLE norms (norm text PRIMARY KEY)")
    sql.execute(
        "INSERT INTO norms SELECT 'title ' || n FROM generate_series(1, 100) n WHERE n <> 42"
    )
    sql.execute(
        "ALTER TABLE recipes ADD FOREIGN KEY (title_norm) REFERENCES norms DEFERRABLE "
        "INITIALLY DEFERRED"
    )
    status = await run(database)
    assert (status.state, status.poison.key) == (BackfillState.FAILED, ("42",))


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("53100", "the server's disk is full", "make room"),
        ("42501", "may not do that", "grant it"),
    ],
)
async def test_what_a_smaller_batch_does_not_help_against_fails_at_once_with_its_remedy(
    sql: psycopg.Connection, database: PostgresDatabase, code: str, message: str, remedy: str
) -> None:
    make_recipes(sql, 100)
    sql.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON recipes FOR EACH ROW WHEN (new.id = 60) "
        "EXECUTE FUNCTION refuse()"
    )
    status = await run(database, backfill(batch=20))
    assert (status.state, status.poison) == (BackfillState.FAILED, None)
    assert message in status.why
    assert remedy in status.remedy
    assert status.cursor == ("20",)
    sql.execute("DROP TRIGGER refuse ON recipes")
    await database.resume_backfill(backfill(batch=20))
    assert (await run(database, backfill(batch=20))).proven


async def test_a_batch_that_takes_too_long_is_halved(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 100)
    # What statement_timeout does, by the number of rows.
    sql.execute(
        "CREATE FUNCTION limited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF (SELECT count(*) FROM changed) > 30 THEN "
        "RAISE EXCEPTION 'canceling statement' USING ERRCODE = '57014'; END IF; RETURN NULL; "
        "END $$; CREATE TRIGGER limited AFTER UPDATE ON recipes REFERENCING NEW TABLE AS changed "
        "FOR EACH STATEMENT EXECUTE FUNCTION limited()"
    )
    told = Told()
    status = await run(database, backfill(batch=100), told)
    assert (status.proven, status.changed) == (True, 100)
    assert {one.batch_size for one in told.seen if one.batches == 1} == {25}
    assert "canceling statement" in {one.why for one in told.seen}


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
async def test_what_somebody_else_caused_is_tried_again(
    sql: psycopg.Connection, database: PostgresDatabase, code: str
) -> None:
    make_recipes(sql, 100)
    # A sequence keeps count also of what was rolled back.
    sql.execute(
        "CREATE SEQUENCE tries; CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; "
        "END IF; RETURN NULL; END $$;"
        "CREATE TRIGGER twice AFTER UPDATE ON recipes EXECUTE FUNCTION twice()"
    )
    status = await run(database)
    assert (status.proven, status.changed, status.batches) == (True, 100, 1)
    assert count(sql, "SELECT last_value FROM tries") == 3


async def test_a_table_that_is_renamed_meanwhile_fails_the_run_and_says_how_to_go_on(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 200)

    class Renaming(Told):
        def __call__(self, status: BackfillStatus) -> None:
            if status.batches == 1 and not self.seen:
                self.seen.append(status)
                sql.execute("ALTER TABLE recipes RENAME TO dishes")

    status = await run(database, backfill(batch=50), Renaming())
    assert (status.state, status.cursor) == (BackfillState.FAILED, ("50",))
    assert "is not there" in status.why
    assert "put its name back" in status.remedy
    sql.execute("ALTER TABLE dishes RENAME TO recipes")
    await database.resume_backfill(backfill(batch=50))
    assert (await run(database, backfill(batch=50))).proven


# --- others --------------------------------------------------------------------------------------


async def test_a_row_that_somebody_holds_is_waited_for_with_the_reason(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    make_recipes(sql, 100)
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT FROM recipes WHERE id = 60 FOR UPDATE")

        class Releasing(Told):
            def __call__(self, status: BackfillStatus) -> None:
                super().__call__(status)
                if status.state is BackfillState.PAUSED:
                    other.commit()

        told = Releasing()
        status = await run(database, backfill(batch=50, target_ms=50), told)
    assert status.proven
    assert "lock timeout" in next(s.why for s in told.seen if s.state is BackfillState.PAUSED)


async def test_two_runners_never_have_the_same_backfill(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    make_recipes(sql, 300)
    second = PostgresDatabase(empty_database_url)
    begun = asyncio.Event()

    class Announcing(Told):
        def __call__(self, status: BackfillStatus) -> None:
            begun.set()

    with sql.transaction():  # which the first cannot come to its end before
        sql.execute("SELECT FROM recipes WHERE id = 300 FOR UPDATE")
        first = asyncio.create_task(run(database, backfill(), Announcing()))
        await begun.wait()
        with pytest.raises(DatabaseBusy, match="runs backfill"):
            await second.run_backfill_for(backfill(), SLICE)
    status = await first
    await second.close()
    assert (status.proven, status.visited, status.changed) == (True, 300, 300)


async def test_a_runner_that_lost_its_lease_cannot_commit(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 300)

    class Taking(Told):
        def __call__(self, status: BackfillStatus) -> None:
            super().__call__(status)
            if status.batches == 1:
                sql.execute(
                    "UPDATE lockgate_emc.backfills SET token = token + 1, holder = 'another', "
                    "lease_until = now() + interval '1 hour'"
                )

    with pytest.raises(DatabaseBusy, match="another took backfill"):
        await run(database, backfill(batch=100), Taking())
    assert count(sql) == 100
    assert count(sql, "SELECT visited FROM lockgate_emc.backfills") == 100


async def test_a_runner_that_hangs_is_replaced_when_its_lease_has_run_out(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 100)
    await run(database, backfill(batch=30), Told(batches=1))
    take = (
        "UPDATE lockgate_emc.backfills SET holder = 'it hangs', state = 'running', lease_until = "
    )
    # A session that lives holds the lock: the record alone decides then.
    sql.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, lock_key(backfill().version)])
    sql.execute(take + "now() + interval '1 hour'")
    with pytest.raises(DatabaseBusy, match="it hangs runs backfill"):
        await database.run_backfill_for(backfill(), SLICE)
    sql.execute(take + "now() - interval '1 second'")
    (status,) = await database.fetch_backfills()
    assert (status.state, status.why) == (BackfillState.WAITING, "its runner ended before it did")
    assert (await run(database)).proven


async def test_a_person_pauses_resumes_and_cancels(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    make_recipes(sql, 400)
    one = backfill(batch=50, target_ms=1)
    person = PostgresDatabase(empty_database_url)

    class Sql(Told):
        """Does something as another session would, after so many batches."""

        def __init__(self, at: int, query: str) -> None:
            super().__init__()
            self.at, self.query = at, query

        def __call__(self, status: BackfillStatus) -> None:
            if status.batches == self.at and self.query:
                sql.execute(self.query)
                self.query = ""

    pausing = Sql(
        1,
        "UPDATE lockgate_emc.backfills SET state = 'paused', paused_by = 'maria', why = 'lunch'",
    )
    status = await run(database, one, pausing)
    assert (status.state, status.paused_by, status.why) == (BackfillState.PAUSED, "maria", "lunch")
    assert status.batches == 2  # the one that was under way was finished
    assert await run(database, one) == status
    await person.resume_backfill(one)
    cancelling = Sql(
        3,
        "UPDATE lockgate_emc.backfills SET state = 'canceled', token = token + 1, holder = '', "
        "lease_until = NULL",
    )
    status = await run(database, one, cancelling)
    assert (status.state, status.batches) == (BackfillState.CANCELED, 3)
    done = count(sql)
    assert await run(database, one) == status
    assert count(sql) == done
    status = await person.resume_backfill(one)
    assert (status.state, status.visited) == (BackfillState.WAITING, 0)
    assert (await run(database, one)).proven
    await person.close()


async def test_pause_and_cancel_before_it_has_begun(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 10)
    status = await database.pause_backfill(backfill(), by="maria", reason="after the sale")
    assert (status.state, status.why) == (BackfillState.PAUSED, "after the sale")
    assert (await run(database)).visited == 0
    status = await database.cancel_backfill(backfill(), by="maria")
    assert (status.state, status.why) == (BackfillState.CANCELED, "canceled by maria")
    assert (await run(database)).visited == 0


async def test_workers_on_several_backfills_work_at_the_same_time(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_recipes(sql, 10)
    ones = []
    for number in range(4):
        sql.execute(f"CREATE TABLE t{number} (id int PRIMARY KEY, n int DEFAULT 0)")
        sql.execute(f"INSERT INTO t{number} SELECT generate_series(1, 1000)")
        ones.append(
            backfill(
                f"UPDATE t{number} SET n = n + 1 WHERE :batch AND n = 0",
                table=f"t{number}",
                version=Version(f"2026010300000{number}"),
                batch=50,
            )
        )

    async def worker() -> int:
        database, did = PostgresDatabase(empty_database_url), 0
        for one in ones:
            try:
                status = await database.run_backfill_for(one, SLICE)
            except DatabaseBusy:
                continue
            did += status.state is BackfillState.FINISHED
        await database.close()
        return did

    await asyncio.gather(worker(), worker(), worker())
    database = PostgresDatabase(empty_database_url)
    statuses = await database.fetch_backfills()
    await database.close()
    assert [(one.proven, one.changed) for one in statuses] == [(True, 1000)] * 4


# --- beside others -------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["recipes", "recipes_low"])
async def test_while_others_write_to_the_table_batches_are_small(
    written: str, sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    make_ledger(sql)
    sql.execute(
        "CREATE TABLE recipes (id bigint PRIMARY KEY, title text, title_norm text)"
        "PARTITION BY RANGE (id);"
        "CREATE TABLE recipes_low PARTITION OF recipes FOR VALUES FROM (0) TO (10000);"
        "INSERT INTO recipes SELECT n, 'Title ' || n FROM generate_series(1, 600) AS n"
    )
    # At most 5,000 rows a second, of which a tenth of the target has room for 100.
    slowly = (
        "UPDATE recipes SET title_norm = lower(title) || pg_sleep(0.0002)::text "
        "WHERE :batch AND title_norm IS NULL"
    )
    told = Told()
    async with await psycopg.AsyncConnection.connect(empty_database_url) as writer:
        await writer.execute(f"INSERT INTO {written} VALUES (2000, 'Under way')")
        status = await run(database, backfill(slowly, batch=300, target_ms=200), told)
        await writer.rollback()
    assert (status.proven, status.changed) == (True, 600)
    first, *others = [one.batch_size for one in told.seen if one.batch_took]
    assert first == 300
    assert max(others) <= 100


async def test_while_others_write_much_to_another_table_batches_are_small(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    make_ledger(sql)
    sql.execute(
        "CREATE TABLE recipes (id bigint PRIMARY KEY, title text, title_norm text);"
        "CREATE TABLE visits (n int);"
        "INSERT INTO recipes SELECT n, 'Title ' || n FROM generate_series(1, 600) AS n"
    )
    slowly = (
        "UPDATE recipes SET title_norm = lower(title) || pg_sleep(0.0005)::text "
        "WHERE :batch AND title_norm IS NULL"
    )
    told = Told()

    async def write() -> None:
        async with await psycopg.AsyncConnection.connect(
            empty_database_url, autocommit=True
        ) as writer:
            while True:
                await writer.execute("INSERT INTO visits VALUES (1)")

    writing = asyncio.create_task(write())
    status = await run(database, backfill(slowly, batch=300, target_ms=1_000), told)
    writing.cancel()
    assert (status.proven, status.changed) == (True, 600)
    first, *others = [one.batch_size for one in told.seen if one.batch_took]
    assert first == 300
    assert max(others) <= 100


# --- pauses --------------------------------------------------------------------------------------


async def test_a_burning_objective_pauses_it_until_it_burns_no_more(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 300)
    burning = Burning("the error budget of checkout burns 14 times as fast as it may")
    status = await database.run_backfill_for(backfill(batch=50), SLICE, watch=lambda: burning)
    assert (status.state, status.why) == (BackfillState.PAUSED, burning.why)
    assert status.batches == 1
    assert status.paused_by == ""
    status = await database.run_backfill_for(backfill(batch=50), SLICE, watch=lambda: None)
    assert status.proven


async def test_more_wal_than_the_file_allows_pauses_it(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 4000)
    # Two looks tell a rate, and the second comes half a second after the first.
    slowly = (
        "UPDATE recipes SET title_norm = lower(title) || pg_sleep(0.0003)::text "
        "WHERE :batch AND title_norm IS NULL"
    )
    one = backfill(slowly, batch=200, target_ms=100, pause_when=("wal-rate-0mb",))
    status = await database.run_backfill_for(one, SLICE)
    assert status.state is BackfillState.PAUSED
    assert status.why.endswith("of WAL, and 0 MB/s is the limit")
    assert 0 < status.visited < 4000


async def test_who_waits_for_the_table_pauses_it(
    sql: psycopg.Connection, database: PostgresDatabase, empty_database_url: str
) -> None:
    make_recipes(sql, 300)
    async with await psycopg.AsyncConnection.connect(empty_database_url) as holder:
        await holder.execute("LOCK TABLE recipes IN SHARE UPDATE EXCLUSIVE MODE")
        async with await psycopg.AsyncConnection.connect(empty_database_url) as waiter:
            waiting = asyncio.create_task(
                waiter.execute("LOCK TABLE recipes IN SHARE UPDATE EXCLUSIVE MODE")
            )
            while not count(sql, "SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0)
            releasing: list[asyncio.Task[None]] = []

            class Releasing(Told):
                def __call__(self, status: BackfillStatus) -> None:
                    super().__call__(status)
                    if status.state is BackfillState.PAUSED and not releasing:
                        releasing.append(asyncio.create_task(holder.commit()))

            told = Releasing()
            status = await run(database, backfill(batch=50), told)
            await waiting
    assert status.proven
    assert "1 session waits for locks on the table" in {one.why for one in told.seen}
