"""Alerts over time: what is told, and that it is told once."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.core.slo.alerts import (
    LONGEST_QUIET,
    QUIET,
    AlertState,
    News,
    Phase,
    Step,
    advance,
    fires,
    kept,
    restored,
    step_of,
)
from bot.core.slo.model import Alert

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def seen(looks: str, after: int = 0) -> list[tuple[int, News]]:
    """What is told, by the minute: ``#`` burns, ``.`` does not, ``?`` is not known."""
    state, told = AlertState(), []
    for minute, look in enumerate(looks):
        burning = {"#": True, ".": False, "?": None}[look]
        state, news = advance(state, burning, NOW + minute * MINUTE, after * MINUTE)
        if news:
            told.append((minute, news))
    return told


@pytest.mark.parametrize(
    ("looks", "after", "told"),
    [
        ("....", 0, []),
        ("..##", 0, [(2, News.FIRING)]),
        ("..###", 2, [(4, News.FIRING)]),
        ("..#.###", 2, [(6, News.FIRING)]),  # one that stops begins anew
        ("#" + "." * 12, 0, [(0, News.FIRING), (10, News.RESOLVED)]),
        ("#" + ".#" * 20, 0, [(0, News.FIRING)]),  # a flicker is one alert
        ("#" + "?" * 30, 0, [(0, News.FIRING)]),  # what is not known ends nothing
        ("??" + "?" * 9, 0, []),
        # resolved, back at once: it flaps, and is resolved only after twice as long
        (
            "#" + "." * 11 + "#" + "." * 25,
            0,
            [(0, News.FIRING), (10, News.RESOLVED), (12, News.FIRING), (32, News.RESOLVED)],
        ),
    ],
)
def test_what_is_told(looks: str, after: int, told: list[tuple[int, News]]) -> None:
    assert seen(looks, after) == told


def test_the_same_look_twice_and_an_older_one_tell_nothing() -> None:
    state, news = advance(AlertState(), True, NOW)
    assert news is News.FIRING
    assert advance(state, True, NOW) == (state, None)
    assert advance(state, False, NOW - 60 * MINUTE) == (state, None)


def test_a_flap_is_forgotten_in_time() -> None:
    resolved = AlertState(Phase.RESOLVED, NOW, NOW, NOW, 3)
    soon, _ = advance(resolved, True, NOW + 6 * 60 * MINUTE)
    late, _ = advance(resolved, True, NOW + 6 * 60 * MINUTE + MINUTE)
    assert (soon.flaps, late.flaps) == (4, 0)


def alert(severity: str, *, firing: bool = False, known: bool = True) -> Alert:
    rate = Fraction(1) if known else None
    return Alert(severity, 60 * MINUTE, 5 * MINUTE, Fraction(14), rate, rate, firing)


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([], None),
        ([alert("page")], False),
        ([alert("page"), alert("page", firing=True)], True),
        ([alert("page", known=False), alert("page", firing=True)], True),
        ([alert("page", known=False), alert("page")], None),
        ([alert("page"), alert("ticket", firing=True)], False),
    ],
)
def test_whether_a_severity_fires(alerts: list[Alert], expected: bool | None) -> None:
    assert fires(alerts, "page") is expected


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (None, None),
        ("1", Step.NONE),
        ("501/1000", Step.NONE),
        ("0.5", Step.NOTIFY),
        ("0.2501", Step.NOTIFY),
        ("0.25", Step.SECOND_APPROVAL),
        ("1/1000000", Step.SECOND_APPROVAL),
        ("0", Step.FREEZE),
        ("-3", Step.FREEZE),
    ],
)
def test_the_steps_of_the_budget_policy(left: str | None, step: Step | None) -> None:
    assert step_of(None if left is None else Fraction(left)) is step


class Alerts(RuleBasedStateMachine):
    """Whatever comes in whatever order: news alternate, and neither comes too early."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AlertState()
        self.now = NOW
        self.after = 2 * MINUTE
        self.news: list[News] = []
        self.burning_since: datetime | None = None
        self.last_burning: datetime | None = None

    @rule(minutes=st.integers(-3, 400), burning=st.sampled_from([True, True, False, None]))
    def look(self, minutes: int, burning: bool | None) -> None:
        at = self.now + minutes * MINUTE
        before = self.state
        self.state, news = advance(before, burning, at, self.after)
        if before.at is not None and at <= before.at:
            assert (self.state, news) == (before, None)
            return
        self.now = at
        if burning:
            self.burning_since = self.burning_since or at
            self.last_burning = at
        elif burning is False:
            self.burning_since = None
        if news is News.FIRING:
            assert burning
            assert self.burning_since is not None
            assert at - self.burning_since >= self.after
        if news is News.RESOLVED:
            assert burning is False
            assert self.last_burning is not None
            assert at - self.last_burning >= QUIET
        if news:
            self.news.append(news)

    @rule()
    def restart(self) -> None:
        self.state = restored(kept(self.state))

    @invariant()
    def news_take_turns(self) -> None:
        turns = [News.FIRING, News.RESOLVED] * len(self.news)
        assert self.news == turns[: len(self.news)]

    @invariant()
    def firing_is_what_was_told_last(self) -> None:
        told = bool(self.news) and self.news[-1] is News.FIRING
        assert (self.state.phase is Phase.FIRING) == told
        assert QUIET <= self.state.quiet <= LONGEST_QUIET


Alerts.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestAlerts = Alerts.TestCase
