"""Files of migrations and backfills: what is read of them, and all that can be wrong."""

import re
from pathlib import Path

import pytest

from bot.core.migrations.files import parse_backfill, parse_migration, read_folder
from bot.core.migrations.header import BACKFILL_KEYS, MIGRATION_KEYS
from bot.core.migrations.model import Backfill, Migration, Phase, Problem
from bot.core.migrations.phases import phase_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "migration-files.md"
NAME = "supabase/migrations/20260301120000_add_title.sql"
FILL = "supabase/backfills/20260301120500_title_norm.sql"
HEADER = "-- table: recipes\n-- key: id\n-- after: 20260301120000\n"
UPDATE = "UPDATE recipes SET title_norm = lower(title) WHERE :batch AND title_norm IS NULL;\n"
BUILD = "0123456789abcdef0123456789abcdef01234567"


def told(found: object) -> list[tuple[int, int, str, str]]:
    assert isinstance(found, tuple), found
    return [(one.line, one.column, one.message, one.remedy) for one in found]


def test_a_migration_is_read_with_its_phase_and_what_it_waits_for() -> None:
    text = (
        "-- lockgate: contract\n-- Titles are normalised now: see the wiki.\n"
        "-- requires: backfill 20260301120500\n-- requires: backfill 20260301120600\n"
        "-- requires: contract 20260301115900\n"
        f"-- requires-build: {BUILD}\n-- requires-flag-off: old-titles\n\n"
        "ALTER TABLE recipes DROP COLUMN title;\n"
    )
    assert parse_migration(NAME, text.encode()) == Migration(
        "20260301120000",
        "add_title",
        NAME,
        text,
        Phase.CONTRACT,
        ("20260301120500", "20260301120600"),
        BUILD,
        "old-titles",
        ("20260301115900",),
    )


@pytest.mark.parametrize(
    ("file", "text", "name", "marked"),
    [
        ("20260301120000_a.sql", "SELECT 1;", "a", None),
        ("20260301120000_a.expand.sql", "SELECT 1;", "a", Phase.EXPAND),
        ("20260301120000_a.contract.sql", "SELECT 1;", "a", Phase.CONTRACT),
        ("20260301120000_v1.2.sql", "SELECT 1;", "v1.2", None),
        ("20260301120000_a.sql", "--lockgate:  expand \nSELECT 1;", "a", Phase.EXPAND),
        ("20260301120000_a.expand.sql", "-- lockgate: expand\n", "a", Phase.EXPAND),
        ("20260301120000_a.sql", "", "a", None),
    ],
)
def test_the_phase_is_given_by_name_or_by_first_line(
    file: str, text: str, name: str, marked: Phase | None
) -> None:
    found = parse_migration(file, text.encode())
    assert isinstance(found, Migration)
    assert (found.name, found.marked) == (name, marked)


