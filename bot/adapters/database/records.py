"""``lockgate_emc.backfills``: what a database has recorded of its backfills."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot.adapters.database.connection import Connection, fetch_scalar
from bot.core.backfills.model import BackfillStatus, Poison
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Backfill, Version

SCHEMA = "lockgate_emc"
_EXISTS = "SELECT to_regclass('lockgate_emc.backfills') IS NOT NULL"
# Half of the page stays free, so that a row can be updated within it thousands of times.
_CREATE = """
CREATE SCHEMA IF NOT EXISTS lockgate_emc;
CREATE TABLE IF NOT EXISTS lockgate_emc.backfills (
    version text PRIMARY KEY,
    name text NOT NULL,
    table_name text NOT NULL,
    digest text NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    visited bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    batch_size integer NOT NULL DEFAULT 0,
    working_ms double precision NOT NULL DEFAULT 0,
    cursor text[],
    bound text[],
    why text NOT NULL DEFAULT '',
    remedy text NOT NULL DEFAULT '',
    poison jsonb,
    left_over bigint,
    proof text NOT NULL DEFAULT '',
    proven_at timestamptz,
    paused_by text NOT NULL DEFAULT '',
    started_at timestamptz,
    finished_at timestamptz,
    token bigint NOT NULL DEFAULT 0,
    holder text NOT NULL DEFAULT '',
    lease_until timestamptz
) WITH (fillfactor = 50);
REVOKE ALL ON SCHEMA lockgate_emc FROM PUBLIC
"""
_CREATE_LOCK = 0x6C6F636B656D63
"""``lockemc`` in ASCII: IF NOT EXISTS does not keep two sessions from creating it at once."""
_COLUMNS = (
    "version, name, table_name, state, visited, changed, total, batches, batch_size, working_ms, "
    "cursor, bound, why, remedy, poison, left_over, proof, proven_at, holder, started_at, "
    "finished_at, paused_by, coalesce(lease_until < clock_timestamp(), true)"
)
FETCH_ALL = f"SELECT {_COLUMNS} FROM lockgate_emc.backfills ORDER BY version"  # noqa: S608
FETCH_ONE = f"SELECT {_COLUMNS} FROM lockgate_emc.backfills WHERE version = %s"  # noqa: S608
_INSERT = """
INSERT INTO lockgate_emc.backfills (version, name, table_name, digest, proof)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (version) DO NOTHING
"""
# One that has not begun may still be edited. Without a proof here, the one with the bound stays.
_RENEW = """
UPDATE lockgate_emc.backfills
   SET name = %(name)s, table_name = %(table)s, digest = %(digest)s,
       proof = CASE WHEN %(proof)s = '' AND digest = %(digest)s THEN proof ELSE %(proof)s END
 WHERE version = %(version)s
   AND ((name, table_name, digest) IS DISTINCT FROM (%(name)s, %(table)s, %(digest)s)
        OR %(proof)s NOT IN ('', proof))
   AND (started_at IS NULL OR digest = %(digest)s)
"""
_PAUSE = """
UPDATE lockgate_emc.backfills SET state = 'paused', paused_by = %s, why = %s, remedy = ''
 WHERE version = %s AND state IN ('waiting', 'running', 'paused')
"""
_CANCEL = """
UPDATE lockgate_emc.backfills
   SET state = 'canceled', why = %s, remedy = '', paused_by = '', token = token + 1, holder = '',
       lease_until = NULL, finished_at = clock_timestamp()
 WHERE version = %s AND state <> 'canceled' AND proven_at IS NULL
"""
_GO_ON = """
UPDATE lockgate_emc.backfills
   SET state = 'waiting', paused_by = '', why = '', remedy = '', poison = NULL
 WHERE version = %s AND (state = 'paused' OR state = 'failed' AND left_over IS NULL)
"""
_START_ANEW = """
UPDATE lockgate_emc.backfills
   SET state = 'waiting', paused_by = '', why = '', remedy = '', poison = NULL, left_over = NULL,
       cursor = NULL, bound = NULL, visited = 0, started_at = NULL, finished_at = NULL,
       working_ms = 0
 WHERE version = %s AND (state = 'canceled' OR state = 'finished' AND proven_at IS NULL
                         OR state = 'failed' AND left_over IS NOT NULL)
