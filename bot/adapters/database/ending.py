"""How a backfill's run begins and ends: the bound it ends at, the proof, the failure."""

import json
from dataclasses import asdict, replace
from datetime import timedelta

import psycopg

from bot.adapters.database import records
from bot.adapters.database.connection import Connection, fetch_scalar
from bot.adapters.database.lease import Lease, LeaseLost, keep_lease
from bot.adapters.database.table import Target
from bot.core.backfills.model import BackfillStatus, Key, Poison
from bot.core.backfills.statement import BatchStatement, range_condition
from bot.core.phrases import counted

_COUNTING = timedelta(hours=2)
"""The longest that counting what is left may take. The session's lock tells of a runner that died
meanwhile."""

_FREEZE = """
UPDATE lockgate_emc.backfills SET bound = %s, total = %s, proof = coalesce(%s, proof)
 WHERE version = %s AND token = %s RETURNING true
"""
_FINISH = """
UPDATE lockgate_emc.backfills
   SET state = %(state)s, left_over = %(left)s::bigint, why = %(why)s, remedy = %(remedy)s,
       poison = %(poison)s, finished_at = clock_timestamp(), holder = '', lease_until = NULL,
       proven_at = CASE WHEN %(left)s::bigint = 0 THEN clock_timestamp() END
 WHERE version = %(version)s AND token = %(token)s RETURNING true
"""
NOTHING_TO_COUNT = (
    "every row up to the bound had its turn; the statement's WHERE has nothing besides `:batch`, "
    "so that what is left cannot be counted"
)


async def freeze_bound(
    connection: Connection, lease: Lease, target: Target, statement: BatchStatement
) -> None:
    """The highest key there is now is where it ends: rows that come later are the business of the
    expand's trigger, or of the application."""
    bound = await target.fetch_highest(connection)
    total = await target.estimate(connection)
    proof = _proof_to(connection, target, statement, bound) if statement.count_to_bound else None
    arguments = [list(bound) if bound else None, total, proof, lease.version, lease.token]
    if not await fetch_scalar(connection, _FREEZE, arguments):
        raise LeaseLost(lease.version)


def _proof_to(
    connection: Connection, target: Target, statement: BatchStatement, bound: Key | None
) -> str:
    """The query with the bound's own values in it: it is kept, shown, and run without any."""
    if bound is None:
        return statement.counted_to("false").replace("%%", "%")
    condition = range_condition(statement.source, target.columns, has_lower=False)
    query = statement.counted_to(condition).encode()
    return psycopg.AsyncClientCursor(connection).mogrify(query, list(bound))


async def finish(connection: Connection, lease: Lease, proof: str) -> BackfillStatus:
    """Count what is left, and record it.

    Raises:
        LeaseLost: somebody else has the backfill.
    """
    if not proof:
        return await _end(connection, lease, "finished", None, NOTHING_TO_COUNT, "")
    await keep_lease(connection, lease, span=_COUNTING)
    left = await count_left(connection, proof)
    if not left:
        return await _end(connection, lease, "finished", 0, "", "")
    return await _end(connection, lease, "failed", left, *words_for_left(left))


async def count_left(connection: Connection, proof: str) -> int:
    async with connection.transaction():
        milliseconds = int(_COUNTING / timedelta(milliseconds=1))
        await connection.execute(f"SET LOCAL statement_timeout = {milliseconds}".encode())
        # An error where a policy would hide rows: what is not seen is not proven.
        await connection.execute("SET LOCAL row_security = off")
        left: int = await fetch_scalar(connection, proof)
        return left


def with_count(status: BackfillStatus, left: int) -> BackfillStatus:
    """What was counted just now, also of one that has not come to its end."""
    return replace(status, left=left)


def words_for_left(left: int) -> tuple[str, str]:
    """What was found, and what to do."""
    verb = "is" if left == 1 else "are"
    why = (
        f"{counted(left, 'row')} {verb} left by its own WHERE after every row up to the bound had "
        "its turn"
    )
    remedy = (
        "see whether its SET makes its WHERE false, and whether the expand's trigger, or the "
        "application, fills what is written meanwhile; then `resume` goes over the table again"
    )
    return why, remedy


async def fail(
    connection: Connection, lease: Lease, why: str, remedy: str, poison: Poison | None = None
) -> None:
    """
    Raises:
        LeaseLost: somebody else has the backfill.
    """
    await _end(connection, lease, "failed", None, why, remedy, poison)


async def _end(
    connection: Connection,
    lease: Lease,
    state: str,
    left: int | None,
    why: str,
    remedy: str,
    poison: Poison | None = None,
) -> BackfillStatus:
    arguments = {
        "state": state,
        "left": left,
        "why": why,
        "remedy": remedy,
        "poison": json.dumps(asdict(poison)) if poison else None,
        "version": lease.version,
        "token": lease.token,
    }
    if not await fetch_scalar(connection, _FINISH, arguments):
        raise LeaseLost(lease.version)
    return await records.fetch_one(connection, lease.version)
