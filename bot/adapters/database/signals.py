"""What a look at the server finds that a backfill has to make room for.

A role without ``pg_monitor`` sees neither replicas' lag nor autovacuum; the locks it does see, and
that there are replicas.
"""

import time
from datetime import timedelta

from bot.adapters.database.connection import Connection, fetch_row, fetch_scalar
from bot.core.backfills.pauses import Signals
from bot.ports.database import Watch

_UNSEEN = """
(SELECT count(*) FROM pg_stat_replication)
    * (NOT pg_has_role('pg_read_all_stats', 'USAGE'))::int
"""
_LOOK = f"""
SELECT (SELECT max(replay_lag) FROM pg_stat_replication), {_UNSEEN},
       (SELECT count(DISTINCT pid) FROM pg_locks
         WHERE NOT granted AND pid <> pg_backend_pid()
           AND (locktype = 'relation' AND relation = %(table)s::int8::oid
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             OR waitstart < clock_timestamp() - %(patience)s
                AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))),
       (SELECT max(clock_timestamp() - xact_start)
          FROM pg_stat_progress_vacuum JOIN pg_stat_activity USING (pid)
         WHERE relid = %(table)s::int8::oid AND backend_type = 'autovacuum worker'),
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8
"""  # noqa: S608 (nothing from outside)


async def fetch_unseen_replicas(connection: Connection) -> int:
    """How many replicas there are whose lag may not be seen."""
    unseen: int = await fetch_scalar(connection, f"SELECT {_UNSEEN}")
    return unseen


class Looker:
    """Keeps the position in the WAL between two looks."""

    def __init__(self, table: int, patience: timedelta, watch: Watch | None) -> None:
        self._arguments = {"table": table, "patience": patience}
        self._watch = watch
        self._wal: tuple[float, int] | None = None

    async def look(self, connection: Connection) -> Signals:
        """Within a batch's transaction it sees who waits for us; outside of one, who for others."""
        lag, unseen, waiters, vacuum, wal = await fetch_row(connection, _LOOK, self._arguments)
        now, rate = time.monotonic(), 0.0
        if self._wal and now > self._wal[0]:
            rate = (wal - self._wal[1]) / (now - self._wal[0])
        self._wal = (now, wal)
        burning = self._watch() if self._watch else None
        return Signals(lag, unseen, waiters, vacuum, rate, burning.why if burning else "")
