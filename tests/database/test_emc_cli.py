"""``lockgate emc`` as people type it, on a real PostgreSQL."""

import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from databases import url_of

from bot.cli.emc_telling import bar_line
from bot.cli.main import main
from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Version

EXPAND = "ALTER TABLE recipes ADD COLUMN title_norm text;\n"
BACKFILL = """\
-- table: public.recipes
-- key: id
-- after: 20260101000000
-- batch: {batch}
UPDATE recipes SET title_norm = lower(title) WHERE :batch AND title_norm IS NULL;
"""
CONTRACT = """\
-- lockgate: contract
-- requires: backfill 20260102000000
ALTER TABLE recipes DROP COLUMN title;
"""


@pytest.fixture
def folder(sql: psycopg.Connection, tmp_path: Path) -> Path:
    """With an expand, a backfill and a contract that waits for it."""
    sql.execute("CREATE TABLE recipes (id bigint PRIMARY KEY, title text)")
    sql.execute("INSERT INTO recipes SELECT n, 'Title ' || n FROM generate_series(1, 3000) AS n")
    for name, text in {
        "migrations/20260101000000_add_title_norm.expand.sql": EXPAND,
        "migrations/20260103000000_drop_title.sql": CONTRACT,
        "backfills/20260102000000_title_norm.sql": BACKFILL.format(batch=100),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


class Emc:
    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    def arguments(self, *typed: str) -> list[str]:
        return ["emc", *typed, "--database", self._url, "--dir", str(self._folder)]

    def __call__(self, *typed: str) -> Result:
        return CliRunner().invoke(main, self.arguments(*typed))

    def start(self, *typed: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *self.arguments(*typed)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def events(self, *typed: str) -> list[dict]:
        result = self(*typed, "--format", "json")
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def emc(empty_database_url: str, folder: Path) -> Emc:
    return Emc(empty_database_url, folder)


def test_the_plan_has_what_is_to_be_done_in_order_and_what_waits_for_what(emc: Emc) -> None:
    result = emc("plan")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "20260101000000  expand    add_title_norm",
        "20260102000000  backfill  title_norm",
        "                waits for expand 20260101000000",
        "20260103000000  contract  drop_title",
        "                waits for backfill 20260102000000 title_norm",
    ]
    assert [event["version"] for event in emc.events("plan")] == [
        "20260101000000",
        "20260102000000",
        "20260103000000",
    ]


def test_run_expands_then_fills_and_leaves_contracts_to_who_names_them(
    emc: Emc, sql: psycopg.Connection
) -> None:
    dry = emc("run", "--dry-run")
    assert (dry.exit_code, "ADD COLUMN title_norm text;" in dry.stdout) == (0, True)
    assert sql.execute(
        "SELECT to_regclass('supabase_migrations.schema_migrations')"
    ).fetchone() == (None,)
    emc("run", "20260101000000")
    dry = emc("run", "--dry-run")
    assert "its end is counted by SELECT count(*) FROM (SELECT 1 FROM recipes" in dry.stdout
    sql.execute("TRUNCATE supabase_migrations.schema_migrations")
    sql.execute("ALTER TABLE recipes DROP COLUMN title_norm")
    result = emc("run")
    assert result.exit_code == 0, result.output
    applied, filled = result.stdout.splitlines()
    assert applied.startswith("20260101000000  expand    add_title_norm  applied in 0.")
    assert "finished, no row is left, 3,000 of 3,000 rows changed" in filled
    assert emc("verify").stdout == "20260102000000  title_norm: no row is left\n"
    assert emc("run").stdout == "Nothing is to be done.\n"
    refused = emc("run", "20260103000000")
    assert refused.exit_code == 1
    assert "which are in use is not known here" in refused.stderr
    result = emc("run", "20260103000000", "--no-build-needs-it")
    assert result.exit_code == 0, result.output
    assert emc("plan").stdout == "Nothing is to be done.\n"


def test_a_contract_waits_for_its_backfill_whatever_is_said(emc: Emc) -> None:
    emc("run", "20260101000000")
    refused = emc("run", "20260103000000", "--no-build-needs-it")
    assert refused.exit_code == 1
    assert "waits for backfill 20260102000000 title_norm" in refused.stderr


def test_a_contract_waits_for_the_one_that_looks_whether_anything_would_be_lost(
    emc: Emc, folder: Path, sql: psycopg.Connection
) -> None:
    look = folder / "migrations/20260102500000_look.contract.sql"
    look.write_text("DO $$ BEGIN RAISE EXCEPTION 'a title would be lost'; END $$;\n")
    drop = folder / "migrations/20260103000000_drop_title.sql"
    drop.write_text(CONTRACT.replace("ALTER", "-- requires: contract 20260102500000\nALTER"))
    emc("run")
    assert emc("run", "20260102500000", "--no-build-needs-it").exit_code == 1
    refused = emc("run", "20260103000000", "--no-build-needs-it")
    assert refused.exit_code == 1
    assert "contract 20260103000000 waits for contract 20260102500000 look" in refused.stderr
    assert "apply that first, with its version" in refused.stderr
    assert sql.execute("SELECT count(title) FROM recipes").fetchone() == (3000,)
    look.write_text("DROP TABLE IF EXISTS nobodys;\n")
    both = emc("run", "20260102500000", "20260103000000", "--no-build-needs-it")
    assert both.exit_code == 0, both.stderr


def test_a_contract_that_names_a_flag_waits_for_somebody_to_look(emc: Emc, folder: Path) -> None:
    file = folder / "migrations/20260103000000_drop_title.sql"
    file.write_text(CONTRACT.replace("ALTER", "-- requires-flag-off: old-titles\nALTER"))
    assert emc("run").exit_code == 0
    assert "waits for the flag old-titles to be off" in emc("plan").stdout
    refused = emc("run", "20260103000000", "--no-build-needs-it")
    assert refused.exit_code == 1
    assert "whether flag old-titles, which contract 20260103000000 names, is off" in refused.stderr
    assert "take `requires-flag-off` out of the contract's header" in refused.stderr
    file.write_text(CONTRACT)
    assert emc("run", "20260103000000", "--no-build-needs-it").exit_code == 0


def test_json_has_every_migration_backfill_and_a_summary(emc: Emc) -> None:
    events = emc.events("run")
    assert [event["event"] for event in events if event["event"] != "progress"] == [
        "migration",
        "backfill",
        "summary",
    ]
    assert events[-1] == {"event": "summary", "ok": True, "outcome": "done"}
    backfill = events[-2]
    assert (backfill["proven"], backfill["changed"], backfill["left"]) == (True, 3000, 0)


def test_pause_resume_cancel_and_status(emc: Emc) -> None:
    emc("run", "20260101000000")
    result = emc("pause", "20260102000000", "--reason", "sale\x1b[2J")
    assert result.exit_code == 0
    assert "sale\\u001b[2J" in result.stdout
    assert "\x1b" not in result.stdout
    result = emc("run")
    assert result.exit_code == 3
    assert "paused by" in result.stdout
    assert "`lockgate emc resume 20260102000000` lets it go on" in result.stdout
    assert "paused" in emc("status").stdout
    assert emc("resume", "20260102000000").exit_code == 0
    result = emc("cancel", "20260102000000")
    assert result.exit_code == 0
    assert "`lockgate emc resume 20260102000000` begins it from the start" in result.stdout
    result = emc("pause", "20260102000000")
    assert (result.exit_code, "it cannot be paused: it is canceled" in result.stderr) == (1, True)
    assert emc.events("status")[0]["state"] == "canceled"
    assert emc("run").exit_code == 3
    assert emc("resume", "20260102000000").exit_code == 0
    assert emc("run").exit_code == 0


def test_a_version_that_is_done_is_told_from_one_that_no_file_has(emc: Emc) -> None:
    assert emc("run", "20260101000000").exit_code == 0
    again = emc("run", "20260101000000")
    assert (again.exit_code, again.stdout) == (0, "20260101000000 is done already.\n")
    for command in ("run", "status", "verify", "pause"):
        unknown = emc(command, "20260101000001")
        assert unknown.exit_code == 2
        assert "20260101000001" in unknown.stderr
        assert "`lockgate emc plan` lists" in unknown.stderr


def test_a_row_that_fails_is_named_with_its_key_and_the_remedy(
    emc: Emc, sql: psycopg.Connection
) -> None:
    emc("run", "20260101000000")
    sql.execute("ALTER TABLE recipes ADD CHECK (title_norm <> 'title 1234')")
    result = emc("run")
    assert result.exit_code == 1
    assert "the row with id = 1234 fails" in result.stdout
    assert "mend or remove that row" in result.stdout
    sql.execute("UPDATE recipes SET title = 'mended' WHERE id = 1234")
    emc("resume", "20260102000000")
    assert emc("run").exit_code == 0


def test_a_backfill_that_fails_harms_no_other(
    emc: Emc, sql: psycopg.Connection, folder: Path
) -> None:
    other = BACKFILL.format(batch=100).replace("title_norm", "other").replace("lower", "upper")
    (folder / "backfills/20260102000001_other.sql").write_text(other)
    (folder / "migrations/20260101000000_add_title_norm.expand.sql").write_text(
        f"{EXPAND}ALTER TABLE recipes ADD COLUMN other text CHECK (title_norm <> 'title 5');"
    )
    events = emc.events("run")
    states = [event["state"] for event in events if event["event"] == "backfill"]
    assert states == ["failed", "finished"]
    assert events[-1]["outcome"] == "refused"


def test_one_that_nobody_can_count_is_done_where_nothing_waits_for_it(
    emc: Emc, folder: Path
) -> None:
    file = folder / "backfills/20260102000000_title_norm.sql"
    text = BACKFILL.format(batch=5000).replace(" AND title_norm IS NULL", "")
    file.write_text(text)
    result = emc("run")
    assert (result.exit_code, "cannot be counted" in result.stdout) == (1, True)
    assert "somebody to judge it: it ended, and that is not proven" in emc("plan").stdout
    file.write_text(f"-- needed: no\n{text}")
    assert emc("run").stdout == "Nothing is to be done.\n"
    (folder / "backfills/20260104000000_again.sql").write_text(f"-- needed: no\n{text}")
    assert emc("run").exit_code == 0


def test_versions_in_the_ledger_that_no_file_has_are_told_and_hold_a_run(
    emc: Emc, sql: psycopg.Connection
) -> None:
    sql.execute(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations "
        "(version text PRIMARY KEY); INSERT INTO supabase_migrations.schema_migrations "
        "VALUES ('20251231000000')"
    )
    assert "20251231000000  is in the ledger, and no file" in emc("plan").stdout
    refused = emc("run")
    assert refused.exit_code == 1
    assert "the ledger has 20251231000000" in refused.stderr
    assert emc("run", "--allow-unknown").exit_code == 0


def test_files_at_fault_are_named_and_nothing_is_run(emc: Emc, folder: Path) -> None:
    (folder / "migrations/20260104000000_bad.sql").write_text("CREATE TABLE a (id int;\n")
    for command in ("plan", "run"):
        result = emc(command)
        assert result.exit_code == 1
        assert "20260104000000_bad.sql:1:23: syntax error" in result.stdout
    assert emc("plan").stdout.count("\n") == 6


HALF = BackfillStatus(
    version=Version("20260102000000"),
    name="title_norm",
    table="recipes",
    state=BackfillState.RUNNING,
    visited=25_000,
    total=50_000,
    batches=5,
    batch_size=5_000,
    working=timedelta(seconds=2),
)


HALFWAY = "title_norm ████████████░░░░░░░░░░░░ 50 %  25,000 of 50,000 rows"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {},
            f"{HALFWAY}  12,500 rows/s  2 s left  batch 5,000",
        ),
        (
            {"state": BackfillState.PAUSED, "why": "replica is away\x1b[2J"},
            f"{HALFWAY}  12,500 rows/s  2 s left  batch 5,000  paused: replica is away\\u001b[2J",
        ),
        (
            {"why": "the lag of 1 replica cannot be seen", "working": timedelta(seconds=200)},
            f"{HALFWAY}  125 rows/s  4 min left  batch 5,000  the lag of 1 replica cannot be seen",
        ),
        # The total is an estimate; before two batches nobody knows how fast.
        (
            {"visited": 60_000, "batch_size": 0},
            f"title_norm {'█' * 23}░ 99 %  60,000 of 60,000 rows  30,000 rows/s  0 s left",
        ),
        (
            {"visited": 5_000, "batches": 1, "name": "a\nb"},
            "a b ██░░░░░░░░░░░░░░░░░░░░░░ 10 %  5,000 of 50,000 rows  batch 5,000",
        ),
        (
            {"visited": 0, "batches": 0, "batch_size": 0, "total": 0},
            "title_norm ░░░░░░░░░░░░░░░░░░░░░░░░ 0 %  0 of 0 rows",
        ),
    ],
)
def test_the_bar_says_how_fast_for_how_long_and_why_it_pauses(
    changes: dict[str, Any], line: str
) -> None:
    assert bar_line(replace(HALF, **changes)) == line


