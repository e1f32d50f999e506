"""Five cron fields, and durations."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.cron import parse_cron
from bot.core.durations import parse_duration
from bot.core.phrases import listed, quoted, say_duration

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("cron", "minutes", "hours"),
    [
        ("0 15 * * *", (0,), (15,)),
        ("*/20 8-10 * * *", (0, 20, 40), (8, 9, 10)),
        ("5,10-12 0 * * *", (5, 10, 11, 12), (0,)),
        ("50/5 23 * * *", (50, 55), (23,)),
        ("0-30/15 0 * * *", (0, 15, 30), (0,)),
    ],
)
def test_times_of_the_day(cron: str, minutes: tuple[int, ...], hours: tuple[int, ...]) -> None:
    expected = tuple(hour * 60 + minute for hour in hours for minute in minutes)
    assert parse_cron(cron).times == expected


@pytest.mark.parametrize(
    ("cron", "falls", "falls_not"),
    [
        ("0 0 * * FRI", "2026-03-06", "2026-03-05"),
        ("0 0 * * fri", "2026-03-06", "2026-03-07"),
        ("0 0 * * 0", "2026-03-08", "2026-03-09"),
        ("0 0 * * 7", "2026-03-08", "2026-03-07"),
        ("0 0 * * FRI-SUN", "2026-03-08", "2026-03-09"),
        ("0 0 * * MON-FRI", "2026-03-09", "2026-03-08"),
        ("0 0 24 12 *", "2026-12-24", "2026-11-24"),
        ("0 0 * DEC *", "2026-12-01", "2026-11-30"),
        ("0 0 29 2 *", "2028-02-29", "2027-02-28"),
        # Both days restricted: either will do, as crontab(5) has it.
        ("0 0 13 * FRI", "2026-03-06", "2026-03-05"),
        ("0 0 13 * FRI", "2026-04-13", "2026-04-14"),
        # One of them begins with a star: both have to fit.
        ("0 0 */2 * FRI", "2026-03-13", "2026-03-06"),
    ],
)
def test_days(cron: str, falls: str, falls_not: str) -> None:
    parsed = parse_cron(cron)
    assert parsed.falls_on(date.fromisoformat(falls))
    assert not parsed.falls_on(date.fromisoformat(falls_not))


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("", "must have five fields"),
        ("@daily", "must have five fields"),
        ("0 0 0 * * *", "must have five fields"),
        ("60 0 * * *", "the minute `60` must be a number of 0 to 59"),
        ("0 24 * * *", "the hour `24` must be a number of 0 to 23"),
        ("0 0 0 * *", "the day of the month `0` must be a number of 1 to 31"),
        ("0 0 * 13 *", "the month `13` must be a number of 1 to 12 or a name such as `JAN`"),
        ("0 0 * * 8", "the day of the week `8` must be a number of 0 to 7 or a name such as `SUN`"),
        ("0 0 * * FRIDAY", "the day of the week `FRIDAY` is no cron field"),
        ("0 0 * * FRI-WED", "the day of the week `FRI-WED` ends before it begins"),
        ("*/0 0 * * *", "the minute `*/0` has steps of nothing"),
        ("a 0 * * *", "the minute `a` must be a number of 0 to 59"),
        ("0, 0 * * *", "the minute `` is no cron field"),
        ("0 0 ٣ * *", "the day of the month `٣` is no cron field"),
        ("0 0 31 2,4 *", "the day 31 never comes in the month 2,4"),
    ],
)
def test_what_is_no_cron(cron: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("*", r"\*")):
        parse_cron(cron)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
MOMENTS = st.integers(0, 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(
    MOMENTS,
    ZONES,
    st.sampled_from(["0 15 * * FRI", "30 2,12 * * *", "0 */6 1 * *", "15 8-17/3 * * MON-FRI"]),
    st.integers(1, 100),
)
def test_a_window_holds_exactly_if_a_start_lies_close_enough_before(
    now: datetime, zone: str, cron: str, hours: int
) -> None:
    """Compared with asking every minute of the wall clock."""
    lasting = timedelta(hours=hours)
    parsed, place = parse_cron(cron), ZoneInfo(zone)
    starts = set()
    wall = (now - lasting).astimezone(place).replace(tzinfo=None) - 3 * HOUR
    wall = wall.replace(minute=0)
    while wall <= now.astimezone(place).replace(tzinfo=None) + 3 * HOUR:
        if wall.hour * 60 + wall.minute in parsed.times and parsed.falls_on(wall.date()):
            starts.add(wall.replace(tzinfo=place).astimezone(UTC))
        wall += timedelta(minutes=15)
    ends = [start + lasting for start in starts if start <= now < start + lasting]
    assert parsed.latest_end(now, lasting, place) == max(ends, default=None)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("15m", 15),
        ("2h", 120),
        ("1h30m", 90),
        ("1d12h", 2160),
        ("120s", 2),
        ("0m", 0),
        ("PT15M", 15),
        ("PT1H30M", 90),
        ("P1D", 1440),
        ("P1DT1H", 1500),
        ("P2W", 20160),
        ("PT0S", 0),
    ],
)
def test_durations(text: str, minutes: int) -> None:
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "m",
        "15 m",
        "m15",
        "30m1h",
        "1.5h",
        "-5m",
        "P",
        "PT",
        "P1M",
        "15M",
        "1h1h",
        "٣m",
        "9999999m",
        "PT15M ",
        "pt15m",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=0.2), "1 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=61), "2 min"),
        (timedelta(minutes=59, seconds=30), "1 h"),
        (timedelta(hours=3, minutes=4), "3 h 4 min"),
        (timedelta(hours=24), "1 d"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(days=1, hours=23, minutes=30), "2 d"),
    ],
)
def test_spoken_durations(span: timedelta, words: str) -> None:
    assert say_duration(span) == words


def test_names_and_lists() -> None:
    assert quoted("e2e") == "`e2e`"
    assert quoted("a`b\nc") == "`a'b c`"
    assert len(quoted("x" * 500)) == 62
    assert quoted(" ") == "an empty name"
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
