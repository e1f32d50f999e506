"""When a request is sent again: one pure decision for every kind of trouble.

GitHub's rules for its limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
and https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

MAX_ATTEMPTS = 4
MAX_INLINE_WAIT = timedelta(seconds=3)
"""Longer waits are not slept through: the job waits in the queue, and the worker goes on."""
_FIRST_BACKOFF = timedelta(milliseconds=250)
_SECONDARY_WAIT = timedelta(seconds=60)
"""What GitHub asks for where a secondary limit names no time, doubled each time."""
_LONGEST_WAIT = timedelta(hours=1)


class Failure(StrEnum):
    """What went wrong, as far as sending again is concerned."""

    NOT_SENT = "not_sent"
    """No connection: GitHub has seen nothing of it."""
    CUT = "cut"
    """Sent, and no whole answer came: it may or may not have been done."""
    ANSWER = "answer"
    """An answer came, with a status."""


class Reason(StrEnum):
    UNAVAILABLE = "unavailable"
    LIMITED = "limited"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try of a request ended. ``number`` counts from 1; ``headers`` have lower-case names;
    ``message`` is the message in GitHub's answer."""

    number: int
    repeatable: bool
    failure: Failure = Failure.ANSWER
    status: int = 0
    headers: Mapping[str, str] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    after: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    reason: Reason
    retry_after: timedelta | None = None


def decide_retry(attempt: Attempt, *, now: datetime, jitter: float = 0.0) -> Retry | GiveUp:
    """Whether to send a failed request again, and when.

    ``jitter`` in [0, 1) spreads the back-off over up to twice its length.
    """
    if attempt.failure is Failure.NOT_SENT:
        return _again_or_unavailable(attempt, jitter, repeatable=True)
    if attempt.failure is Failure.CUT:
        return _again_or_unavailable(attempt, jitter, repeatable=attempt.repeatable)
    headers = attempt.headers or {}
    if is_limited(attempt.status, headers, attempt.message):
        # A request turned away at a limit was not carried out: it is safe to send again.
        wait = _limit_wait(attempt.number, headers, now)
        if wait <= MAX_INLINE_WAIT and attempt.number < MAX_ATTEMPTS:
            return Retry(wait)
        return GiveUp(Reason.LIMITED, wait)
    if attempt.status >= 500 or attempt.status == 408:
        asked = _asked_wait(headers, now)
        if asked is not None and asked > MAX_INLINE_WAIT:
            return GiveUp(Reason.UNAVAILABLE, asked)
        decision = _again_or_unavailable(attempt, jitter, repeatable=attempt.repeatable)
        if asked is None or isinstance(decision, GiveUp):
            return decision
        return Retry(max(asked, decision.after))
    if attempt.status in (404, 410, 451):
        return GiveUp(Reason.GONE)
    return GiveUp(Reason.REFUSED)


def is_limited(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether an answer means "too much, wait": GitHub uses both 403 and 429 for both limits."""
    if status == 429:
        return True
    if status != 403:
        return False
    lowered = message.lower()
    return (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "secondary rate limit" in lowered
        or "rate limit exceeded" in lowered
        or "abuse detection" in lowered
    )


def _again_or_unavailable(attempt: Attempt, jitter: float, *, repeatable: bool) -> Retry | GiveUp:
    if not repeatable or attempt.number >= MAX_ATTEMPTS:
        return GiveUp(Reason.UNAVAILABLE)
    doublings = 1 << (attempt.number - 1)
    return Retry(_FIRST_BACKOFF * (doublings * (1 + jitter)))


def _limit_wait(number: int, headers: Mapping[str, str], now: datetime) -> timedelta:
    asked = _asked_wait(headers, now)
    if asked is not None:
        return asked
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _number(headers.get("x-ratelimit-reset", ""))
        if reset is not None:
            # One second more: GitHub's window ends somewhere within the second it names.
            return _bounded(reset - now.timestamp() + 1)
    return min(_SECONDARY_WAIT * (1 << (number - 1)), _LONGEST_WAIT)


def _asked_wait(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """``retry-after``, in seconds or as a date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    seconds = _number(value)
    if seconds is not None:
        return _bounded(seconds)
    try:
        return _bounded(parsedate_to_datetime(value).timestamp() - now.timestamp())
    except ValueError:
        return _SECONDARY_WAIT


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def _bounded(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 0.0), _LONGEST_WAIT.total_seconds()))
