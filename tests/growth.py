"""How work grows with what it is done on, without a clock: a busy machine counts the same."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

GIVEN_UP = 60
"""Seconds of this process' own: what takes milliseconds would take minutes by then."""
_SLACK = 2_000
"""Calls that are the same for any size, or that a cache took the first time."""


class Counted:
    calls = 0
    """Of functions, Python's and C's."""

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        self.calls += event in ("call", "c_call")


@contextmanager
def ending() -> Iterator[None]:
    """What does not come to an end is ended. That is no measurement: it would go on for minutes, or
    for ever, as a search for a pattern may, which is one call however long it is about it."""
    handler = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, GIVEN_UP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)


@contextmanager
def counting() -> Iterator[Counted]:
    counted, before = Counted(), sys.getprofile()
    with ending():
        sys.setprofile(counted)
        try:
            yield counted
        finally:
            sys.setprofile(before)


def _give_up(number: int, frame: FrameType | None) -> None:
    pytest.fail("it grows faster than what it is done on: it did not come to an end")


def assert_linear(work: Callable[[int], object], size: int, *, up_to: int = 0) -> None:
    """Work on twice as much takes no more than twice the calls, and some. It ends for as much as
    ``up_to``, where nobody counts: counting makes it slow."""
    if up_to:
        with ending():
            work(up_to)
    calls = []
    for part in (size // 2, size):
        with counting() as counted:
            work(part)
        calls.append(counted.calls)
    assert_alike(*calls)


def assert_alike(half: int, whole: int) -> None:
    """The calls that half of it took, and all of it."""
    assert whole <= 2.5 * half + _SLACK, f"{half} calls for a half, {whole} for all"
