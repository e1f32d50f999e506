"""Each rule: what it finds, what it leaves alone, and its rewrite, which does the same."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from backfilling import make_ledger
from click.testing import CliRunner
from databases import create_database, drop_database
from psycopg.conninfo import make_conninfo
from rules_kit import BEFORE, check_backfill, check_parts, check_sql, parts_of, statements_of

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.postgres.binaries import find_binaries
from bot.adapters.postgres.embedded import EmbeddedServer
from bot.cli.main import main
from bot.core.catalog import MIGRATION_RULES
from bot.core.migrations.drafts.files import UNFILLED
from bot.core.migrations.files import parse_backfill
from bot.core.migrations.findings import Severity, page_of
from bot.core.migrations.lint import UNREADABLE, check_of
from bot.core.migrations.model import Backfill
from bot.core.migrations.rules.rule import Rule, Surroundings
from bot.core.migrations.uncounted import BACKFILL_WITHOUT_COUNT

EXPAND = "-- lockgate: expand\nSET lock_timeout = '4s';\n"
MAIL = "CREATE DOMAIN mail AS text"
CONTRACT = "-- lockgate: contract\nSET lock_timeout = '4s';\n"
AROUND = Surroundings(
    ledger={"20260301120000": ("CREATE TABLE drafts (id bigint)",)},
)
CHANGED_VERSION = "20260301120000"
LATER = Surroundings(newest="20260401120000")

UNHEARD = "CREATE TABLE unheard (id bigint PRIMARY KEY, title varchar(9))"
"""A table that no file tells of."""
NOTES = "CREATE TABLE a.notes (id int);"
GUARDED = (
    "CREATE TABLE guarded (id int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY everybody ON guarded USING (true);"
)

BAD = [
    ("phase-unmarked", "SET lock_timeout = '4s';\nALTER TABLE recipes ALTER title DROP NOT NULL;"),
    ("phase-mistake", EXPAND + "ALTER TABLE recipes RENAME COLUMN title TO name;"),
    ("phase-mistake", EXPAND + "ALTER TABLE recipes ADD note text, DROP COLUMN title;"),
    ("phase-mistake", EXPAND + "DROP MATERIALIZED VIEW best;"),
    ("phase-mistake", EXPAND + "DO $$ BEGIN DROP TABLE books; END $$;"),
    ("concurrently-alone", "-- lockgate: expand\nDROP INDEX CONCURRENTLY by_day;\nSELECT 1;"),
    ("concurrently-alone", "SELECT 1;\nREINDEX INDEX CONCURRENTLY by_day;"),
    ("concurrently-alone", "VACUUM recipes;\nVACUUM books;"),
    ("lock-timeout", "SET lock_timeout = 0;\nALTER TABLE recipes ADD note text;"),
    ("lock-timeout", "CREATE TABLE notes (id bigint PRIMARY KEY, r bigint REFERENCES recipes);"),
    ("lock-table", "SET lock_timeout = '4s';\nLOCK TABLE recipes IN SHARE MODE;"),
    ("locks-two-tables", EXPAND + "ALTER TABLE recipes ADD a int;\nALTER TABLE books ADD a int;"),
    ("index-concurrently", "SET lock_timeout = '4s';\nCREATE UNIQUE INDEX i ON recipes (id DESC);"),
    ("index-concurrently", EXPAND + "DROP INDEX by_day;"),
    ("index-concurrently", "SET lock_timeout = '4s';\nREINDEX TABLE recipes;"),
    ("index-concurrently", "SET lock_timeout = '4s';\nCREATE INDEX i ON visits (id);"),
    ("set-not-null", EXPAND + 'ALTER TABLE recipes ADD note text, ALTER "title" SET NOT NULL;'),
    ("check-not-valid", EXPAND + "ALTER TABLE recipes ADD CHECK (servings <= id), ADD note text;"),
    ("check-not-valid", EXPAND + "ALTER TABLE books ADD CONSTRAINT named CHECK (name <> '');"),
    (
        "foreign-key-not-valid",
        EXPAND + "ALTER TABLE recipes ADD CONSTRAINT b FOREIGN KEY (book_id) REFERENCES books"
        " ON DELETE CASCADE;",
    ),
    ("unique-using-index", EXPAND + "ALTER TABLE loose ADD CONSTRAINT ab PRIMARY KEY (a, b);"),
    ("unique-using-index", EXPAND + "ALTER TABLE loose ADD UNIQUE (b, a), ADD c int;"),
    ("unique-using-index", EXPAND + "ALTER TABLE loose ADD EXCLUDE USING btree (a WITH =);"),
    (
        "volatile-default",
        EXPAND + "ALTER TABLE recipes ADD at time DEFAULT clock_timestamp();",
    ),
    ("volatile-default", EXPAND + "ALTER TABLE recipes ADD n bigserial;"),
    ("volatile-default", EXPAND + "ALTER TABLE recipes ADD n int GENERATED ALWAYS AS (id) STORED;"),
    ("volatile-default", EXPAND + "ALTER TABLE recipes ADD n int GENERATED ALWAYS AS IDENTITY;"),
    ("column-type-rewrite", CONTRACT + "ALTER TABLE recipes ALTER title TYPE varchar(20);"),
    ("column-type-rewrite", CONTRACT + "ALTER TABLE recipes ALTER id TYPE text;"),
    (
        "column-type-rewrite",
        CONTRACT + "ALTER TABLE recipes ALTER title TYPE text USING id||'';",
    ),
    ("column-type-rewrite", CONTRACT + "ALTER TABLE unheard ALTER title TYPE text;"),
    (
        "column-type-rewrite",
        CONTRACT + "ALTER TABLE recipes ALTER servings TYPE double precision "
        "USING servings::float8;",
    ),
    ("column-type-rewrite", CONTRACT + "ALTER TABLE books ALTER name TYPE text[] USING '{}';"),
    (
        "column-type-rewrite",
        CONTRACT + 'ALTER TABLE books ALTER name TYPE varchar(9) COLLATE "C";',
    ),
    (
        "column-type-rewrite",
        CONTRACT + "ALTER TABLE books ALTER name TYPE int, ADD note text;",
    ),
    ("table-rewrite", CONTRACT + "ALTER TABLE recipes SET LOGGED;"),
    ("table-rewrite", "SET lock_timeout = '4s';\nCLUSTER recipes USING recipes_pkey;"),
    ("table-rewrite", "VACUUM FULL recipes;"),
    ("table-rewrite", f"{EXPAND}{MAIL} CHECK (value <> ''); ALTER TABLE recipes ADD m mail;"),
    (
        "table-rewrite",
        f"{EXPAND}{MAIL}; ALTER DOMAIN mail SET NOT NULL; ALTER TABLE recipes ADD m mail;",
    ),
    ("table-rewrite", "VACUUM (FULL, ANALYZE) books;"),
    (
        "applied-file-edited",
        "CREATE TABLE drafts (id bigint);\nALTER TABLE drafts ADD COLUMN note text;",
    ),
    ("unbatched-write", "DELETE FROM recipes;"),
    ("unbatched-write", "UPDATE recipes SET title = 'a$1b' WHERE title = '$1' OR servings = 3;"),
    ("unbatched-write", "UPDATE recipes SET servings = 4;"),
    ("unbatched-write", "UPDATE recipes SET servings = NULL, title = 'a' WHERE id < 5;"),
    ("unbatched-write", "UPDATE recipes SET title = lower(trim(title));"),
    ("unbatched-write", "UPDATE recipes SET title = name FROM books WHERE book_id = books.id;"),
    ("unbatched-write", "UPDATE recipes SET servings = servings + 1;"),
    ("unbatched-write", "UPDATE recipes SET servings = servings + 1 WHERE servings < 5;"),
    ("unbatched-write", "DELETE FROM recipes WHERE id = 1 OR servings = 3;"),
    ("unbatched-write", "DELETE FROM recipes USING books WHERE recipes.book_id = books.id;"),
    (
        "unbatched-write",
        "WITH gone AS (DELETE FROM recipes RETURNING 1) SELECT FROM gone;",
    ),
    ("unbatched-write", "DO $$ BEGIN UPDATE recipes SET servings = 1; END $$;"),
    ("truncate", "SET lock_timeout = '4s';\nTRUNCATE recipes, books;"),
    ("dynamic-sql", "-- lockgate: expand\nDO LANGUAGE plperl 'do things';"),
    (
        "dynamic-sql",
        "-- lockgate: expand\nDO $$ DECLARE t text = 'a'; BEGIN EXECUTE t; END $$;",
    ),
    ("table-without-rls", "CREATE TABLE copies AS SELECT * FROM books;"),
    ("grant-to-public", "GRANT ALL ON books TO PUBLIC;"),
    ("grant-to-public", "GRANT SELECT ON books TO authenticated, anon;"),
    ("grant-to-public", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO anon;"),
    ("grant-to-public", "GRANT EXECUTE ON FUNCTION touch() TO anon;"),
]

GOOD = [
    NOTES + "CREATE INDEX i ON a.notes (id); UPDATE a.notes SET id = 1; TRUNCATE a.notes;",
    NOTES + "ALTER TABLE a.notes ADD PRIMARY KEY (id), ADD CHECK (id > 0), ALTER id SET NOT NULL;",
    NOTES + "LOCK TABLE a.notes; ALTER TABLE a.notes ALTER id TYPE bigint, SET UNLOGGED;",
    f"{EXPAND}{MAIL} DEFAULT ''; ALTER TABLE recipes ADD m mail; ALTER TABLE recipes ADD n mail[];",
    EXPAND + "ALTER TABLE recipes ADD COLUMN a int DEFAULT 1, ADD b timestamptz DEFAULT now();",
    EXPAND + "ALTER TABLE recipes ADD COLUMN author bigint REFERENCES books;",
    "SET lock_timeout = '4s'; ALTER TABLE recipes ALTER title TYPE text;",
    "SELECT set_config('lock_timeout', '4s', true); ALTER TABLE recipes ADD note text;",
    "DELETE FROM recipes WHERE id IN (1, 2) AND title = 'a';",
    "UPDATE recipes SET title = 'a' WHERE id = '7'::bigint;",
    "INSERT INTO books VALUES (1, 'a') ON CONFLICT DO NOTHING;",
    CONTRACT + "DROP TABLE books;",
    CONTRACT + "ALTER TABLE recipes RENAME COLUMN title TO name;",
    "SET lock_timeout = '4s'; ALTER TABLE visits ATTACH PARTITION visits_rest DEFAULT;",
    GUARDED + "GRANT USAGE ON SCHEMA public TO anon; GRANT SELECT ON guarded TO anon;",
    "CREATE TEMP TABLE seen (id bigint) ON COMMIT DROP;",
    "CREATE TEMPORARY TABLE seen AS SELECT id FROM recipes;",
]

_ids = [f"{name}-{place}" for place, (name, _) in enumerate(BAD)]


def examples(which: str) -> list[object]:
    return [pytest.param(rule, getattr(rule, which), id=rule.name) for rule in MIGRATION_RULES]


def around(rule: str) -> Surroundings | None:
    return {"applied-file-edited": AROUND, "version-order": LATER}.get(rule)


@pytest.mark.parametrize(("rule", "bad"), examples("bad"))
def test_the_bad_example_breaks_its_rule(rule: Rule, bad: str) -> None:
    found = [one for one in check_sql(bad, around(rule.name)).findings if one.rule == rule.name]
    assert len(found) == 1
    assert found[0].severity is rule.severity
    assert found[0].url == page_of(rule.name)
    assert found[0].message


@pytest.mark.parametrize(("rule", "good"), examples("good"))
def test_the_good_example_breaks_no_rule(rule: Rule, good: str) -> None:
    where = AROUND if rule.name == "applied-file-edited" else None
    found = check_sql(good, where).findings
    passed = {"table-without-rls"} if where or rule.name == "version-order" else set()
    passed |= {"table-without-rls"} if rule.name in ("truncate", "table-rewrite") else set()
    passed |= {"table-without-rls"} if rule.name == "attach-partition-scan" else set()
    assert [one.rule for one in found if one.rule not in passed] == []


@pytest.mark.parametrize(("rule", "bad"), BAD, ids=_ids)
def test_what_breaks_a_rule(rule: str, bad: str) -> None:
    assert rule in [one.rule for one in check_sql(bad, around(rule)).findings]


@pytest.mark.parametrize("good", GOOD)
def test_what_breaks_no_rule(good: str) -> None:
    found = check_sql(good).findings
    assert [one.rule for one in found if one.rule != "attach-partition-scan"] == []


def rewritten() -> list[object]:
    cases = [*((rule.name, rule.bad) for rule in MIGRATION_RULES), *BAD]
    found = []
    for place, (rule, bad) in enumerate(cases):
        for one in check_sql(bad, around(rule)).findings:
            if one.rule == rule and one.rewrite_sql:
                found.append(pytest.param(rule, bad, one.rewrite_sql, id=f"{rule}-{place}"))
    return found


def test_every_other_rule_has_a_rewrite() -> None:
    """Their pages say why: ``test_a_page_says_what_the_rule_says``."""
    with_one = {param.values[0] for param in rewritten()}
    assert {rule.name for rule in MIGRATION_RULES} - with_one == {"version-order", "dynamic-sql"}


def with_rewrite(bad: str, rule: str, rewrite: str) -> str:
    """The whole file: a rewrite that says its phase or has several files is one already. What is
    left to a person is filled in."""
    if rewrite.startswith("--") or "\n-- in" in rewrite:
        return rewrite.replace(UNFILLED, "0" * 40)
    (found,) = [one for one in check_sql(bad).findings if one.rule == rule]
    return bad.replace(f"{found.statement};", rewrite)


@pytest.mark.parametrize(("rule", "bad", "rewrite"), rewritten())
def test_a_rewrite_breaks_no_rule_that_was_not_broken(rule: str, bad: str, rewrite: str) -> None:
    before = {one.rule for one in check_sql(bad).findings}
    after = {one.rule for one in check_parts(with_rewrite(bad, rule, rewrite)).findings}
    assert after <= before - {rule}


def test_the_command_for_another_type_names_its_collation() -> None:
    bad = f'{CONTRACT}ALTER TABLE books ALTER name TYPE varchar(9) COLLATE "C";'
    (found,) = (one for one in check_sql(bad).findings if one.rule == "column-type-rewrite")
    assert "--type 'varchar(9) COLLATE \"C\"'" in found.message
    assert 'ADD COLUMN name_varchar_9 varchar(9) COLLATE "C";' in found.rewrite_sql


@pytest.fixture(scope="module")
def dumped(postgres_server: EmbeddedServer) -> Iterator[Callable[[list[str]], str]]:
    """Run statements after those of the examples' tables; what is there then."""
    name = create_database(postgres_server, "template0")
    conninfo = make_conninfo(postgres_server.conninfo, dbname=name)
    pg_dump = find_binaries(None).program("pg_dump")

    def dump(statements: list[str]) -> str:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            connection.execute(ROLES)
            connection.execute(BEFORE)
            connection.execute(UNHEARD)
            connection.execute("INSERT INTO recipes VALUES (1, 'a', 1)")
            for statement in statements:
                locks = statement.startswith("LOCK")  # which makes sense in a transaction alone
                connection.execute(f"BEGIN; {statement}; COMMIT" if locks else statement)
        command = [pg_dump, "--no-owner", conninfo]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        # The key of \\restrict is another in each dump.
        return re.sub(r"(?m)^(--|\\(un)?restrict ).*\n|^\n", "", done.stdout)

    yield dump
    drop_database(postgres_server, name)


