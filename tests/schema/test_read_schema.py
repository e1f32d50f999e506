"""The schema as it is read from a real server: the same after a dump and a restore, and another
after every change that matters, which is named."""

import asyncio
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from databases import create_database, drop_database
from psycopg.conninfo import make_conninfo

from bot.adapters.database.connection import session
from bot.adapters.database.schema import fetch_snapshot, read_schema, read_schema_hash
from bot.adapters.postgres.binaries import Binaries, EmbeddedError, find_binaries
from bot.adapters.postgres.embedded import EmbeddedServer, embedded_server
from bot.core.schema.difference import Difference, differences
from bot.core.schema.snapshot import Snapshot
from bot.ports.database import DatabaseUnavailable

SYSTEM = Path("/usr/lib/postgresql")
RICH = (Path(__file__).parent / "rich.sql").read_text()


@pytest.fixture(scope="module")
def rich(postgres_server: EmbeddedServer) -> Iterator[str]:
    """The conninfo of a database that nobody changes."""
    name = create_database(postgres_server, "template0")
    url = make_conninfo(postgres_server.conninfo, dbname=name)
    run(url, RICH)
    yield url
    drop_database(postgres_server, name)


def run(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements)


def read(url: str) -> Snapshot:
    return asyncio.run(fetch_snapshot(url))


def dump_and_restore(source: str, target: str) -> None:
    programs = find_binaries(None)
    dump = [programs.program("pg_dump"), "--schema-only", "--dbname", source]
    text = subprocess.run(dump, check=True, capture_output=True).stdout
    restore = [programs.program("psql"), "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", target]
    subprocess.run(restore, input=text, check=True, capture_output=True)


def test_a_dump_and_a_restore_change_nothing(rich: str, empty_database_url: str) -> None:
    dump_and_restore(rich, empty_database_url)
    before, after = read(rich), read(empty_database_url)
    assert differences(before, after) == ()
    assert before.digests == after.digests
    assert len(before.objects) > 60


@pytest.mark.optional
@pytest.mark.slow
def test_another_major_version_of_the_server_changes_nothing(
    postgres_server: EmbeddedServer, rich: str, empty_database_url: str
) -> None:
    others = {found.major: found for found in installed() if found.major != postgres_server.major}
    if not others:
        pytest.skip(f"no PostgreSQL but {postgres_server.major} is installed in {SYSTEM}")
    oldest = others[min(others)]
    # A folder of its own: the server's account reaches none of pytest's.
    with tempfile.TemporaryDirectory(prefix="lockgate-major-") as made:
        home = Path(made)
        home.chmod(0o711)
        with embedded_server(home, bin_dir=oldest.folder, durable=False) as server:
            assert server.major == oldest.major
            run(server.conninfo, RICH)
            dump_and_restore(server.conninfo, empty_database_url)
            before, after = read(server.conninfo), read(empty_database_url)
    assert differences(before, after) == ()
    assert before.digests == after.digests == read(rich).digests


def installed() -> Iterator[Binaries]:
    """Those that a system has side by side."""
    for folder in SYSTEM.glob("*/bin"):
        with suppress(EmbeddedError):
            yield find_binaries(folder)


def test_every_kind_of_object_is_read(rich: str) -> None:
    kinds = {name.partition(" ")[0] for name in read(rich).objects}
    assert kinds == {
        "aggregate", "constraint", "default", "domain", "extension", "function", "index",
        "materialized", "policy", "procedure", "publication", "rule", "schema", "sequence",
        "statistics", "table", "trigger", "type", "view",
    }  # fmt: skip


