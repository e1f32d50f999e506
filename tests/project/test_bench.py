"""``make bench`` finds its benches, and renews the parts of the report that were measured."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def run(tmp_path: Path) -> ModuleType:
    """``bench/run.py``, which writes to a report of the test's own."""
    spec = importlib.util.spec_from_file_location("bench_run", BENCH / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ROOT, module.REPORT = tmp_path, tmp_path / "benchmarks.md"
    module.REPORT.write_text("# Benchmarks\n\nNothing yet.\n")
    return module


def test_every_bench_is_there(run: ModuleType) -> None:
    assert [name for name in run.BENCHES if not (BENCH / f"{name}.py").exists()] == []


def test_a_part_is_renewed_and_the_others_stay(run: ModuleType) -> None:
    assert run.written_parts() == {}
    run.write(
        {"commits": "## Commit messages\n\nold", "intake": "## Durable intake\n\n12 a second"}
    )
    parts = run.written_parts()
    run.write(parts | {"commits": "## Commit messages\n\nnew"})
    assert run.REPORT.read_text() == (
        f"{run.PREFACE.strip()}\n\n## Durable intake\n\n12 a second\n\n## Commit messages\n\nnew\n"
    )


def test_what_there_is_no_bench_of_is_refused() -> None:
    result = subprocess.run(
        [sys.executable, BENCH / "run.py", "no-such"], capture_output=True, check=False
    )
    assert result.returncode == 2
    assert result.stdout == b""
