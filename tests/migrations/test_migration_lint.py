"""What the check of several files knows of each other, and what it is told from outside."""

import pytest
from rules_kit import CHANGED, FIRST, FOLDER, check_sql

from bot.core.migrations.catalog import Catalog, Column, Table, Type
from bot.core.migrations.changes import Relation
from bot.core.migrations.findings import Severity
from bot.core.migrations.impact import impact_of
from bot.core.migrations.lint import check_of
from bot.core.migrations.locks import Cost, Hold, Lock
from bot.core.migrations.model import Version
from bot.core.migrations.rules.rule import Surroundings
from bot.core.migrations.squawk import SquawkFinding

EXPAND = "-- lockgate: expand\nSET lock_timeout = '4s';\n"
CONTRACT = "-- lockgate: contract\nSET lock_timeout = '4s';\n"
READ, WRITTEN = "while the whole table is read", "while the whole table is written anew"
SHORT = "less than a second"
RECIPES = Relation("public", "recipes")


def test_files_before_say_what_is_known() -> None:
    steps = (
        "ALTER TABLE recipes ADD CONSTRAINT g CHECK (title IS NOT NULL) NOT VALID;",
        "ALTER TABLE recipes VALIDATE CONSTRAINT g;",
        "ALTER TABLE recipes ALTER title SET NOT NULL, DROP CONSTRAINT g;",
        "ALTER TABLE recipes ADD CHECK (title <> '');",
    )
    files = [(FIRST, b"CREATE TABLE recipes (id bigint PRIMARY KEY, title text);")]
    for number, sql in enumerate(steps):
        files.append((f"{FOLDER}/2026030112000{number}_a.sql", (EXPAND + sql).encode()))
    check = check_of({path for path, _ in files[1:]}, files)
    assert [(one.file[-7:], one.rule) for one in check.findings] == [("3_a.sql", "check-not-valid")]
    without = [files[0], files[1], files[3]]
    found = check_of({files[3][0]}, without).findings
    assert [one.rule for one in found] == ["set-not-null"]


def test_a_file_that_changes_nothing_takes_nothing_from_what_is_known() -> None:
    files = [
        (FIRST, b"CREATE TABLE recipes (id bigint PRIMARY KEY, title varchar(40));"),
        (f"{FOLDER}/20260301120000_a.sql", b"DO $$ BEGIN NULL; END $$;"),
        (
            f"{FOLDER}/20260301120001_b.sql",
            (EXPAND + "ALTER TABLE recipes ALTER title TYPE varchar(80);").encode(),
        ),
    ]
    assert check_of({path for path, _ in files[1:]}, files).findings == ()
    without = check_of({files[2][0]}, files[1:]).findings
    assert "column-type-rewrite" in {one.rule for one in without}


def test_what_a_file_with_a_fault_does_is_known_all_the_same() -> None:
    table = "CREATE TABLE recipes (id bigint PRIMARY KEY, title varchar(40));"
    later = f"{FOLDER}/20260301120001_b.sql"
    files = [
        (
            FIRST,
            f"BEGIN;\n{table}\nALTER TABLE recipes ENABLE ROW LEVEL SECURITY;\nCOMMIT;".encode(),
        ),
        (later, f"{EXPAND}ALTER TABLE recipes ALTER title TYPE varchar(80);".encode()),
    ]
    found = check_of({path for path, _ in files}, files).findings
    assert [(one.file, one.line, one.rule) for one in found] == [
        (FIRST, 1, "unreadable-file"),
        (FIRST, 4, "unreadable-file"),
    ]


def test_a_table_that_may_be_there_is_not_taken_for_a_new_one() -> None:
    once = "CREATE TABLE recipes (id bigint PRIMARY KEY, title text);"
    again = f"{EXPAND}DO $$ BEGIN IF now() > 'epoch' THEN {once} END IF; END $$;\n"
    files = [
        (FIRST, once.encode()),
        (CHANGED, f"{again}CREATE INDEX i ON recipes (title);".encode()),
    ]
    found = {one.rule for one in check_of({CHANGED}, files).findings}
    assert "index-concurrently" in found
    assert "index-concurrently" not in {one.rule for one in check_of({CHANGED}, files[1:]).findings}


