"""The store's schema: applied once by whoever comes first, each migration over rows that exist."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bot.adapters.postgres import migrations
from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.migrations import MigrationError, fetch_pending, migrate
from bot.adapters.postgres.statements import load_migrations
from bot.adapters.postgres.store import open_store
from bot.adapters.squawk import run_squawk
from bot.core.migrations.findings import Severity
from bot.core.migrations.lint import check_of
from bot.core.work.deliveries import SweepDeliveries
from bot.ports import StoreUnavailable

NAMES = list(load_migrations())

SAMPLE_ROWS = {
    "0001_queue.sql": (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status)"
        " VALUES ('default', 'prune_store', 'a', 'p:a', 'todo'),"
        " ('default', 'prune_store', 'b', 'p:b', 'doing'), ('default', 'x', 'b', 'p:c', 'failed'),"
        " ('default', 'x', NULL, NULL, 'succeeded')"
    ),
    "0002_queue_indexes.sql": "SELECT",
    "0003_deliveries.sql": (
        "INSERT INTO deliveries (guid, event, action, repository, routed, outcome, payload)"
        " VALUES ('g1', 'push', '', '', false, 'ignored', ''),"
        " ('g2', 'pull_request', 'opened', 'o/n', true, 'waiting', '\\x00')"
    ),
    "0004_evaluations.sql": (
        "INSERT INTO evaluations VALUES (42, 1, 7, 'o', 'n', true, 't', 'a', 'open', 'sha', 'main',"
        " 'pass', '{}', now())"
    ),
    "0005_redeliveries.sql": "INSERT INTO redeliveries (attempt_id, guid) VALUES (1, 'g1')",
    "0006_effects.sql": (
        "INSERT INTO effects (kind, installation_id, repository_id, repository, subject, digest,"
        " cause) VALUES ('post_check', 7, 42, 'o/n', 'o/n#1', 'd', 'job 1')"
    ),
    "0007_job_errors.sql": (
        "INSERT INTO job_errors (job_id, error)"
        " SELECT id, 'e' FROM procrastinate_jobs WHERE status = 'failed'"
    ),
    "0008_schedules.sql": "INSERT INTO schedules VALUES ('prune_store', now())",
    "0009_operations.sql": (
        "INSERT INTO operations (request, repository_id, environment, kind, state, comment_id,"
        " concluded, requested_at, content)"
        " VALUES (gen_random_uuid(), 42, 'production', 'promote', 'failed', 0, true, now(), '{}'),"
        " (gen_random_uuid(), 42, 'production', 'rollback', 'running', 9, false, now(), '{}');"
        "INSERT INTO environment_holders VALUES (42, 'production', 7, 2, now()),"
        " (42, 'staging', 1, NULL, NULL);"
        "INSERT INTO ledger (repository_id, environment, sha, deployment_id, tag, pull_number,"
        " schema_hash, origin, actor, live_from, live_until, operation_id) VALUES"
        " (42, 'production', 'a', 'd1', '', 1, '', 'promotion', 'o', now(), now(), 1),"
        " (42, 'production', 'b', 'd2', 'v1', 2, 'h', 'outside', '', now(), NULL, NULL);"
        "INSERT INTO locks VALUES (42, 'production', 'o', 'why', now());"
        "INSERT INTO freezes VALUES (42, 'production', now(), now() + '1 day', 'o', 'why', NULL);"
        "INSERT INTO pull_heads VALUES (42, 1, now(), 'a'), (42, 1, now(), 'b')"
    ),
    "0010_audit.sql": (
        'INSERT INTO audit_entries VALUES (1, \'{"at": "2026", "kind": "lock"}\', \'s\'),'
        " (2, '{}', 's');"
        "INSERT INTO audit_waiting VALUES (2);"
        "INSERT INTO audit_places VALUES (0, 1, 'l', 's');"
        "INSERT INTO audit_checkpoints VALUES (1, 'note', 'f', now())"
    ),
    "0011_notices.sql": (
        "INSERT INTO notices (channel, key, severity, title, text, url, repository, environment,"
        " resolves, delivered_at) VALUES ('slack', 'k', 'info', 't', '', '', 'o/n', '', false,"
        " now()), ('pagerduty', 'k', 'info', 't', '', '', 'o/n', '', true, NULL)"
    ),
    "0012_observations.sql": (
        "INSERT INTO environment_targets VALUES (42, 'production', 'vercel', 'shop', 'o.example'),"
        " (42, 'staging', 'github', 'staging', 's.example');"
        "INSERT INTO sightings VALUES (42, 'production', 'd3', 2, 7, now()),"
        " (42, 'staging', 'd4', 0, 0, now());"
        "UPDATE ledger SET went_back = true WHERE deployment_id = 'd2'"
    ),
    "0013_audit_keys.sql": (
        "INSERT INTO audit_entries VALUES (3, '{\"key\": \"a\"}', 's'),"
        " (4, '{\"key\": \"b\"}', 's'), (5, '{}', 's')"
    ),
    "0014_release_steering.sql": (
        "INSERT INTO release_steering VALUES (42, 1, 7, 'as', '2.0.0', NULL, 'o', now()),"
        " (42, 2, 7, 'prerelease', '', 'api', 'o', now())"
    ),
    "0015_releases.sql": (
        "INSERT INTO releases (repository_id, tag, package, version, sha, pull_number, state)"
        " VALUES (42, 'v1.5.0', '', '1.5.0', 'a', 7, 'told'),"
        " (42, 'api-v2.0.0', 'api', '2.0.0', 'b', 8, 'tagged')"
    ),
    "0016_repositories.sql": (
        "INSERT INTO repositories VALUES (43, 8, 'acme', 'shop', now(), true, '-infinity')"
    ),
    "0017_held_releases.sql": (
        "INSERT INTO held_releases (repository_id, branch, installation_id, owner, name, head)"
        " VALUES (43, 'main', 8, 'acme', 'shop', repeat('a', 40))"
    ),
    "0018_schemas.sql": (
        "INSERT INTO database_owners (name, repository_id) VALUES ('production', 1);"
        "INSERT INTO known_migrations VALUES (1, '20260101000000', '{}');"
        "INSERT INTO build_schemas (repository_id, sha, facts, contains)"
        " VALUES (1, 'a', '{}', '{}');"
        "INSERT INTO schema_runs (repository_id, environment, comment_id, state, revision, content,"
        " requested_at) VALUES (1, 'production', 2, 'running', 0, '{}', now());"
        "INSERT INTO meant_schemas VALUES (1, 'production', 'r', '{}', now());"
        "INSERT INTO pull_migrations (repository_id, number, versions) VALUES (1, 2, '{2026}')"
    ),
    "0019_slos.sql": (
        "INSERT INTO probes (repository_id, name, wanted, every, due_at, content)"
        " VALUES (42, 'site', true, '1 minute', now(), '{}'),"
        " (42, 'old', false, '1 minute', now(), '{}');"
        "INSERT INTO probe_results VALUES (now(), 1, 1, 1, 20, 200, 'ok', '{1}');"
        "INSERT INTO probe_hours VALUES (now() - interval '9 days', 2, 60, 59, '{59}');"
        "INSERT INTO slo_alerts VALUES (42, 'availability', 'page/1h', 1, '{}')"
    ),
    "0020_slo_states.sql": (
        "INSERT INTO slo_files VALUES (42, 'a', '{}');"
        "INSERT INTO slo_states (repository_id, objective, evaluated_at, period, content)"
        " VALUES (42, 'availability', now(), '30 days', '{}');"
        "INSERT INTO slo_budgets VALUES (1, now(), -0.5)"
    ),
    "0021_alert_notices.sql": (
        "INSERT INTO notices (channel, key, severity, title, text, url, repository, environment,"
        " resolves, incident, cause_url)"
        " VALUES ('slack', 'k21', 'info', 't', '', '', '', '', true, 'slo:a:page', 'https://x')"
    ),
    "0022_watches.sql": (
        "INSERT INTO watches (operation_id, repository_id, environment, concluded, revision,"
        " content) VALUES (1, 42, 'production', false, 0, '{}')"
    ),
    "0023_slo_names.sql": (
        "INSERT INTO slo_states (repository_id, objective, evaluated_at, period, content)"
        " VALUES (43, 'api', now(), '30 days', '{}'), (44, 'api', now(), '30 days', '{}')"
    ),
    "0024_paused_slos.sql": (
        "INSERT INTO slo_files (repository_id, sha, files, paused) VALUES (43, 'a', '{}', true)"
    ),
    "0025_operation_pulls.sql": "INSERT INTO operation_pulls VALUES (42, 9, 1), (42, 9, 2)",
    "0026_known_backfills.sql": (
        "INSERT INTO known_backfills VALUES (1, '20260101000001', 'fill', false)"
    ),
    "0027_command_answers.sql": (
        "INSERT INTO command_answers VALUES (42, 7, ARRAY['**Done.**', ''], false)"
    ),
}
"""What may stand in the tables once the migration of that name was applied."""

REVIEWED = {
    ("0002_queue_indexes.sql", "concurrently-alone"): "it runs statement by statement",
    ("0013_audit_keys.sql", "concurrently-alone"): "it runs statement by statement",
    ("0023_slo_names.sql", "index-concurrently"): (
        "a row for each objective: it is built in milliseconds, and waits for 4 s at most"
    ),
}
"""Errors by Lockgate's own rules that are none here, each with why. An applied file cannot take a
comment that waives it."""


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(connection_string(url), autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the migrations that the code knows of: clear and fill it to be an older release."""
    known = NAMES[:]
    files = load_migrations()
    monkeypatch.setattr(
        migrations, "load_migrations", lambda: {name: files[name] for name in known}
    )
    yield known
    monkeypatch.undo()


