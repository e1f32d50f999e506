"""``lockgate policy check`` and ``lockgate policy schema``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import main
from bot.core.policy import policy_schema


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["policy", *arguments], input=stdin)


@pytest.fixture(autouse=True)
def _in_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".github").mkdir()
    monkeypatch.chdir(tmp_path)


def test_the_repository_s_own_file_is_checked_by_default() -> None:
    Path(".github/lockgate.yml").write_text("commits: {enforce: title}\n", encoding="utf-8")
    result = run("check")
    assert (result.exit_code, result.output) == (0, ".github/lockgate.yml is valid.\n")


def test_an_empty_file_says_that_the_defaults_hold() -> None:
    Path("p.yml").write_text("# soon\n", encoding="utf-8")
    result = run("check", "p.yml")
    assert result.exit_code == 0
    assert result.output == "p.yml is empty, so the built-in defaults hold.\n"


def test_each_problem_shows_its_line_with_a_caret() -> None:
    result = run("check", "-", stdin="version: 1\ncommits:\n  enforc: \u202etitle\n  types: 3\n")
    assert result.exit_code == 1
    assert result.output == (
        "standard input:3:3: unknown key `commits.enforc`\n"
        "  3 |   enforc: ·title\n"
        "    |   ^\n"
        "  did you mean: enforce\n"
        "\n"
        "standard input:4:10: `commits.types` must be a list of names, found the number 3\n"
        "  4 |   types: 3\n"
        "    |          ^\n"
        "\n"
        "standard input has 2 problems.\n"
    )


def test_the_same_as_json() -> None:
    result = run("check", "--format", "json", "-", stdin="enforce: title\n")
    assert result.exit_code == 1
    assert json.loads(result.output) == {
        "file": "standard input",
        "valid": False,
        "empty": False,
        "problems": [
            {
                "path": "enforce",
                "line": 1,
                "column": 1,
                "message": "unknown key `enforce`",
                "suggestion": "commits.enforce",
            }
        ],
    }


def test_a_valid_file_as_json() -> None:
    result = run("check", "--format", "json", "-", stdin="version: 1\n")
    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "file": "standard input",
        "valid": True,
        "empty": False,
        "problems": [],
    }


@pytest.mark.parametrize(
    ("arguments", "stdin", "error"),
    [
        (["check"], "", "error: there is no file .github/lockgate.yml"),
        (["check", "."], "", "error: . cannot be read: Is a directory"),
        (["check", "-"], b"a: \xff", "error: standard input is not UTF-8 text: byte 4"),
        (["check", "--format", "xml"], "", "invalid value for '--format'"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(
    arguments: list[str], stdin: str | bytes, error: str
) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert error in result.stderr


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (10_000, 1, "the file is larger than 64 KB"),
        (500_000, 2, "standard input is larger than 2 MB"),
    ],
)
def test_a_huge_file_is_answered(lines: int, code: int, said: str) -> None:
    result = run("check", "-", stdin="version: 1\n" * lines)
    assert result.exit_code == code
    assert said in result.output


def test_the_schema_is_printed() -> None:
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.output) == policy_schema()
