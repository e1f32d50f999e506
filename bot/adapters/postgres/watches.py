"""Watches over promotions in PostgreSQL: ``bot.ports.watches.WatchStore``."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from psycopg.rows import dict_row

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.plain import from_plain, to_plain
from bot.adapters.postgres.statements import load_queries
from bot.core.slo.watching import Watch
from bot.core.work.watches import AdvanceWatch

_SQL = load_queries("watches")


class PostgresWatches:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_watch(self, watch: Watch) -> Watch:
        arguments = {
            "operation_id": watch.operation_id,
            "repository_id": watch.repo.id,
            "environment": text(watch.environment),
            "content": _json(watch),
        }

        async def add(connection: Connection) -> Watch:
            async with connection.transaction():
                added = await _rows(connection, "add_watch", arguments)
                if added:
                    await queue.enqueue(connection, [AdvanceWatch(added[0]["id"])])
                    return _watch(added[0])
                return _watch((await _rows(connection, "fetch_watch_of", arguments))[0])

        return await with_connection(self._pool, add)

    async def fetch_watch(self, watch_id: int) -> Watch | None:
        rows = await self._fetch("fetch_watch", {"id": watch_id})
        return _watch(rows[0]) if rows else None

    async def fetch_watch_of(self, operation_id: int) -> Watch | None:
        rows = await self._fetch("fetch_watch_of", {"operation_id": operation_id})
        return _watch(rows[0]) if rows else None

    async def fetch_open_watches(
        self, repository_id: int = 0, environment: str = ""
    ) -> list[Watch]:
        arguments = {"repository_id": repository_id, "environment": text(environment)}
        return [_watch(row) for row in await self._fetch("fetch_open_watches", arguments)]

    async def save_watch(self, watch: Watch) -> Watch | None:
        rows = await self._fetch(
            "save_watch",
            {
                "id": watch.id,
                "revision": watch.revision,
                "concluded": watch.concluded,
                "content": _json(watch),
            },
        )
        return _watch(rows[0]) if rows else None

    async def _fetch(self, name: str, arguments: Mapping[str, Any]) -> list[Row]:
        return await with_connection(self._pool, lambda c: _rows(c, name, arguments))


async def _rows(connection: Connection, name: str, arguments: Mapping[str, Any]) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[name], arguments)
        return await cursor.fetchall()


def _json(watch: Watch) -> str:
    return text(json.dumps(to_plain(watch), allow_nan=False).replace("\\u0000", ""))


def _watch(row: Row) -> Watch:
    found = cast("Watch", from_plain(Watch, row["content"]))
    return replace(found, id=row["id"], revision=row["revision"])
