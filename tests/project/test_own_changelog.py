"""The project's own CHANGELOG.md is what the tool makes of the project's own history."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_is_the_tool_s_output_on_the_history_before_it(tmp_path: Path):
    if git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("the clone is shallow (git fetch --unshallow)")
    written = git("log", "-1", "--format=%H", "--", "CHANGELOG.md")
    # A clone of the clone knows of no address: then the file has no links that would differ.
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--no-checkout", "--shared", str(ROOT), str(clone))
    subprocess.run(["git", "checkout", "--quiet", "--detach", f"{written}^"], cwd=clone, check=True)
    made = subprocess.run(
        [sys.executable, "-m", "bot", "changelog", "--all", "--repo", str(clone)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stdout == git("show", f"{written}:CHANGELOG.md") + "\n"
