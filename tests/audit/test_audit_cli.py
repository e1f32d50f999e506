"""``lockgate audit``, as people and their scripts run it."""

import asyncio
import base64
import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_kit import KEY, Clock, entry, rows, tamper
from click.testing import CliRunner, Result

from bot.adapters.keyfile import AuditKeyError, load_audit_keys
from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.store import open_store
from bot.cli.main import main
from bot.core.audit.entry import AuditEntry

Run = Callable[..., Result]
COMMAND = [sys.executable, "-c", "from bot.cli.main import main; main()", "audit"]


@pytest.fixture
def environ(database_url: str, tmp_path: Path) -> dict[str, str]:
    key = base64.b64encode(KEY.seed).decode()
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "LOCKGATE_HOME": str(tmp_path),
        "LOCKGATE_AUDIT_KEY": key,
    }


@pytest.fixture
def run(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_audit(*arguments: str, **changed: str) -> Result:
        for name, value in (environ | changed).items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, ["audit", *arguments])

    return run_audit


def fill(url: str, *entries: AuditEntry, anchor: Path | None = None) -> str:
    """Appended one after another; the checkpoint over them."""

    async def append() -> str:
        async with open_store(url) as store:
            audit = PostgresAudit(store.pool, [KEY], Clock(), anchor=anchor)
            for one in entries:
                await audit.append(one)
            return await audit.checkpoint()

    return asyncio.run(append())


def test_log_as_it_was_written(database_url: str, run: Run) -> None:
    assert run("verify").stdout == "0 entries are as they were written.\n"
    fill(database_url, entry(1), entry(2))
    result = run("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "2 entries are as they were written.\n"
    assert json.loads(run("verify", "--format", "json").stdout) == {
        "ok": True, "verified": 2, "waiting": 0, "faults": [], "more_faults": 0,
    }  # fmt: skip


def test_log_that_was_tampered_with(database_url: str, run: Run) -> None:
    fill(database_url, entry(1), entry(2))
    asyncio.run(tamper(database_url, "UPDATE audit_entries SET content = '{}' WHERE id = 2"))
    result = run("verify")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("changed     entry 2: its content is not what was written\n")
    assert "1 fault in 2 entries" in result.stdout
    assert json.loads(run("verify", "--format", "json").stdout)["faults"][0]["entry"] == 2


def test_checkpoints_kept_elsewhere_are_compared(
    database_url: str, run: Run, tmp_path: Path
) -> None:
    note = fill(database_url, entry(1), entry(2), anchor=tmp_path / "audit.checkpoint")
    kept = tmp_path / "release-note.txt"
    kept.write_text(note)
    assert run("verify", "--anchor", str(kept)).exit_code == 0
    tables = ("audit_entries", "audit_places", "audit_checkpoints")
    asyncio.run(tamper(database_url, *(f"DELETE FROM {table}" for table in tables)))
    result = run("verify")
    assert result.exit_code == 1
    assert "audit.checkpoint was signed for 2, and the tree has 0" in result.stdout
    (tmp_path / "audit.checkpoint").unlink()
    assert run("verify").exit_code == 0, "nothing inside the database tells"
    assert run("verify", "--anchor", str(kept)).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        (["verify"], {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "error: the database cannot"),
        (["verify"], {"LOCKGATE_AUDIT_KEY": "c2hvcnQ="}, "openssl rand -base64 32"),
        (["verify", "--anchor", "/nowhere"], {}, "does not exist"),
        (["show", "--since", "yesterday"], {}, "is no time"),
        (["export", "--format", "xlsx"], {}, "'xlsx' is not one of"),
    ],
)
def test_what_cannot_be_done_ends_with_2(
    run: Run, arguments: list[str], changed: dict[str, str], said: str
) -> None:
    result = run(*arguments, **changed)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_another_key_is_said_to_be_another(database_url: str, run: Run) -> None:
    fill(database_url, entry(1))
    other = base64.b64encode(bytes(32)).decode()
    result = run("verify", LOCKGATE_AUDIT_KEY=other)
    assert result.exit_code == 1
    assert f"signed by key {KEY.id}" in result.stdout
    mine = base64.b64encode(KEY.seed).decode()
    assert run("verify", LOCKGATE_AUDIT_KEY=f"{other},{mine}").exit_code == 0


