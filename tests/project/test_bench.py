"""``make bench`` finds its benches and refuses what would write half a report."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def test_every_bench_is_there() -> None:
    benches = runpy.run_path(str(BENCH / "run.py"))["BENCHES"]
    assert [name for name in benches if not (BENCH / f"{name}.py").exists()] == []


@pytest.mark.parametrize("arguments", [["no-such"], ["--write", "commits"]])
def test_what_cannot_make_a_report_is_refused(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, BENCH / "run.py", *arguments], capture_output=True, check=False
    )
    assert result.returncode == 2
    assert result.stdout == b""
