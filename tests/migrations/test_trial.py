"""The proof by trial: what PostgreSQL really does, and that what is expected is what it does."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from databases import create_database, drop_database
from psycopg.conninfo import make_conninfo
from rules_kit import BEFORE, CHANGED, FIRST

from bot.adapters.database.shadow import ShadowError, run_trial, watch
from bot.adapters.postgres.embedded import EmbeddedServer
from bot.core.migrations.catalog import Catalog
from bot.core.migrations.files import parse_migration
from bot.core.migrations.lint import check_of
from bot.core.migrations.locks import Cost, Lock, holds_of
from bot.core.migrations.model import Migration
from bot.core.migrations.script import read_script
from bot.core.migrations.trial import Observed, with_trial

EXCLUSIVE, WRITES, SHARE, UPDATE = (
    Lock.ACCESS_EXCLUSIVE,
    Lock.SHARE_ROW_EXCLUSIVE,
    Lock.SHARE,
    Lock.SHARE_UPDATE_EXCLUSIVE,
)
INSTANT, SCAN, BUILD, REWRITE = Cost.INSTANT, Cost.SCAN, Cost.BUILD, Cost.REWRITE

YEAR = "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"
MORE = """
CREATE TABLE b (id int NOT NULL, title varchar(40), n numeric(8,2), at timestamp(3), c cidr,
    given text, CONSTRAINT g CHECK (given IS NOT NULL));
