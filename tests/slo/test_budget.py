"""Budgets, burn rates and windows: the published tables, and what must hold of any numbers."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.slo.budget import burn_down, evaluate_series, failed, remaining, returns_at
from bot.core.slo.burn import PAIRS, factor_of, unreachable
from bot.core.slo.model import (
    Counts,
    Method,
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
    record,
)
from bot.core.slo.windows import (
    Reading,
    SampleError,
    Series,
    period,
    read_counters,
    read_samples,
    series_of,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
METRIC = Metric(Source("probes", SourceKind.PROBE), {"measure": "all"})
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def slo(**changes: object) -> Slo:
    facts: dict[str, object] = {
        "name": "api-availability",
        "service": "api",
        "objective": Fraction("0.999"),
        "window": Window(30 * DAY),
        "indicator": Ratio(METRIC, METRIC),
    }
    return Slo(**{**facts, **changes})  # type: ignore[arg-type]


def steady(
    bad: int = 0, total: int = 10_000, days: int = 30, *, recent_bad: int | None = None
) -> Series:
    """A sample every five minutes; ``recent_bad`` is of those of the last hour."""
    count = days * 288
    return Series(
        tuple(
            Sample(
                NOW - 5 * MINUTE * back,
                total - (bad if recent_bad is None or back >= 12 else recent_bad),
                total,
            )
            for back in range(count - 1, -1, -1)
        )
    )


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (30, ("14.4", "6", "3", "1")),
        (28, ("13.44", "5.6", "2.8", "14/15")),
        (7, ("3.36", "1.4", "0.7", "7/30")),
    ],
)
def test_the_factors_follow_from_the_period(days: int, factors: tuple[str, ...]) -> None:
    """The published ones for 30 days: https://sre.google/workbook/alerting-on-slos/, table 5-8."""
    assert [factor_of(pair, days * DAY) for pair in PAIRS] == [Fraction(one) for one in factors]


@pytest.mark.parametrize(
    ("good", "total", "objective", "left"),
    [
        (100_000, 100_000, "0.999", "1"),
        (99_950, 100_000, "0.999", "0.5"),
        (99_900, 100_000, "0.999", "0"),
        (99_888, 100_000, "0.999", "-0.12"),
        (0, 10, "0.999", "-999"),
        (2, 3, "0.9", "-7/3"),
        (Fraction(1, 3), Fraction(2, 3), "0.5", "0"),
    ],
)
def test_what_is_left_of_a_budget(good: int, total: int, objective: str, left: str) -> None:
    assert remaining(Counts(good, total), 1 - Fraction(objective)) == Fraction(left)


def test_of_nothing_nothing_is_known() -> None:
    assert remaining(Counts(0, 0), Fraction("0.001")) is None


@pytest.mark.parametrize(
    ("series", "state", "firing"),
    [
        (steady(), State.OK, []),
        (steady(bad=5), State.OK, []),
        (steady(bad=9), State.OK, []),
        (steady(bad=10), State.EXHAUSTED, []),  # no budget left: a rate of 1 is not above 1
        (steady(recent_bad=144), State.OK, []),  # exactly 14.4: a pair fires above its factor
        (steady(recent_bad=145), State.BURNING, ["page"]),
        (steady(bad=11), State.EXHAUSTED, ["ticket"]),
        (steady(total=0), State.NO_DATA, []),
        (Series(()), State.NO_DATA, []),
    ],
)
def test_how_an_objective_stands(series: Series, state: State, firing: list[str]) -> None:
    found = evaluate_series(slo(), series, NOW)
    assert (found.state, [alert.severity for alert in found.firing]) == (state, firing)


def test_a_budget_that_is_overspent_is_below_nothing_and_says_when_it_is_back() -> None:
    series = steady(recent_bad=8_000)
    found = evaluate_series(slo(), series, NOW)
    assert found.budget_remaining == 1 - Fraction(12 * 8_000, 8_640 * 10_000) * 1_000
    assert found.state is State.EXHAUSTED
    back = returns_at(slo(), series, NOW)
    assert back == NOW - 50 * MINUTE + 30 * DAY  # when the second of the twelve drops out
    assert returns_at(slo(), steady(), NOW) is None


def test_fewer_events_than_asked_for_are_no_data() -> None:
    found = evaluate_series(slo(minimum_events=11), Series((Sample(NOW, 5, 10),)), NOW)
    assert found.state is State.NO_DATA
    assert found.reason == "only 10 events in the window, and 11 are asked for"
    assert found.budget_remaining is None
    assert not found.firing