def test_which_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    neither = runner.invoke(main, ["emc", "plan", "--dir", str(folder)])
    assert (neither.exit_code, "give one of --environment" in neither.stderr) == (2, True)
    monkeypatch.setenv("LOCKGATE_DB_STAGING", "postgresql://maria:hunter2@127.0.0.1:1/shop")
    monkeypatch.setenv("LOCKGATE_HOME", str(folder))
    other = runner.invoke(main, ["emc", "plan", "--dir", str(folder), "--environment", "eu-west"])
    assert other.exit_code == 2
    assert "set LOCKGATE_DB_EU_WEST to its URL, or name staging" in other.stderr
    down = runner.invoke(main, ["emc", "plan", "--dir", str(folder), "--environment", "staging"])
    assert (down.exit_code, "cannot be used now" in down.stderr) == (2, True)
    assert "hunter2" not in down.output


def test_an_environment_s_database_is_that_of_the_server(
    empty_database_url: str, folder: Path, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKGATE_DB_EU_WEST", url_of(empty_database_url))
    monkeypatch.setenv("LOCKGATE_DB_STAGING", "postgresql://maria:hunter2@127.0.0.1:1/shop")
    monkeypatch.setenv("LOCKGATE_HOME", str(folder))
    there = ["--dir", str(folder), "--environment", "eu-west"]
    done = CliRunner().invoke(main, ["emc", "run", *there])
    assert done.exit_code == 0, done.output
    assert sql.execute("SELECT count(title_norm) FROM recipes").fetchone() == (3000,)
    for command in ("plan", "status", "verify"):
        done = CliRunner().invoke(main, ["emc", command, *there])
        assert (done.exit_code, "2026010" in done.stdout) == (0, True), done.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_ctrl_c_or_a_kill_ends_goes_on_where_it_was(
    emc: Emc, sql: psycopg.Connection, folder: Path, number: signal.Signals
) -> None:
    """On a terminal, which shows the bar."""
    emc("run", "20260101000000")
    backfill = folder / "backfills/20260102000000_title_norm.sql"
    backfill.write_text(BACKFILL.format(batch=1).replace("-- batch", "-- target-ms: 1\n-- batch"))
    sql.execute(
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_sleep(0.002); RETURN new; END $$;"
        "CREATE TRIGGER slowly BEFORE UPDATE ON recipes FOR EACH ROW EXECUTE FUNCTION slowly()"
    )
    ours, theirs = pty.openpty()
    process = emc.start("run", stderr=theirs)
    os.close(theirs)
    drawn = b""
    while b"rows/s" not in drawn:
        drawn += os.read(ours, 4096)
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    os.close(ours)
    bar = drawn.decode().rsplit("\r\x1b[K", 1)[1]
    assert bar.startswith("title_norm ░")
    assert "of 3,000 rows" in bar
    state, visited = sql.execute("SELECT state, visited FROM lockgate_emc.backfills").fetchone()
    assert 0 < visited < 3000
    if number is signal.SIGINT:
        assert process.returncode == 3, said
        assert "Stopped, as asked; `lockgate emc run` goes on where it was." in said
        assert state == "waiting"
    else:
        assert (process.returncode, said) == (-signal.SIGKILL, "")
        assert state == "running", "nobody could say that it is no more"
    sql.execute("DROP TRIGGER slowly ON recipes")
    backfill.write_text(BACKFILL.format(batch=500))
    (status,) = [event for event in emc.events("run") if event["event"] == "backfill"]
    # What a cut batch had done was taken back with its count: each row had its turn once.
    assert (status["proven"], status["changed"], status["visited"]) == (True, 3000, 3000)


@pytest.mark.slow
def test_a_migration_that_waits_for_a_lock_says_so_and_ctrl_c_ends_it(
    emc: Emc, sql: psycopg.Connection, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE recipes IN ACCESS SHARE MODE")
        process = emc.start("run")
        assert process.stderr is not None
        waiting = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert "add_title_norm: others hold what it needs; it gave way 1 time" in waiting
    assert process.returncode == 3
    assert said == "Stopped, as asked; `lockgate emc run` goes on where it was.\n"
    assert emc("run").exit_code == 0


@pytest.mark.slow
def test_ctrl_c_ends_a_count_in_our_words(
    emc: Emc, sql: psycopg.Connection, empty_database_url: str
) -> None:
    emc("run")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE recipes IN ACCESS EXCLUSIVE MODE")
        process = emc.start("verify")
        while not sql.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=30)
    assert (said, complained) == ("", "error: stopped, as asked\n")
    assert process.returncode in (130, -signal.SIGINT)  # a shell says 130 of both