def test_entries_are_shown(database_url: str, run: Run) -> None:
    fill(database_url, entry(1), entry(2, actor="\x1b[31mmallory", repository="o/other"))
    lines = run("show").stdout.splitlines()
    assert len(lines) == 2
    assert "\x1b" not in lines[0]
    assert "operation 1  (bbbbbbb ↔ sh1 ↔ v1.4.0 ↔ #12)" in lines[1]
    assert len(run("show", "--repository", "O/OTHER").stdout.splitlines()) == 1
    assert run("show", "--kind", "login").stdout == "No entries.\n"
    assert len(run("show", "--build", "B" * 40, "--limit", "1").stdout.splitlines()) == 1
    number = lines[1].split()[0]
    assert json.loads(run("show", number).stdout)["detail"] == {"state": "succeeded"}
    missing = run("show", "4711")
    assert (missing.exit_code, missing.stdout) == (1, "")


def test_export_is_whole_and_in_order(database_url: str, run: Run) -> None:
    fill(database_url, *(entry(number) for number in range(3)))
    exported = [json.loads(line) for line in run("export").stdout.splitlines()]
    assert [one["subject"][-1] for one in exported] == ["0", "1", "2"]
    since = exported[1]["at"]
    assert len(run("export", "--since", since).stdout.splitlines()) == 2
    assert run("export", "--since", "2100-01-01").stdout == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(database_url: str, run: Run, start: str) -> None:
    hostile = f'{start}cmd|" /C calc"!A1,\nnext'
    fill(database_url, entry(1, actor=hostile, subject=hostile))
    head, row = list(csv.reader(io.StringIO(run("export", "--format", "csv").stdout, newline="")))
    cells = dict(zip(head, row, strict=True))
    assert cells["actor"] == f"'{hostile}"
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)
    assert json.loads(cells["detail"]) == {"state": "succeeded"}


def test_bar_shows_on_a_terminal(database_url: str, environ: dict[str, str]) -> None:
    fill(database_url, entry(1))
    master, terminal = pty.openpty()
    result = subprocess.run(
        [*COMMAND, "verify"], env=environ, stdout=subprocess.PIPE, stderr=terminal, check=False
    )
    os.close(terminal)
    shown = os.read(master, 10_000).decode()
    os.close(master)
    assert result.stdout == b"1 entries are as they were written.\n"
    assert "██████████ 1 of 1 entries" in shown


@pytest.mark.long
def test_memory_stays_flat_however_long_the_log(database_url: str, environ: dict[str, str]) -> None:
    """60,000 entries of a kilobyte each: more than the limit, if they were held."""
    padding = {"text": "x" * 1000}
    fill(database_url, *(entry(number, detail=padding) for number in range(1)))
    asyncio.run(
        rows(
            database_url,
            "INSERT INTO audit_entries"
            " SELECT n, content, seal FROM audit_entries, generate_series(1000, 61000) AS n"
            " RETURNING 1",
        )
    )
    program = (
        "import sys, resource; from bot.cli.main import main\n"
        "try: main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    peaks = []
    for since in ("2100-01-01", "2000-01-01"):
        result = subprocess.run(
            [sys.executable, "-c", program, "audit", "export", "--since", since],
            env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stderr.split()[-1]))
    unit = 1024 if sys.platform == "darwin" else 1
    assert (peaks[1] - peaks[0]) / unit < 20_000, peaks


# --- the key's file ------------------------------------------------------------------------------


def test_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "new"
    (first,) = load_audit_keys(home)
    assert load_audit_keys(home) == (first,)
    assert (home / "audit.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["audit.key"]


def test_processes_that_make_it_at_once_agree(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from bot.adapters.keyfile import load_audit_keys;"
        "print(load_audit_keys(Path(sys.argv[1]))[0].id)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert {process.returncode for process in processes} == {0}


def test_key_that_others_can_read_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    load_audit_keys(tmp_path)
    path = tmp_path / "audit.key"
    path.chmod(0o644)
    with pytest.raises(AuditKeyError, match="chmod 600"):
        load_audit_keys(tmp_path)
    path.chmod(0o600)
    path.write_text("not a key, but a secret")
    with pytest.raises(AuditKeyError) as caught:
        load_audit_keys(tmp_path)
    assert "secret" not in str(caught.value)