def test_a_source_that_fell_silent_is_no_data_though_the_window_is_full() -> None:
    series = Series(steady(days=3).samples[:-72])  # six hours
    assert evaluate_series(slo(), series, NOW).reason == "nothing was counted in the last 6 h"
    assert evaluate_series(slo(), series, NOW - 5 * MINUTE).state is State.OK


def test_a_window_that_is_longer_than_its_data_says_since_when() -> None:
    series = steady(bad=1, days=2)
    found = evaluate_series(slo(), series, NOW)
    assert found.since == NOW - 2 * DAY + 5 * MINUTE
    assert found.total == 2 * 288 * 10_000


def test_what_could_not_be_read_is_an_error_and_not_in_budget() -> None:
    found = failed(slo(), "the source answered 422", NOW)
    assert (found.state, found.reason) == (State.ERROR, "the source answered 422")
    assert found.budget_remaining is None
    assert not found.firing


def test_the_json_has_the_keys_that_others_read() -> None:
    found = record(evaluate_series(slo(), steady(bad=5), NOW))
    assert list(found) == [
        "name", "objective", "window", "good", "total", "ratio", "budget_remaining", "burn",
        "alerts", "state",
    ]  # fmt: skip
    assert found["window"] == "30d"
    assert found["budget_remaining"] == 0.5
    assert found["burn"] == dict.fromkeys(["5m", "30m", "1h", "2h", "6h", "1d", "3d"], 0.5)
    assert found["alerts"][0] == {  # type: ignore[index]
        "severity": "page", "long": "1h", "short": "5m", "firing": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("objective", "pair", "message"),
    [
        ("0.999", PAIRS[0], ""),
        ("0.95", PAIRS[0], ""),
        (
            "0.9",
            PAIRS[0],
            (
                "the page alert over 1h fires above a burn rate of 14.4, which is 144 % of events "
                "failing: it never would"
            ),
        ),
        (
            "0.5",
            Pair("page", HOUR, MINUTE, factor=Fraction(2)),
            (
                "the page alert over 1h fires above a burn rate of 2, which is 100 % of events "
                "failing: it never would"
            ),
        ),
    ],
)
def test_an_alert_that_can_never_fire(objective: str, pair: Pair, message: str) -> None:
    assert unreachable(slo(objective=Fraction(objective)), pair) == message


# --- time slices ---------------------------------------------------------------------------------


def test_time_slices_count_minutes_and_not_events() -> None:
    """One slice of a thousand failures costs as much as one of a single failure."""
    samples = [
        Sample(NOW - 30 * timedelta(seconds=1), 0, 1_000),
        Sample(NOW, 1_000, 1_000),  # the same minute
        Sample(NOW - MINUTE, 95, 100),
        Sample(NOW - 2 * MINUTE, 94, 100),
        Sample(NOW - 4 * MINUTE, 0, 0),  # nobody asked: neither good nor bad
    ]
    sliced = slo(method=Method.TIMESLICES, slice_target=Fraction("0.95"))
    found = evaluate_series(sliced, series_of(sliced, samples), NOW)
    assert (found.good, found.total) == (1, 3)


# --- calendar windows ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        (Window(31 * DAY, Unit.MONTH), "2026-11-22T12", "2026-11-01T00", "2026-12-01T00"),
        (Window(31 * DAY, Unit.MONTH), "2026-11-01T00", "2026-11-01T00", "2026-12-01T00"),
        (
            Window(31 * DAY, Unit.MONTH, start=datetime(2026, 1, 31)),
            "2026-02-27T12", "2026-01-31T00", "2026-02-28T00",
        ),
        (Window(92 * DAY, Unit.QUARTER), "2026-11-22T12", "2026-10-01T00", "2027-01-01T00"),
        (Window(366 * DAY, Unit.YEAR), "2028-11-22T12", "2028-01-01T00", "2029-01-01T00"),
        (Window(7 * DAY, Unit.WEEK), "2026-11-22T12", "2026-11-16T00", "2026-11-23T00"),
        (
            Window(14 * DAY, Unit.WEEK, 2, datetime(2026, 11, 2)),
            "2026-11-22T12", "2026-11-16T00", "2026-11-30T00",
        ),
        (  # the clocks go back on 25 October: that day has 25 hours
            Window(DAY, Unit.DAY, zone="Europe/Berlin"),
            "2026-10-25T12", "2026-10-24T22", "2026-10-25T23",
        ),
        (
            Window(31 * DAY, Unit.MONTH, zone="America/New_York"),
            "2026-11-01T03", "2026-10-01T04", "2026-11-01T04",
        ),
        (Window(7 * DAY), "2026-11-22T12", "2026-11-15T12", "2026-11-22T12"),
    ],
)  # fmt: skip
def test_the_period_of_a_window(window: Window, now: str, start: str, end: str) -> None:
    moments = [datetime.fromisoformat(f"{text}:00+00:00") for text in (now, start, end)]
    assert period(window, moments[0]) == (moments[1], moments[2])