ROLES = """
DO $$ BEGIN CREATE ROLE anon; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DROP OWNED BY anon, authenticated;
"""
SAME_BUT_FOR = {
    # Each row gets a value of chance.
    "volatile-default": r"(?ms)^COPY .*?^\\\.$",
    # What it adds is the point.
    "table-without-rls": r"(?m)^.*(ENABLE ROW LEVEL SECURITY|CREATE POLICY nobody).*\n",
    # Whom it names is the point.
    "grant-to-public": r"(?m)^.*GRANT .* TO (authenticated|anon|PUBLIC);\n",
    "table-without-policy": r"(?m)^CREATE POLICY nobody.*\n",
}


def as_if_in_its_place(dump: str, rewrite: str) -> list[list[str]]:
    """The new column under the old one's name, and wherever it stands: each line's words, in
    any order."""
    ((new, old),) = re.findall(r'WHERE :batch AND (\w+) IS NULL AND "?(\w+)', rewrite)
    lines = dump.replace(new, old).splitlines()
    return sorted(sorted(re.findall(r"[^\s,()]+", line)) for line in lines)


@pytest.mark.parametrize(("rule", "bad", "rewrite"), rewritten())
def test_a_rewrite_does_the_same(
    dumped: Callable[[list[str]], str], rule: str, bad: str, rewrite: str
) -> None:
    whole = statements_of(with_rewrite(bad, rule, rewrite))
    before, after = dumped(statements_of(bad)), dumped(whole)
    if rule == "column-type-rewrite":
        assert as_if_in_its_place(after, rewrite) == as_if_in_its_place(before, rewrite)
        return
    if different := SAME_BUT_FOR.get(rule):
        before, after = (re.sub(different, "", one) for one in (before, after))
    assert after == before


