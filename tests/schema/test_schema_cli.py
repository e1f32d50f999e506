"""``lockgate schema``, as people and their scripts run it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from databases import url_of

from bot.cli.main import main
from bot.core.schema.saved import NotSaved, parse_saved, render_saved
from bot.core.schema.snapshot import Snapshot

Run = Callable[..., Result]


@pytest.fixture
def run(empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """In an empty folder, with a database for the environment ``staging``."""
    url = url_of(empty_database_url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCKGATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCKGATE_DB_STAGING", url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE recipes (id int PRIMARY KEY, title text)")

        def change(statement: str) -> None:
            connection.execute(statement.encode())

        def run_schema(*arguments: str, then: str = "") -> Result:
            if then:
                change(then)
            words = [url if word == "URL" else word for word in arguments]
            return CliRunner().invoke(main, ["schema", *words])

        yield run_schema


def test_the_digest_is_printed_alone(run: Run) -> None:
    first = run("hash", "--environment", "staging")
    assert first.exit_code == 0
    assert len(first.stdout.strip()) == 64
    assert run("hash", "--database", "URL").stdout == first.stdout
    fields = json.loads(run("hash", "--database", "URL", "--format", "json").stdout)
    assert fields["root"] == first.stdout.strip()
    assert set(fields["objects"]) == {
        "constraint public.recipes.recipes_pkey",
        "extension plpgsql",
        "index public.recipes_pkey",
        "schema public",
        "table public.recipes",
    }
    assert fields["left_out"] == []
    changed = run("hash", "--database", "URL", then="ALTER TABLE recipes ADD n int")
    assert changed.stdout != first.stdout


def test_what_differs_from_a_saved_schema_is_named(run: Run) -> None:
    assert run("hash", "--database", "URL", "--save", "before.json").exit_code == 0
    same = run("diff", "before.json", "--environment", "staging")
    assert (same.exit_code, same.stdout) == (0, "The schemas are the same.\n")
    differs = run(
        "diff",
        "before.json",
        "staging",
        then="""
            ALTER TABLE recipes ALTER title TYPE varchar(80);
            ALTER TABLE recipes ADD "n\u202e" int;
            ALTER TABLE recipes DROP CONSTRAINT recipes_pkey;
            CREATE TYPE mood AS ENUM ('ok')
        """,
    )
    assert differs.exit_code == 1
    assert differs.stdout.splitlines() == [
        "- constraint public.recipes.recipes_pkey",
        "- index public.recipes_pkey",
        "~ table public.recipes",
        '    columns n\\u202e: added {"not null": false, "type": "integer"}',
        "    columns title type: text → character varying(80)",
        '    order of columns: ["id", "title"] → ["id", "title", "n\\u202e"]',
        "+ type public.mood",
    ]
    answer = run("diff", "before.json", "URL", "--format", "json")
    assert answer.exit_code == 1
    found = json.loads(answer.stdout)
    assert not found["same"]
    assert found["differences"][2]["details"][1] == {
        "path": ["columns", "title", "type"],
        "before": "text",
        "after": "character varying(80)",
    }


def test_two_files_are_compared_without_a_database(run: Run) -> None:
    run("hash", "--database", "URL", "--save", "one.json")
    run("hash", "--database", "URL", "--save", "two.json", then="DROP TABLE recipes")
    assert run("diff", "one.json", "two.json").exit_code == 1
    assert run("diff", "two.json", "two.json").exit_code == 0
    left_out = run("diff", "one.json", "two.json", "--leave-out", "public")
    assert (left_out.exit_code, left_out.stdout) == (0, "The schemas are the same.\n")


@pytest.mark.parametrize(
    ("arguments", "error", "remedy"),
    [
        (["hash"], "no database is named", "give --database URL or --environment NAME"),
        (
            ["hash", "--database", "URL", "--environment", "staging"],
            "which database is to be read is told twice",
            "give --database URL or --environment NAME",
        ),
        (
            ["hash", "--environment", "our-shop"],
            "no database of our-shop is known",
            "set LOCKGATE_DB_OUR_SHOP to its URL",
        ),
        (
            ["hash", "--database", "URL", "--save", "no/such.json"],
            "no/such.json cannot be written: No such file or directory",
            "name another file",
        ),
        (
            ["diff", "staging", "staging", "--environment", "staging"],
            "AFTER is told twice",
            "leave AFTER away, or --database and --environment",
        ),
        (["diff", "staging"], "no database is named", "give --database URL or --environment NAME"),
        (
            ["diff", "no.json", "staging"],
            "no database of no.json is known",
            "name a file that is there, an environment or a postgresql:// URL",
        ),
        (["diff", ".", "staging"], ". cannot be read", "name a readable file"),
        (
            ["diff", "text.json", "staging"],
            "text.json cannot be compared with: it is no JSON",
            "make one with `lockgate schema hash --save FILE`",
        ),
        (
            ["hash", "--database", "postgresql://ada:s3cret@127.0.0.1:1/shop"],
            "",
            "",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    run: Run, arguments: list[str], error: str, remedy: str
) -> None:
    Path("text.json").write_text("no JSON")
    result = run(*arguments)
    assert result.exit_code == 2
    assert "s3cret" not in result.output
    if error:
        assert result.stderr.splitlines() == [f"error: {error}", f"help: {remedy}"]
    else:
        assert result.stderr.startswith("error: ")


def test_a_saved_schema_is_the_same_when_it_is_read_again() -> None:
    snapshot = Snapshot({"table a": {"x": ["ü", 1, None]}, 'type "b"': {}}, frozenset({"shop"}))
    assert parse_saved(render_saved(snapshot)) == snapshot
    assert parse_saved(render_saved(Snapshot({}))) == Snapshot({})
    assert len(render_saved(snapshot).splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it is no schema that was saved"),
        ('{"objects": {}}', "it is no schema that was saved"),
        ('{"lockgate_schema": 2}', "it is of format 2, and 1 is read"),
        ('{"lockgate_schema": 1}', "parts of it are missing"),
        ('{"lockgate_schema": 1, "objects": {"a": 1}, "left_out": []}', "parts of it are missing"),
        (
            render_saved(Snapshot({"table a": {"x": 1}})).replace("1}\n", "2}\n"),
            "it was changed after it had been saved: its digest is another",
        ),
    ],
)
def test_what_is_no_saved_schema_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotSaved, match=why):
        parse_saved(text)
