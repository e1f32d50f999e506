"""The gate on freezes: windows of the policy, by date and by cron, and those of maintainers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from growth import assert_linear
from promotion_kit import HOSTILE, NOW, facts, said

from bot.core.gates.freeze import evaluate
from bot.core.hosting import Freeze

WEEKEND = {"cron": "0 15 * * FRI", "hours": 66, "timezone": "Europe/Berlin", "reason": "weekend"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def frozen(*windows: dict[str, Any], now: str = "", by: tuple[Freeze, ...] = ()) -> Any:
    policy = {"freeze": list(windows)}
    return evaluate(facts(policy=policy, freezes=by, now=at(now) if now else NOW))


def manual(until: str, reason: str = "fair") -> Freeze:
    return Freeze("production", "cy", reason, NOW, at(until))


def test_nothing_frozen() -> None:
    assert said(frozen()) == ("pass", "no freeze holds", "")
    assert said(frozen(WEEKEND)) == ("pass", "no freeze holds", "")


def test_a_maintainer_s_freeze_says_when_it_ends_and_who_can_end_it() -> None:
    result = frozen(by=(manual("2026-03-03 09:00"),))
    assert said(result) == (
        "wait",
        "frozen until 2026-03-03 09:00 UTC: fair",
        "wait 21 h, or ask @cy, then comment `/thaw production`",
    )
    assert said(frozen(by=(manual("2026-03-02 12:00"),)))[0] == "pass"


def test_a_policy_s_freeze_is_waited_for() -> None:
    # Friday 15:00 in Berlin is 14:00 UTC in winter; 66 hours later it is Monday 08:00 UTC.
    result = frozen(WEEKEND, now="2026-03-06 14:00")
    assert said(result) == (
        "wait",
        "frozen until 2026-03-09 08:00 UTC: weekend",
        "wait 2 d 18 h",
    )


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ("2026-03-06 13:59", "pass"),
        ("2026-03-06 14:00", "wait"),
        ("2026-03-09 07:59", "wait"),
        ("2026-03-09 08:00", "pass"),
        # Summer: Friday 15:00 in Berlin is 13:00 UTC.
        ("2026-07-03 12:59", "pass"),
        ("2026-07-03 13:00", "wait"),
        # The clocks go forward on Sunday 29 March: 66 hours are 66 hours, until 08:00 UTC.
        ("2026-03-30 07:59", "wait"),
        ("2026-03-30 08:00", "pass"),
        # They go back on Sunday 25 October: from Friday 13:00 UTC until Monday 07:00 UTC.
        ("2026-10-23 13:00", "wait"),
        ("2026-10-26 06:59", "wait"),
        ("2026-10-26 07:00", "pass"),
    ],
)
def test_cron_windows_keep_to_the_clock_on_the_wall(now: str, verdict: str) -> None:
    assert said(frozen(WEEKEND, now=now))[0] == verdict


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        # 02:30 does not exist on 29 March: by the offset before the gap it is 01:30 UTC.
        ("2026-03-29 01:29", "pass"),
        ("2026-03-29 01:30", "wait"),
        ("2026-03-29 02:29", "wait"),
        ("2026-03-29 02:30", "pass"),
        # It comes twice on 25 October: the first time is 00:30 UTC.
        ("2026-10-25 00:29", "pass"),
        ("2026-10-25 00:30", "wait"),
        ("2026-10-25 01:29", "wait"),
        ("2026-10-25 01:30", "pass"),
    ],
)
def test_a_start_that_the_clocks_skip_or_repeat(now: str, verdict: str) -> None:
    night = {"cron": "30 2 * * *", "hours": 1, "timezone": "Europe/Berlin", "reason": "backup"}
    assert said(frozen(night, now=now))[0] == verdict


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        # Noon in Berlin is 10:00 UTC already on 29 March, and 11:00 UTC again on 25 October.
        ("2026-03-29 09:59", "pass"),
        ("2026-03-29 10:00", "wait"),
        ("2026-03-29 11:00", "pass"),
        ("2026-10-25 10:59", "pass"),
        ("2026-10-25 11:00", "wait"),
        ("2026-10-25 12:00", "pass"),
    ],
)
def test_a_start_later_on_the_day_of_a_change(now: str, verdict: str) -> None:
    noon = {"cron": "0 12 * * *", "hours": 1, "timezone": "Europe/Berlin", "reason": "lunch"}
    assert said(frozen(noon, now=now))[0] == verdict


@pytest.mark.parametrize(
    ("window", "now", "verdict"),
    [
        ({"from": "2026-12-20", "until": "2027-01-02"}, "2026-12-19 23:59", "pass"),
        ({"from": "2026-12-20", "until": "2027-01-02"}, "2026-12-20 00:00", "wait"),
        ({"from": "2026-12-20", "until": "2027-01-02"}, "2027-01-01 23:59", "wait"),
        ({"from": "2026-12-20", "until": "2027-01-02"}, "2027-01-02 00:00", "pass"),
        ({"until": "2026-12-20"}, "2026-01-01 00:00", "wait"),
        (
            {"until": "2026-12-20T18:00", "timezone": "America/New_York"},
            "2026-12-20 22:59",
            "wait",
        ),
        (
            {"until": "2026-12-20T18:00", "timezone": "America/New_York"},
            "2026-12-20 23:00",
            "pass",
        ),
        # An offset of its own counts before the zone.
        (
            {"until": "2026-12-20T18:00+01:00", "timezone": "America/New_York"},
            "2026-12-20 17:00",
            "pass",
        ),
    ],
)
def test_windows_by_date(window: dict[str, Any], now: str, verdict: str) -> None:
    assert said(frozen({**window, "reason": "x"}, now=now))[0] == verdict


def test_freezes_in_a_row_are_one() -> None:
    nights = {"cron": "0 18 * * *", "hours": 14, "reason": "night"}
    mornings = {"cron": "0 8 * * MON-FRI", "hours": 2, "reason": "standup"}
    result = frozen(nights, mornings, now="2026-03-02 20:00")
    assert result.summary == "frozen until 2026-03-03 10:00 UTC: night"
    both = (manual("2026-03-03 09:00"), manual("2026-03-05 09:00", "launch"))
    assert frozen(by=both).summary == "frozen until 2026-03-05 09:00 UTC: launch"
    assert frozen(by=both) == frozen(by=both[::-1])


def test_freezes_without_an_end_in_sight_say_at_least() -> None:
    always = {"cron": "0 0 * * *", "hours": 24, "reason": "closed"}
    result = frozen(always)
    assert result.verdict.value == "wait"
    assert result.summary.startswith("frozen at least until 2026-")
    assert result.evidence["certain"] is False
    long = frozen({"until": "2190-01-01", "reason": "retired"})
    assert long.summary == "frozen at least until 2190-01-01 00:00 UTC: retired"


def test_hostile_windows_cost_little() -> None:
    window = {"cron": "* * * * *", "hours": 0.25, "timezone": "Asia/Tokyo", "reason": "x"}

    def judge(count: int) -> None:
        assert frozen(*[window] * count).verdict.value == "wait"

    assert_linear(judge, 100)


def test_a_hostile_reason_is_told_as_it_is() -> None:
    result = frozen(by=(manual("2026-03-03 09:00", HOSTILE),))
    assert result.summary.endswith(HOSTILE)
