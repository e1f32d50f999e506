"""``lockgate migrations check``: its three formats, its exit codes, and what a range changes."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from backfilling import make_ledger
from click.testing import CliRunner, Result

from bot.adapters import squawk
from bot.adapters.squawk import run_squawk, started_squawk
from bot.cli.main import main
from bot.core.migrations.findings import Severity
from bot.core.migrations.squawk import REPLACED, SquawkError, parse_squawk

FIRST = "supabase/migrations/20260101120000_before.sql"
SECOND = "supabase/migrations/20260301120000_é.sql"
FILL = "supabase/backfills/20260301120500_fill.sql"
BEFORE = "CREATE TABLE private.recipes (id bigint PRIMARY KEY, title text, at timestamp);\n"
INDEX = "SET lock_timeout = '4s';\n\tCREATE INDEX \"é\" ON private.recipes (title);\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("migrations", "backfills"):
        (tmp_path / "supabase" / name).mkdir(parents=True)
    (tmp_path / FIRST).write_text(BEFORE)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["migrations", "check", *arguments])


def test_text_shows_the_line_with_a_caret_and_the_rewrite(folder: Path) -> None:
    (folder / SECOND).write_text(INDEX)
    result = run()
    assert result.output == (
        "supabase/migrations/20260101120000_before.sql:1:1: info prefer-timestamp-tz (expand)\n"
        f"    1 | {BEFORE}"
        "      | ^\n"
        "  When Postgres stores a datetime in a `timestamp` field, Postgres drops the UTC offset. "
        "This means 2019-10-11 21:11:24+02 and 2019-10-11 21:11:24-06 will both be stored as "
        "2019-10-11 21:11:24 in the database, even though they are eight hours apart in time. Use "
        "`timestamptz` instead of `timestamp` for your column type.\n"
        "\n"
        "supabase/migrations/20260301120000_é.sql:2:2: error index-concurrently (expand)\n"
        '    2 |     CREATE INDEX "é" ON private.recipes (title);\n'
        "      |     ^\n"
        "  CREATE INDEX: SHARE on private.recipes blocks every write while an index is built; "
        "CONCURRENTLY blocks nobody, alone in a file\n"
        "  instead:\n"
        "    -- lockgate: expand\n"
        '    CREATE INDEX CONCURRENTLY "é" ON private.recipes USING btree (title);\n'
        "\n"
        "1 error, 1 notice in 2 files\n"
    )
    assert result.exit_code == 1


def test_json_has_one_object_a_finding_with_its_fixed_keys(folder: Path) -> None:
    (folder / SECOND).write_text(INDEX)
    result = run(SECOND, "--format", "json")
    (line,) = result.output.splitlines()
    record = json.loads(line)
    assert list(record) == [
        "file",
        "line",
        "statement",
        "rule",
        "phase",
        "lock",
        "rewrite",
        "severity",
        "message",
        "rewrite_sql",
        "url",
    ]
    assert (record["file"], record["line"], record["lock"]) == (SECOND, 2, "SHARE")
    assert (record["rewrite"], record["severity"]) == (False, "error")
    assert record["url"].endswith("/docs/rules/index-concurrently.md")
    assert result.exit_code == 1


def test_a_long_rewrite_is_cut_for_people_alone(folder: Path) -> None:
    comments = "\n".join(f"COMMENT ON SCHEMA private IS '{n}';" for n in range(60))
    (folder / SECOND).write_text(f"{INDEX}{comments}\n")
    text, annotated, whole = (
        run(SECOND, "--format", one).output for one in ("text", "github", "json")
    )
    assert "    -- … and 25 more lines: --format json has them\n" in text
    assert "%0A-- … and 25 more lines: --format json has them\n" in annotated
    for said in (text, annotated):
        assert "IS '37'" in said
        assert "IS '38'" not in said
    assert "IS '59'" in whole


def test_annotations_of_a_workflow_cannot_be_broken_out_of(folder: Path) -> None:
    name = "supabase/migrations/20260301120000_a,b:c%.sql"
    (folder / name).write_text('-- lockgate: expand\nDROP TABLE private."re%\n::set-output::x";\n')
    result = run(name, "--format", "github")
    lines = result.output.splitlines()
    assert all(line.startswith(("::error file=", "::warning file=")) for line in lines)
    said = [line for line in lines if "title=phase-mistake" in line]
    assert "20260301120000_a%2Cb%3Ac%25.sql,line=2,col=1,title=phase-mistake::DROP" in said[0]
    assert "re%25" in said[0]
    assert "%0A::set-output::x" in said[0]


def test_files_in_order_end_with_0(folder: Path) -> None:
    (folder / FIRST).write_text("CREATE TABLE private.recipes (id bigint PRIMARY KEY);\n")
    result = run()
    assert (result.output, result.exit_code) == ("1 file in order\n", 0)


def test_a_warning_does_not_fail(folder: Path) -> None:
    (folder / SECOND).write_text("ALTER TABLE private.recipes ADD COLUMN note text;")
    result = run(SECOND)
    assert "warning lock-timeout" in result.output
    assert result.output.endswith("1 warning in 1 file\n")
    assert result.exit_code == 0


def test_a_backfill_is_checked_too(folder: Path) -> None:
    (folder / FILL).write_text("-- tabel: a\n")
    result = run("--format", "json")
    found = [json.loads(line) for line in result.output.splitlines()]
    assert {one["rule"] for one in found if one["file"] == FILL} == {"unreadable-file"}
    assert any("did you mean `table`?" in one["message"] for one in found)


def git(*arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments],
        check=True,
        capture_output=True,
    )


def test_a_range_is_what_its_commits_add_or_change(folder: Path) -> None:
    (folder / SECOND).write_text(INDEX)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (folder / "supabase/migrations/20260201120000_late.sql").write_text("SELECT 1;\n")
    (folder / FILL).write_text("UPDATE a SET b = 1;\n")
    git("add", ".")
    git("commit", "-q", "-m", "second")
    (folder / SECOND).write_text("not in any commit")
    result = run("--range", "HEAD~1..HEAD", "--format", "json")
    found = [json.loads(line) for line in result.output.splitlines()]
    rules = {(Path(one["file"]).name, one["rule"]) for one in found}
    assert rules == {
        ("20260201120000_late.sql", "version-order"),
        ("20260301120500_fill.sql", "unreadable-file"),
    }
    assert run("--range", "HEAD..HEAD").output == "0 files in order\n"


def test_a_range_that_takes_an_applied_file_away(folder: Path, empty_database_url: str) -> None:
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("branch", "behind")
    (folder / SECOND).write_text("CREATE TABLE b (id int);\n")
    git("add", ".")
    git("commit", "-q", "-m", "second")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        make_ledger(connection, Path(SECOND).name[:14])
    git("rm", "-q", SECOND)
    git("commit", "-q", "-m", "third")
    database = ("--database", empty_database_url, "--format", "json")
    (found,) = run("--range", "HEAD~1..HEAD", *database).output.splitlines()
    assert (json.loads(found)["file"], json.loads(found)["rule"]) == (SECOND, "applied-file-edited")
    assert run("--range", "HEAD~1..behind", *database).output == "", "it never had the file"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "error: nowhere is not there\nhelp: name a folder of migrations"),
        (["notes.md"], "error: notes.md is no .sql file\nhelp: name a migration"),
        (["--range", "main"], "error: main is no range\nhelp: write A..B"),
        (["--range", "no-such..HEAD"], "error: git rejects the range: Not a valid object name"),
        (["--range", "--help..HEAD"], "error: git rejects the range"),
        (["--database", "no url secret-word"], "error: the database's URL cannot be read"),
    ],
)
def test_what_cannot_be_checked_ends_with_2(folder: Path, arguments: list[str], said: str) -> None:
    git("init", "-q", "-b", "main")
    (folder / "notes.md").touch()
    result = run(*arguments)
    assert said in result.output
    assert "secret-word" not in result.output
    assert result.exit_code == 2


def test_a_folder_without_migrations_is_in_order_and_says_so(folder: Path) -> None:
    (folder / "empty").mkdir()
    result = run("empty")
    assert (result.exit_code, result.stdout) == (0, "0 files in order\n")
    assert result.stderr == "empty has no .sql file\n"


def test_a_trial_tells_what_was_observed(folder: Path) -> None:
    (folder / SECOND).write_text("CREATE SCHEMA private;\n")
    (folder / FIRST).rename(folder / "supabase/migrations/20260302120000_b.sql")
    last = "supabase/migrations/20260303120000_c.sql"
    (folder / last).write_text("ALTER TABLE private.recipes ADD COLUMN at date;\n")
    # As a process of its own: the server that is started beside must leave the output alone.
    program = str(Path(sys.executable).parent / "lockgate")
    command = [program, "migrations", "check", last, "--trial", "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert "trial-failed" in [one["rule"] for one in found]
    assert 'column "at" of relation "recipes" already exists' in result.stdout.replace("\\", "")
    assert (result.stderr, result.returncode) == ("", 1)


def test_squawk_reads_all_files_in_one_process_and_no_configuration(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".squawk.toml").write_text('excluded_rules = ["prefer-timestamp-tz"]')
    files = [("-h.sql", BEFORE.encode()), ("*.sql", b"SELECT 1;"), ("../b.sql", BEFORE.encode())]
    found = [(one.path, one.line, one.rule, one.severity) for one in run_squawk(files)]
    assert found == [
        ("-h.sql", 1, "prefer-timestamp-tz", Severity.INFO),
        ("../b.sql", 1, "prefer-timestamp-tz", Severity.INFO),
    ]


def test_a_file_that_is_no_text_keeps_nothing_from_the_others(folder: Path) -> None:
    (folder / SECOND).write_bytes(b"ALTER TABLE a ADD COLUMN b text; -- caf\xe9\n")
    result = run()
    assert result.exit_code == 1
    assert f"{SECOND}:1:40: error unreadable-file" in result.output
    assert "the byte 0xe9 is no UTF-8; save it as UTF-8" in result.output
    assert f"{FIRST}:1:1: info prefer-timestamp-tz" in result.output


@pytest.mark.parametrize("memory", [True, False])
def test_squawks_copies_are_in_memory_if_there_is_some_and_gone_if_nobody_asks_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: bool
) -> None:
    places = [tmp_path / "usual", tmp_path / "memory"]
    for place in places[: 1 + memory]:
        place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places[0]))
    monkeypatch.setattr(squawk, "_MEMORY", str(places[1]))
    with started_squawk([("a.sql", BEFORE.encode())] * 20):
        (copy,) = tmp_path.glob("*/*/00019.sql")
        assert copy.parents[1] == places[memory]
    assert list(tmp_path.glob("*/*")) == []


def test_squawks_rules_that_ours_replace_are_known_to_it() -> None:
    """A name that is mistyped would switch nothing off."""
    program = str(Path(sys.executable).parent / "squawk")
    command = [program, "--reporter", "json", "--stdin-filepath", "a.sql"]
    unknown = []
    for rule in sorted(REPLACED - {"syntax-error"}):
        done = subprocess.run(
            [*command, "--exclude", rule], input="", capture_output=True, text=True, check=False
        )
        if "invalid rule name" in done.stderr:
            unknown.append(rule)
    assert unknown == []


@pytest.mark.parametrize("answer", ["", "{}", '[{"file": 1}]', "[[]]", "null"])
def test_an_answer_that_squawk_never_gives_is_an_error(answer: str) -> None:
    if answer == "{}":
        assert list(parse_squawk(answer)) == []
        return
    with pytest.raises(SquawkError):
        list(parse_squawk(answer))