def test_a_calendar_window_comes_back_when_the_next_begins() -> None:
    monthly = slo(window=Window(31 * DAY, Unit.MONTH))
    assert returns_at(monthly, steady(bad=100), NOW) == datetime(2026, 12, 1, tzinfo=UTC)
    # 30 days of November, and not the 31 of the longest month
    assert evaluate_series(monthly, steady(), NOW).alerts[0].factor == Fraction("14.4")


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "total", "seconds", "message"),
    [
        (-1, 5, 0, "at 2026-11-22 12:00:00 UTC less than nothing was counted"),
        (0, -5, 0, "at 2026-11-22 12:00:00 UTC less than nothing was counted"),
        (7, 5, 0, "at 2026-11-22 12:00:00 UTC more events were good than there were"),
        (5, 5, 121, "2026-11-22 12:02:01 UTC is yet to come: the source's clock is ahead"),
    ],
)
def test_what_cannot_be_is_an_error(good: int, total: int, seconds: int, message: str) -> None:
    at = NOW + timedelta(seconds=seconds)
    with pytest.raises(SampleError, match=f"^{message}"):
        read_samples([Reading(at, good, total)], NOW)


def test_one_time_twice_is_two_series() -> None:
    with pytest.raises(SampleError, match="stands there twice: one number is needed"):
        read_samples([Reading(NOW, 1, 1), Reading(NOW, 2, 2)], NOW)


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), float("-inf")])
def test_what_is_missing_is_left_out(missing: float | None) -> None:
    readings = [Reading(NOW, missing, 5.0), Reading(NOW, 5.0, missing), Reading(NOW, 2.5, 5.0)]
    assert read_samples(readings, NOW) == [Sample(NOW, Fraction(5, 2), 5)]


def test_a_clock_that_is_a_little_ahead_is_borne() -> None:
    ahead = NOW + timedelta(seconds=119)
    samples = read_samples([Reading(ahead, 1, 1)], NOW)
    assert evaluate_series(slo(), series_of(slo(), samples), NOW).total == 0
    assert evaluate_series(slo(), series_of(slo(), samples), ahead).total == 1


def test_a_counter_that_begins_anew_loses_nothing_and_gives_nothing() -> None:
    readings = [
        Reading(NOW - 3 * MINUTE, 90, 100),
        Reading(NOW - 2 * MINUTE, 180, 200),
        Reading(NOW - MINUTE, 9, 10),  # restarted
        Reading(NOW, 19, 20),
    ]
    assert [(one.good, one.total) for one in read_counters(readings, NOW)] == [
        (90, 100), (9, 10), (10, 10),
    ]  # fmt: skip


# --- what must hold of any numbers ---------------------------------------------------------------

counts = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(
    lambda pair: Counts(min(pair), max(pair))
)
budgets = st.fractions(Fraction(1, 10**6), Fraction(999_999, 10**6))
histories = st.lists(
    st.tuples(st.integers(0, 6 * 24 * 60), st.integers(0, 50), st.integers(0, 50)), max_size=40
).map(
    lambda rows: Series(
        tuple(
            Sample(NOW - back * MINUTE, good, good + bad)
            for back, good, bad in sorted(rows, reverse=True)
        )
    )
)


@given(counts, budgets, st.integers(1, 10**6))
def test_more_bad_events_never_raise_the_budget(
    before: Counts, budget: Fraction, more: int
) -> None:
    left = remaining(before, budget)
    after = remaining(Counts(before.good, before.total + more), budget)
    assert after is not None
    assert left is None or after < left or (before.good == 0 and after == left)


@given(histories, st.integers(0, 6 * 24 * 60), st.integers(0, 6 * 24 * 60))
def test_parts_of_a_window_add_up(history: Series, first: int, second: int) -> None:
    start, end = NOW - max(first, second) * MINUTE, NOW
    middle = NOW - min(first, second) * MINUTE
    whole = history.counts(start, middle) + history.counts(middle, end)
    assert whole == history.counts(start, end)


@given(histories)
def test_the_line_of_a_budget_only_falls_and_ends_at_what_is_left(history: Series) -> None:
    weekly = slo(window=Window(7 * DAY))
    line = burn_down(weekly, history, NOW)
    left = remaining(history.counts(NOW - 7 * DAY, NOW), weekly.budget)
    if left is None:
        assert line == []
    else:
        values = [value for _, value in line]
        assert values == sorted(values, reverse=True)
        assert (values[0], line[-1]) == (1, (NOW, left))
