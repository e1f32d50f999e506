"""Whether a request to Vercel is sent again: one pure decision for every kind of trouble.

Vercel's limits and their headers: https://vercel.com/docs/rest-api/welcome#rate-limits
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

MAX_ATTEMPTS = 3
MAX_INLINE_WAIT = timedelta(seconds=3)
"""Longer waits are not slept through: the operation comes back later by the queue."""
_FIRST_BACKOFF = timedelta(milliseconds=250)
_LONGEST_WAIT = timedelta(hours=1)
_UNNAMED_WAIT = timedelta(seconds=30)


class Failure(StrEnum):
    NOT_SENT = "not_sent"
    """No connection: Vercel has seen nothing of it."""
    CUT = "cut"
    """Sent, and no whole answer came: it may or may not have been done."""
    ANSWER = "answer"
    """An answer came, with a status."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try ended. ``number`` counts from 1; ``headers`` have lower-case names. ``moves``
    tells that the request moves production."""

    number: int
    moves: bool
    failure: Failure = Failure.ANSWER
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retry:
    after: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """``known`` is False where nobody can tell whether the request took effect or would have."""

    known: bool
    retry_after: timedelta | None = None


def decide_retry(attempt: Attempt, *, now: datetime, jitter: float = 0.0) -> Retry | GiveUp:
    """What follows a try that brought no success.

    ``jitter`` in [0, 1) spreads the back-off over up to twice its length.
    """
    passing = (
        attempt.failure is not Failure.ANSWER
        or attempt.status in (408, 425, 429)
        or attempt.status >= 500
    )
    if not passing:
        return GiveUp(known=True)
    asked = _asked_wait(attempt, now)
    if attempt.moves or attempt.number >= MAX_ATTEMPTS:
        return GiveUp(known=False, retry_after=asked)
    backoff = _FIRST_BACKOFF * ((1 << (attempt.number - 1)) * (1 + jitter))
    wait = max(backoff, asked or backoff)
    return Retry(wait) if wait <= MAX_INLINE_WAIT else GiveUp(known=False, retry_after=wait)


def _asked_wait(attempt: Attempt, now: datetime) -> timedelta | None:
    """What Vercel asked for: ``retry-after`` in seconds, or for 429 the time of its reset."""
    seconds = _number(attempt.headers.get("retry-after", ""))
    if seconds is None and attempt.status == 429:
        reset = _number(attempt.headers.get("x-ratelimit-reset", ""))
        if reset is None:
            return _UNNAMED_WAIT
        # One second more: the window ends somewhere within the second that is named.
        seconds = reset - now.timestamp() + 1
    if seconds is None:
        return None
    return min(max(timedelta(seconds=min(seconds, 1e6)), timedelta()), _LONGEST_WAIT)


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 15 else None
