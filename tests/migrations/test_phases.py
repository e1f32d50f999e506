"""The phase of a migration: by its mark, else by what old builds notice of it."""

import pytest

from bot.core.migrations.catalog import Catalog
from bot.core.migrations.files import parse_migration
from bot.core.migrations.model import Migration, Phase, Problem
from bot.core.migrations.phases import phase_of
from bot.core.migrations.script import read_script

PATH = "20260301120000_a.sql"
KNOWN = "CREATE TABLE recipes (id bigint PRIMARY KEY, title varchar(40), n int, d numeric(8,2))"


def migration(sql: str) -> Migration:
    found = parse_migration(PATH, sql.encode())
    assert isinstance(found, Migration), found
    return found


def known() -> Catalog:
    (step,) = read_script(KNOWN)
    return Catalog().after(step.changes).settled()


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1; SET lock_timeout = '4s'",
        "CREATE TABLE a (id int); ALTER TABLE a ALTER id SET NOT NULL; DROP TABLE a",
        "ALTER TABLE recipes ADD COLUMN a text, ADD COLUMN b int NOT NULL DEFAULT 1",
        "ALTER TABLE recipes ADD COLUMN a text; ALTER TABLE recipes ADD UNIQUE (a)",
        "ALTER TABLE recipes ADD COLUMN a int DEFAULT 1; ALTER TABLE recipes ALTER a SET NOT NULL",
        "ALTER TABLE recipes ADD COLUMN a int, ALTER a SET DEFAULT 1, ALTER a SET NOT NULL",
        "DO $$ BEGIN CREATE TABLE a (); ALTER TABLE a ENABLE ROW LEVEL SECURITY; END $$",
        "CREATE INDEX CONCURRENTLY i ON recipes (title)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'b'",
        "ALTER DOMAIN mail VALIDATE CONSTRAINT c; ALTER DOMAIN mail SET DEFAULT 'a@b'",
        "ALTER TABLE recipes ALTER title TYPE varchar(80), ALTER title TYPE text",
        "ALTER TABLE recipes ALTER d TYPE numeric(12,2)",
        "DROP POLICY IF EXISTS p ON recipes; CREATE POLICY p ON recipes USING (true)",
        "DROP TRIGGER t ON recipes; CREATE TRIGGER t AFTER INSERT ON recipes EXECUTE FUNCTION f()",
        "DROP FUNCTION IF EXISTS f(); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DO $$ BEGIN CREATE TYPE a AS ENUM ('b'); EXCEPTION WHEN others THEN NULL; END $$",
        "INSERT INTO recipes (id) VALUES (1)",
        "GRANT SELECT ON recipes TO authenticated",
    ],
)
def test_what_only_adds_is_an_expand(sql: str) -> None:
    assert phase_of(migration(sql), known()) is Phase.EXPAND


@pytest.mark.parametrize(
    ("sql", "line", "said"),
    [
        ("ALTER TABLE recipes DROP COLUMN title", 1, "(DROP COLUMN recipes.title is breaking)"),
        ("SELECT 1;\nDROP TABLE a.b", 2, "(DROP TABLE a.b is breaking)"),
        ("DROP FUNCTION f(int)", 1, "(DROP FUNCTION f is breaking)"),
        ("DROP TYPE mood", 1, "(DROP TYPE mood is breaking)"),
        ("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", 1, "(ALTER TYPE is breaking)"),
        ("ALTER DOMAIN mail ADD CHECK (VALUE <> '') NOT VALID", 1, "(ALTER DOMAIN is tightening)"),
        ("ALTER DOMAIN mail SET NOT NULL", 1, "(ALTER DOMAIN is tightening)"),
        ("ALTER DOMAIN mail DROP CONSTRAINT c", 1, "(ALTER DOMAIN is relaxing)"),
        ("ALTER DOMAIN mail DROP NOT NULL", 1, "(ALTER DOMAIN is relaxing)"),
        ("ALTER TABLE recipes RENAME title TO t", 1, "(RENAME COLUMN recipes.title is breaking)"),
        ("ALTER TABLE recipes RENAME TO r", 1, "(RENAME TABLE recipes is breaking)"),
        ("ALTER TABLE recipes ALTER n TYPE bigint", 1, "ALTER COLUMN TYPE recipes.n is breaking)"),
        ("ALTER TABLE recipes ALTER d TYPE numeric(12,4)", 1, "is breaking"),
        ("ALTER TABLE other ALTER n TYPE text", 1, "is breaking"),
        ("ALTER TABLE recipes ALTER title TYPE text USING lower(title)", 1, "is breaking"),
        ("ALTER TABLE recipes ALTER title SET NOT NULL", 1, "(SET NOT NULL recipes.title is tigh"),
        ("ALTER TABLE recipes ADD COLUMN a int NOT NULL", 1, "ADD COLUMN recipes.a is tightening"),
        ("ALTER TABLE recipes ADD a int, DROP a, ALTER a SET NOT NULL", 1, "is tightening"),
        ("ALTER TABLE recipes ADD a int;\nALTER TABLE recipes ALTER a SET NOT NULL", 2, "tighten"),
        (
            "ALTER TABLE recipes ADD a int, ADD PRIMARY KEY (a)",
            1,
            "ADD CONSTRAINT recipes is tight",
        ),
        ("ALTER TABLE recipes ADD CHECK (n > 0) NOT VALID", 1, "ADD CONSTRAINT recipes is tighten"),
        ("ALTER TABLE recipes ALTER title DROP NOT NULL", 1, "is relaxing"),
        ("DROP INDEX i", 1, "(DROP INDEX i is relaxing)"),
        ("DROP POLICY p ON recipes", 1, "(DROP POLICY recipes.p is relaxing)"),
        ("REVOKE SELECT ON recipes FROM anon", 1, "is tightening"),
        ("DO $$\nBEGIN\n  DROP TABLE recipes;\nEND $$", 3, "(DROP TABLE recipes is breaking)"),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE recipes'; END $$", 1, "DROP TABLE recipes is breaking"),
        ("DO $$ BEGIN EXECUTE 'DROP ' || x; END $$", 1, "is unknown)"),
        ("DO LANGUAGE plperl 'drop it'", 1, "is unknown)"),
        ("DO $$ " + "BEGIN " * 200 + "END; " * 200 + "$$", 1, "is unknown)"),
    ],
)
def test_what_does_more_must_be_marked(sql: str, line: int, said: str) -> None:
    found = phase_of(migration(sql), known())
    assert isinstance(found, Problem)
    assert found.line == line
    assert said in found.message
    assert "-- lockgate: contract" in found.remedy


def test_a_mark_is_believed() -> None:
    assert phase_of(migration("-- lockgate: contract\nSELECT 1")) is Phase.CONTRACT
    assert phase_of(migration("-- lockgate: expand\nDROP INDEX i")) is Phase.EXPAND
