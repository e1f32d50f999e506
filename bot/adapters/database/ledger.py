"""The ledger of applied migrations: Supabase's own table, made where a project has none.

Nothing of ours is in it, so that the Supabase CLI goes on working beside us.
https://supabase.com/docs/guides/local-development/cli/config has its place and shape.
"""

from collections.abc import Sequence

from bot.adapters.database.connection import Connection, fetch_scalar
from bot.core.migrations.model import Migration, Version
from bot.ports.database import AppliedMigration, DatabaseRefused

_CREATE = """
CREATE SCHEMA IF NOT EXISTS supabase_migrations;
CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (
    version text NOT NULL PRIMARY KEY,
    statements text[],
    name text
)
"""
# Ledgers of early releases of that CLI have the version alone.
_COLUMNS = """
SELECT array_agg(attname::text) FROM pg_attribute
 WHERE attrelid = to_regclass('supabase_migrations.schema_migrations')
   AND attnum > 0 AND NOT attisdropped
"""
_COMPLETE = """
ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[];
ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text
"""


async def fetch_applied(connection: Connection) -> tuple[AppliedMigration, ...]:
    """In the order of versions; empty where there is no ledger.

    Raises:
        DatabaseRefused: there is a table of its name, and it is none.
    """
    columns = await _columns(connection)
    if not columns:
        return ()
    name = "coalesce(name, '')" if "name" in columns else "''"
    rows = await connection.execute(
        f"SELECT version, {name} FROM supabase_migrations.schema_migrations ORDER BY version".encode()  # noqa: S608, E501
    )
    return tuple(
        AppliedMigration(Version(version), name) for version, name in await rows.fetchall()
    )


async def fetch_statements(connection: Connection) -> dict[Version, tuple[str, ...] | None]:
    """What was run of each version; None where the ledger does not say.

    Raises:
        DatabaseRefused: there is a table of its name, and it is none.
    """
    columns = await _columns(connection)
    if not columns:
        return {}
    statements = "statements" if "statements" in columns else "NULL"
    rows = await connection.execute(
        f"SELECT version, {statements} FROM supabase_migrations.schema_migrations".encode()  # noqa: S608
    )
    return {
        Version(version): tuple(texts) if texts else None
        for version, texts in await rows.fetchall()
    }


async def ensure_ledger(connection: Connection) -> None:
    columns = await _columns(connection)
    if not columns:
        await connection.execute(_CREATE)
    elif not {"statements", "name"} <= set(columns):
        await connection.execute(_COMPLETE)


async def is_applied(connection: Connection, version: Version) -> bool:
    return bool(
        await _columns(connection)
        and await fetch_scalar(
            connection,
            "SELECT true FROM supabase_migrations.schema_migrations WHERE version = %s",
            [version],
        )
    )


async def record(connection: Connection, migration: Migration, statements: Sequence[str]) -> None:
    await connection.execute(
        "INSERT INTO supabase_migrations.schema_migrations (version, statements, name) "
        "VALUES (%s, %s, %s)",
        [migration.version, list(statements), migration.name],
    )


async def _columns(connection: Connection) -> list[str]:
    columns: list[str] = await fetch_scalar(connection, _COLUMNS) or []
    if columns and "version" not in columns:
        raise DatabaseRefused(
            "supabase_migrations.schema_migrations has no column version: it is no ledger",
            "rename that table; the ledger is made where there is none",
        )
    return columns
