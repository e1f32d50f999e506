"""``lockgate migrate``, as a release runs it."""

import os
import subprocess
import sys


def run_migrate(database_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from bot.cli.main import main; main()", "migrate"],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_empty_database_is_brought_up_to_date_once(empty_database_url: str) -> None:
    first = run_migrate(empty_database_url)
    assert first.returncode == 0, first.stderr
    applied = [line for line in first.stdout.splitlines() if line.startswith("applied ")]
    assert applied
    assert first.stdout.endswith(f"{len(applied)} applied; the database is up to date\n")

    second = run_migrate(empty_database_url)
    assert second.returncode == 0
    assert second.stdout == "0 applied; the database is up to date\n"


def test_a_database_that_is_not_there_stops_the_release() -> None:
    # Port 1 is tcpmux's: nothing listens there, and nobody but root could.
    result = run_migrate("postgresql://127.0.0.1:1/lockgate")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "error: the database cannot be brought up to date" in result.stderr
    assert "help: " in result.stderr
    assert "Traceback" not in result.stderr
