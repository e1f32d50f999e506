"""How the demo waits for what must follow, and how it tells that it did not."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bot.demo.stage import Stage

PATIENCE = 30.0
"""Seconds within which what must follow has to follow."""
_LOOK_EVERY = 0.005

T = TypeVar("T")


class NotTrue(Exception):
    """A step did not come true. The text says what stood there instead."""


@dataclass(frozen=True, slots=True)
class Told:
    """A step that has been played. ``seconds`` is from the deed to what followed from it."""

    name: str
    ok: bool
    seconds: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Step:
    """``play`` does something and waits for what must follow; it returns the evidence."""

    name: str
    play: Callable[[], Awaitable[str]]


class Part(Protocol):
    """A part of the story."""

    @property
    def steps(self) -> tuple[Step, ...]: ...


async def until(look: Callable[[], T | None], otherwise: str) -> T:
    """What ``look`` finds, as soon as it finds something.

    Raises:
        NotTrue: it does not in time.
    """
    deadline = time.perf_counter() + PATIENCE
    while (found := look()) is None:
        if time.perf_counter() > deadline:
            raise NotTrue(f"after {PATIENCE:.0f} s {otherwise}")
        await asyncio.sleep(_LOOK_EVERY)
    return found


async def quiet(stage: Stage) -> None:
    """Until every event has been delivered and every job has run."""
    await stage.sandbox.hooks.settled()
    deadline = time.perf_counter() + PATIENCE
    while True:
        health = await stage.bot.store.queue_health()
        if health.waiting == 0 and health.running == 0:
            return
        if time.perf_counter() > deadline:
            raise NotTrue("the queue does not come to rest")
        await asyncio.sleep(_LOOK_EVERY)
