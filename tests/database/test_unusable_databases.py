"""Databases that cannot be used, or not now: each is told with its remedy, without passwords."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from backfilling import Told, backfill, make_ledger, make_recipes, migration
from psycopg import sql as words
from psycopg.conninfo import make_conninfo
from stand_ins import pooler_to, wire_to

from bot.adapters.database.database import PostgresDatabase
from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Version
from bot.ports.database import DatabaseError, DatabaseRefused, DatabaseUnavailable


async def refusal(url: str) -> DatabaseError:
    database = PostgresDatabase(url)
    with pytest.raises(DatabaseError) as refused:
        await database.fetch_applied()
    await database.close()
    return refused.value


async def test_a_pooler_in_transaction_mode_is_told(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    async with pooler_to(empty_database_url) as url:
        # It is a pooler that works: one query after another gets through.
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as client:
            assert await (await client.execute("SELECT 1")).fetchone() == (1,)
        refused = await refusal(url)
    assert isinstance(refused, DatabaseRefused)
    assert "a pooler in transaction mode" in str(refused)
    assert "5432" in refused.remedy


async def test_without_a_pooler_two_clients_are_two_sessions(empty_database_url: str) -> None:
    async with wire_to(empty_database_url) as wire:
        database = PostgresDatabase(wire.through)
        assert await database.fetch_applied() == ()
        await database.close()


async def test_a_connection_that_is_cut_in_a_batch_is_made_anew_and_nothing_is_done_twice(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_ledger(sql)
    sql.execute(
        "CREATE TABLE recipes (id int PRIMARY KEY, n int DEFAULT 0);"
        "INSERT INTO recipes SELECT generate_series(1, 600);"
        # In the third batch the cut comes while its statement runs.
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_sleep(0.05); RETURN new; END $$;"
        "CREATE TRIGGER slowly BEFORE UPDATE ON recipes FOR EACH ROW WHEN (new.id = 500) EXECUTE "
        "FUNCTION slowly()"
    )
    async with wire_to(empty_database_url) as wire:
        database = PostgresDatabase(wire.through)
        cuts: list[asyncio.TimerHandle] = []

        class Cutting(Told):
            def __call__(self, status: BackfillStatus) -> None:
                super().__call__(status)
                if status.batches == 2 and not cuts:
                    cuts.append(asyncio.get_running_loop().call_later(0.02, wire.cut))

        told = Cutting()
        one = backfill("UPDATE recipes SET n = n + 1 WHERE :batch", batch=100, target_ms=1000)
        status = await database.run_backfill(one, until=told.until, progress=told)
        connections = wire.connections
        await database.close()
    assert cuts
    assert connections > 3
    assert (status.state, status.visited) == (BackfillState.FINISHED, 600)
    assert sql.execute("SELECT min(n), max(n) FROM recipes").fetchone() == (1, 1)
    away = [one for one in told.seen if one.state is BackfillState.PAUSED]
    assert away
    assert all("cannot be used now" in one.why and "is tried again" in one.why for one in away)


async def test_a_session_that_was_cut_while_it_was_idle_is_made_anew(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_recipes(sql, 10)
    async with wire_to(empty_database_url) as wire:
        database = PostgresDatabase(wire.through)
        assert len(await database.fetch_applied()) == 1
        wire.cut()
        assert len(await database.fetch_applied()) == 1
        await database.close()


async def test_a_worker_is_told_of_a_cut_in_a_batch_and_comes_again(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_recipes(sql, 300)
    sql.execute(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$;"
        "CREATE TRIGGER cut BEFORE UPDATE ON recipes FOR EACH ROW WHEN (new.id = 150) EXECUTE "
        "FUNCTION cut()"
    )
    database = PostgresDatabase(empty_database_url)
    with pytest.raises(DatabaseUnavailable, match="cannot be used now: terminating connection"):
        await database.run_backfill_for(backfill(batch=100), timedelta(seconds=30))
    sql.execute("DROP TRIGGER cut ON recipes")
    status = await database.run_backfill_for(backfill(batch=100), timedelta(seconds=30))
    assert (status.proven, status.changed) == (True, 300)
    await database.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://maria:hunter2@127.0.0.1:1/shop", "cannot be used now: Connection refused"),
        ("postgresql://maria:hunter2@[::1", "the database's URL cannot be read"),
        ("host=127.0.0.1 password=hunter2 no_such_word=1", "the database's URL cannot be read"),
    ],
)
async def test_a_server_that_is_not_there_and_a_url_that_is_none(url: str, message: str) -> None:
    refused = await refusal(url)
    assert message in str(refused)
    assert "hunter2" not in f"{refused} {refused.remedy}"


async def test_a_wrong_password_is_told_without_it(empty_database_url: str) -> None:
    refused = await refusal(make_conninfo(empty_database_url, password="hunter2"))
    assert isinstance(refused, DatabaseRefused)
    assert "password authentication failed" in str(refused)
    assert "hunter2" not in f"{refused} {refused.remedy}"


async def test_a_database_that_takes_no_writes_is_told(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    name = sql.info.dbname
    sql.execute(
        words.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
            words.Identifier(name)
        )
    )
    refused = await refusal(empty_database_url)
    assert "writes are switched off" in str(refused)


async def test_a_role_that_may_not_is_told_what_is_missing(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_recipes(sql, 10)
    sql.execute("CREATE ROLE reader LOGIN PASSWORD 'reading'")
    try:
        sql.execute("GRANT SELECT ON recipes TO reader")
        sql.execute("GRANT USAGE ON SCHEMA supabase_migrations TO reader")
        sql.execute("GRANT SELECT ON supabase_migrations.schema_migrations TO reader")
        url = make_conninfo(empty_database_url, user="reader", password="reading")
        database, told = PostgresDatabase(url), Told()
        with pytest.raises(DatabaseRefused, match="permission denied for database"):
            await database.run_backfill(backfill(), until=told.until, progress=told)
        await database.close()
        owner = PostgresDatabase(empty_database_url)
        await owner.pause_backfill(backfill(), by="maria", reason="so that the table is there")
        await owner.resume_backfill(backfill())
        await owner.close()
        sql.execute("GRANT USAGE ON SCHEMA lockgate_emc TO reader")
        sql.execute("GRANT ALL ON lockgate_emc.backfills TO reader")
        sql.execute("GRANT INSERT ON supabase_migrations.schema_migrations TO reader")
        database = PostgresDatabase(url)
        status = await database.run_backfill(backfill(), until=told.until, progress=told)
        assert status.state is BackfillState.FAILED
        assert "permission denied for table recipes" in status.why
        assert "grant it what is missing on recipes" in status.remedy
        with pytest.raises(DatabaseRefused, match="line 1: must be owner of") as refused:
            await database.apply(
                migration("ALTER TABLE recipes ADD COLUMN a int", version=Version("2"))
            )
        assert "grant" in refused.value.remedy
        await database.close()
    finally:
        sql.execute("DROP OWNED BY reader")
        sql.execute("DROP ROLE reader")


@pytest.fixture
def small_disk(sql: psycopg.Connection) -> Iterator[Path]:
    """2 MB that the server may write to. It is the tablespace ``small``."""
    if os.geteuid():
        pytest.skip("only root may mount a file system")
    data = Path(sql.execute("SHOW data_directory").fetchone()[0]).stat()
    with tempfile.TemporaryDirectory(prefix="lockgate-disk-") as made:
        Path(made).chmod(0o711)
        place = Path(made, "disk")
        place.mkdir()
        options = f"size=2m,mode=0700,uid={data.st_uid},gid={data.st_gid}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
        if mounted.returncode:
            pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
        try:
            sql.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            yield place
            sql.execute("DROP TABLE IF EXISTS recipes")
            sql.execute("DROP TABLESPACE small")
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def make_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.optional
async def test_a_disk_that_is_full_ends_the_run_until_there_is_room(
    sql: psycopg.Connection, database: PostgresDatabase, small_disk: Path
) -> None:
    make_recipes(sql, 20_000)
    sql.execute("ALTER TABLE recipes SET TABLESPACE small")
    # What it would clean up meanwhile would make room.
    sql.execute("ALTER TABLE recipes SET (autovacuum_enabled = false)")
    status = await database.run_backfill_for(backfill(batch=500), timedelta(seconds=60))
    assert (status.state, status.poison) == (BackfillState.FAILED, None)
    assert "the server's disk is full: could not extend file" in status.why
    assert "make room first" in status.remedy
    filled = sql.execute("SELECT count(title_norm) FROM recipes").fetchone()
    assert 0 < status.changed < 20_000
    assert filled == (status.changed,)
    make_room(small_disk)
    await database.resume_backfill(backfill(batch=500))
    status = await database.run_backfill_for(backfill(batch=500), timedelta(seconds=60))
    assert (status.proven, status.changed) == (True, 20_000)