CHANGES = [
    ("ALTER TABLE recipes ADD COLUMN x int", "table public.recipes"),
    ("ALTER TABLE recipes ALTER COLUMN later SET DEFAULT 8", "table public.recipes"),
    ("ALTER TABLE recipes ALTER COLUMN n SET NOT NULL", "table public.recipes"),
    ("ALTER TABLE recipes DISABLE ROW LEVEL SECURITY", "table public.recipes"),
    ("ALTER TABLE recipes NO FORCE ROW LEVEL SECURITY", "table public.recipes"),
    ("GRANT INSERT ON recipes TO anon", "table public.recipes"),
    ("REVOKE UPDATE (title) ON recipes FROM authenticated", "table public.recipes"),
    ("ALTER TABLE quick SET LOGGED", "table public.quick"),
    ("ALTER TABLE quick OWNER TO anon", "table public.quick"),
    ("COMMENT ON COLUMN recipes.title IS 'other'", "table public.recipes"),
    ("ALTER TABLE shop.lines VALIDATE CONSTRAINT unproven", "constraint shop.lines.unproven"),
    ("ALTER TABLE recipes DROP CONSTRAINT nested", "constraint public.recipes.nested"),
    ("DROP INDEX once", "index public.once"),
    ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'once'::regclass",
     "index public.once"),
    ("ALTER TABLE recipes ENABLE TRIGGER touched", "trigger public.recipes.touched"),
    ("ALTER POLICY few ON recipes TO anon", "policy public.recipes.few"),
    ("ALTER POLICY few ON recipes WITH CHECK (true)", "policy public.recipes.few"),
    (("CREATE OR REPLACE FUNCTION plus(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql "
     "IMMUTABLE AS $$ SELECT a + 2 $$"), "function public.plus(integer, text)"),
    ("GRANT EXECUTE ON FUNCTION plus TO PUBLIC", "function public.plus(integer, text)"),
    ("ALTER FUNCTION touch SECURITY INVOKER", "function public.touch()"),
    ("ALTER TYPE mood ADD VALUE 'best'", "type public.mood"),
    ("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "type public.mood"),
    ("ALTER TYPE pair ADD ATTRIBUTE c int", "type public.pair"),
    ("ALTER DOMAIN price DROP NOT NULL", "domain public.price"),
    ("ALTER SEQUENCE tens INCREMENT 5", "sequence public.tens"),
    ("ALTER VIEW both_of RESET (security_invoker)", "view public.both_of"),
    (("CREATE OR REPLACE VIEW menu AS SELECT id, title, 1::bigint AS alike, 'a' AS grade "
     "FROM recipes"), "view public.menu"),
    ("DROP MATERIALIZED VIEW totals", "materialized view public.totals"),
    ("DROP RULE told ON quick", "rule public.quick.told"),
    ("REVOKE USAGE ON SCHEMA shop FROM anon", "schema shop"),
    ("DROP EXTENSION citext", "extension citext"),
    ("ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT INSERT ON TABLES TO anon",
     "default privileges @database-owner in shop on tables"),
    ("ALTER PUBLICATION outward ADD TABLE shop.lines", "publication outward"),
    ("ALTER TABLE parted DETACH PARTITION parted_rest", "table public.parted_rest"),
]  # fmt: skip


async def changed(url: str, statement: str) -> tuple[Difference, ...]:
    """What differs after a statement that is taken back again."""
    async with session(url) as connection:
        before = await read_schema(connection)
        async with connection.transaction(force_rollback=True):
            await connection.execute(statement.encode())
            return differences(before, await read_schema(connection))


@pytest.mark.parametrize(("statement", "name"), CHANGES)
def test_a_change_is_named(rich: str, statement: str, name: str) -> None:
    # A partition that leaves loses constraints and triggers with the table.
    assert name in [each.name for each in asyncio.run(changed(rich, statement))]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO recipes (title, n) VALUES ('a', 2)",
        "SELECT nextval('tens')",
        "GRANT SELECT ON shop.lines TO anon; REVOKE SELECT ON shop.lines FROM anon",
        "CREATE SCHEMA lockgate_emc; CREATE TABLE lockgate_emc.leases (a int)",
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.x (a int)",
        "ALTER TABLE recipes ADD COLUMN x int; ALTER TABLE recipes DROP COLUMN x",
        "ANALYZE recipes",
        "CREATE TEMPORARY TABLE mine (a int)",
    ],
)
def test_what_is_no_part_of_the_schema_changes_nothing(rich: str, statement: str) -> None:
    assert asyncio.run(changed(rich, statement)) == ()


