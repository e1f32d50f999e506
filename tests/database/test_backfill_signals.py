"""What a backfill sees of the server that it has to make room for: on real servers."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from backfilling import Told, backfill, make_recipes
from psycopg.conninfo import make_conninfo

from bot.adapters.database.connection import session
from bot.adapters.database.database import PostgresDatabase
from bot.adapters.database.signals import Looker
from bot.adapters.postgres import binaries
from bot.adapters.postgres.embedded import EmbeddedServer
from bot.core.backfills.model import BackfillStatus
from bot.core.backfills.pauses import Limits, Reason, decide_pause
from bot.core.migrations.builds import BackfillState
from bot.ports.database import DatabaseRefused

SECOND = timedelta(seconds=1)


def oid(sql: psycopg.Connection) -> int:
    return sql.execute("SELECT 'recipes'::regclass::oid::int8").fetchone()[0]


async def test_the_rate_of_wal_is_that_between_two_looks(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_recipes(sql, 10)
    async with session(empty_database_url) as connection:
        looker = Looker(oid(sql), SECOND, None)
        assert (await looker.look(connection)).wal_rate == 0
        before = sql.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        sql.execute(
            "INSERT INTO recipes SELECT n, repeat('x', 100) FROM generate_series(11, 9000) n"
        )
        written = sql.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)::float8", [before]
        ).fetchone()[0]
        signals = await looker.look(connection)
        assert signals.wal_rate > written / 10  # it took less than ten seconds
        pause = decide_pause(signals, Limits(wal_rate=written / 10))
        assert pause.reason is Reason.WAL_RATE


async def test_who_waits_for_rows_that_a_batch_holds_counts_once_it_is_too_long(
    sql: psycopg.Connection, empty_database_url: str
) -> None:
    make_recipes(sql, 10)
    async with (
        session(empty_database_url) as ours,
        session(empty_database_url) as theirs,
    ):
        await ours.execute("BEGIN; UPDATE recipes SET title = 'ours' WHERE id = 1")
        waiting = asyncio.create_task(
            theirs.execute("UPDATE recipes SET title = 'theirs' WHERE id = 1")
        )
        # They have waited for no second; the lock's wait is in the catalog a moment later.
        patient = Looker(oid(sql), 30 * SECOND, None)
        eager = Looker(oid(sql), timedelta(0), None)
        while not (await eager.look(ours)).lock_waiters:
            pass
        assert (await patient.look(ours)).lock_waiters == 0
        # They wait for us, and so are nobody's business but ours.
        async with session(empty_database_url) as another:
            assert (await Looker(oid(sql), timedelta(0), None).look(another)).lock_waiters == 0
        await ours.execute("COMMIT")
        await waiting
        assert (await eager.look(ours)).lock_waiters == 0


@pytest.mark.long
async def test_an_autovacuum_of_the_table_is_seen_and_made_room_for(
    sql: psycopg.Connection, database: PostgresDatabase
) -> None:
    make_recipes(sql, 20_000)
    sql.execute(
        "ALTER TABLE recipes SET (autovacuum_vacuum_cost_delay = 100, "
        "autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 1, "
        "autovacuum_vacuum_scale_factor = 0)"
    )
    sql.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    sql.execute("ALTER SYSTEM SET autovacuum = on")
    sql.execute("SELECT pg_reload_conf()")
    try:
        sql.execute("UPDATE recipes SET title = title || '!'")
        sees = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'recipes'::regclass"
        while not sql.execute(sees).fetchone()[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

        class Ending(Told):
            def __call__(self, status: BackfillStatus) -> None:
                super().__call__(status)
                if status.state is BackfillState.PAUSED:
                    sql.execute("ALTER TABLE recipes SET (autovacuum_enabled = off)")
                    sql.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_vacuum "
                        "WHERE relid = 'recipes'::regclass"
                    )

        told = Ending()
        status = await database.run_backfill(backfill(batch=100), until=told.until, progress=told)
    finally:
        sql.execute("ALTER SYSTEM RESET autovacuum_naptime")
        sql.execute("ALTER SYSTEM SET autovacuum = off")
        sql.execute("SELECT pg_reload_conf()")
    assert status.proven
    assert "autovacuum is at work on the table" in {one.why for one in told.seen}


@contextmanager
def standby(
    server: EmbeddedServer, sql: psycopg.Connection, home: Path, *settings: str
) -> Iterator[str]:
    """A replica of the test's server, by a copy of its files; the conninfo of the same database."""
    account = binaries.server_account()
    programs = binaries.find_binaries(None, major=server.major)
    if account is not None:
        programs = binaries.reachable_binaries(programs, account)
    data, folder = home / "data", server.folder / "data"
    sql.execute("SELECT pg_backup_start('standby', true)")
    shutil.copytree(
        folder,
        data,
        ignore=lambda _, names: [
            name for name in names if name in ("postmaster.pid", "postmaster.opts", "pg_replslot")
        ],
    )
    label = sql.execute("SELECT labelfile FROM pg_backup_stop(false)").fetchone()[0]
    (data / "backup_label").write_text(label)
    (data / "pg_replslot").mkdir(exist_ok=True)
    (data / "standby.signal").touch()
    (data / "postgresql.auto.conf").write_text(
        f"primary_conninfo = '{server.conninfo}'\n"
        f"unix_socket_directories = '{home}'\n"
        "listen_addresses = ''\n" + "".join(f"{setting}\n" for setting in settings)
    )
    for path in [home, data, *data.rglob("*")]:
        if account is not None:
            os.chown(path, account.uid, account.gid)
        if path.is_dir():
            path.chmod(0o700)
    options = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    control = [programs.program("pg_ctl"), "-D", str(data), "-w", "-t", "30"]
    started = subprocess.run([*control, "-l", str(home / "log"), "start"], cwd="/", **options)
    assert started.returncode == 0, (home / "log").read_text()
    try:
        yield make_conninfo(server.conninfo, host=str(home), dbname=sql.info.dbname)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd="/", **options)


