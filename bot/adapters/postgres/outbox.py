"""News for the team, kept until told: ``bot.ports.operations.Outbox``."""

from collections.abc import Mapping
from typing import Any

import structlog
from psycopg.rows import dict_row

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.statements import load_queries
from bot.core.redaction import redact
from bot.core.work.notices import DeliverNotice
from bot.ports.operations import Notice, Notifier

log = structlog.get_logger()

_SQL = load_queries("outbox")


class PostgresOutbox:
    """``notifiers`` by channel. Each channel has a row and a job of its own, so that one that
    fails does not keep news from another."""

    def __init__(self, pool: Pool, notifiers: Mapping[str, Notifier]) -> None:
        self._pool = pool
        self._notifiers = notifiers

    async def post(self, notice: Notice) -> None:
        """A ``key`` that a channel has been given before adds nothing there.

        Raises:
            StoreUnavailable: it is not stored.
        """
        if not self._notifiers:
            return
        arguments: dict[str, Any] = {
            "channels": list(self._notifiers),
            "key": text(notice.key),
            "severity": notice.severity,
            "title": text(redact(notice.title)),
            "text": text(redact(notice.text)),
            "url": text(notice.url),
            "repository": text(notice.repository),
            "environment": text(notice.environment),
            "resolves": notice.resolves,
            "incident": text(notice.incident),
            "cause_url": text(notice.cause_url),
        }

        async def add(connection: Connection) -> None:
            async with connection.transaction():
                cursor = await connection.execute(_SQL["add_notices"], arguments)
                added = [DeliverNotice(row[0]) for row in await cursor.fetchall()]
                await queue.enqueue(connection, added)

        await with_connection(self._pool, add)

    async def deliver(self, notice_id: int) -> None:
        """Tell it now; once more only if the process ends between telling and noting it.

        Raises:
            NotDelivered: the channel did not take it; the job is run again later.
            RetryLater: the channel said when to come back.
            StoreUnavailable: the database cannot be used.
        """
        row = await with_connection(self._pool, lambda c: _fetch(c, notice_id))
        if row is None or row.pop("delivered_at"):
            return
        channel = row.pop("channel")
        notifier = self._notifiers.get(channel)
        if notifier is None:
            log.warning("notice_without_channel", notice=notice_id, channel=channel)
            return
        await notifier.send(Notice(**row))
        await with_connection(
            self._pool, lambda c: c.execute(_SQL["note_delivered"], {"id": notice_id})
        )
        log.info("notice_delivered", notice=notice_id, channel=channel)


async def _fetch(connection: Connection, notice_id: int) -> Row | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL["fetch_notice"], {"id": notice_id})
        return await cursor.fetchone()
