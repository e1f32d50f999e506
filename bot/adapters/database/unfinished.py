"""Files that run without a transaction: how far one is, and what a failed statement left behind.

CREATE INDEX CONCURRENTLY that fails leaves an invalid index, which every write keeps up to date and
no query uses:
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from dataclasses import dataclass

from bot.adapters.database.connection import Connection, fetch_row, fetch_scalar
from bot.core.migrations.model import Version
from bot.core.migrations.steps import Step

_EXISTS = "SELECT to_regclass('lockgate_emc.unfinished') IS NOT NULL"
_CREATE = """
CREATE SCHEMA IF NOT EXISTS lockgate_emc;
CREATE TABLE IF NOT EXISTS lockgate_emc.unfinished (
    version text PRIMARY KEY,
    digest text NOT NULL,
    done integer NOT NULL DEFAULT 0,
    attempted integer NOT NULL DEFAULT 0
);
REVOKE ALL ON SCHEMA lockgate_emc FROM PUBLIC
"""
_BEGIN = """
INSERT INTO lockgate_emc.unfinished AS kept (version, digest) VALUES (%s, %s)
ON CONFLICT (version) DO UPDATE
   SET digest = CASE WHEN kept.done = 0 THEN excluded.digest ELSE kept.digest END
RETURNING digest, done
"""
_ATTEMPT = """
UPDATE lockgate_emc.unfinished AS now SET attempted = %(number)s
  FROM lockgate_emc.unfinished AS before
 WHERE now.version = %(version)s AND before.version = now.version
RETURNING before.attempted = %(number)s
"""
# Of an index that has a name that one only; else, after a failure of ours, what is invalid on the
# table and nobody builds just now.
_LEFT_BEHIND = """
SELECT i.indexrelid::regclass::text FROM pg_index i
 WHERE NOT i.indisvalid AND i.indrelid = to_regclass(%(table)s)
   AND (i.indexrelid = to_regclass(%(index)s) OR %(any)s)
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
"""
_BUILT = """
SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    digest: str
    """Of the file as it was when its first statement was applied."""
    done: int
    """Statements that are applied."""


async def begin(connection: Connection, version: Version, digest: str) -> Unfinished:
    if not await fetch_scalar(connection, _EXISTS):
        await connection.execute(_CREATE)
    return Unfinished(*await fetch_row(connection, _BEGIN, [version, digest]))


async def attempt(connection: Connection, version: Version, number: int) -> bool:
    """Record that it is begun. True where it had been before: whether it was done is not known."""
    return bool(await fetch_scalar(connection, _ATTEMPT, {"version": version, "number": number}))


async def done(connection: Connection, version: Version, number: int) -> None:
    await connection.execute(
        "UPDATE lockgate_emc.unfinished SET done = %s WHERE version = %s", [number, version]
    )


async def end(connection: Connection, version: Version) -> None:
    await connection.execute("DELETE FROM lockgate_emc.unfinished WHERE version = %s", [version])


async def clean_up(connection: Connection, step: Step, *, after_failure: bool) -> tuple[str, ...]:
    """Drop the invalid indexes that earlier failures of this step left; their names."""
    if not step.indexes:
        return ()
    arguments = {
        "table": step.indexes,
        "index": step.builds or None,
        "any": after_failure and not step.builds,
    }
    cursor = await connection.execute(_LEFT_BEHIND, arguments)
    names = tuple(str(name) for (name,) in await cursor.fetchall())
    for name in names:
        await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}".encode())
    return names


async def is_built(connection: Connection, step: Step) -> bool:
    """Whether the index that the step names is there and valid: it was done and not recorded."""
    return bool(step.builds and await fetch_scalar(connection, _BUILT, [step.builds]))
