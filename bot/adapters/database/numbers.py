"""One number, or many, by a query that somebody else wrote: read and counted, nothing else.

The query is one statement (the extended protocol takes no more), in a transaction that can only
read, which is never committed, within a limit of time.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import psycopg

from bot.adapters.database.connection import Connection, named, session
from bot.ports.database import DatabaseRefused

SECONDS: float = 5
"""That a query may take."""
_GIVE_UP: Final = 15
_TIMEOUT: Final = "57014"
_MARK: Final = re.compile(r"(?<![:\w]):(start|end)\b")
_ROWS: Final = 2


async def fetch_number(url: str, query: str, start: datetime, end: datetime) -> object:
    """The one value of the one row; None where there is no row. ``:start`` and ``:end`` in the
    query are times.

    Raises:
        DatabaseUnavailable: there is no server.
        DatabaseRefused: the query fails, takes too long, or gives more than one number.
    """
    # In a subquery, since COPY and its like are none: their program would run before it is seen
    # that they give no rows.
    asking = f"SELECT * FROM (\n{_prepared(query)}\n) AS asked"  # noqa: S608 (it is theirs to write)
    rows, columns = await _rows(url, asking, start, end)
    if columns != 1 or len(rows) > 1:
        shown = "several" if len(rows) > 1 else len(rows)
        raise DatabaseRefused(
            f"the query gives {shown} rows of {columns} columns, and one number is needed",
            "write an aggregate, such as `SELECT count(*) …`",
        )
    return rows[0][0] if rows else None


async def fetch_tally(
    url: str, query: str, sign: str, value: Decimal, start: datetime, end: datetime
) -> tuple[int, int]:
    """How many of the rows' values are ``sign`` (``<``, ``<=``, ``>``, ``>=``) to the value, and
    how many values there are. NULL and NaN are none.

    Raises:
        DatabaseUnavailable, DatabaseRefused: as ``fetch_number``.
    """
    if sign not in ("<", "<=", ">", ">="):
        raise ValueError(sign)
    counting = (
        f"SELECT count(*) FILTER (WHERE value {sign} %(value)s), count(*)"  # noqa: S608
        f" FROM (\n{_prepared(query)}\n) AS measured (value) WHERE value::numeric <> 'NaN'"
    )
    rows, _ = await _rows(url, counting, start, end, {"value": value})
    return rows[0][0], rows[0][1]


async def _rows(
    url: str, query: str, start: datetime, end: datetime, more: Mapping[str, object] | None = None
) -> tuple[list[tuple[Any, ...]], int]:
    async with asyncio.timeout(_GIVE_UP), session(url, purpose="lockgate slo") as connection:
        try:
            return await _read(connection, query, {"start": start, "end": end, **(more or {})})
        except psycopg.Error as error:
            if error.sqlstate == _TIMEOUT:
                raise DatabaseRefused(
                    f"the query took longer than {SECONDS} s", "give it an index, or less to count"
                ) from None
            raise named(error) from error


async def _read(
    connection: Connection, query: str, arguments: Mapping[str, object]
) -> tuple[list[tuple[Any, ...]], int]:
    await connection.execute(f"SET statement_timeout = '{round(SECONDS * 1000)}ms'")
    await connection.set_read_only(True)
    async with connection.transaction(force_rollback=True):
        # Not as text, since that would be sent as a script of any number of statements.
        cursor = await connection.execute(query.encode(), arguments, binary=True)
        if cursor.description is None:
            raise DatabaseRefused("the query gives no rows", "write a SELECT")
        return await cursor.fetchmany(_ROWS), len(cursor.description)


def _prepared(query: str) -> str:
    return _MARK.sub(r"%(\1)s", query.strip().rstrip(";").replace("%", "%%"))
