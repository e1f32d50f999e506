"""The audit log in PostgreSQL: ``bot.ports.operations.AuditLog`` and ``AuditReader``.

Appending takes no lock: entries that are asked for at the same time share one statement and one
commit, and are in the log from then on. One process at a time, under an advisory lock, takes what
waits into the tree, and signs a checkpoint in the same transaction.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias, cast

import structlog

from bot.adapters.postgres.connection import (
    Connection,
    Pool,
    held_connection,
    text,
    with_connection,
)
from bot.adapters.postgres.statements import load_queries
from bot.core.audit.checkpoint import (
    AuditKey,
    Checkpoint,
    CheckpointError,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from bot.core.audit.entry import (
    AuditEntry,
    AuditRecord,
    decode_entry,
    encode_entry,
    format_time,
)
from bot.core.audit.tree import Frontier, hash_leaf, prove_inclusion, subtrees_of
from bot.core.audit.verify import Place, Verifier
from bot.ports import Clock, StoreUnavailable
from bot.ports.operations import AuditBroken, AuditProof, AuditVerified

log = structlog.get_logger()

LOCK_KEY = 0x6C6B2D6175646974
"""``lk-audit`` in ASCII; an advisory lock of PostgreSQL."""
MAX_BATCH = 512
SEQUENCED_AT_ONCE = 2000
PAGE = 10_000
_SQL = load_queries("audit")
_HASH = 32


_Asked: TypeAlias = tuple[AuditEntry, datetime, asyncio.Future[None]]


class PostgresAudit:
    """``keys`` are the present one, which seals and signs, and former ones. Where ``anchor`` is
    given the newest checkpoint signed here is also kept in that file, outside of the database."""

    def __init__(
        self, pool: Pool, keys: Sequence[AuditKey], clock: Clock, *, anchor: Path | None = None
    ) -> None:
        self._pool = pool
        self._keys = list(keys)
        self._clock = clock
        self._anchor = anchor
        self._waiting: deque[_Asked] = deque()
        self._flusher: asyncio.Task[None] | None = None

    # --- appending ---

    async def append(self, entry: AuditEntry) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, self._clock.now(), written))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        await written

    async def _flush(self) -> None:
        """Until nothing waits. While a batch is being committed the next one gathers."""
        batch: list[_Asked] = []
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
                await self._write(batch)
        except asyncio.CancelledError:
            _answer([*batch, *self._waiting], StoreUnavailable("the audit log is closing"))
            self._waiting.clear()
            raise
        finally:
            self._flusher = None

    async def _write(self, batch: Sequence[_Asked]) -> None:
        try:
            await self._insert([(entry, at) for entry, at, _ in batch])
        except StoreUnavailable as error:
            _answer(batch, error)
        except Exception as error:
            if len(batch) == 1:
                _answer(batch, error)
                return
            for one in batch:  # one of them may be at fault: the others are not to suffer
                await self._write([one])
        else:
            _answer(batch)

    async def _insert(self, entries: Sequence[tuple[AuditEntry, datetime]]) -> None:
        arguments: dict[str, object] = {}
        key = self._keys[0]

        async def insert(connection: Connection) -> None:
            if not arguments:  # a second try writes the same ids again
                cursor = await connection.execute(_SQL["take_ids"], {"count": len(entries)})
                ids = [row[0] for row in await cursor.fetchall()]
                contents = [
                    encode_entry(entry_id, at, entry)
                    for entry_id, (entry, at) in zip(ids, entries, strict=True)
                ]
                rows = [
                    (entry.key, entry_id, content, key.seal_entry(hash_leaf(content.encode())))
                    for (entry, _), entry_id, content in zip(entries, ids, contents, strict=True)
                ]
                # By their keys: two batches that hold the same ones do not deadlock.
                rows.sort(key=itemgetter(0))
                arguments.update(
                    ids=[entry_id for _, entry_id, _, _ in rows],
                    contents=[content for _, _, content, _ in rows],
                    seals=[seal for _, _, _, seal in rows],
                )
            await connection.execute(_SQL["add_entries"], arguments, prepare=True)

        await with_connection(self._pool, insert)

    # --- sequencing ---

    async def sequence(self) -> int:
        """Take what waits into the tree; how many entries. 0 also while another process does.

        Raises:
            AuditBroken: the newest checkpoint is not one that can be gone on from.
            StoreUnavailable: the database cannot be used.
        """
        return await self._sequence("try_lock")

    async def checkpoint(self) -> str:
        """The signed checkpoint over everything appended by now: to be kept elsewhere. Empty for a
        log that has no entry. Raises as ``sequence``."""
        await self._sequence("lock")
        newest = await with_connection(self._pool, _fetch_newest)
        return newest[1] if newest else ""

    async def check(self) -> None:
        """See whether the log can be gone on with. Raises as ``sequence``."""
        await with_connection(self._pool, self._fetch_frontier)

    async def _sequence(self, lock: str) -> int:
        total = 0
        while True:
            taken, note = await with_connection(self._pool, lambda c: self._sequence_batch(c, lock))
            if note and self._anchor:
                await asyncio.to_thread(_keep, self._anchor, note)
            total += taken
            if taken < SEQUENCED_AT_ONCE:
                return total

    async def _sequence_batch(self, connection: Connection, lock: str) -> tuple[int, str]:
        """How many were taken from those that wait, and the checkpoint that was signed for them."""
        async with connection.transaction():
            cursor = await connection.execute(_SQL[lock], {"key": LOCK_KEY})
            locked = await cursor.fetchone()
            if locked and locked[0] is False:
                return 0, ""
            cursor = await connection.execute(_SQL["take_waiting"], {"batch": SEQUENCED_AT_ONCE})
            rows = await cursor.fetchall()
            good = [
                (entry_id, hash_leaf(content.encode()), seal)
                for entry_id, content, seal in rows
                if self._is_ours(entry_id, content, seal)
            ]
            if len(good) < len(rows):
                log.error("audit_entries_not_ours", count=len(rows) - len(good))
            if not good:
                return len(rows), ""
            frontier = await self._fetch_frontier(connection)
            key, first = self._keys[0], frontier.size
            for _, leaf, _ in good:
                frontier.append(leaf)
            await connection.execute(
                _SQL["add_places"],
                {
                    "positions": list(range(first, frontier.size)),
                    "ids": [entry_id for entry_id, _, _ in good],
                    "leaves": [leaf for _, leaf, _ in good],
                    "seals": [
                        key.seal_place(position, entry_id, leaf, seal)
                        for position, (entry_id, leaf, seal) in enumerate(good, start=first)
                    ],
                },
            )
            note = sign_checkpoint(Checkpoint(frontier.size, frontier.root()), key)
            await connection.execute(
                _SQL["add_checkpoint"],
                {"size": frontier.size, "note": note, "frontier": b"".join(frontier.hashes)},
            )
            return len(rows), note

    def _is_ours(self, entry_id: int, content: str, seal: bytes) -> bool:
        leaf = hash_leaf(content.encode())
        if not any(key.seal_entry(leaf) == seal for key in self._keys):
            return False
        return decode_entry(content).id == entry_id

    async def _fetch_frontier(self, connection: Connection) -> Frontier:
        newest = await _fetch_newest(connection)
        if newest is None:
            cursor = await connection.execute(_SQL["count_places"])
            row = await cursor.fetchone()
            if row and row[0]:
                raise AuditBroken("the audit log's tree has entries and no checkpoint")
            return Frontier()
        size, note, hashes = newest
        try:
            checkpoint = verify_checkpoint(note, [key.public for key in self._keys])
            frontier = Frontier(
                size, [hashes[start : start + _HASH] for start in range(0, len(hashes), _HASH)]
            )
        except (CheckpointError, ValueError) as error:
            raise AuditBroken(str(error)) from error
        if (checkpoint.size, checkpoint.root) != (size, frontier.root()):
            raise AuditBroken(f"the tree of {size} entries is not the one that was signed")
        return frontier

    # --- reading ---

    async def fetch_entries(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        repository: str = "",
        actor: str = "",
        kind: str = "",
        build_sha: str = "",
        before: int = 0,
        limit: int = 100,
    ) -> list[AuditRecord]:
        arguments = {
            "since": format_time(since) if since else "",
            "until": format_time(until) if until else "",
            "repository": text(repository),
            "actor": text(actor),
            "kind": text(kind),
            "build": text(build_sha),
            "before": before or 2**63 - 1,
            "limit": limit,
        }

        async def fetch(connection: Connection) -> list[AuditRecord]:
            cursor = await connection.execute(_SQL["fetch_entries"], arguments, prepare=False)
            return [decode_entry(content) for _, content in await cursor.fetchall()]

        return await with_connection(self._pool, fetch)

    async def fetch_entry(self, entry_id: int) -> AuditRecord | None:
        async def fetch(connection: Connection) -> AuditRecord | None:
            cursor = await connection.execute(_SQL["fetch_entry"], {"id": entry_id})
            row = await cursor.fetchone()
            return decode_entry(row[0]) if row else None

        return await with_connection(self._pool, fetch)

    async def export(self, *, since: datetime | None = None) -> AsyncIterator[AuditRecord]:
        """Oldest first, a page in memory at a time."""
        arguments = {"since": format_time(since) if since else ""}
        async with (
            held_connection(self._pool) as connection,
            connection.transaction(),
            connection.cursor("audit_export") as cursor,
        ):
            cursor.itersize = 1000
            await cursor.execute(_SQL["export_entries"], arguments)
            async for (content,) in cursor:
                yield decode_entry(content)

    async def prove(self, entry_id: int) -> AuditProof | None:
        """That an entry is in the tree of the newest checkpoint; None while it is not in it."""

        async def fetch(connection: Connection) -> AuditProof | None:
            async with connection.transaction():
                newest = await _fetch_newest(connection)
                cursor = await connection.execute(_SQL["fetch_place"], {"entry_id": entry_id})
                place = await cursor.fetchone()
                if newest is None or place is None:
                    return None
                leaves = await _fetch_leaves(connection, newest[0])
            path = await asyncio.to_thread(
                prove_inclusion, subtrees_of(leaves), place[0], newest[0]
            )
            return AuditProof(place[0], place[1], tuple(path), newest[1])

        return await with_connection(self._pool, fetch)

    async def verify(
        self,
        *,
        anchors: Iterable[tuple[str, str]] = (),
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> AuditVerified:
        verifier = Verifier(self._keys)
        verifier.checkpoints(anchors)
        async with held_connection(self._pool) as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            await connection.execute("SET LOCAL statement_timeout = 0")
            cursor = await connection.execute(_SQL["fetch_checkpoints"])
            verifier.checkpoints(
                [(note, f"checkpoint {size}") for size, note in await cursor.fetchall()]
            )
            cursor = await connection.execute(_SQL["count_places"])
            row = await cursor.fetchone()
            total = int(row[0]) if row else 0
            page = await _fetch_places(connection, -(2**63))
            while page:
                # While this one is looked at the database gathers the next.
                following = asyncio.create_task(_fetch_places(connection, page[-1][0] + 1))
                await asyncio.to_thread(verifier.places, page)
                progress(verifier.verified, total)
                page = await following
            async with connection.cursor("audit_strays") as strays:
                await strays.execute(_SQL["fetch_strays"])
                while some := await strays.fetchmany(1000):
                    verifier.strays(some)
        verifier.finish()
        return AuditVerified(
            verified=verifier.verified,
            waiting=verifier.waiting,
            faults=tuple(verifier.faults),
            more_faults=verifier.more_faults,
        )


def _answer(batch: Iterable[_Asked], error: Exception | None = None) -> None:
    for _, _, written in batch:
        if written.done():  # whoever asked has gone
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)


async def _fetch_newest(connection: Connection) -> tuple[int, str, bytes] | None:
    cursor = await connection.execute(_SQL["fetch_newest_checkpoint"])
    row = await cursor.fetchone()
    return (row[0], row[1], row[2]) if row else None


async def _fetch_places(connection: Connection, position: int) -> list[Place]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL["fetch_places"], {"position": position, "limit": PAGE})
        return cast("list[Place]", await cursor.fetchall())


async def _fetch_leaves(connection: Connection, size: int) -> list[bytes]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL["fetch_leaves"], {"size": size})
        return [row[0] for row in await cursor.fetchall()]


def _keep(path: Path, note: str) -> None:
    """Write a checkpoint to a file, whole or not at all; a larger one that is there stays, since
    it is what tells that the database lost entries."""
    try:
        if path.exists():
            kept, _ = parse_checkpoint(path.read_text("utf-8"))
            newer, _ = parse_checkpoint(note)
            if kept.size > newer.size:
                log.error("audit_log_is_shorter", kept=kept.size, now=newer.size)
                return
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(note, "utf-8")
        draft.replace(path)
    except (OSError, CheckpointError) as error:
        log.warning("audit_anchor_not_kept", path=str(path), error=str(error))
