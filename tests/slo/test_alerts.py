"""Alerts over time: what is told, and that it is told once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.core.hosting import Build, LedgerEntry, Origin
from bot.core.model import Sha
from bot.core.slo.alerts import (
    LONGEST_QUIET,
    QUIET,
    UNKNOWN_FOR,
    AlertState,
    News,
    Phase,
    Step,
    advance,
    content_of,
    fires,
    restored,
    rules_of,
    step_of,
)
from bot.core.slo.cause import likely_cause
from bot.core.slo.model import (
    Alert,
    BudgetState,
    Metric,
    Pair,
    Ratio,
    Slo,
    Source,
    SourceKind,
    State,
    Window,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


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
    ("before", "after", "told"),
    [
        ("....", "##", News.FIRING),
        ("####", "." * 11, News.RESOLVED),
        ("####", "####", None),
    ],
)
def test_a_clock_that_was_ahead_silences_no_alert(
    before: str, after: str, told: News | None
) -> None:
    """It is put back by five hours, and looks go on each minute."""
    state, ahead = AlertState(), timedelta(hours=5)
    for minute, look in enumerate(before):
        state, _ = advance(state, look == "#", NOW + ahead + minute * MINUTE)
    state = replace(state, told=state.since)
    found = []
    for minute, look in enumerate(after, len(before)):
        state, news = advance(state, look == "#", NOW + minute * MINUTE)
        found.append(news)
    assert [one for one in found if one] == [told] * bool(told)
    assert state.untold is told


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
    assert advance(state, False, NOW - MINUTE) == (state, None)


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


def state_of(state: State, *alerts: Alert) -> BudgetState:
    return BudgetState(
        "api", Fraction(99, 100), Window(30 * DAY), 0, 0, None, None, {}, alerts, state, NOW
    )


def slo(*pairs: Pair) -> Slo:
    indicator = Ratio(Metric(Source("p", SourceKind.PROBE)), Metric(Source("p", SourceKind.PROBE)))
    return Slo("api", "api", Fraction(99, 100), Window(30 * DAY), indicator, pairs=pairs)


def pair(severity: str = "page", policy: str = "", **told: object) -> Pair:
    return Pair(severity, 60 * MINUTE, 5 * MINUTE, policy=policy, factor=Fraction(2), **told)


def test_the_alerts_of_an_objective_are_one_for_each_severity_and_policy() -> None:
    assert [rule.name for rule in rules_of(slo())] == ["page", "ticket"]
    quiet = pair("ticket", "slow", when_firing=False, when_resolved=False, after=2 * MINUTE)
    known = pair("page", "fast", when_unknown=True, after=MINUTE)
    found = {rule.name: rule for rule in rules_of(slo(known, quiet))}
    assert list(found) == ["page/fast", "unknown/fast", "ticket/slow"]
    slow = found["ticket/slow"]
    assert (slow.when_firing, slow.when_resolved, slow.after) == (False, False, 2 * MINUTE)
    assert found["unknown/fast"].after == UNKNOWN_FOR, "a look that was missed is no news"


def test_an_alert_is_about_the_pairs_of_its_policy_alone() -> None:
    fast, slow = rules_of(slo(pair(policy="fast"), pair(policy="slow")))
    state = state_of(
        State.BURNING,
        replace(alert("page", firing=True), policy="fast"),
        replace(alert("page"), policy="slow"),
    )
    assert (fast.burning(state), slow.burning(state)) == (True, False)
    assert slow.burning(state_of(State.ERROR)) is None


@pytest.mark.parametrize("state", State)
def test_an_objective_is_unknown_without_data_and_without_its_source(state: State) -> None:
    _, unknown = rules_of(slo(pair(policy="fast", when_unknown=True)))
    assert unknown.burning(state_of(state)) is (state in (State.NO_DATA, State.ERROR))


def entry(number: int, minutes: int) -> LedgerEntry:
    at = NOW - minutes * MINUTE
    build = Build(Sha("a" * 40), "d")
    return LedgerEntry(number, "production", build, Origin.PROMOTION, at, None, None, 1, "ada")


@pytest.mark.parametrize(
    ("ages", "cause"),
    [
        ([], None),
        ([61, 200], None),  # before the window
        ([60, 20, 45], 1),  # the newest within it
        ([-1, 30], 1),  # what came after the alert did not cause it
        ([0], 0),
        ([20, 20], 1),
    ],
)
def test_the_newest_move_within_the_window_is_the_likely_cause(
    ages: list[int], cause: int | None
) -> None:
    entries = [entry(number, age) for number, age in enumerate(ages)]
    found = likely_cause(entries, NOW, 60 * MINUTE)
    assert (found.id if found else None) == cause


class Alerts(RuleBasedStateMachine):
    """Whatever comes in whatever order: news alternate, and neither comes too early. People are
    told of each, wherever the process dies, and under one key."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AlertState()
        self.now = NOW
        self.after = 2 * MINUTE
        self.news: list[News] = []
        self.burning_since: datetime | None = None
        self.last_burning: datetime | None = None
        self.told: dict[datetime | None, News] = {}

    @rule(dies=st.booleans())
    def tell(self, dies: bool) -> None:
        """As the engine does after each look, and before the next: told, then noted."""
        if self.state.untold:
            self.told.setdefault(self.state.since, self.state.untold)
        if not dies:
            self.state = replace(self.state, told=self.state.since)

    @rule(minutes=st.integers(-3, 400), burning=st.sampled_from([True, True, False, None]))
    def look(self, minutes: int, burning: bool | None) -> None:
        at = self.now + minutes * MINUTE
        self.tell(False)
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
        self.state = restored(content_of(self.state))

    @invariant()
    def news_take_turns(self) -> None:
        turns = [News.FIRING, News.RESOLVED] * len(self.news)
        assert self.news == turns[: len(self.news)]
        missing = 1 if self.state.untold and self.state.since not in self.told else 0
        assert list(self.told.values()) == self.news[: len(self.news) - missing]

    @invariant()
    def firing_is_what_was_told_last(self) -> None:
        told = bool(self.news) and self.news[-1] is News.FIRING
        assert (self.state.phase is Phase.FIRING) == told
        assert QUIET <= self.state.quiet <= LONGEST_QUIET


Alerts.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestAlerts = Alerts.TestCase