@pytest.mark.parametrize("name", NAMES)
async def test_migration_applies_over_rows_of_the_schema_before_it(
    empty_database_url: str, only: list[str], name: str
) -> None:
    index = NAMES.index(name)
    only[:] = NAMES[:index]
    if index:
        await migrate(empty_database_url)
    for before in NAMES[:index]:
        rows(empty_database_url, SAMPLE_ROWS[before])
    only[:] = NAMES[: index + 1]
    assert await fetch_pending(empty_database_url) == (f"lockgate/{name}",)
    assert (await migrate(empty_database_url)).applied == (f"lockgate/{name}",)
    rows(empty_database_url, SAMPLE_ROWS[name])
    assert (await migrate(empty_database_url)).applied == ()
    assert await fetch_pending(empty_database_url) == ()


async def test_operations_of_before_are_found_by_their_pull_requests(
    empty_database_url: str, only: list[str]
) -> None:
    """Whatever else stands in them: what a person types may be no text of PostgreSQL's."""
    only[:] = NAMES[: NAMES.index("0025_operation_pulls.sql")]
    await migrate(empty_database_url)
    told = [
        {
            "pull_number": 12,
            "plan": {"build": {"pull_number": 12}},
            "outcome": 'a\0\ud800 "\\u0000',
        },
        {"pull_number": 15, "plan": {"build": {"pull_number": 12}}},
        {"pull_number": 0, "plan": {"build": {}}},
    ]
    with psycopg.connect(connection_string(empty_database_url), autocommit=True) as connection:
        for content in told:
            connection.execute(
                "INSERT INTO operations (request, repository_id, environment, kind, state,"
                " comment_id, concluded, requested_at, content) VALUES (gen_random_uuid(), 42,"
                " 'production', 'promote', 'succeeded', 0, true, now(), %s)",
                [json.dumps(content)],
            )
    only[:] = NAMES
    await migrate(empty_database_url)
    found = rows(empty_database_url, "SELECT * FROM operation_pulls ORDER BY number, operation_id")
    assert found == [(42, 12, 1), (42, 12, 2), (42, 15, 2)]