@pytest.mark.parametrize(
    ("granted", "instead"),
    [
        ("GRANT  insert ON books TO anon", "GRANT  insert ON books TO authenticated;"),
        (
            'GRANT ALL ON books TO PUBLIC, "Ä", anon WITH GRANT OPTION',
            'GRANT ALL ON books TO "Ä", authenticated WITH GRANT OPTION;',
        ),
        ("GRANT SELECT ON books TO anon, authenticated", "GRANT SELECT ON books TO authenticated;"),
        (
            "/* ä */ ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO anon",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO authenticated;",
        ),
    ],
)
def test_what_was_granted_to_everybody_is_granted_to_who_has_signed_in(
    granted: str, instead: str
) -> None:
    (found,) = check_sql(f"{granted};").findings
    assert found.rewrite_sql == instead


@pytest.mark.parametrize(
    ("granted", "other"),
    [
        ("GRANT INSERT ON books TO anon;", ", or guard the table by row level security and a"),
        (GUARDED + "GRANT ALL ON guarded TO anon;", ", or SELECT alone, which policies guard"),
        ("GRANT USAGE ON SCHEMA private TO anon;", ""),
    ],
)
def test_what_else_may_be_done_about_a_grant_is_said(granted: str, other: str) -> None:
    (found,) = check_sql(granted).findings
    _, _, said = found.message.partition("grant it to `authenticated`")
    assert said.startswith(other)
    assert bool(said) == bool(other)