@pytest.mark.parametrize(
    ("file", "content", "line", "column", "message", "remedy"),
    [
        ("add_title.sql", b"", 1, 1, "its name has no version", "call it <14 digits>_<name>.sql"),
        ("2026_add.sql", b"", 1, 1, "its name has no version", "20260301120000_add_title.sql"),
        ("20260301120000_a.exapnd.sql", b"", 1, 1, "`.exapnd` names no phase", "`.expand.sql`?"),
        (NAME, b"-- lockgate: contarct", 1, 14, "`lockgate` names no phase", "mean `contract`?"),
        (NAME, b"-- lockgate: later", 1, 14, "`lockgate` names no phase", "write `expand` or"),
        (NAME, b"-- lokgate: expand", 1, 4, "`lokgate` is no key", "did you mean `lockgate`?"),
        (NAME, b"-- requires_build: x", 1, 4, "`requires_build` is no key", "`requires-build`?"),
        (NAME, b"-- requires-moon: x", 1, 4, "`requires-moon` is no key", "the keys are lockgate"),
        (
            "20260301120000_a.expand.sql",
            b"-- lockgate: contract\n",
            1,
            14,
            "the first line says contract, the file's name says the other",
            "keep one of them",
        ),
        (NAME, b"-- lockgate: expand\n-- lockgate: expand", 2, 14, "`lockgate` is given tw", "one"),
        (
            NAME,
            b"-- lockgate: contract\n-- requires: 20260301120000",
            2,
            14,
            "`requires` names no backfill",
            "write `-- requires: backfill <14 digits>`",
        ),
        (
            NAME,
            b"-- lockgate: contract\n-- requires-build: v1.4",
            2,
            20,
            "`requires-build` has a value",
            "write all 40 digits of the commit's id",
        ),
        (
            NAME,
            f"-- requires-build: {BUILD}\nALTER TABLE a DROP COLUMN b;".encode(),
            1,
            20,
            "`requires-build` stands in a file that is not marked as a contract",
            "begin with `-- lockgate: contract`",
        ),
        (NAME, b"\xef\xbb\xbfSELECT 1;", 1, 1, "it begins with a byte order mark", "save it as UT"),
        (NAME, "SELECT 1;".encode("utf-16"), 1, 1, "it is UTF-16", "save it as UTF-8"),
        (NAME, "-- é\nSELECT 'é".encode() + b"\xe9'", 2, 10, "the byte 0xe9 is no UTF-8", "save"),
        (NAME, b"SELECT 1;\n\0", 2, 1, "a NUL character stands in it", "take it out"),
        (NAME, b"SELECT 1;\rDROP TABLE a;", 1, 10, "a carriage return without a line", "take it"),
        (NAME, "SELECT 'é';\nSELEC 1;".encode(), 2, 1, 'syntax error at or near "SELEC"', "mend"),
        (NAME, b"SELECT 1;\nSELECT 'ab", 2, 8, "unterminated quoted string at or near", "mend"),
        (NAME, b"\\i other.sql\n", 1, 1, "syntax error at or near", "psql's own commands are not"),
        (NAME, b"SELECT 1;\n COMMIT;", 2, 2, "COMMIT stands in the file", "each file is one tra"),
        (NAME, b"COPY b FROM '/b';\nCOPY b FROM stdin;", 2, 1, "COPY FROM STDIN stands", "INSERT"),
        (NAME, "SELECT 'éé'; COMMIT;".encode(), 1, 14, "COMMIT stands in the file", "take it out"),
        (NAME, b"begin;\nSELECT 1;", 1, 1, "BEGIN stands in the file", "take it out"),
        (NAME, b"SAVEPOINT a;", 1, 1, "SAVEPOINT stands in the file", "take it out"),
        (NAME, b"SELECT 1;\n-- lockgate: expand\n", 2, 1, "`lockgate` stands below", "very top"),
        (NAME, b"\n-- lockgate: expand\n", 2, 1, "`lockgate` stands below the header", "very top"),
        (NAME, b"SELECT 1" + b"+1" * 100_000, 1, 2007, "a statement has more than 1,000", "mend"),
        (NAME, b"SELECT " + b"(" * 60_000, 1, 1007, "a statement has more than 1,000 lev", "mend"),
        (NAME, b"TABLE a;TABLE " + b"(" * 5_000 + b";TABLE a", 1, 1014, "a statement has", "mend"),
        (NAME, b"-" * 1_000_001, 1, 1, "it has 1,000,001 characters", "mend"),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(
    file: str, content: bytes, line: int, column: int, message: str, remedy: str
) -> None:
    (found,) = told(parse_migration(file, content))
    assert found[:2] == (line, column), found
    assert message in found[2]
    assert remedy in found[3]


def test_every_fault_of_a_header_is_told_at_once_in_the_order_of_lines() -> None:
    text = b"-- lockgate: contarct\n-- requires: x\n-- requires-build: y\n"
    assert [(line, column) for line, column, _, _ in told(parse_migration(NAME, text))] == [
        (1, 14),
        (2, 14),
        (2, 14),
        (3, 20),
        (3, 20),
    ]


def test_ordinary_comments_and_deep_but_honest_sql_are_no_faults() -> None:
    chain = " || ".join(["title"] * 300)
    rows = ", ".join(["(-1, 'a'::text, (2 + 3))"] * 3_000)
    text = f"-- Note: read this.\nSELECT {chain} FROM a;\nINSERT INTO b VALUES {rows};\n"
    assert isinstance(parse_migration(NAME, text.encode()), Migration)


def test_windows_line_ends_are_read_as_those_of_git() -> None:
    found = parse_migration(NAME, b"-- lockgate: contract\r\nSELECT 1;\r\n")
    assert found == parse_migration(NAME, b"-- lockgate: contract\nSELECT 1;\n")
    assert isinstance(found, Migration)
    assert found.marked is Phase.CONTRACT


def test_a_backfill_is_read() -> None:
    text = (
        '-- table: public."Odd table"\n-- key: tenant, "Id"\n-- after: 20260301120000\n'
        "-- batch: 500\n-- target-ms: 150\n-- pause-when: lag, wal-rate\n-- needed: no\n"
        "-- Remarks have no colon behind their first word\n\n"
        """UPDATE "Odd table" SET é = 'a:b' WHERE :batch AND é IS NULL;  -- the end\n"""
    )
    assert parse_backfill(FILL, text.encode()) == Backfill(
        "20260301120500",
        "title_norm",
        FILL,
        text,
        'public."Odd table"',
        ("tenant", "Id"),
        "20260301120000",
        """UPDATE "Odd table" SET é = 'a:b' WHERE :batch AND é IS NULL""",
        500,
        150,
        ("lag", "wal-rate"),
        False,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE public.recipes SET a = 1 WHERE :batch",
        "DELETE FROM recipes WHERE (:batch AND a) AND b < now()",
        "INSERT INTO titles SELECT id, title FROM recipes WHERE :batch ON CONFLICT DO NOTHING",
        "INSERT INTO titles SELECT r.id FROM recipes r JOIN books b USING (id) WHERE :batch",
        "UPDATE recipes SET a = ':batch' /* :batch */ WHERE :BATCH -- :batch",
    ],
)
def test_these_statements_are_backfills(statement: str) -> None:
    found = parse_backfill(FILL, (HEADER + statement).encode())
    assert isinstance(found, Backfill)
    assert found.statement == statement.strip().rstrip(";").rstrip()


@pytest.mark.parametrize(
    ("statement", "line", "column", "message", "remedy"),
    [
        ("UPDATE recipes SET a = 1;", 4, 1, "`:batch` stands nowhere in it", "put it once into"),
        ("UPDATE recipes SET a = :batch WHERE :batch", 4, 37, "more than once", "put it once into"),
        (UPDATE + UPDATE.replace(":batch", "b"), 5, 1, "it has 2 statements", "is one UPDATE"),
        (UPDATE + "COMMIT;", 5, 1, "it has 2 statements", "a backfill is one"),
        ("UPDATE recipes SET a = 1 WHERE :batch OR b", 4, 1, "no condition of its own", "AND (…)"),
        ("UPDATE recipes SET a = (:batch)", 4, 1, "`:batch` is no condition of its own", "WHERE"),
        ("DELETE FROM recipes WHERE a AND (:batch OR b)", 4, 1, "no condition of its own", "WHERE"),
        ("DELETE FROM recipes WHERE NOT :batch", 4, 1, "no condition of its own", "bounded by it"),
        ("INSERT INTO a VALUES (:batch)", 4, 1, "it is no UPDATE, DELETE or INSERT", "is one of"),
        ("SELECT 1 FROM recipes WHERE :batch", 4, 1, "it is no UPDATE, DELETE or", "one of these"),
        ("UPDATE books SET a = 1 WHERE :batch", 4, 1, "`table` is recipes, and the", "same table"),
        ("INSERT INTO recipes SELECT 1 FROM a.b WHERE :batch", 4, 1, "reads a.b", "the same table"),
        (
            "UPDATE recipes SET a = $1 WHERE :batch",
            4,
            24,
            "`$1` is a parameter",
            "the value itself",
        ),
        ("UPDATE recipes SET é = WHERE :batch", 4, 24, 'syntax error at or near "WHERE"', "mend"),
        ("UPDATE recipes SET a = 'b WHERE :batch", 4, 24, "unterminated quoted string", "mend"),
        (UPDATE + "-- batch: 5\n", 5, 1, "`batch` stands below the header", "very top"),
    ],
)
def test_a_fault_of_a_backfills_statement(
    statement: str, line: int, column: int, message: str, remedy: str
) -> None:
    found = told(parse_backfill(FILL, (HEADER + statement).encode()))[0]
    assert found[:2] == (line, column), found
    assert message in found[2]
    assert remedy in found[3]


@pytest.mark.parametrize(
    ("header", "line", "column", "message", "remedy"),
    [
        ("", 1, 1, "the header has no `table`", "write `-- table: public.recipes`"),
        (HEADER.replace("table", "tabel"), 1, 4, "`tabel` is no key", "did you mean `table`?"),
        (HEADER + "-- speed: high\n", 4, 4, "`speed` is no key", "the keys are table, key, after"),
        (HEADER.replace("recipes", "a.b.c"), 1, 11, "`table` is no table's name", "as in SQL"),
        (HEADER.replace("recipes", "a; drop b"), 1, 11, "`table` is no table's name", "as in SQL"),
        (
            HEADER.replace("key: id", "key: id,"),
            2,
            9,
            "`key` is no list of columns",
            "`tenant, id`",
        ),
        (HEADER.replace("key: id", "key: id, ID"), 2, 9, "`key` is no list of columns", "unique"),
        (HEADER.replace("after: 2", "after: v"), 3, 11, "`after` has a value", "the 14 digits"),
        (HEADER + "-- batch: 0\n", 4, 11, "`batch` is no number", "rows from 1 to 1000000"),
        (HEADER + "-- batch: many\n", 4, 11, "`batch` is no number", "in digits"),
        (HEADER + "-- target-ms: 90000\n", 4, 15, "`target-ms` is no number", "to 60000"),
        (HEADER + "-- pause-when: Lag!\n", 4, 16, "`pause-when` is no list of", "by commas"),
        (HEADER + "-- needed: perhaps\n", 4, 12, "`needed` has a value", "write `yes` or `no`"),
        (HEADER + "-- batch: 5\n-- batch: 6\n", 5, 11, "`batch` is given twice", "keep one"),
    ],
)
def test_a_fault_of_a_backfills_header(
    header: str, line: int, column: int, message: str, remedy: str
) -> None:
    found = told(parse_backfill(FILL, (header + UPDATE).encode()))[0]
    assert found[:2] == (line, column), found
    assert message in found[2]
    assert remedy in found[3]


def test_a_folder_is_read_in_the_order_of_versions() -> None:
    folder = read_folder(
        [
            ("m/20260301120000_b.sql", b"SELECT 1;"),
            ("m/20260101120000_a.sql", b"SELECT 1;"),
            ("m/README.md", b"# Not SQL"),
        ],
        [("b/20260301120500_c.sql", (HEADER + UPDATE).encode())],
    )
    assert [one.name for one in folder.migrations] == ["a", "b"]
    assert [one.name for one in folder.backfills] == ["c"]
    assert folder.problems == ()


def test_files_that_do_not_go_together_are_told() -> None:
    folder = read_folder(
        [
            ("m/20260101120000_a.sql", b"SELECT 1;"),
            ("m/20260101120000_b.sql", b"SELECT 1;"),
            (
                "m/20260201120000_c.sql",
                b"-- lockgate: contract\n-- requires: backfill 20260301999999\n",
            ),
            (
                "m/20260202120000_d.sql",
                b"-- lockgate: contract\n-- requires: contract 20260301999999\n",
            ),
        ],
        [("b/20260301120500_c.sql", (HEADER + UPDATE).encode())],
    )
    assert [one.name for one in folder.migrations] == ["a", "c", "d"]
    assert folder.problems == (
        Problem(
            "b/20260301120500_c.sql",
            3,
            1,
            "`after` names 20260301120000, and no migration has that version",
            "name the expand that it needs",
        ),
        Problem(
            "m/20260101120000_b.sql",
            1,
            1,
            "20260101120000_a.sql has the version 20260101120000 too",
            "give one of them another version",
        ),
        Problem(
            "m/20260201120000_c.sql",
            2,
            1,
            "it requires backfill 20260301999999, and none has that version",
            "name one of the folder's",
        ),
        Problem(
            "m/20260202120000_d.sql",
            2,
            1,
            "it requires contract 20260301999999, and none has that version",
            "name one of the folder's",
        ),
    )


def test_what_is_applied_may_have_what_new_files_may_not() -> None:
    files = [("m/20260101120000_a.sql", b"BEGIN;\nSELECT 1;\nCOMMIT;\n")]
    assert [one.line for one in read_folder(files).problems] == [1, 3]
    folder = read_folder(files, applied={"20260101120000"})
    assert [one.name for one in folder.migrations] == ["a"]
    assert folder.problems == ()


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf-- lockgate: contract\nDROP TABLE a;\n",
        "-- lockgate: contract\nDROP TABLE a;\n".encode("utf-16"),
        b"-- lockgate: contract\n-- caf\xe9\nDROP TABLE a;\n",
        b"-- lockgate: contract\n-- Required: a login\nDROP TABLE a;\n",
        b"-- lockgate: contract\n-- \0\nDROP TABLE a;\n",
    ],
)
def test_what_is_applied_is_read_as_it_is(content: bytes) -> None:
    assert read_folder([("m/20260101120000_a.sql", content)]).problems
    folder = read_folder([("m/20260101120000_a.sql", content)], applied={"20260101120000"})
    assert folder.problems == ()
    (one,) = folder.migrations
    assert (one.marked, phase_of(one)) == (Phase.CONTRACT, Phase.CONTRACT)


def test_the_reference_has_every_key_and_its_example_can_be_read() -> None:
    _, migrations, backfills = PAGE.read_text().split("\n## The header of a ")
    for text, keys in ((migrations, MIGRATION_KEYS), (backfills, BACKFILL_KEYS)):
        assert tuple(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)) == keys
    (example,) = re.findall(r"```sql\n(.*?)```", backfills, re.DOTALL)
    assert isinstance(parse_backfill(FILL, example.encode()), Backfill)