def test_our_own_migrations_meet_our_own_rules() -> None:
    """No API exposes the store's schema, so they are looked at in a folder that is not Supabase's.
    Warnings about a lock's timeout are met by ``migrate``, which sets one."""
    names = {f"2026010100{name}": name for name in NAMES}
    files = [(f"schema/{path}", load_migrations()[name].encode()) for path, name in names.items()]
    check = check_of(dict(files), files, squawk=run_squawk(files))
    assert check.files == len(NAMES)
    errors = [one for one in check.findings if one.severity is Severity.ERROR]
    assert {(names[Path(one.file).name], one.rule) for one in errors} == set(REVIEWED)
    assert len(errors) == len(REVIEWED)
    warnings = [one for one in check.findings if one.severity is Severity.WARNING]
    assert {one.rule for one in warnings} <= {"lock-timeout"}


@pytest.mark.slow
async def test_eight_processes_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    script = (
        "import asyncio, sys; from bot.adapters.postgres.migrations import migrate;"
        "print(len(asyncio.run(migrate(sys.argv[1])).applied))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, empty_database_url, stdout=subprocess.PIPE
        )
        for _ in range(8)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert {process.returncode for process in processes} == {0}
    counts = [int(out.decode().split()[-1]) for out, _ in outputs]
    assert sorted(counts) == [0] * 7 + [len(NAMES)]
    async with open_store(empty_database_url) as store:
        await store.enqueue(SweepDeliveries())