@pytest.mark.parametrize(
    ("granted", "said"),
    [
        ("ALL ON books", "ALL on books"),
        ("EXECUTE ON FUNCTION touch(), a.b(int)", "EXECUTE on function touch, a.b"),
        ("CREATE, USAGE ON SCHEMA public, a", "CREATE, USAGE on schema public, a"),
        ("SELECT ON ALL TABLES IN SCHEMA public", "SELECT on every table in public"),
        ("USAGE ON TYPE a.mood", "USAGE on type a.mood"),
        ("USAGE ON FOREIGN SERVER s", "USAGE on foreign server s"),
        ("SELECT ON LARGE OBJECT 5, 3000000000", "SELECT on largeobject 5, 3000000000"),
    ],
)
def test_what_is_granted_to_everybody_is_named(granted: str, said: str) -> None:
    (found,) = check_sql(f"GRANT {granted} TO anon;").findings
    assert found.message.startswith(f"{said} is granted to anon")


def test_without_supabase_nobody_knows_of_a_role_of_who_has_signed_in() -> None:
    path = "db/20260301120000_grant.sql"
    (found,) = check_of({path}, [(path, b"GRANT ALL ON books TO PUBLIC;")]).findings
    assert (found.rule, found.rewrite_sql) == ("grant-to-public", "")


