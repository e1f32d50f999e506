"""What import-linter cannot see: who reads the environment, and what is in the repository."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from bot.core.catalog import COMMIT_RULES
from bot.core.commits.rules.rule import Rule
from bot.core.work.kinds import KINDS

ROOT = Path(__file__).parents[2]
ENVIRONMENT_NAMES = {"environ", "environb", "getenv", "getenvb"}
LOCK_FILES = {
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
}
MAX_LINES = 800


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "bot").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path


def tracked_files() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("this copy of the project is no git clone")
    return [name for name in listing.stdout.split("\0") if name]


def reads_environment(source: str) -> bool:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_NAMES:
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return bool(ENVIRONMENT_NAMES & {alias.name for alias in node.names})
    return False


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os\nos.environ['A']", True),
        ("import os as o\no.getenv('A')", True),
        ("from os import environ", True),
        ("from os import path", False),
        ("environment = {}", False),
    ],
)
def test_reading_the_environment_is_recognised(source: str, expected: bool) -> None:
    assert reads_environment(source) is expected


def test_only_settings_reads_the_environment() -> None:
    readers = [name for name, path in modules() if reads_environment(path.read_text())]
    assert readers in ([], ["bot/settings/load.py"])


def test_modules_stay_small_enough_to_read() -> None:
    long = {
        name: lines
        for name, path in modules()
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


def test_the_catalogue_has_every_rule_for_commit_messages_once() -> None:
    defined = [
        value
        for path in (ROOT / "bot/core/commits/rules").glob("[!_]*.py")
        for value in vars(import_module(f"bot.core.commits.rules.{path.stem}")).values()
        if isinstance(value, Rule)
    ]
    assert sorted(rule.name for rule in COMMIT_RULES) == sorted(rule.name for rule in defined)


def test_the_architecture_names_every_module_of_the_engine() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text()
    named = set(re.findall(r"`(\w+)`", page.partition("## The engine, by subject")[2]))
    modules = {path.stem for path in (ROOT / "bot/engine").glob("[a-z]*.py")}
    families = tuple(name for name in named if name.endswith("_"))
    assert sorted(name for name in modules - named if not name.startswith(families)) == []
    assert sorted(named - modules - set(families)) == []


def test_no_lock_file_is_kept() -> None:
    """docs/decisions/0007-no-lock-file.md"""
    assert [name for name in tracked_files() if Path(name).name in LOCK_FILES] == []


def test_scripts_that_people_start_are_executable() -> None:
    for name in (".ci/run", "scripts/environment.sh"):
        assert (ROOT / name).stat().st_mode & 0o111 == 0o111


def test_every_kind_of_work_is_listed_once() -> None:
    defined = [
        value.kind
        for path in sorted((ROOT / "bot/core/work").glob("[a-z]*.py"))
        for value in vars(import_module(f"bot.core.work.{path.stem}")).values()
        if isinstance(value, type) and "kind" in vars(value) and path.stem in value.__module__
    ]
    assert len(defined) == len(set(defined)), "two kinds of one name"
    assert sorted(defined) == sorted(KINDS)
