"""A small shop's database, and customers who write to it without a pause: for the demo."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

_TABLE = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price integer)"
_FILL = "INSERT INTO orders (price) SELECT n FROM generate_series(1, {}) AS n"
_CUSTOMERS = 3
_BREATH = 0.005
"""Seconds between two orders of one customer."""


class Playground:
    """``column`` is the one that the build which is live writes prices to."""

    def __init__(self, conninfo: str, rows: int) -> None:
        self.conninfo = conninfo
        self.column = "price"
        self.written = rows
        self.refused: list[str] = []
        """What customers were told instead of a thank-you."""
        self._open = False

    @asynccontextmanager
    async def customers(self) -> AsyncIterator[None]:
        """They order for as long as the block lasts."""
        self._open = True
        tasks = [asyncio.create_task(self._order()) for _ in range(_CUSTOMERS)]
        try:
            yield
        finally:
            self._open = False  # each finishes the order that it has begun
            await asyncio.gather(*tasks)

    async def count(self, condition: str = "true") -> int:
        async with await psycopg.AsyncConnection.connect(self.conninfo) as connection:
            cursor = await connection.execute(
                sql.SQL("SELECT count(*) FROM orders WHERE {}").format(sql.SQL(condition))
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _order(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self.conninfo, autocommit=True
        ) as connection:
            while self._open:
                order = sql.SQL("INSERT INTO orders ({}) VALUES (%s)").format(
                    sql.Identifier(self.column)
                )
                try:
                    await connection.execute(order, [self.written])
                    self.written += 1
                except psycopg.Error as error:
                    self.refused.append(str(error))
                await asyncio.sleep(_BREATH)


async def make_playground(conninfo: str, *, rows: int) -> Playground:
    """A new database of that server, ``shop``, with so many orders."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute("CREATE DATABASE shop")
    shop = make_conninfo(conninfo, dbname="shop")
    async with await psycopg.AsyncConnection.connect(shop, autocommit=True) as connection:
        await connection.execute(_TABLE)
        await connection.execute(sql.SQL(_FILL).format(sql.Literal(rows)))
    return Playground(shop, rows)
