"""How long to wait before a failed job is tried again."""

from datetime import timedelta

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=10)
MAX_ATTEMPTS = 12
"""With full jitter these spread over about 25 minutes on average, 51 at most."""


def backoff(
    attempt: int,
    fraction: float,
    *,
    first: timedelta = FIRST,
    longest: timedelta = LONGEST,
) -> timedelta:
    """Exponential back-off with full jitter: evenly spread between zero and the ceiling, so that
    jobs which failed together do not come back together.

    ``attempt`` counts from 1 for the one that just failed; ``fraction`` is a random number in
    [0, 1), drawn by the caller.

    Raises:
        ValueError: attempt or fraction is out of its range.
    """
    if attempt < 1 or not 0 <= fraction < 1:
        raise ValueError(f"attempt {attempt} or fraction {fraction} is out of range")
    doublings = min(attempt - 1, 32)  # a timedelta overflows long before an int does
    ceiling = min(first.total_seconds() * 2**doublings, longest.total_seconds())
    return timedelta(seconds=ceiling * fraction)
