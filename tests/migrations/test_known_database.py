"""What a database says of its tables, and the verdicts that follow from it."""

import psycopg
import pytest
from rules_kit import BEFORE, CHANGED, FIRST

from bot.adapters.database.known import fetch_known
from bot.core.migrations.catalog import Catalog, ForeignKey, Type
from bot.core.migrations.changes import Relation
from bot.core.migrations.findings import Check, Severity
from bot.core.migrations.lint import check_of
from bot.core.migrations.rules.rule import Surroundings
from bot.ports.database import DatabaseRefused, DatabaseUnavailable

EXPAND = "-- lockgate: expand\nSET lock_timeout = '4s';\n"
LEDGER = """
CREATE SCHEMA supabase_migrations;
CREATE TABLE supabase_migrations.schema_migrations
    (version text PRIMARY KEY, statements text[], name text);
INSERT INTO supabase_migrations.schema_migrations
VALUES ('20260101120000', ARRAY['CREATE TABLE a (id int)', 'SELECT 1'], 'before'),
       ('20260102120000', NULL, 'unknown');
"""


@pytest.fixture
async def known(empty_database_url: str) -> tuple[Catalog, Surroundings]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(BEFORE)
        connection.execute(
            "CREATE TABLE large (id bigint PRIMARY KEY, title varchar(40), n numeric(8,2),"
            " CONSTRAINT given CHECK (title IS NOT NULL AND id > 0));"
            "ALTER TABLE large ADD CHECK (n IS NOT NULL) NOT VALID;"
            "ALTER TABLE recipes ADD CONSTRAINT of FOREIGN KEY (book_id) REFERENCES books NOT VALID"
        )
        connection.execute(
            "CREATE DOMAIN plain AS text; CREATE DOMAIN mail AS plain CHECK (value <> '');"
            "CREATE DOMAIN mails AS mail"
        )
        connection.execute(
            "INSERT INTO large SELECT i, repeat('a', 40), 1 FROM generate_series(1, 60000) i"
        )
        connection.execute("INSERT INTO recipes SELECT i, 'a', 1 FROM generate_series(1, 120) i")
        connection.execute("ALTER TABLE recipes ENABLE ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY own ON recipes USING (true)")
        connection.execute(LEDGER)
        connection.execute("ANALYZE")
    return await fetch_known(empty_database_url)


def checked(known: tuple[Catalog, Surroundings], sql: str) -> Check:
    files = [(FIRST, BEFORE.encode()), (CHANGED, sql.encode())]
    return check_of({CHANGED}, files, catalog=known[0], around=known[1])


async def test_the_catalog_is_read(known: tuple[Catalog, Surroundings]) -> None:
    catalog, around = known
    recipes = catalog.table(Relation("public", "recipes"))
    assert (recipes.rows, recipes.row_security, recipes.policies) == (120, True, {"own"})
    assert recipes.key == ("id",)
    assert recipes.foreign_keys == {"of": ForeignKey(Relation("public", "books"), ("book_id",))}
    assert recipes.columns["title"].type == Type("varchar", (40,))
    assert recipes.writes_per_second == pytest.approx(2, abs=1.99)
    large = catalog.table(Relation("public", "large"))
    assert large.rows == 60_000
    assert (large.bytes or 0) > 2**20
    assert large.columns["n"].type == Type("numeric", (8, 2))
    assert large.requires("title")
    assert not large.requires("n")
    assert catalog.table(Relation("public", "visits")).partition_key == ("day",)
    assert catalog.indexes[Relation("public", "by_day")] == Relation("public", "recipes")
    assert around.ledger == {
        "20260101120000": ("CREATE TABLE a (id int)", "SELECT 1"),
        "20260102120000": None,
    }


async def test_a_message_has_the_size_and_an_estimate(
    known: tuple[Catalog, Surroundings],
) -> None:
    (found,) = checked(known, EXPAND + "ALTER TABLE large ALTER id TYPE text;").findings[-1:]
    assert found.rule == "column-type-rewrite"
    assert found.rewrite
    assert "60,000 rows" in found.message
    assert "rows written a second" in found.message
    assert "less than a second, an estimate" in found.message


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE large ALTER title SET NOT NULL;",  # a validated CHECK proves it
        "ALTER TABLE large ALTER n TYPE numeric(12,2);",
        "DELETE FROM large WHERE id = 5;",
        "ALTER TABLE large ADD m plain;",
    ],
)
async def test_what_the_catalog_proves_is_no_finding(
    known: tuple[Catalog, Surroundings], sql: str
) -> None:
    assert checked(known, EXPAND + sql).findings == ()


@pytest.mark.parametrize(
    ("sql", "severity"),
    [
        ("ALTER TABLE large ALTER n SET NOT NULL;", Severity.ERROR),
        ("ALTER TABLE recipes ALTER servings SET NOT NULL;", Severity.INFO),
        ("ALTER TABLE large ALTER title TYPE text;", Severity.ERROR),  # the CHECK is read again
        ("UPDATE large SET n = 1;", Severity.ERROR),
        ("ALTER TABLE large ADD m mails;", Severity.ERROR),
        ("ALTER TABLE recipes ADD m mail;", Severity.INFO),
        ("UPDATE recipes SET servings = 1;", Severity.INFO),
    ],
)
async def test_what_concerns_a_small_table_is_a_notice(
    known: tuple[Catalog, Surroundings], sql: str, severity: Severity
) -> None:
    assert [one.severity for one in checked(known, EXPAND + sql).findings] == [severity]


async def test_what_is_applied_is_only_compared_with_what_was_run(
    known: tuple[Catalog, Surroundings],
) -> None:
    same = b"create TABLE a (id int) ;\r\n-- a remark\nSELECT 1;"
    edited = b"CREATE TABLE a (id bigint); SELECT 1;"
    unknown = ("supabase/migrations/20260102120000_b.sql", b"BEGIN; DROP TABLE a; COMMIT;")
    for content, rules in ((same.replace(b"create", b"CREATE"), []), (edited, ["applied"])):
        files = [(FIRST, content), unknown]
        check = check_of({FIRST, unknown[0]}, files, catalog=known[0], around=known[1])
        assert [one.rule.partition("-")[0] for one in check.findings] == rules
        assert check.statements == ()


async def test_a_schema_is_exposed_when_anon_may_use_it(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE anon; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            "CREATE SCHEMA api; CREATE SCHEMA inner_; GRANT USAGE ON SCHEMA api TO anon"
        )
    catalog, _ = await fetch_known(empty_database_url)
    assert "api" in catalog.exposed
    assert "inner_" not in catalog.exposed


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("postgresql://nobody:secret-word@127.0.0.1:1/none", DatabaseUnavailable),
        ("no url, secret-word", DatabaseRefused),
    ],
)
async def test_a_database_that_cannot_be_asked_is_an_error_without_the_password(
    url: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        await fetch_known(url)
    assert "secret-word" not in str(raised.value)


async def test_a_ledger_of_early_releases_has_versions_alone(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(LEDGER)
        connection.execute(
            "ALTER TABLE supabase_migrations.schema_migrations DROP statements, DROP name"
        )
    _, around = await fetch_known(empty_database_url)
    assert around.ledger == {"20260101120000": None, "20260102120000": None}
