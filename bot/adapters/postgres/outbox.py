"""News for the team, kept until told: ``bot.ports.operations.Outbox``."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from psycopg.rows import dict_row

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.statements import load_queries
from bot.core.redaction import redact
from bot.core.work.notices import DeliverNotice
from bot.ports import RetryLater
from bot.ports.operations import Notice, Notifier

log = structlog.get_logger()

_SQL = load_queries("outbox")
_BETWEEN = timedelta(seconds=5)
"""Two looks whether the news before was told."""
_TOGETHER = 200
"""Notices in one transaction: each of their jobs holds a lock to its end, of which a server has
some thousands for all."""


class PostgresOutbox:
    """``notifiers`` by channel. Each channel has a row and a job of its own, so that one that
    fails does not keep news from another."""

    def __init__(self, pool: Pool, notifiers: Mapping[str, Notifier]) -> None:
        self._pool = pool
        self._notifiers = notifiers

    async def post(self, *notices: Notice) -> None:
        """A ``key`` that a channel has been given before adds nothing there.

        Raises:
            StoreUnavailable: not all are stored.
        """
        for begin in range(0, len(notices) if self._notifiers else 0, _TOGETHER):
            await self._post(notices[begin : begin + _TOGETHER])

    async def _post(self, notices: Sequence[Notice]) -> None:
        arguments: dict[str, Any] = {
            "channels": list(self._notifiers),
            "keys": [text(one.key) for one in notices],
            "severities": [one.severity for one in notices],
            "titles": [text(redact(one.title)) for one in notices],
            "texts": [text(redact(one.text)) for one in notices],
            "urls": [text(one.url) for one in notices],
            "repositories": [text(one.repository) for one in notices],
            "environments": [text(one.environment) for one in notices],
            "resolves": [one.resolves for one in notices],
            "incidents": [text(one.incident) for one in notices],
            "cause_urls": [text(one.cause_url) for one in notices],
        }

        async def add(connection: Connection) -> None:
            async with connection.transaction():
                cursor = await connection.execute(_SQL["add_notices"], arguments)
                added = [DeliverNotice(row[0]) for row in await cursor.fetchall()]
                await queue.enqueue(connection, added)

        await with_connection(self._pool, add)

    async def deliver(self, notice_id: int) -> None:
        """Tell it now; once more only if the process ends between telling and noting it. That
        something is over is told after what it was, and not at all once that has come again, nor
        is what has been told to be over: an incident would stay open, or be closed, for ever.

        Raises:
            NotDelivered: the channel did not take it; the job is run again later.
            RetryLater: the channel said when to come back, or news before it is to be told first.
            StoreUnavailable: the database cannot be used.
        """
        row = await with_connection(self._pool, lambda c: _fetch(c, notice_id))
        if row is None or row.pop("delivered_at"):
            return
        channel, early, late = (row.pop(name) for name in ("channel", "early", "late"))
        notifier = self._notifiers.get(channel)
        if notifier is None:
            log.warning("notice_without_channel", notice=notice_id, channel=channel)
            return
        if early:
            raise RetryLater(_BETWEEN, "what it says is over is still to be told")
        if late:
            log.info("notice_overtaken", notice=notice_id, channel=channel)
        else:
            await notifier.send(Notice(**row))
            log.info("notice_delivered", notice=notice_id, channel=channel)
        await with_connection(
            self._pool, lambda c: c.execute(_SQL["note_delivered"], {"id": notice_id})
        )


async def _fetch(connection: Connection, notice_id: int) -> Row | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL["fetch_notice"], {"id": notice_id})
        return await cursor.fetchone()
