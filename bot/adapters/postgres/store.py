"""The bot's own state in PostgreSQL: ``bot.ports.Store``."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from isal import isal_zlib
from psycopg.rows import dict_row

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import (
    Connection,
    Pool,
    Row,
    connection_pool,
    text,
    with_connection,
)
from bot.adapters.postgres.statements import load_queries
from bot.core.model import RepoRef, Sha
from bot.core.redaction import redact
from bot.core.work.deliveries import RouteDeliveries
from bot.core.work.kinds import Work
from bot.ports import (
    Delivery,
    DeliverySummary,
    EffectRecord,
    Evaluation,
    HeadVerdict,
    Job,
    JobStatus,
    QueueHealth,
    StoreUnavailable,
)

T = TypeVar("T")

_DELIVERIES = load_queries("deliveries")
_EVALUATIONS = load_queries("evaluations")
_EFFECTS = load_queries("effects")
_OPERATIONS = load_queries("operations")
_OUTBOX = load_queries("outbox")

_ROUTED_TOGETHER = 32
"""Deliveries of one batch that share a job: a job costs the database more than the delivery."""
_COMPRESS_ASIDE = 2 * 1024 * 1024
"""Bytes of payloads from which a batch is compressed in a thread, which then waits for the
interpreter's lock after each of them; a millisecond's worth is sooner done where it is."""
_PRUNE_BATCH = 2000
_LONGEST_OUTCOME = 1000
_REDELIVERIES_KEPT = timedelta(days=7)
"""GitHub lists failed deliveries for three days: after that nobody asks."""
_DEAD_KEPT = timedelta(days=90)
_NOTICES_KEPT = timedelta(days=90)
"""A key is told once for as long."""


class PostgresStore:
    """Opened by ``open_store``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def pool(self) -> Pool:
        """To share with the other stores of the same database."""
        return self._pool

    async def add_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        if sum(len(delivery.payload) for delivery in deliveries) > _COMPRESS_ASIDE:
            payloads = await asyncio.to_thread(_compress, deliveries)
        else:
            payloads = _compress(deliveries)
        arguments = {
            "queue": queue.QUEUE,
            "kind": RouteDeliveries.kind,
            "priority": RouteDeliveries.priority,
            "together": _ROUTED_TOGETHER,
            # One value: an array for each column costs five times as much to put together.
            "deliveries": json.dumps([_columns(delivery) for delivery in deliveries]),
            "payloads": payloads,
        }

        async def add(connection: Connection) -> None:
            await connection.execute(_DELIVERIES["add_deliveries"], arguments, prepare=True)

        await self._do(add)

    async def fetch_delivery(self, guid: str) -> Delivery | None:
        rows = await self._fetch(_DELIVERIES["fetch_delivery"], {"guid": guid})
        if not rows:
            return None
        row = rows[0]
        return Delivery(**(row | {"payload": zlib.decompress(row["payload"])}))

    async def finish_delivery(self, guid: str, outcome: str, works: Sequence[Work]) -> None:
        safe = text(redact(outcome))[:_LONGEST_OUTCOME]

        async def finish(connection: Connection) -> None:
            async with connection.transaction():
                await queue.enqueue(connection, works)
                await connection.execute(
                    _DELIVERIES["note_outcome"], {"guid": guid, "outcome": safe}
                )

        await self._do(finish)

    async def enqueue(self, work: Work, *, delay: timedelta = timedelta()) -> None:
        async def add(connection: Connection) -> None:
            async with connection.transaction():
                await queue.enqueue(connection, [work], delay)

        await self._do(add)

    async def save_evaluation(self, evaluation: Evaluation) -> None:
        repo = evaluation.repo
        await self._execute(
            _EVALUATIONS["save_evaluation"],
            {
                "repository_id": repo.id,
                "number": evaluation.number,
                "installation_id": repo.installation_id,
                "owner": text(repo.owner),
                "name": text(repo.name),
                "private": evaluation.private,
                "title": text(evaluation.title),
                "author": text(evaluation.author),
                "state": evaluation.state,
                "head_sha": evaluation.head_sha,
                "base_ref": text(evaluation.base_ref),
                "verdict": evaluation.verdict,
                "result": json.dumps(evaluation.result),
                "evaluated_at": evaluation.evaluated_at,
            },
        )

    async def fetch_evaluation(self, owner: str, name: str, number: int) -> Evaluation | None:
        rows = await self._fetch(
            _EVALUATIONS["fetch_evaluation"],
            {"owner": text(owner), "name": text(name), "number": number},
        )
        return _evaluation(rows[0]) if rows else None

    async def fetch_evaluations(
        self, *, owner: str = "", name: str = "", limit: int = 100
    ) -> list[Evaluation]:
        rows = await self._fetch(
            _EVALUATIONS["fetch_evaluations"],
            {"owner": text(owner), "name": text(name), "limit": limit},
        )
        return [_evaluation(row) for row in rows]

    async def fetch_open_numbers(self, repository_id: int) -> list[int]:
        rows = await self._fetch(
            _EVALUATIONS["fetch_open_numbers"], {"repository_id": repository_id}
        )
        return [row["number"] for row in rows]

    async def fetch_verdicts_of_head(self, repository_id: int, head_sha: Sha) -> list[HeadVerdict]:
        rows = await self._fetch(
            _EVALUATIONS["fetch_verdicts_of_head"],
            {"repository_id": repository_id, "head_sha": head_sha},
        )
        return [HeadVerdict(**row) for row in rows]

    async def fetch_recent_deliveries(self, limit: int = 50) -> list[DeliverySummary]:
        rows = await self._fetch(_DELIVERIES["fetch_recent_deliveries"], {"limit": limit})
        return [DeliverySummary(**row) for row in rows]

    async def fetch_jobs(self, status: JobStatus | None = None, limit: int = 100) -> list[Job]:
        return await self._do(lambda connection: queue.fetch_jobs(connection, status, limit))

    async def retry_job(self, job_id: int) -> bool:
        return await self._do(lambda connection: queue.retry_job(connection, job_id))

    async def queue_health(self) -> QueueHealth:
        row = (await self._fetch(queue.SQL["queue_health"]))[0]
        if row.pop("read_only"):
            raise StoreUnavailable("the database cannot be used: it is read-only")
        return QueueHealth(**row)

    async def select_missing(self, attempts: Mapping[int, str]) -> set[int]:
        rows = await self._fetch(
            _DELIVERIES["select_missing"],
            {"attempt_ids": list(attempts), "guids": list(attempts.values())},
        )
        return {row["attempt_id"] for row in rows}

    async def record_redelivery(self, attempt_id: int, guid: str) -> None:
        await self._execute(
            _DELIVERIES["record_redelivery"], {"attempt_id": attempt_id, "guid": guid}
        )

    async def record_effect(self, effect: EffectRecord) -> int:
        # Should the connection break after the commit, a second row says "planned, not done".
        rows = await self._fetch(
            _EFFECTS["record_effect"],
            {
                "kind": effect.kind,
                "installation_id": effect.repo.installation_id,
                "repository_id": effect.repo.id,
                "repository": text(effect.repo.full_name),
                "subject": text(effect.subject),
                "digest": effect.digest,
                "cause": text(effect.cause),
            },
        )
        return int(rows[0]["id"])

    async def finish_effect(self, effect_id: int, outcome: str) -> None:
        safe = text(redact(outcome))[:_LONGEST_OUTCOME]
        await self._execute(_EFFECTS["finish_effect"], {"id": effect_id, "outcome": safe})

    async def prune(self, *, older_than: timedelta) -> int:
        deliveries = await self._prune(_DELIVERIES["prune_deliveries"], older_than=older_than)
        finished = await self._prune(
            queue.SQL["prune_jobs"],
            older_than=older_than,
            statuses=["succeeded", "cancelled", "aborted"],
        )
        dead = await self._prune(
            queue.SQL["prune_jobs"], older_than=max(older_than, _DEAD_KEPT), statuses=["failed"]
        )
        await self._execute(
            _DELIVERIES["prune_redeliveries"], {"older_than": max(older_than, _REDELIVERIES_KEPT)}
        )
        await self._execute(_OPERATIONS["prune_heads"], {"older_than": older_than})
        await self._execute(
            _OUTBOX["prune_notices"], {"older_than": max(older_than, _NOTICES_KEPT)}
        )
        return deliveries + finished + dead

    async def _prune(self, query: bytes, **arguments: object) -> int:
        """In batches, each its own transaction: no long locks, and it may be cut short."""
        total = 0
        while True:
            deleted = await self._execute(query, {**arguments, "batch": _PRUNE_BATCH})
            total += deleted
            if deleted < _PRUNE_BATCH:
                return total

    async def _do(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        return await with_connection(self._pool, act)

    async def _fetch(self, query: bytes, arguments: dict[str, Any] | None = None) -> list[Row]:
        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(query, arguments)
                return await cursor.fetchall()

        return await self._do(fetch)

    async def _execute(self, query: bytes, arguments: dict[str, Any]) -> int:
        async def execute(connection: Connection) -> int:
            return (await connection.execute(query, arguments)).rowcount

        return await self._do(execute)


@asynccontextmanager
async def open_store(conninfo: str, *, size: int = 10) -> AsyncIterator[PostgresStore]:
    """A store on a migrated database. It need not be up yet: until it is, every call raises
    StoreUnavailable within about two seconds.

    ``size`` is the most connections held at once.
    """
    pool = connection_pool(conninfo, size=size)
    await pool.open(wait=False)
    try:
        yield PostgresStore(pool)
    finally:
        await pool.close()


def _columns(delivery: Delivery) -> dict[str, Any]:
    return {
        "guid": delivery.guid,
        "event": text(delivery.event),
        "action": text(delivery.action),
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "repository": text(delivery.repository),
        "routed": delivery.routed,
    }


def _compress(deliveries: Sequence[Delivery]) -> list[bytes]:
    # zlib's own format in a fifth of zlib's time, which was a fifth of the whole intake; level 1
    # would save another seventh of the bytes for half as much time again.
    return [isal_zlib.compress(delivery.payload, 0) for delivery in deliveries]


def _evaluation(row: Row) -> Evaluation:
    return Evaluation(
        repo=RepoRef(row["installation_id"], row["repository_id"], row["owner"], row["name"]),
        private=row["hidden"],
        number=row["number"],
        title=row["title"],
        author=row["author"],
        state=row["state"],
        head_sha=Sha(row["head_sha"]),
        base_ref=row["base_ref"],
        verdict=row["verdict"],
        result=row["result"],
        evaluated_at=row["evaluated_at"],
    )
