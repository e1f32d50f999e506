"""What a backfill needs to know of its table: its key's columns and types, its highest key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.adapters.database.connection import Connection, fetch_row, fetch_scalar
from bot.core.backfills.model import Key
from bot.core.backfills.statement import KeyColumn, quote, range_condition
from bot.core.migrations.model import Backfill
from bot.core.phrases import listed
from bot.ports.database import DatabaseRefused

_TABLE = """
SELECT c.oid::int8, n.nspname, c.relname, c.relkind::text,
       c.oid IS NOT DISTINCT FROM to_regclass(%s), row_security_active(c.oid), current_user::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)
"""
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, attnum FROM pg_attribute
 WHERE attrelid = %s::int8::oid AND attname = ANY(%s) AND attnum > 0 AND NOT attisdropped
"""
# A range over several columns is one piece of the index where they are sorted the same way.
_UNIQUE = """
SELECT EXISTS (
    SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
     WHERE i.indrelid = %(table)s::int8::oid AND i.indisunique AND i.indisvalid AND i.indisready
       AND i.indpred IS NULL AND i.indexprs IS NULL AND a.amname = 'btree'
       AND (i.indkey::int2[])[0:i.indnkeyatts - 1] = %(columns)s::int2[]
       AND (SELECT count(DISTINCT option & 1) FROM unnest(i.indoption[0:i.indnkeyatts - 1])
              AS option) = 1
)
"""
_OTHER_KEYS = """
SELECT (SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest(i.indkey::int2[])
          WITH ORDINALITY AS k(attnum, place) JOIN pg_attribute a
          ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
  FROM pg_index i
 WHERE i.indrelid = %s::int8::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
   AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts
   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid
                      AND a.attnum = ANY(i.indkey::int2[]) AND NOT a.attnotnull)
 ORDER BY i.indisprimary DESC, 1
"""
_PARTITIONS = "SELECT relid::oid::int8 FROM pg_partition_tree(%s::int8::oid::regclass)"

_COUNTED = 200_000
"""Tables that are expected to be smaller are counted: that takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table that was found, and how its key is walked along."""

    oid: int
    name: str
    """Schema and table, quoted."""
    columns: tuple[KeyColumn, ...]
    tables: tuple[int, ...]
    """Its oid, and those of its partitions."""

    @property
    def _rows(self) -> str:
        """The keys of the table's rows, as text; psycopg's placeholders may follow."""
        return f"SELECT {self._keys} FROM {self._quoted} AS k"  # noqa: S608 (quoted)

    @property
    def _keys(self) -> str:
        keys = ", ".join(f"k.{quote(column.name)}::text" for column in self.columns)
        return keys.replace("%", "%%")

    @property
    def _quoted(self) -> str:
        return self.name.replace("%", "%%")

    def _order(self, direction: str) -> str:
        # By the columns: a bare name would be that of the text that is selected.
        order = ", ".join(f"k.{quote(column.name)} {direction}" for column in self.columns)
        return order.replace("%", "%%")

    async def fetch_highest(self, connection: Connection) -> Key | None:
        """None where the table is empty."""
        row = await (
            await connection.execute(
                f"{self._rows} ORDER BY {self._order('DESC')} LIMIT 1".encode(), []
            )
        ).fetchone()
        return tuple(row) if row else None

    async def fetch_upper(
        self, connection: Connection, cursor: Key | None, bound: Key, rows: int
    ) -> tuple[Key, int]:
        """The key that ends a batch of ``rows`` after the cursor, and how many rows it has: fewer
        where the bound comes first."""
        within = range_condition("k", self.columns, has_lower=cursor is not None)
        # Of the rows that are passed over no key is made a text: that would double the time.
        names = ", ".join(f"k.{quote(column.name)}" for column in self.columns).replace("%", "%%")
        ending = (
            f"SELECT {names} FROM {self._quoted} AS k WHERE {within} "  # noqa: S608 (quoted)
            f"ORDER BY {self._order('ASC')} OFFSET %s LIMIT 1"
        )
        found = await (
            await connection.execute(
                f"SELECT {self._keys} FROM ({ending}) AS k".encode(),  # noqa: S608 (quoted)
                [*(cursor or ()), *bound, rows - 1],
            )
        ).fetchone()
        if found is not None:
            return tuple(found), rows
        count = await fetch_scalar(
            connection,
            f"SELECT count(*) FROM ({self._rows} WHERE {within}) AS batch",  # noqa: S608 (quoted)
            [*(cursor or ()), *bound],
        )
        return bound, count

    async def estimate(self, connection: Connection) -> int:
        """Rows, as the planner expects them by the table's pages; of a small table counted."""
        (plan,) = await fetch_row(
            connection,
            f"EXPLAIN (FORMAT JSON) SELECT FROM {self.name}",
        )
        expected = int(plan[0]["Plan"]["Plan Rows"])
        if expected > _COUNTED:
            return expected
        count: int = await fetch_scalar(connection, f"SELECT count(*) FROM {self.name}")  # noqa: S608
        return count