def test_keys_without_a_name_are_told_apart() -> None:
    last = f"{FOLDER}/20260301120003_c.sql"
    files = [
        (FIRST, b"CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"),
        (
            f"{FOLDER}/20260301120000_c.sql",
            b"CREATE TABLE c (x int REFERENCES a, y int REFERENCES b, z int);",
        ),
        (f"{FOLDER}/20260301120001_c.sql", f"{EXPAND}ALTER TABLE c DROP x;".encode()),
        (
            f"{FOLDER}/20260301120002_c.sql",
            f"{EXPAND}ALTER TABLE c ADD FOREIGN KEY (z) REFERENCES a NOT VALID;".encode(),
        ),
        (last, f"{CONTRACT}ALTER TABLE c DROP y;".encode()),
    ]
    told = check_of({last}, files).statements[-1]
    assert [lock.partition(" blocks")[0] for lock in told.locks] == [
        "ACCESS EXCLUSIVE on c",
        "ACCESS EXCLUSIVE on b",
    ]


def test_an_applied_file_is_not_taken_away() -> None:
    around = Surroundings(ledger={Version("20260101120000"): None})
    (found,) = check_of(set(), [], around=around, removed={FIRST}).findings
    assert (found.file, found.rule, found.severity) == (
        FIRST,
        "applied-file-edited",
        Severity.ERROR,
    )
    assert found.message.startswith("20260101120000 is applied, and its file is gone")
    renamed = [(f"{FOLDER}/20260101120000_other.sql", b"CREATE TABLE a (id int);")]
    assert check_of({renamed[0][0]}, renamed, around=around, removed={FIRST}).findings == ()
    unapplied = check_of(set(), [], around=Surroundings(), removed={FIRST})
    assert (unapplied.findings, unapplied.files) == ((), 1)


def test_only_what_changed_is_told() -> None:
    files = [(FIRST, b"DROP TABLE a;"), (CHANGED, b"SELECT 1;")]
    check = check_of({CHANGED}, files)
    assert check.findings == ()
    assert [one.statement for one in check.statements] == ["SELECT 1"]


def test_every_statement_is_told_with_its_locks() -> None:
    told = check_sql(
        EXPAND + "ALTER TABLE recipes ADD CONSTRAINT f FOREIGN KEY (book_id) REFERENCES books;\n"
        "CREATE TABLE other (id int);"
    ).statements
    assert [(one.line, one.locks) for one in told] == [
        (2, ()),
        (
            3,
            (
                "SHARE ROW EXCLUSIVE on recipes blocks every write while the whole table is read",
                "SHARE ROW EXCLUSIVE on books blocks every write for an instant",
            ),
        ),
        (4, ()),
    ]


def test_a_version_of_another_pull_request_is_a_conflict() -> None:
    around = Surroundings(elsewhere={"20260301120000": "#12"})
    (found,) = check_sql("SELECT 1;", around).findings
    assert (found.rule, found.severity) == ("version-order", Severity.ERROR)
    assert found.message.startswith("#12 adds a migration with the version 20260301120000 too")


def test_a_finding_of_squawk_belongs_to_the_statement_it_stands_in() -> None:
    sql = EXPAND + "ALTER TABLE recipes\n  ADD COLUMN at timestamp;\nSELECT 1;"
    one = SquawkFinding(
        CHANGED, 4, "prefer-timestamp-tz", Severity.INFO, "said", "https://a.example"
    )
    other = SquawkFinding(FIRST, 1, "prefer-timestamp-tz", Severity.INFO, "said", "")
    files = [(FIRST, b"CREATE TABLE recipes (id int);"), (CHANGED, sql.encode())]
    (found,) = check_of({CHANGED}, files, squawk=[one, other]).findings
    assert found.statement == "ALTER TABLE recipes\n  ADD COLUMN at timestamp"
    assert (found.lock, found.phase, found.url) == (
        "ACCESS EXCLUSIVE",
        "expand",
        "https://a.example",
    )


