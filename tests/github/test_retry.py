"""Which failed request is sent again, when, and what its failure means."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.github.faults import raise_for
from bot.adapters.github.retry import (
    MAX_ATTEMPTS,
    Attempt,
    Failure,
    GiveUp,
    Reason,
    Retry,
    decide_retry,
)
from bot.ports import HubClosed, HubError, HubRefused

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def limited(wait: float) -> GiveUp:
    return GiveUp(Reason.LIMITED, seconds(wait))


@pytest.mark.parametrize(
    ("attempt", "decision"),
    [
        # no connection: never arrived, so always safe
        (Attempt(1, False, Failure.NOT_SENT), Retry(seconds(0.25))),
        (Attempt(2, False, Failure.NOT_SENT), Retry(seconds(0.5))),
        (Attempt(3, True, Failure.NOT_SENT), Retry(seconds(1))),
        (Attempt(MAX_ATTEMPTS, True, Failure.NOT_SENT), GiveUp(Reason.UNAVAILABLE)),
        # cut: may have been done
        (Attempt(1, True, Failure.CUT), Retry(seconds(0.25))),
        (Attempt(1, False, Failure.CUT), GiveUp(Reason.UNAVAILABLE)),
        # the server's trouble
        (Attempt(1, True, status=500), Retry(seconds(0.25))),
        (Attempt(1, True, status=502), Retry(seconds(0.25))),
        (Attempt(1, True, status=504), Retry(seconds(0.25))),
        (Attempt(1, True, status=408), Retry(seconds(0.25))),
        (Attempt(1, False, status=500), GiveUp(Reason.UNAVAILABLE)),
        (Attempt(MAX_ATTEMPTS, True, status=503), GiveUp(Reason.UNAVAILABLE)),
        (Attempt(1, True, status=503, headers={"retry-after": "2"}), Retry(seconds(2))),
        (
            Attempt(1, True, status=503, headers={"retry-after": "120"}),
            GiveUp(Reason.UNAVAILABLE, seconds(120)),
        ),
        # a limit: turned away, so safe for every request
        (Attempt(1, False, status=429, headers={"retry-after": "1"}), Retry(seconds(1))),
        (Attempt(1, False, status=403, headers={"retry-after": "3"}), Retry(seconds(3))),
        (Attempt(1, True, status=403, headers={"retry-after": "4"}), limited(4)),
        (Attempt(1, True, status=429, headers={"retry-after": "60"}), limited(60)),
        (Attempt(MAX_ATTEMPTS, True, status=429, headers={"retry-after": "1"}), limited(1)),
        (Attempt(1, True, status=429), limited(60)),
        (Attempt(1, True, status=403, message=SECONDARY), limited(60)),
        (Attempt(2, True, status=403, message=SECONDARY), limited(120)),
        (Attempt(1, True, status=403, message="abuse detection mechanism"), limited(60)),
        (
            Attempt(
                1,
                True,
                status=403,
                headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 600)},
            ),
            limited(601),
        ),
        (
            Attempt(
                1,
                True,
                status=429,
                headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 1)},
            ),
            Retry(seconds(2)),
        ),
        (
            # retry-after goes before the reset
            Attempt(
                1,
                True,
                status=403,
                headers={
                    "retry-after": "30",
                    "x-ratelimit-remaining": "0",
                    "x-ratelimit-reset": str(EPOCH + 600),
                },
            ),
            limited(30),
        ),
        # what the headers say wrongly
        (Attempt(1, True, status=429, headers={"retry-after": "soon"}), limited(60)),
        (Attempt(1, True, status=429, headers={"retry-after": "-5"}), limited(60)),
        (Attempt(1, True, status=429, headers={"retry-after": "9" * 30}), limited(3600)),
        (
            Attempt(1, True, status=429, headers={"retry-after": "Sun, 01 Mar 2026 12:00:40 GMT"}),
            limited(40),
        ),
        (
            Attempt(1, True, status=429, headers={"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}),
            Retry(seconds(0)),
        ),
        (
            Attempt(
                1,
                True,
                status=403,
                headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "later"},
            ),
            limited(60),
        ),
        # answers that say no
        (Attempt(1, True, status=404), GiveUp(Reason.GONE)),
        (Attempt(1, True, status=410), GiveUp(Reason.GONE)),
        (Attempt(1, True, status=451), GiveUp(Reason.GONE)),
        (Attempt(1, True, status=400), GiveUp(Reason.REFUSED)),
        (Attempt(1, True, status=401), GiveUp(Reason.REFUSED)),
        (Attempt(1, True, status=409), GiveUp(Reason.REFUSED)),
        (Attempt(1, True, status=422), GiveUp(Reason.REFUSED)),
        (
            Attempt(
                1, True, status=403, message="Resource not accessible by integration",
                headers={"x-ratelimit-remaining": "4999"},
            ),
            GiveUp(Reason.REFUSED),
        ),
    ],
)  # fmt: skip
def test_decision(attempt: Attempt, decision: Retry | GiveUp) -> None:
    assert decide_retry(attempt, now=NOW) == decision


def test_jitter_spreads_the_back_off_over_up_to_twice_its_length() -> None:
    attempt = Attempt(3, True, status=502)
    assert decide_retry(attempt, now=NOW, jitter=0.5) == Retry(seconds(1.5))
    assert decide_retry(attempt, now=NOW, jitter=0.0) == Retry(seconds(1))


@pytest.mark.parametrize(
    ("status", "message", "raised"),
    [
        (403, "Unable to create comment because issue is locked.", HubClosed),
        (403, "Unable to create reaction because issue is locked.", HubClosed),
        (403, "Repository was archived so is read-only.", HubClosed),
        (403, "Resource not accessible by integration", HubRefused),
        (422, "Reference update failed: the branch archived/issue is locked", HubRefused),
    ],
)
def test_what_people_closed_is_told_from_what_the_app_may_not_do(
    status: int, message: str, raised: type[HubError]
) -> None:
    with pytest.raises(HubError) as found:
        raise_for(
            GiveUp(Reason.REFUSED),
            what="could not write",
            status=status,
            message=message,
            error="",
            as_app=False,
        )
    assert type(found.value) is raised
    assert message in str(found.value)