async def examine_table(connection: Connection, backfill: Backfill, relation: str) -> Target:
    """``relation`` is what the statement calls the table.

    Raises:
        DatabaseRefused: the table is not there, or its key is none to walk along.
    """
    row = await (await connection.execute(_TABLE, [relation, backfill.table])).fetchone()
    if row is None:
        raise DatabaseRefused(
            f"there is no table {backfill.table} for backfill {backfill.version}",
            "name in its header the table as it is now, or put the name back",
        )
    oid, schema, table, kind, same, hidden, role = row
    name = f"{quote(schema)}.{quote(table)}"
    if not same:
        raise DatabaseRefused(
            f"{backfill.table} in the header is {name}, and {relation} in the statement is another",
            "write both with their schema",
        )
    if kind not in ("r", "p"):
        raise DatabaseRefused(
            f"{name} is no table", "name in the header the table that the rows are stored in"
        )
    if hidden:
        raise DatabaseRefused(
            f"row level security hides rows of {name} from {quote(role)}: what it cannot see would "
            "be taken for done",
            "use a URL of the table's owner, or of a role with BYPASSRLS, which the owner needs "
            "too where it is FORCEd",
        )
    found = {
        column: (type_, not_null, number)
        for column, type_, not_null, number in await (
            await connection.execute(_COLUMNS, [oid, list(backfill.key)])
        ).fetchall()
    }
    if missing := [column for column in backfill.key if column not in found]:
        raise DatabaseRefused(
            f"{name} has no column {listed(missing)}", f"mend `-- key:` in {backfill.path}"
        )
    if nullable := [column for column in backfill.key if not found[column][1]]:
        column = nullable[0]
        raise DatabaseRefused(
            f"{column}, the key, may be NULL: rows without it would never have their turn",
            f"fill it and ALTER TABLE {name} ALTER COLUMN {quote(column)} SET NOT NULL, or name "
            "another key",
        )
    numbers = [found[column][2] for column in backfill.key]
    if not await _is_unique(connection, oid, numbers):
        await _refuse_key(connection, oid, name, backfill)
    columns = tuple(KeyColumn(column, found[column][0]) for column in backfill.key)
    partitions = await (await connection.execute(_PARTITIONS, [oid])).fetchall()
    return Target(oid, name, columns, (oid, *(partition for (partition,) in partitions)))


async def _is_unique(connection: Connection, oid: int, numbers: Sequence[int]) -> bool:
    row = await (
        await connection.execute(_UNIQUE, {"table": oid, "columns": list(numbers)})
    ).fetchone()
    return bool(row and row[0])


async def _refuse_key(connection: Connection, oid: int, name: str, backfill: Backfill) -> None:
    rows: list[tuple[Any, ...]] = await (await connection.execute(_OTHER_KEYS, [oid])).fetchall()
    others = [str(row[0]) for row in rows]
    columns = ", ".join(map(quote, backfill.key))
    if others:
        remedy = f"use `-- key: {others[0]}`"
    else:
        index = quote(f"{name.split('.')[-1].strip(chr(34))}_backfill_key")
        remedy = (
            f"CREATE UNIQUE INDEX CONCURRENTLY {index} ON {name} ({columns}), or where they are "
            "not unique: ALTER TABLE … ADD COLUMN … bigint GENERATED ALWAYS AS IDENTITY in an "
            "expand, with a unique index on it (this rewrites the table)"
        )
    raise DatabaseRefused(
        f"{name} has no unique B-tree index on exactly ({columns}), so that a batch could not be "
        "told from the next",
        remedy,
    )
