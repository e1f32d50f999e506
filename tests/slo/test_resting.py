"""Which counts may stand for some minutes, and that no objective looks better for it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.slo.budget import evaluate_series, failed
from bot.core.slo.kept import KeptState, kept_state
from bot.core.slo.model import (
    Counts,
    Metric,
    Pair,
    Ratio,
    Sample,
    Slo,
    Source,
    SourceKind,
    State,
    Unit,
    Window,
)
from bot.core.slo.resting import COUNTED_EVERY, may_rest, recent_of, rests
from bot.core.slo.windows import Series

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
_ASKED = Metric(Source("metrics", SourceKind.PROMETHEUS), {"query": "all[{{.window}}]"})
SLO = Slo("api", "api", Fraction(99, 100), Window(30 * DAY), Ratio(_ASKED, _ASKED))


def series(bad: Iterable[int], total: int = 100) -> Series:
    """What each minute counted, the last of which ends now."""
    minutes = list(bad)
    first = NOW - MINUTE * (len(minutes) - 1)
    return Series(
        tuple(Sample(first + MINUTE * n, total - one, total) for n, one in enumerate(minutes))
    )


def kept(slo: Slo = SLO, bad: Iterable[int] = (0,), at: datetime = NOW) -> KeptState:
    return kept_state(42, slo, evaluate_series(slo, series(bad), at), "files")


MONTH = replace(SLO, window=Window(31 * DAY, Unit.MONTH, 1, NOW.replace(day=1)))
TURN = NOW.replace(day=30) + DAY
"""The next window of ``MONTH`` begins."""
SHORT = replace(SLO, pairs=(Pair("page", 10 * MINUTE, MINUTE, factor=Fraction(10)),))
AWAY = kept_state(42, SLO, failed(SLO, "away", NOW), "files")


@pytest.mark.parametrize(
    ("slo", "state", "definition", "minutes", "may"),
    [
        (SLO, kept(), "files", 1, True),
        (SLO, kept(), "files", 4.9, True),
        (SLO, kept(), "files", 5, False),
        (SLO, kept(), "files", -1, False),  # another worker's clock is ahead
        (SLO, kept(), "others", 1, False),
        (SLO, AWAY, "files", 1, False),
        (MONTH, kept(MONTH), "files", 1, True),
        (MONTH, kept(MONTH, at=TURN - 2 * MINUTE), "files", 1, True),
        (MONTH, kept(MONTH, at=TURN - 2 * MINUTE), "files", 2, False),
        (SHORT, kept(SHORT), "files", 0.9, True),
        (SHORT, kept(SHORT), "files", 1, False),
    ],
)
def test_counts_may_stand(
    slo: Slo, state: KeptState, definition: str, minutes: float, may: bool
) -> None:
    assert may_rest(slo, state, definition, state.state.at + minutes * MINUTE) is may


def test_the_recent_window_is_no_longer_than_the_shortest_of_an_alert() -> None:
    assert (recent_of(SLO), recent_of(SHORT)) == (COUNTED_EVERY, MINUTE)
    slow = replace(SLO, pairs=(Pair("page", DAY, 2 * 60 * MINUTE, factor=Fraction(3)),))
    assert recent_of(slow) == COUNTED_EVERY


WEEK = replace(SLO, window=Window(7 * DAY))


@pytest.mark.parametrize(
    ("slo", "bad", "recent", "stands"),
    [
        (SLO, 0, Counts(), True),
        (SLO, 0, Counts(100, 100), True),
        (SLO, 0, Counts(991, 1000), True),
        (SLO, 0, Counts(99, 100), False),  # as fast as the ticket over 3 days: it is exactly 1
        (SLO, 0, Counts(98, 100), False),
        (SLO, 2, Counts(100, 100), True),  # a ticket fires, and the budget is spent
        (SLO, 2, Counts(99, 100), True),
        (SLO, 2, Counts(98, 100), False),
        (SLO, 20, Counts(100, 100), False),  # a page fires
        (SLO, 20, Counts(), False),
        (WEEK, 0, Counts(999, 1000), True),
        (WEEK, 0, Counts(997, 1000), False),
    ],
)
def test_a_state_stands(slo: Slo, bad: int, recent: Counts, stands: bool) -> None:
    assert rests(slo, kept(slo, [bad] * 60).state, recent) is stands


def test_a_state_without_data_stands_as_long_as_nothing_is_counted() -> None:
    state = kept(SLO, []).state
    assert state.state is State.NO_DATA
    assert rests(SLO, state, Counts())
    assert not rests(SLO, state, Counts(1, 1))


PAIRS = (
    Pair("page", 60 * MINUTE, 5 * MINUTE, factor=Fraction(4)),
    Pair("ticket", 120 * MINUTE, 5 * MINUTE, factor=Fraction(2)),
)
DAILY = replace(SLO, window=Window(DAY), pairs=PAIRS)


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from([0, 0, 1, 1, 2, 5, 20, 100])),
        min_size=1,
        max_size=12,
    )
)
def test_no_objective_looks_better_than_by_five_minutes_of_an_even_budget(
    stretches: list[tuple[int, int]],
) -> None:
    """At even traffic, whatever fails: each minute's look, held to what counting all would say."""
    minutes = [bad for length, bad in stretches for _ in range(length)]
    whole = series([0] * 1440 + minutes)
    state = None
    for age in range(len(minutes))[::-1]:
        now = NOW - age * MINUTE
        true = evaluate_series(DAILY, whole, now)
        recent = whole.counts(now - recent_of(DAILY), now)
        if (
            state is None
            or not may_rest(DAILY, state, "files", now)
            or not rests(DAILY, state.state, recent)
        ):
            state = kept_state(42, DAILY, true, "files")
        assert state.state.budget_remaining is not None
        assert true.budget_remaining is not None
        over = state.state.budget_remaining - true.budget_remaining
        assert over <= Fraction(5, 24 * 60)
        fires = {alert.severity for alert in state.state.firing}
        assert {alert.severity for alert in true.firing} <= fires