def test_a_file_that_cannot_be_read_is_a_finding_with_its_place() -> None:
    (found,) = check_sql("SELECT 1;\n  COMMIT;").findings
    assert (found.rule, found.line, found.column) == ("unreadable-file", 2, 3)
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("table", "cost", "words"),
    [
        (Table(), Cost.SCAN, "while the whole table is read"),
        (
            Table(rows=1_200_000, bytes=340 * 2**20, writes_per_second=12.34),
            Cost.SCAN,
            f"{READ} (1,200,000 rows, 340 MB, 12.3 rows written a second, {SHORT}, an estimate)",
        ),
        (
            Table(rows=400_000_000, bytes=90 * 2**30),
            Cost.REWRITE,
            f"{WRITTEN} (400,000,000 rows, 90 GB, about 20 min, an estimate)",
        ),
        (Table(rows=5, bytes=8192), Cost.INSTANT, "for an instant (5 rows, 8.0 kB)"),
    ],
)
def test_how_long_it_blocks_whom(table: Table, cost: Cost, words: str) -> None:
    said = impact_of(Hold(RECIPES, Lock.ACCESS_EXCLUSIVE, cost), table)
    assert said == f"ACCESS EXCLUSIVE on recipes blocks every read and write {words}"


def test_a_size_that_is_not_known_makes_nothing_small() -> None:
    column = Column(Type("int4"))
    for table, severity in (
        (Table(rows=5, bytes=8192, columns={"n": column}), Severity.INFO),
        (Table(rows=None, bytes=8192, columns={"n": column}), Severity.ERROR),
        (Table(rows=5, bytes=None, columns={"n": column}), Severity.ERROR),
        (Table(rows=5, bytes=2**30, columns={"n": column}), Severity.ERROR),
    ):
        catalog = Catalog({RECIPES: table}, complete=True)
        sql = EXPAND + "ALTER TABLE recipes ALTER n SET NOT NULL;"
        (found,) = check_of({CHANGED}, [(CHANGED, sql.encode())], catalog=catalog).findings
        assert found.severity is severity, table


def test_a_backfill_that_is_proposed_goes_along_the_primary_key() -> None:
    before = 'CREATE TABLE shop.a (b int, "C" int, d int, PRIMARY KEY (b, "C"));'
    (found,) = check_sql("UPDATE shop.a SET d = 1;", before=before).findings
    assert found.rewrite_sql == (
        '-- in a backfill\'s file\n-- table: shop.a\n-- key: b, "C"\n-- after: 20260301120000\n'
        "UPDATE shop.a SET d = 1 WHERE :batch AND d IS DISTINCT FROM 1;"
    )


PROVEN = "CREATE TABLE recipes (id int, title text, CONSTRAINT g CHECK (title IS NOT NULL));"


@pytest.mark.parametrize(
    ("between", "proven"),
    [
        ("SELECT 1;", True),
        ("DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'recipes' || ' DROP CONSTRAINT g'; END $$;", False),
        ("this is no SQL", False),
        ("\udcff", False),  # no UTF-8
        ("ALTER TABLE recipes DROP CONSTRAINT g;", False),
        ("DROP TABLE recipes;", False),
        ("CREATE TABLE IF NOT EXISTS recipes (id int);", True),
    ],
)
def test_what_may_have_been_taken_away_proves_nothing(between: str, proven: bool) -> None:
    files = [
        (FIRST, PROVEN.encode()),
        (f"{FOLDER}/20260201120000_between.sql", between.encode(errors="surrogateescape")),
        (CHANGED, (EXPAND + "ALTER TABLE recipes ALTER title SET NOT NULL;").encode()),
    ]
    rules = [one.rule for one in check_of({CHANGED}, files).findings]
    assert rules == ([] if proven else ["set-not-null"])


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS recipes (id int);\nUPDATE recipes SET servings = 1;",
        "ALTER TABLE recipes ADD COLUMN IF NOT EXISTS title text, ADD UNIQUE (title);",
    ],
)
def test_what_was_there_before_is_not_new(sql: str) -> None:
    rules = {one.rule for one in check_sql(EXPAND + sql).findings}
    assert rules & {"unbatched-write", "unique-using-index"}
