"""When a request to Vercel is sent again, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.vercel.retry import (
    MAX_ATTEMPTS,
    MAX_INLINE_WAIT,
    Attempt,
    Failure,
    GiveUp,
    Retry,
    decide_retry,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_a_read_is_repeated_after_what_may_pass(status: int) -> None:
    headers = {"retry-after": "1"} if status == 429 else {}
    assert isinstance(
        decide_retry(Attempt(1, False, status=status, headers=headers), now=NOW), Retry
    )


@pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.CUT])
def test_a_read_is_repeated_after_a_broken_connection(failure: Failure) -> None:
    assert isinstance(decide_retry(Attempt(1, False, failure), now=NOW), Retry)


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 409, 410, 422])
@pytest.mark.parametrize("moves", [True, False])
def test_what_will_not_change_is_not_repeated(status: int, moves: bool) -> None:
    assert decide_retry(Attempt(1, moves, status=status), now=NOW) == GiveUp(known=True)


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt(1, True, Failure.NOT_SENT),
        Attempt(1, True, Failure.CUT),
        *(Attempt(1, True, status=status) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_what_moves_production_is_never_repeated(attempt: Attempt) -> None:
    decision = decide_retry(attempt, now=NOW)
    assert isinstance(decision, GiveUp)
    assert not decision.known


def test_it_ends_after_so_many_tries() -> None:
    def decide(number: int) -> Retry | GiveUp:
        return decide_retry(Attempt(number, False, status=503), now=NOW)

    assert isinstance(decide(MAX_ATTEMPTS - 1), Retry)
    assert decide(MAX_ATTEMPTS) == GiveUp(known=False)


def test_the_wait_grows_and_is_spread() -> None:
    waits = [
        decide_retry(Attempt(number, False, status=503), now=NOW, jitter=jitter)
        for number in (1, 2)
        for jitter in (0.0, 0.9)
    ]
    seconds = [each.after.total_seconds() for each in waits if isinstance(each, Retry)]
    assert seconds == pytest.approx([0.25, 0.475, 0.5, 0.95])


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "2"}, 2),
        ({"x-ratelimit-reset": str(EPOCH + 1)}, 2),
        ({"x-ratelimit-reset": str(EPOCH - 60)}, 0.25),
    ],
)
def test_a_short_limit_is_waited_for(headers: dict[str, str], wait: float) -> None:
    decision = decide_retry(Attempt(1, False, status=429, headers=headers), now=NOW)
    assert decision == Retry(timedelta(seconds=wait))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-ratelimit-reset": str(EPOCH + 59)}, 60),
        ({"retry-after": "120", "x-ratelimit-reset": str(EPOCH + 5)}, 120),
        ({"retry-after": "999999999"}, 3600),
        ({"retry-after": "soon"}, 30),
        ({"x-ratelimit-reset": "9" * 40}, 30),
        ({}, 30),
    ],
)
@pytest.mark.parametrize("moves", [True, False])
def test_a_long_limit_is_told_and_not_slept_through(
    headers: dict[str, str], wait: float, moves: bool
) -> None:
    decision = decide_retry(Attempt(1, moves, status=429, headers=headers), now=NOW)
    assert decision == GiveUp(known=False, retry_after=timedelta(seconds=wait))
    assert timedelta(seconds=wait) > MAX_INLINE_WAIT