def test_what_changed_is_told(rich: str) -> None:
    statement = "ALTER TABLE quick ALTER COLUMN a TYPE bigint"
    (difference,) = asyncio.run(changed(rich, statement))
    (detail,) = difference.details
    assert detail.path == ("columns", "a", "type")
    assert (detail.before, detail.after) == ("integer", "bigint")


def test_the_settings_of_a_session_do_not_matter_and_stay(rich: str) -> None:
    async def with_settings() -> tuple[str, str, list[object]]:
        async with session(rich) as connection:
            plain = await read_schema_hash(connection)
            await connection.execute("SET search_path = shop, public")
            await connection.execute("SET quote_all_identifiers = on")
            async with connection.transaction():
                other = await read_schema_hash(connection)
                cursor = await connection.execute(
                    "SELECT current_setting('search_path'), "
                    "current_setting('quote_all_identifiers')"
                )
                return plain, other, list(await cursor.fetchone() or ())

    plain, other, settings = asyncio.run(with_settings())
    assert plain == other
    assert settings == ["shop, public", "on"]


def test_it_is_read_while_somebody_changes_it(empty_database_url: str) -> None:
    """A table that comes and goes is in what is read, or is not; the rest is as it was. Where it
    comes and goes too often nothing is read."""
    run(empty_database_url, "CREATE TABLE stays (a int)")
    stays = read(empty_database_url)
    done = threading.Event()

    def come_and_go() -> None:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            while not done.is_set():
                connection.execute("CREATE TABLE goes (a int CHECK (a > 1), b int UNIQUE)")
                connection.execute("DROP TABLE goes")

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        seen: list[Snapshot] = []
        while len(seen) < 20:
            with suppress(DatabaseUnavailable):
                seen.append(read(empty_database_url))
    finally:
        done.set()
        other.join()
    for snapshot in seen:
        kept = {name: one for name, one in snapshot.objects.items() if "goes" not in name}
        assert kept == stays.objects


def test_whoever_may_connect_can_read_it(rich: str) -> None:
    async def as_anon() -> Snapshot:
        async with session(rich) as connection:
            await connection.execute("SET ROLE anon")
            return await read_schema(connection)

    assert asyncio.run(as_anon()) == read(rich)


def test_schemas_can_be_left_out(rich: str) -> None:
    whole, part = read(rich), asyncio.run(fetch_snapshot(rich, left_out=["shop"]))
    assert "table shop.lines" in whole.objects
    assert not [name for name in part.objects if " shop." in name or name == "schema shop"]
    assert part.left_out == {"shop"}
    assert whole.digests.root != part.digests.root
    # Compared with each other, neither has it.
    assert differences(whole, part) == ()


def test_what_supabase_keeps_is_left_out_there(empty_database_url: str) -> None:
    run(empty_database_url, "CREATE SCHEMA auth; CREATE TABLE auth.users (id int)")
    assert "table auth.users" in read(empty_database_url).objects
    run(empty_database_url, "CREATE ROLE supabase_admin")
    try:
        assert list(read(empty_database_url).objects) == [
            "schema public",
            "extension plpgsql",
        ]
    finally:
        run(empty_database_url, "DROP ROLE supabase_admin")


@pytest.mark.long
def test_a_thousand_tables_are_read(empty_database_url: str) -> None:
    run(
        empty_database_url,
        """
        DO $$
        BEGIN
            FOR i IN 0..999 LOOP
                EXECUTE format('CREATE TABLE t%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY '
                    'KEY, a text NOT NULL DEFAULT ''x'', b text, c numeric(10, 2), d timestamptz '
                    'DEFAULT now(), e bigint REFERENCES t%s, f bool, g jsonb, h uuid, '
                    'k varchar CHECK (k IN (''a'', ''b'')))', i, i);
                EXECUTE format('CREATE INDEX ON t%s (a, b)', i);
                EXECUTE format('ALTER TABLE t%s ENABLE ROW LEVEL SECURITY', i);
                EXECUTE format('CREATE POLICY p ON t%s USING (id > 3 AND k IN (''a'', ''b''))', i);
            END LOOP;
        END $$
        """,
    )
    assert len(read(empty_database_url).digests.objects) > 8000
