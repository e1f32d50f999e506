from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.backoff import FIRST, LONGEST, MAX_ATTEMPTS, backoff


def test_ceiling_doubles_up_to_the_longest() -> None:
    nearly = 1 - 2**-53
    ceilings = [round(backoff(n, nearly).total_seconds()) for n in range(1, MAX_ATTEMPTS)]
    assert ceilings == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600]


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_delay_is_the_given_share_of_its_ceiling(attempt: int, fraction: float) -> None:
    delay = backoff(attempt, fraction)
    assert timedelta() <= delay <= LONGEST
    assert backoff(1, fraction) <= FIRST
    assert abs(delay - backoff(attempt, 0.5) * 2 * fraction) < timedelta(milliseconds=1)


@pytest.mark.parametrize(("attempt", "fraction"), [(0, 0.5), (1, 1.0), (1, -0.1)])
def test_what_is_out_of_range_is_refused(attempt: int, fraction: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        backoff(attempt, fraction)