@pytest.mark.parametrize(
    ("around", "name"),
    [
        (LATER, "20260401120001_change.sql"),
        (Surroundings(elsewhere={CHANGED_VERSION: "#7"}), "20260301120001_change.sql"),
        (
            Surroundings(
                newest="20260401120000", elsewhere={CHANGED_VERSION: "#7", "20260501235959": "#8"}
            ),
            "20260502000000_change.sql",
        ),
        (Surroundings(newest="9" * 14), "<a later version>_change.sql"),
    ],
)
def test_a_file_that_comes_too_early_is_told_its_name(around: Surroundings, name: str) -> None:
    (*_, found) = check_sql("SELECT 1;", around).findings
    assert found.message.endswith(f" `{name}`")


def test_a_name_that_no_header_can_have_gets_no_rewrite() -> None:
    odd = f'{CONTRACT}ALTER TABLE recipes ALTER "a\n-- batch: 9" TYPE varchar(20);'
    found = {one.rule: one.rewrite_sql for one in check_sql(odd).findings}
    assert found == {"column-type-rewrite": ""}


def test_the_command_that_a_new_type_is_told_writes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = check_sql(f"{CONTRACT}ALTER TABLE recipes ALTER title TYPE varchar(20);").findings
    command = re.findall("`lockgate (.*?)`", found.message)[0]
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.output
    assert len(list(tmp_path.glob("supabase/*/*_change_type_recipes_title*.sql"))) == 3