CREATE UNIQUE INDEX b_id ON b (id);
CREATE TRIGGER t AFTER INSERT ON books FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE books ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
ALTER TABLE recipes ADD CONSTRAINT book FOREIGN KEY (book_id) REFERENCES books NOT VALID;
CREATE TABLE old PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE SCHEMA elsewhere;
CREATE DOMAIN word AS text;
CREATE DOMAIN mail AS word CHECK (value LIKE '%@%');
CREATE DOMAIN elsewhere.mails AS mail;
CREATE VIEW names AS SELECT name FROM books;
CREATE PUBLICATION told;
CREATE TABLE words (word text); CREATE INDEX words_word ON words (word);
CREATE TABLE shelves (id int PRIMARY KEY);
CREATE TABLE pages (id int, book bigint REFERENCES books, shelf int REFERENCES shelves);
"""
CASES = [
    ("ALTER TABLE b ADD x int", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD x int NOT NULL DEFAULT 5", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD x timestamptz DEFAULT now()", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD x uuid DEFAULT gen_random_uuid()", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x float DEFAULT random()", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x bigserial", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x int GENERATED ALWAYS AS (id) STORED", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x int GENERATED ALWAYS AS (id) VIRTUAL", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD x int GENERATED ALWAYS AS IDENTITY", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x word", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD x mail", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x elsewhere.mails DEFAULT 'a@b'", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ADD x mail[]", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b DROP n", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b RENAME n TO m", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b RENAME TO bb", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER n SET DEFAULT 1", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER id DROP NOT NULL", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER n SET NOT NULL", {"b": (EXCLUSIVE, SCAN)}),
    ("ALTER TABLE b ALTER given SET NOT NULL", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD CHECK (id > 0)", {"b": (EXCLUSIVE, SCAN)}),
    ("ALTER TABLE b ADD CHECK (id > 0) NOT VALID", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD UNIQUE (n)", {"b": (EXCLUSIVE, BUILD)}),
    ("ALTER TABLE b ADD UNIQUE USING INDEX b_id", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD EXCLUDE USING btree (id WITH =)", {"b": (EXCLUSIVE, BUILD)}),
    ("ALTER TABLE b ALTER title TYPE varchar(80)", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER title TYPE text", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER title TYPE varchar(20)", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ALTER given TYPE varchar(20)", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ALTER given TYPE varchar", {"b": (EXCLUSIVE, SCAN)}),
    ("ALTER TABLE b ALTER n TYPE numeric(12,2)", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER n TYPE numeric", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER n TYPE numeric(12,3)", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ALTER at TYPE timestamp(6)", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER at TYPE timestamp", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER at TYPE timestamp(0)", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ALTER id TYPE bigint", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ALTER title TYPE text USING title || 'a'", {"b": (EXCLUSIVE, REWRITE)}),
    ('ALTER TABLE words ALTER word TYPE text COLLATE "C"', {"words": (EXCLUSIVE, BUILD)}),
    ("ALTER TABLE words ALTER word TYPE varchar", {"words": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b SET UNLOGGED", {"b": (EXCLUSIVE, REWRITE)}),
    ("CLUSTER b USING b_id", {"b": (EXCLUSIVE, REWRITE)}),
    ("ALTER TABLE b ENABLE ROW LEVEL SECURITY", {"b": (EXCLUSIVE, INSTANT)}),
    ("CREATE POLICY p ON b USING (true)", {"b": (EXCLUSIVE, INSTANT)}),
    ("DROP TABLE b", {"b": (EXCLUSIVE, INSTANT)}),
    ("DROP INDEX b_id", {"b": (EXCLUSIVE, INSTANT)}),
    ("DROP TRIGGER t ON books", {"books": (EXCLUSIVE, INSTANT)}),
    ("CREATE INDEX i ON b (n)", {"b": (SHARE, BUILD)}),
    ("REINDEX TABLE b", {"b": (SHARE, BUILD)}),
    ("ALTER TABLE books DISABLE TRIGGER t", {"books": (WRITES, INSTANT)}),
    (
        "CREATE TRIGGER u AFTER INSERT ON b FOR EACH ROW EXECUTE FUNCTION touch()",
        {"b": (WRITES, INSTANT)},
    ),
    (
        "ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES books",
        {"b": (WRITES, SCAN), "books": (WRITES, INSTANT)},
    ),
    (
        "ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES books NOT VALID",
        {"b": (WRITES, INSTANT), "books": (WRITES, INSTANT)},
    ),
    (
        "ALTER TABLE b ADD x bigint REFERENCES books",
        {"b": (EXCLUSIVE, INSTANT), "books": (WRITES, INSTANT)},
    ),
    ("CREATE TABLE x (b bigint REFERENCES books)", {"books": (WRITES, INSTANT)}),
    ("ALTER TABLE books VALIDATE CONSTRAINT later", {"books": (UPDATE, SCAN)}),
    ("ALTER TABLE b ALTER n SET STATISTICS 50", {"b": (UPDATE, INSTANT)}),
    ("ALTER TABLE b SET (fillfactor = 80)", {"b": (UPDATE, INSTANT)}),
    ("COMMENT ON TABLE b IS 'b'", {"b": (UPDATE, INSTANT)}),
    ("CREATE PUBLICATION p FOR TABLE b", {"b": (UPDATE, INSTANT)}),
    ("CREATE PUBLICATION p FOR TABLES IN SCHEMA public", {}),
    ("ALTER PUBLICATION told ADD TABLE b", {"b": (UPDATE, INSTANT)}),
    ("REFRESH MATERIALIZED VIEW best", {"best": (EXCLUSIVE, REWRITE)}),
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY best", {"best": (Lock.EXCLUSIVE, SCAN)}),
    ("TRUNCATE b", {"b": (EXCLUSIVE, INSTANT)}),
    ("LOCK TABLE b IN SHARE MODE", {"b": (SHARE, INSTANT)}),
    (
        "CREATE TABLE x PARTITION OF visits FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
        {"visits": (EXCLUSIVE, INSTANT)},
    ),
    ("CREATE TABLE x () INHERITS (b)", {"b": (UPDATE, INSTANT)}),
    (
        f"ALTER TABLE visits ATTACH PARTITION visits_2026 {YEAR}",
        {"visits": (UPDATE, INSTANT), "visits_2026": (EXCLUSIVE, SCAN)},
    ),
    (
        "ALTER TABLE visits DETACH PARTITION old",
        {"visits": (EXCLUSIVE, INSTANT), "old": (EXCLUSIVE, INSTANT)},
    ),
    (
        "ALTER TABLE recipes DROP CONSTRAINT book",
        {"recipes": (EXCLUSIVE, INSTANT), "books": (EXCLUSIVE, INSTANT)},
    ),
    (
        "ALTER TABLE pages DROP CONSTRAINT pages_book_fkey",
        {"pages": (EXCLUSIVE, INSTANT), "books": (EXCLUSIVE, INSTANT)},
    ),
    (
        "ALTER TABLE pages DROP COLUMN book",
        {"pages": (EXCLUSIVE, INSTANT), "books": (EXCLUSIVE, INSTANT)},
    ),
    ("ALTER TABLE pages DROP COLUMN id", {"pages": (EXCLUSIVE, INSTANT)}),
    ("DROP TABLE pages", dict.fromkeys(("pages", "books", "shelves"), (EXCLUSIVE, INSTANT))),
    ("DROP TABLE shelves CASCADE", dict.fromkeys(("shelves", "pages"), (EXCLUSIVE, INSTANT))),
    ("TRUNCATE shelves CASCADE", dict.fromkeys(("shelves", "pages"), (EXCLUSIVE, INSTANT))),
    ("ALTER TABLE b RENAME CONSTRAINT g TO h", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b DROP CONSTRAINT g", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b OWNER TO CURRENT_USER", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b SET SCHEMA elsewhere", {"b": (EXCLUSIVE, INSTANT)}),
    ("DROP MATERIALIZED VIEW best", {"best": (EXCLUSIVE, INSTANT)}),
    ("COMMENT ON COLUMN b.n IS 'b'", {"b": (UPDATE, INSTANT)}),
    ("CREATE VIEW x AS SELECT * FROM b", {}),
    ("GRANT SELECT ON b TO PUBLIC", {}),
    ("INSERT INTO b (id, given) VALUES (1, 'a')", {"b": (Lock.ROW_EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ALTER n SET STORAGE main", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b REPLICA IDENTITY FULL", {"b": (EXCLUSIVE, INSTANT)}),
    ("ALTER TABLE b ADD CONSTRAINT x NOT NULL n NOT VALID", {"b": (EXCLUSIVE, INSTANT)}),
    ("UPDATE b SET n = 1", {"b": (Lock.ROW_EXCLUSIVE, Cost.WRITE)}),
]
SEEN_AS_REWRITTEN = {"TRUNCATE b", "TRUNCATE shelves CASCADE", "REFRESH MATERIALIZED VIEW best"}


def migration(sql: str, path: str = CHANGED) -> Migration:
    found = parse_migration(path, sql.encode())
    assert isinstance(found, Migration), found
    return found


@pytest.fixture(scope="module")
def session(postgres_server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    name = create_database(postgres_server, "template0")
    conninfo = make_conninfo(postgres_server.conninfo, dbname=name)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(BEFORE + MORE)
        yield connection
    drop_database(postgres_server, name)


@pytest.mark.parametrize(("sql", "expected"), CASES, ids=[sql for sql, _ in CASES])
def test_a_statement_takes_the_locks_that_are_expected_of_it(
    session: psycopg.Connection, sql: str, expected: dict[str, tuple[Lock, Cost]]
) -> None:
    known = Catalog()
    for step in read_script(BEFORE + MORE):
        known = known.after(step.changes)
    (step,) = read_script(sql)
    holds = [hold for change in step.changes for hold in holds_of(change, known.settled())]
    assert {hold.relation.name: (hold.lock, hold.cost) for hold in holds} == expected
    # PostgreSQL itself agrees; and takes it all back.
    with session.transaction(force_rollback=True):
        (one,) = watch(session, migration(sql))
    assert one.failure == ""
    seen = {lock.relation.name: lock for lock in one.locks}
    assert {name: lock.lock for name, lock in seen.items() if lock.lock >= UPDATE} == {
        name: lock for name, (lock, _) in expected.items() if lock >= UPDATE
    }
    for name, (_, cost) in expected.items():
        if sql not in SEEN_AS_REWRITTEN and name in seen:
            assert seen[name].rewritten == (cost is REWRITE), name
            assert seen[name].scanned == (cost is not INSTANT), name


SHADOW_BEFORE = [
    migration("CREATE TABLE recipes (id bigint PRIMARY KEY, title text)", FIRST),
    migration(
        "ALTER TABLE recipes ADD owner uuid REFERENCES auth.users DEFAULT auth.uid();"
        "CREATE EXTENSION IF NOT EXISTS pg_net WITH SCHEMA extensions;"
        "COMMENT ON EXTENSION pg_net IS 'which no server here has';"
        "ALTER TABLE recipes OWNER TO postgres;"
        "ALTER TABLE recipes ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON recipes TO authenticated USING (owner = auth.uid());"
        "CREATE TRIGGER t BEFORE UPDATE ON auth.users FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        f"{FIRST[:-4]}_2.sql",
    ),
    migration(
        'CREATE EXTENSION IF NOT EXISTS "uuid-ossp"; CREATE EXTENSION vector;'
        "CREATE TABLE pictures (id uuid DEFAULT uuid_generate_v4(), seen vector(3), at timestamptz,"
        " code text DEFAULT encode(extensions.gen_random_bytes(8), 'hex'));"
        "CREATE TRIGGER at BEFORE UPDATE ON pictures FOR EACH ROW "
        "EXECUTE FUNCTION extensions.moddatetime (at);"
        "INSERT INTO storage.buckets (id, name, public, file_size_limit, allowed_mime_types) "
        "VALUES ('pictures', 'pictures', true, 1024, ARRAY['image/png']);"
        "CREATE POLICY own ON storage.objects FOR INSERT TO authenticated "
        "WITH CHECK ((storage.foldername(name))[1] = auth.uid()::text);"
        "DO $$ BEGIN ASSERT storage.foldername('a/b/c.png') = '{a,b}'; "
        "ASSERT storage.filename('a/b/c.png') = 'c.png'; "
        "ASSERT storage.extension('a/b/c.png') = 'png'; END $$",
        f"{FIRST[:-4]}_3.sql",
    ),
]


def test_files_are_tried_on_a_shadow_of_their_own() -> None:
    first = migration(
        "CREATE TABLE notes (id int);\nALTER TABLE notes ADD CHECK (id > 0);\n"
        "ALTER TABLE recipes ADD n int,\n  ALTER title SET NOT NULL;"
    )
    alone = migration("CREATE INDEX CONCURRENTLY i ON recipes (title);", f"{CHANGED[:-4]}_2.sql")
    reaching = migration("COPY recipes TO PROGRAM 'true';", f"{CHANGED[:-4]}_3.sql")
    never = migration("SELECT 1", f"{CHANGED[:-4]}_4.sql")
    passed = migration(
        "CREATE EXTENSION pg_net; SET LOCAL ROLE authenticator; SET LOCAL ROLE anon",
        f"{CHANGED[:-4]}_5.sql",
    )
    found = run_trial(SHADOW_BEFORE, [first, passed, alone, reaching, never])
    assert [(one.line, one.watched, one.locks and one.locks[0].lock) for one in found] == [
        (1, True, ()),
        (2, True, ()),
        (3, True, Lock.ACCESS_EXCLUSIVE),
        *[(1, True, ())] * 3,
        (1, False, ()),
        (1, True, ()),
    ]
    assert "permission denied to COPY to or from an external program" in found[-1].failure


def test_the_shadow_has_the_schema_of_a_database(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(BEFORE)
        connection.execute(
            "CREATE SCHEMA other; CREATE EXTENSION vector WITH SCHEMA other;"
            "CREATE TABLE other.c (id int, n int, seen other.vector(3))"
        )
        connection.execute(
            "CREATE FUNCTION other.text() RETURNS text LANGUAGE sql AS $$ SELECT '\n\\x\u2028' $$"
        )
    tried = migration("ALTER TABLE other.c ALTER n TYPE bigint;")
    same = migration(
        "DO $$ BEGIN ASSERT other.text() = E'\\n\\\\x\\u2028'; END $$;", f"{CHANGED[:-4]}_2.sql"
    )
    one, two = run_trial([], [tried, same], empty_database_url)
    assert (one.failure, two.failure) == ("", "")
    assert [(str(lock.relation), lock.rewritten) for lock in one.locks] == [("other.c", True)]


OWNED = """
CREATE ROLE shop_owner NOINHERIT; CREATE ROLE shop_app; CREATE ROLE shop_people BYPASSRLS;
CREATE ROLE shop_programs;
GRANT shop_owner TO shop_people; GRANT pg_execute_server_program TO shop_programs;
GRANT {superuser} TO shop_programs;
GRANT EXECUTE ON FUNCTION lo_import(text) TO shop_programs;
GRANT SELECT, UPDATE ON pg_authid TO shop_programs;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
SET ROLE shop_owner;
CREATE TABLE shop.recipes (id bigint PRIMARY KEY, title text COLLATE "C");
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO shop_app;
GRANT USAGE ON SCHEMA shop TO shop_app;
GRANT SELECT ON shop.recipes TO shop_app WITH GRANT OPTION;
RESET ROLE;
SET SESSION AUTHORIZATION shop_app;
GRANT SELECT ON shop.recipes TO shop_people;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION shop.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION shop.outside() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN COPY shop.recipes TO PROGRAM 'true'; END $$;
CREATE EVENT TRIGGER told ON ddl_command_end EXECUTE FUNCTION shop.on_ddl();
"""


@pytest.fixture
def owned_database(postgres_server: EmbeddedServer) -> Iterator[str]:
    name = create_database(postgres_server, "template0")
    conninfo = make_conninfo(postgres_server.conninfo, dbname=name)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(OWNED.format(superuser=connection.info.user))
    yield conninfo
    drop_database(postgres_server, name)
    with psycopg.connect(postgres_server.conninfo, autocommit=True) as admin:
        admin.execute("DROP ROLE shop_owner, shop_app, shop_people, shop_programs")


def test_the_shadow_has_the_roles_that_own_a_database_and_their_members(
    owned_database: str,
) -> None:
    passing = migration(
        "ALTER TABLE shop.recipes ADD by_member int;"
        "SET LOCAL ROLE shop_people; SET LOCAL ROLE shop_owner;"
        "ALTER TABLE shop.recipes ADD by_owner int;"
        "CREATE TABLE shop.books (id int);"
        "GRANT SELECT ON shop.books TO shop_people;"
        "SET LOCAL ROLE shop_app; SELECT FROM shop.books, shop.recipes;"
        "RESET ROLE; REASSIGN OWNED BY shop_owner TO shop_people;"
        "DO $$ BEGIN ASSERT 2 = (SELECT count(*) FROM pg_class JOIN pg_roles "
        "ON pg_roles.oid = relowner WHERE rolname = 'shop_people' AND relkind = 'r'); END $$;"
        # What roles may do beyond their database, they may not do to this machine.
        "SET LOCAL ROLE shop_programs;"
        "DO $$ BEGIN SET ROLE lockgate; RAISE 'it may';"
        "EXCEPTION WHEN insufficient_privilege THEN END $$;"
        "DO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'true'; RAISE 'it may';"
        "EXCEPTION WHEN insufficient_privilege THEN END $$;"
        "DO $$ BEGIN PERFORM lo_import('/etc/passwd'); RAISE 'it may';"
        "EXCEPTION WHEN insufficient_privilege THEN END $$;"
        "DO $$ BEGIN UPDATE pg_authid SET rolsuper = true; RAISE 'it may';"
        "EXCEPTION WHEN insufficient_privilege THEN END $$;"
        "RESET ROLE; SELECT shop.outside()"
    )
    *ran, last = run_trial([], [passing], owned_database)
    assert [one.failure for one in ran] == [""] * 17
    assert "permission denied to COPY" in last.failure


@pytest.mark.slow
def test_the_schema_of_a_database_may_be_longer_than_a_file(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for at in range(3):
            said = "'word', " * 50_000
            connection.execute(
                f"CREATE FUNCTION f{at}() RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
                f"RETURN concat({said} 'end'); END $$"
            )
    tried = migration("COMMENT ON FUNCTION f2() IS 'the last'")
    (found,) = run_trial([], [tried], empty_database_url)
    assert found.failure == ""


def test_files_before_that_do_not_run_are_named() -> None:
    broken = migration("ALTER TABLE nowhere ADD n int", FIRST)
    with pytest.raises(ShadowError, match=r'20260101120000_before.sql .*"nowhere" does not exist'):
        run_trial([broken], [migration("SELECT 1")])


@pytest.mark.slow
def test_files_before_that_the_ledger_should_have_are_named(empty_database_url: str) -> None:
    broken = migration("ALTER TABLE nowhere ADD n int", FIRST)
    with pytest.raises(ShadowError, match="before") as refused:
        run_trial([broken], [migration("SELECT 1")], empty_database_url)
    assert "whether the database's ledger should have it" in refused.value.remedy


def test_what_was_observed_stands_in_the_check(session: psycopg.Connection) -> None:
    sql = "-- lockgate: contract\nALTER TABLE b ALTER id TYPE bigint;"
    check = check_of({CHANGED}, [(FIRST, (BEFORE + MORE).encode()), (CHANGED, sql.encode())])
    with session.transaction(force_rollback=True):
        seen = watch(session, migration(sql))
    after = with_trial(check, seen)
    found = next(one for one in after.findings if one.rule == "column-type-rewrite")
    said = "ACCESS EXCLUSIVE on b, which was written anew and was read whole"
    assert found.message.endswith(f". Observed: {said}")
    assert [(one.locks, one.observed) for one in after.statements] == [((said,), True)]


def test_a_message_that_ends_a_sentence_ends_it_once() -> None:
    check = check_of({CHANGED}, [(CHANGED, b"SET lock_timeout = 0;\nALTER TABLE b ADD x int;")])
    (found,) = [one for one in check.findings if one.rule == "lock-timeout"]
    told = replace(check, findings=(replace(found, message="It waits."),))
    seen = Observed(CHANGED, found.line, found.statement)
    (after,) = with_trial(told, [seen]).findings
    assert after.message == "It waits. Observed: no lock that others would notice"


def test_a_statement_that_does_not_run_is_a_finding() -> None:
    check = check_of({CHANGED}, [(CHANGED, b"SELECT 1;\nSELECT n FROM nowhere;")])
    failed = Observed(CHANGED, 2, "SELECT n FROM nowhere", failure='relation "nowhere" is not')
    (found,) = with_trial(check, [failed]).findings
    assert (found.rule, found.line, found.severity.value) == ("trial-failed", 2, "error")
    assert 'relation "nowhere" is not' in found.message