async def test_library_version_is_recorded_and_its_upgrades_are_applied_in_order(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database_url)
    recorded = rows(
        empty_database_url,
        "SELECT DISTINCT library_version FROM schema_migrations WHERE component = 'procrastinate'",
    )
    assert recorded == [(migrations.importlib.metadata.version("procrastinate"),)]  # type: ignore[attr-defined]
    newer = migrations._library_files() | {
        "99.00.00_01_pre_second.sql": "CREATE TABLE second AS SELECT * FROM first",
        "99.00.00_50_post_third.sql": "CREATE TABLE third AS SELECT * FROM second",
        "98.00.00_01_pre_first.sql": "CREATE TABLE first (id int)",
    }
    monkeypatch.setattr(migrations, "_library_files", lambda: dict(sorted(newer.items())))
    applied = (await migrate(empty_database_url)).applied
    assert [name.split("_")[-1] for name in applied] == ["first.sql", "second.sql", "third.sql"]
    assert (await migrate(empty_database_url)).applied == ()


async def test_database_of_a_newer_release_is_tolerated_and_said(
    empty_database_url: str, only: list[str]
) -> None:
    await migrate(empty_database_url)
    only[:] = NAMES[:-1]
    migrated = await migrate(empty_database_url)
    assert (migrated.applied, migrated.ahead) == ((), (f"lockgate/{NAMES[-1]}",))


async def test_edited_migration_is_refused(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database_url)
    edited = load_migrations() | {"0005_redeliveries.sql": "SELECT 1", "0099_new.sql": "SELECT 1"}
    monkeypatch.setattr(migrations, "load_migrations", lambda: edited)
    with pytest.raises(MigrationError, match=r"0005_redeliveries\.sql is not the one"):
        await migrate(empty_database_url)


async def test_migration_that_fails_leaves_nothing_behind(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database_url)
    broken = load_migrations() | {"0099_new.sql": "CREATE TABLE half (id int); SELECT 1 / 0"}
    monkeypatch.setattr(migrations, "load_migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_database_url)
    assert rows(empty_database_url, "SELECT to_regclass('half')") == [(None,)]
    monkeypatch.undo()
    assert (await migrate(empty_database_url)).applied == ()


async def test_migration_gives_way_to_a_long_transaction_and_comes_back(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database_url)
    more = load_migrations() | {"0099_new.sql": "ALTER TABLE deliveries ADD COLUMN extra int"}
    monkeypatch.setattr(migrations, "load_migrations", lambda: more)
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "50ms")
    async with await psycopg.AsyncConnection.connect(
        connection_string(empty_database_url)
    ) as holder:
        await holder.execute("LOCK TABLE deliveries IN ACCESS SHARE MODE")
        pending = asyncio.create_task(migrate(empty_database_url))
        async with open_store(empty_database_url) as store:
            while not await _waiting_for_lock(empty_database_url) and not pending.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            assert await store.fetch_recent_deliveries() == [], "readers get through in between"
        await holder.rollback()
        assert (await pending).applied == ("lockgate/0099_new.sql",)


async def _waiting_for_lock(url: str) -> bool:
    return bool(rows(url, "SELECT 1 FROM pg_locks WHERE NOT granted"))


async def test_unreachable_database_is_said() -> None:
    with pytest.raises(StoreUnavailable):
        await migrate("postgresql://127.0.0.1:1/none")


def test_numbers_are_consecutive_and_every_migration_has_sample_rows() -> None:
    assert [int(name.split("_")[0]) for name in NAMES] == list(range(1, len(NAMES) + 1))
    assert list(SAMPLE_ROWS) == NAMES


def test_every_statement_of_ours_stands_in_the_sql_folder() -> None:
    """Outside of it there is no SQL but names and settings."""
    adapter = Path(migrations.__file__).parent
    for source in adapter.glob("*.py"):
        for word in ("INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE TABLE"):
            assert word not in source.read_text(), f"{word} in {source.name}"