def proposed() -> list[object]:
    """The rewrites that have a backfill, each with whether what it leaves can be counted."""
    return [
        pytest.param(rewrite, "-- needed: no" not in rewrite, id=param.id)
        for param in rewritten()
        for rewrite in [param.values[2]]
        if any(is_backfill for is_backfill, _ in parts_of(rewrite))
    ]


@pytest.mark.parametrize(("rewrite", "counted"), proposed())
async def test_a_backfill_that_is_proposed_comes_to_its_end(
    empty_database_url: str, rewrite: str, counted: bool
) -> None:
    database = PostgresDatabase(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as sql:
        make_ledger(sql, "20260301120000")
        sql.execute(BEFORE)
        sql.execute(UNHEARD)
        sql.execute("INSERT INTO books VALUES (1, 'a'), (2, NULL)")
        sql.execute(
            "INSERT INTO recipes SELECT n, CASE WHEN n % 3 > 0 THEN 'Cake ' || n END, n % 7, n % 3 "
            "FROM generate_series(-20, 20) AS n"
        )
        for is_backfill, part in parts_of(rewrite):
            if not is_backfill:
                sql.execute(part)
                continue
            one = parse_backfill("backfills/20260302120000_fill.sql", part.encode())
            assert isinstance(one, Backfill)
            status = await database.run_backfill_for(one, timedelta(seconds=30))
            assert (status.proven, bool(status.proof)) == (counted, counted)
            assert status.progress.settled(needed=one.needed)
    await database.close()


FILL = "-- table: recipes\n-- key: id\n-- after: 20260101120000\n"
FILLS = [
    ("UPDATE recipes SET servings = 4 WHERE :batch;", BACKFILL_WITHOUT_COUNT),
    ("UPDATE recipes SET servings = 4 WHERE :batch AND servings IS DISTINCT FROM 4;", ""),
    ("-- needed: no\nUPDATE recipes SET servings = servings + 1 WHERE :batch;", ""),
    ("DELETE FROM recipes WHERE :batch;", ""),
    ("INSERT INTO books SELECT id FROM recipes WHERE :batch;", BACKFILL_WITHOUT_COUNT),
    (
        "INSERT INTO books (id) SELECT id FROM recipes WHERE :batch ON CONFLICT DO NOTHING;",
        BACKFILL_WITHOUT_COUNT,
    ),
    (
        "INSERT INTO books (id) SELECT id FROM recipes WHERE :batch ON CONFLICT (id) DO NOTHING;",
        "",
    ),
    # No runner could give each batch its rows of the table within.
    ("INSERT INTO books SELECT id FROM (SELECT id FROM recipes) AS r WHERE :batch;", UNREADABLE),
]


@pytest.mark.parametrize(("fill", "rule"), FILLS)
def test_a_backfill_that_is_waited_for_can_be_counted(fill: str, rule: str) -> None:
    found = [(one.rule, one.line, one.severity) for one in check_backfill(FILL + fill).findings]
    assert found == ([(rule, 4, Severity.ERROR)] if rule else [])
