"""Budgets as people read them, and which alert would fire next."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from test_budget import DAY, HOUR, NOW, slo, steady

from bot.core.slo.budget import evaluate_series
from bot.core.slo.forecast import next_alert, reached_in, say_forecast
from bot.core.slo.model import Alert, BudgetState, Unit, Window
from bot.core.slo.words import bar, say_budget, say_length, say_percent, say_rate, say_window, trend


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (None, "unknown"),
        ("1", "100 %"),
        ("0.5", "50 %"),
        ("0.12345", "12.3 %"),
        ("0.99999", "99.9 %"),  # what is left is not rounded up
        ("0", "0 %"),
        ("-0.00001", "−0.1 %"),
        ("-0.12", "−12 %"),
        ("-999", "−99900 %"),
    ],
)
def test_a_part(part: str | None, text: str) -> None:
    assert say_percent(None if part is None else Fraction(part)) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, "unknown"), ("6", "6×"), ("9.2", "9.2×"), ("0.04", "0×"), ("151.7", "152×")],
)
def test_a_rate(rate: str | None, text: str) -> None:
    assert say_rate(None if rate is None else Fraction(rate)) == text


@pytest.mark.parametrize(
    ("window", "budget", "over"),
    [
        (Window(30 * DAY), "its 30-day budget", "30 days"),
        (Window(DAY), "its 1-day budget", "1 day"),
        (Window(31 * DAY, Unit.MONTH), "this month's budget", "this month"),
        (Window(92 * DAY, Unit.MONTH, 3), "its 3-month budget", "these 3 months"),
    ],
)
def test_a_window(window: Window, budget: str, over: str) -> None:
    assert (say_budget(window), say_window(window)) == (budget, over)


def test_a_length() -> None:
    assert [say_length(one) for one in (HOUR / 12, 6 * HOUR, 3 * DAY)] == ["5 min", "6 h", "3 d"]


@pytest.mark.parametrize(
    ("part", "drawn"),
    [
        ("1", "▓▓▓▓▓▓▓▓▓▓"),
        ("0.999", "▓▓▓▓▓▓▓▓▓░"),  # full is all of it
        ("0.62", "▓▓▓▓▓▓░░░░"),
        ("0", "░░░░░░░░░░"),
        ("-3", "░░░░░░░░░░"),
        ("7", "▓▓▓▓▓▓▓▓▓▓"),
    ],
)
def test_a_bar(part: str, drawn: str) -> None:
    assert bar(Fraction(part)) == drawn


def test_a_trend_has_the_last_of_each_part_and_a_dot_where_nobody_knows() -> None:
    line = [
        (NOW - 5 * HOUR, Fraction(1)),  # before it all
        (NOW, Fraction(1)),
        (NOW + HOUR, Fraction(1, 10)),
        (NOW + HOUR * 3 / 2, Fraction(1, 2)),
        (NOW + 3 * HOUR, Fraction(-4)),
        (NOW + 4 * HOUR, Fraction(0)),
    ]
    assert trend(line, NOW, NOW + 4 * HOUR, cells=4) == "█▄·▁"
    assert trend([], NOW, NOW + HOUR, cells=3) == "···"
    assert trend(line, NOW, NOW) == ""


def alert(long: str | None, short: str | None, factor: int = 6, **changes: object) -> Alert:
    rates = [None if one is None else Fraction(one) for one in (long, short)]
    whole = Alert("page", 6 * HOUR, HOUR / 2, Fraction(factor), rates[0], rates[1], firing=False)
    return replace(whole, **changes)  # type: ignore[arg-type]


def standing(*alerts: Alert) -> BudgetState:
    return replace(evaluate_series(slo(), steady(), NOW), alerts=alerts)


def test_a_long_window_fills_up_with_what_happens_now() -> None:
    """By hand: half an hour at 12× in a window of six that was still before makes 1×. From there
    it takes 5 ÷ (12 − 0) × 6 h."""
    assert reached_in(alert("1", "12")) == timedelta(hours=2.5)


def test_the_forecast_is_what_then_happens() -> None:
    """Minute by minute: the same window, counted until it is above its factor."""
    rates = [Fraction(1, 3)] * 330 + [Fraction(11)] * 30
    asked = alert(str(sum(rates) / 360), "11")
    minutes = 0
    while sum(rates) / 360 < 6:
        rates = [*rates[1:], Fraction(11)]
        minutes += 1
    within = reached_in(asked)
    assert within is not None
    assert minutes - 1 <= within / timedelta(minutes=1) <= minutes


@pytest.mark.parametrize(
    ("long", "short"), [("4", "5.9"), ("4", "6"), ("9", "2"), (None, "9"), ("4", None), ("4", "0")]
)
def test_what_never_comes_to_it(long: str | None, short: str | None) -> None:
    assert reached_in(alert(long, short)) is None


def test_the_next_alert_is_the_first_to_come() -> None:
    slow = alert("4", "7")
    fast = replace(alert("13", "40", 14), long=HOUR, short=HOUR / 12)
    found = next_alert(standing(slow, fast, alert("50", "50", firing=True)))
    assert found is not None
    assert found.alert is fast
    assert say_forecast(found) == (
        "the 1 h window pages at 14×; now 13×; at this rate in about 3 min"
    )


def test_what_comes_before_the_next_look() -> None:
    found = next_alert(standing(alert("6", "7")))
    assert found is not None
    assert say_forecast(found).endswith("now 6×; at this rate any moment")


def test_the_nearest_alert_where_none_comes() -> None:
    near, far = alert("4.1", "3", severity="ticket"), alert("1", "1")
    found = next_alert(standing(far, near, alert("5", None)))
    assert found is not None
    assert say_forecast(found) == (
        "the 6 h window opens a ticket at 6×; now 4.1×; it does not get there at this rate"
    )


def test_a_long_window_that_is_there_already_waits_for_the_short_one() -> None:
    found = next_alert(standing(alert("9", "2")))
    assert found is not None
    assert say_forecast(found) == (
        "the 6 h window pages at 6×; now 9×; "
        "it waits for the 30 min window, now 2×, to be there too"
    )


def test_nothing_is_told_where_nothing_is_known() -> None:
    assert next_alert(standing()) is None
    assert next_alert(standing(alert(None, None), alert("9", "9", firing=True))) is None