"""
_COUNTED = """
UPDATE lockgate_emc.backfills
   SET left_over = %(left)s::bigint,
       proven_at = CASE WHEN %(left)s::bigint = 0 THEN clock_timestamp() END,
       state = CASE WHEN %(left)s::bigint = 0 THEN 'finished' ELSE 'failed' END,
       why = %(why)s, remedy = %(remedy)s
 WHERE version = %(version)s
   AND (state = 'finished' OR state = 'failed' AND left_over IS NOT NULL)
"""


async def records_exist(connection: Connection) -> bool:
    return bool(await fetch_scalar(connection, _EXISTS))


async def ensure_records(connection: Connection) -> None:
    if not await records_exist(connection):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_CREATE_LOCK])
            await connection.execute(_CREATE)


async def fetch_all(connection: Connection) -> tuple[BackfillStatus, ...]:
    """All that were ever begun, paused or canceled, in order."""
    if not await records_exist(connection):
        return ()
    return tuple(map(_status, await (await connection.execute(FETCH_ALL)).fetchall()))


async def fetch_one(connection: Connection, version: Version) -> BackfillStatus:
    """
    Raises:
        LookupError: there is none.
    """
    row = await (await connection.execute(FETCH_ONE, [version])).fetchone()
    if row is None:
        raise LookupError(version)
    return _status(row)


async def ensure_record(connection: Connection, backfill: Backfill, proof: str) -> bool:
    """False where it began as another file than this one is. ``proof``: the query that counts what
    is left; empty where there is none, or the bound is part of it."""
    await ensure_records(connection)
    digest = digest_of(backfill)
    named = {"version": backfill.version, "name": backfill.name, "table": backfill.table}
    await connection.execute(_INSERT, [*named.values(), digest, proof])
    await connection.execute(_RENEW, named | {"digest": digest, "proof": proof})
    kept = await fetch_scalar(
        connection,
        "SELECT digest FROM lockgate_emc.backfills WHERE version = %s",
        [backfill.version],
    )
    return bool(kept == digest)


def digest_of(backfill: Backfill) -> str:
    """Of what may not change once it has begun."""
    parts = json.dumps([backfill.table, backfill.key, backfill.statement])
    return hashlib.sha256(parts.encode()).hexdigest()


async def pause(connection: Connection, version: Version, *, by: str, why: str) -> None:
    await connection.execute(_PAUSE, [by, why, version])


async def cancel(connection: Connection, version: Version, *, why: str) -> None:
    await connection.execute(_CANCEL, [why, version])


async def resume(connection: Connection, version: Version) -> None:
    """It goes on where it was, or over the table once more where it had come to its end."""
    await connection.execute(_GO_ON, [version])
    await connection.execute(_START_ANEW, [version])


async def store_count(
    connection: Connection, version: Version, left: int, why: str, remedy: str
) -> None:
    """What ``verify`` found of one that has come to its end."""
    await connection.execute(
        _COUNTED, {"version": version, "left": left, "why": why, "remedy": remedy}
    )


def _status(row: Sequence[Any]) -> BackfillStatus:
    (
        version, name, table, state, visited, changed, total, batches, size, working_ms, cursor,
        bound, why, remedy, poison, left, proof, proven_at, holder, started_at, finished_at,
        paused_by, expired,
    ) = row  # fmt: skip
    if holder and expired:
        # The process that ran it is gone and could not say so.
        holder = ""
        if not paused_by:
            state, why = "waiting", "its runner ended before it did"
    return BackfillStatus(
        version=Version(version),
        name=name,
        table=table,
        state=BackfillState(state),
        visited=visited,
        changed=changed,
        total=total,
        batches=batches,
        batch_size=size,
        working=timedelta(milliseconds=working_ms),
        cursor=tuple(cursor) if cursor is not None else None,
        bound=tuple(bound) if bound is not None else None,
        why=why,
        remedy=remedy,
        poison=Poison(**(poison | {"key": tuple(poison["key"])})) if poison else None,
        left=left,
        proof=proof,
        proven_at=proven_at,
        holder=holder,
        started_at=started_at,
        finished_at=finished_at,
        paused_by=paused_by,
    )
