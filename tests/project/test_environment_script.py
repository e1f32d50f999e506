"""On a machine that lacks something, set-up says what it is and how to get it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "id", "rm")
OLD = "exit 1"
WITHOUT_VENV = """
case "$2" in
    *ensurepip*) exit 1 ;;
    *version_info\\ \\<*) exit 0 ;;
    *) echo python3.12 ;;
esac
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with nothing on it but the shell's own tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def add(path: Path, name: str, script: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)


def set_up(path: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ROOT / "scripts/environment.sh", "run"],
        env={"PATH": str(path), "VENV": str(venv)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_python_that_is_new_enough(path: Path, tmp_path: Path) -> None:
    add(path, "python3", OLD)
    result = set_up(path, tmp_path / "venv")
    assert result.returncode == 1
    assert "error: no Python 3.11 or later was found" in result.stderr
    assert "PYTHON=/path/to/python3" in result.stderr


def test_debian_without_its_venv_package_names_the_package(path: Path, tmp_path: Path) -> None:
    add(path, "python3", WITHOUT_VENV)
    add(path, "apt-get", "exit 0")
    result = set_up(path, tmp_path / "venv")
    assert result.returncode == 1
    assert "apt-get install python3.12-venv" in result.stderr


@pytest.mark.parametrize("tool", ["uv", "virtualenv"])
def test_another_maker_of_environments_is_used_if_there(
    path: Path, tmp_path: Path, tool: str
) -> None:
    add(path, "python3", WITHOUT_VENV)
    add(path, tool, f'echo "{tool} was asked: $*"; exit 7')
    result = set_up(path, tmp_path / "venv")
    assert f"{tool} was asked" in result.stdout
    assert str(tmp_path / "venv") in result.stdout


def test_an_old_python3_is_passed_over_for_a_newer_one(path: Path, tmp_path: Path) -> None:
    add(path, "python3", OLD)
    add(path, "python3.12", 'case "$*" in *"-m venv"*) echo venv by 3.12; exit 7;; esac')
    assert "venv by 3.12" in set_up(path, tmp_path / "venv").stdout


def test_a_folder_that_is_no_environment_is_never_removed(path: Path, tmp_path: Path) -> None:
    add(path, "python3", "exit 0")
    precious = tmp_path / "venv" / "precious.txt"
    precious.parent.mkdir()
    precious.touch()
    result = set_up(path, precious.parent)
    assert result.returncode == 1
    assert "no virtual environment" in result.stderr
    assert precious.exists()
