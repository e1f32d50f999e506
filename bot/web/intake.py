"""Deliveries on their way into the store: those that arrive together share one commit."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.metrics import INTAKE_BYTES
from bot.ports import Delivery, Store, StoreUnavailable

log = structlog.get_logger()

MAX_BYTES = 128 * 1024 * 1024
"""Bytes received and not yet answered, over all requests; the largest delivery is 25 MB."""
MAX_BATCH = 256
MAX_BATCH_BYTES = 32 * 1024 * 1024
ANSWER_WITHIN = 8.0
"""Seconds. GitHub waits for ten; what is stored after that is known as a duplicate later."""


class IntakeFull(Exception):
    """More bytes are on their way into the store than fit in memory."""


class Intake:
    """Takes deliveries from requests and hands them to the store in batches. Run by ``opened``.

    While a batch is being committed the next one gathers: alone, a delivery never waits for
    company; under load many share the cost of a commit. One batch at a time: two would be smaller,
    and commit one after the other all the same, since a job's notification locks them out.
    """

    def __init__(
        self, store: Store, *, max_bytes: int = MAX_BYTES, answer_within: float = ANSWER_WITHIN
    ) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._answer_within = answer_within
        self._waiting: deque[tuple[Delivery, asyncio.Future[None]]] = deque()
        self._arrived = asyncio.Event()
        self._held = 0
        self._open = False

    def hold(self, count: int) -> None:
        """Count bytes as being in memory.

        Raises:
            IntakeFull: they would be too many; they are not counted then.
        """
        if self._held + count > self._max_bytes:
            raise IntakeFull
        self._held += count
        INTAKE_BYTES.set(self._held)

    def release(self, count: int) -> None:
        self._held -= count
        INTAKE_BYTES.set(self._held)

    async def submit(self, delivery: Delivery) -> None:
        """Return once the delivery is committed.

        Raises:
            StoreUnavailable: it is not, or not within the time that GitHub waits.
        """
        if not self._open:
            raise StoreUnavailable("the intake is closed")
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        limit = loop.call_later(self._answer_within, _give_up, stored)
        self._waiting.append((delivery, stored))
        self._arrived.set()
        try:
            await stored
        finally:
            limit.cancel()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Intake"]:
        """Store what is submitted until the block ends, then what was submitted before that."""
        self._open = True
        flusher = asyncio.create_task(self._flush_forever(), name="intake")
        try:
            yield self
        finally:
            self._open = False
            self._arrived.set()
            await flusher

    async def _flush_forever(self) -> None:
        while self._open or self._waiting:
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = self._take()
            if batch:
                await self._flush(batch)

    def _take(self) -> list[tuple[Delivery, asyncio.Future[None]]]:
        batch: list[tuple[Delivery, asyncio.Future[None]]] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            delivery, stored = self._waiting.popleft()
            if not stored.done():  # else it was answered or its client has gone
                batch.append((delivery, stored))
                size += len(delivery.payload)
        return batch

    async def _flush(self, batch: list[tuple[Delivery, asyncio.Future[None]]]) -> None:
        try:
            await self._store.add_deliveries([delivery for delivery, _ in batch])
        except StoreUnavailable as error:
            log.warning("deliveries_not_stored", count=len(batch), error=str(error))
            _answer(batch, error)
        except Exception as error:
            if len(batch) > 1:  # one of them may be at fault: the others are not to suffer
                for one in batch:
                    await self._flush([one])
                return
            log.exception("delivery_not_stored", delivery=batch[0][0].guid)
            _answer(batch, StoreUnavailable(f"it could not be stored: {type(error).__name__}"))
        else:
            _answer(batch, None)


def _answer(
    batch: list[tuple[Delivery, asyncio.Future[None]]], error: StoreUnavailable | None
) -> None:
    for _, stored in batch:
        if stored.done():
            continue
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)


def _give_up(stored: asyncio.Future[None]) -> None:
    if not stored.done():
        stored.set_exception(StoreUnavailable("the database did not answer in time"))