async def _without_pg_monitor(sql: psycopg.Connection, url: str) -> None:
    """That there is a replica is seen, and how far it is behind is not."""
    sql.execute(
        "DROP ROLE IF EXISTS plain; CREATE ROLE plain; GRANT ALL ON recipes TO plain;"
        "GRANT USAGE ON SCHEMA supabase_migrations, lockgate_emc TO plain;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA supabase_migrations TO plain;"
        "GRANT ALL ON ALL TABLES IN SCHEMA lockgate_emc TO plain"
    )
    database = PostgresDatabase(make_conninfo(url, options="-c role=plain"))
    unknown = "the lag of 1 replica is unknown: GRANT pg_monitor to the role of the URL"
    try:
        with pytest.raises(DatabaseRefused, match="may not see the lag of 1 replica") as refused:
            await database.check_sight()
        assert "pg_monitor" in refused.value.remedy
        one = backfill(version="20260102000001", batch=50, pause_when=("replica-lag",))
        status = await database.run_backfill_for(one, 30 * SECOND)
        assert (status.state, status.why) == (BackfillState.PAUSED, unknown)
        told = Told(batches=2)
        another = backfill(version="20260102000002", batch=20)
        await database.run_backfill(another, until=told.until, progress=told)
        assert told.seen[1].why == unknown, "it goes on, and says so"
    finally:
        await database.close()
        sql.execute("DROP OWNED BY plain; DROP ROLE plain")


async def test_a_replica_is_refused_and_its_lag_pauses_a_backfill(
    sql: psycopg.Connection, empty_database_url: str, postgres_server: EmbeddedServer
) -> None:
    make_recipes(sql, 200)
    with tempfile.TemporaryDirectory(prefix="lockgate-standby-") as folder:
        with standby(
            postgres_server,
            sql,
            Path(folder),
            "recovery_min_apply_delay = '1h'",
            "max_connections = 200",
        ) as replica:
            sql.execute("UPDATE recipes SET title = title || '!'")
            with pytest.raises(DatabaseRefused, match="a read-only replica"):
                await PostgresDatabase(replica).fetch_applied()
            async with session(empty_database_url) as connection:
                looker = Looker(oid(sql), SECOND, None)
                # It begins with what the replica took to connect, and that may be less than asked.
                while (  # noqa: ASYNC110
                    (await looker.look(connection)).replica_lag or SECOND * 0
                ) < SECOND / 20:
                    await asyncio.sleep(0.1)
            told = Told()
            database = PostgresDatabase(empty_database_url)
            one = backfill(batch=50, pause_when=("replica-lag-1ms",))
            status = await database.run_backfill_for(one, 30 * SECOND)
            assert (status.state, status.batches) == (BackfillState.PAUSED, 1)
            assert "a replica is" in status.why
            await _without_pg_monitor(sql, empty_database_url)
            await database.check_sight()
        sql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        status = await database.run_backfill(one, until=told.until, progress=told)
        assert status.proven
        await database.close()
