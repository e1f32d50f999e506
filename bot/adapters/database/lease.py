"""Who may run a backfill: a lease with a fencing token, and a lock that a dead session lets go of.

The token is what keeps two runners from writing the same range: each batch writes the record under
its own token in its own transaction, and a runner whose token was taken cannot commit. The
session's lock only makes it quick: of a runner that was killed the server frees it at once, and
nobody need wait for the lease to run out. A runner that hangs is replaced when it has.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from bot.adapters.database.connection import Connection, fetch_scalar
from bot.core.migrations.model import Version

LEASE = timedelta(seconds=30)
"""Longer than any batch: those are ended by statement_timeout."""
LOCK_SPACE = 0x6C6B656D
"""``lkem`` in ASCII: the first half of the locks' keys."""

# The row is waited for: a session that was cut off may still be committing its batch.
_CLAIM = """
UPDATE lockgate_emc.backfills
   SET token = token + 1, holder = %(holder)s, lease_until = clock_timestamp() + %(lease)s,
       state = 'running', why = '', remedy = '',
       started_at = coalesce(started_at, clock_timestamp())
 WHERE version = %(version)s AND state IN ('waiting', 'running', 'paused') AND paused_by = ''
   AND (%(alone)s OR holder = '' OR lease_until < clock_timestamp())
RETURNING token
"""
_KEEP = """
UPDATE lockgate_emc.backfills
   SET lease_until = clock_timestamp() + %(lease)s,
       state = CASE WHEN paused_by <> '' OR %(why)s <> '' THEN 'paused' ELSE 'running' END,
       why = CASE WHEN paused_by <> '' THEN why ELSE %(why)s END
 WHERE version = %(version)s AND token = %(token)s
RETURNING paused_by <> ''
"""
_RELEASE = """
UPDATE lockgate_emc.backfills
   SET holder = '', lease_until = NULL,
       state = CASE WHEN paused_by <> '' THEN 'paused' WHEN state = 'running' THEN 'waiting'
               ELSE state END
 WHERE version = %s AND token = %s
"""


class LeaseLost(Exception):
    """Somebody else has the backfill now, or it was canceled. Nothing of ours may be committed."""


@dataclass(frozen=True, slots=True)
class Lease:
    version: Version
    token: int


async def claim_lease(connection: Connection, version: Version, holder: str) -> Lease | None:
    """None where another runner has it, or it is not to be run."""
    key = lock_key(version)
    alone = await fetch_scalar(connection, "SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, key])
    token = await fetch_scalar(
        connection,
        _CLAIM,
        {"version": version, "holder": holder, "lease": LEASE, "alone": bool(alone)},
    )
    if token is None:
        await _unlock(connection, key)
        return None
    return Lease(version, token)


async def keep_lease(
    connection: Connection, lease: Lease, *, why: str = "", span: timedelta = LEASE
) -> bool:
    """Keep it, with the reason for a pause. True where a person has asked for one.

    Raises:
        LeaseLost: somebody else has it.
    """
    asked = await fetch_scalar(
        connection,
        _KEEP,
        {"version": lease.version, "token": lease.token, "lease": span, "why": why},
    )
    if asked is None:
        raise LeaseLost(lease.version)
    return bool(asked)


async def release_lease(connection: Connection, lease: Lease) -> None:
    """Does nothing where it was lost."""
    await connection.execute(_RELEASE, [lease.version, lease.token])
    await _unlock(connection, lock_key(lease.version))


async def _unlock(connection: Connection, key: int) -> None:
    await connection.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, key])


def lock_key(version: Version) -> int:
    """The second half of the key of a backfill's lock."""
    digest = hashlib.sha256(version.encode()).digest()
    return int.from_bytes(digest[:4], "big", signed=True)
