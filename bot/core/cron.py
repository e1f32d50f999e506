"""Five cron fields: minute, hour, day of the month, month, day of the week.

The rules are those of crontab(5): where both days are restricted either will do. A matcher of our
own, because it is asked what a library has no answer to: whether a moment lies within so many
hours of a start, across a change of the clocks.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(?:(\*)|(\w{1,3})(?:-(\w{1,3}))?)(?:/(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cron:
    times: tuple[int, ...]
    """Of the day, in minutes of the clock on the wall, ascending."""
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    any_day: bool
    any_weekday: bool

    def falls_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_month and by_week
        return by_month or by_week

    def latest_end(self, now: datetime, lasting: timedelta, zone: tzinfo) -> datetime | None:
        """When the window that holds ``now`` ends, of those that begin by this cron and last so
        long; None if there is none. A start that the clocks skip or repeat is taken as RFC 5545,
        section 3.3.5, has it: by the offset before the gap, and at its first occurrence."""
        first = (now - lasting).astimezone(zone).date() - timedelta(days=1)
        day = now.astimezone(zone).date() + timedelta(days=1)
        while day >= first:
            start = self._latest_start(day, now, zone) if self.falls_on(day) else None
            if start is not None and start + lasting > now:
                return start + lasting
            day -= timedelta(days=1)
        return None

    def _latest_start(self, day: date, now: datetime, zone: tzinfo) -> datetime | None:
        """Of the starts on a day the last that is not after ``now``."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        if midnight.utcoffset() == (midnight + timedelta(days=1)).utcoffset():
            begin = midnight.astimezone(UTC)
            index = bisect_right(self.times, (now - begin) / timedelta(minutes=1))
            return begin + timedelta(minutes=self.times[index - 1]) if index else None
        starts = ((midnight + timedelta(minutes=time)).astimezone(UTC) for time in self.times)
        return max((start for start in starts if start <= now), default=None)


@lru_cache(maxsize=256)
def parse_cron(text: str) -> Cron:
    """Raises ValueError, in words for whoever wrote it."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            "must have five fields (minute, hour, day of the month, month, day of the week), "
            "e.g. `0 15 * * FRI`"
        )
    minutes, hours, days, months, weekdays = (
        _numbers(field, *about) for field, about in zip(fields, _FIELDS, strict=True)
    )
    if fields[4].startswith("*") and not _comes(days, months):
        raise ValueError(f"the day {fields[2]} never comes in the month {fields[3]}")
    return Cron(
        times=tuple(hour * 60 + minute for hour in sorted(hours) for minute in sorted(minutes)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(number % 7 for number in weekdays),
        any_day=fields[2].startswith("*"),
        any_weekday=fields[4].startswith("*"),
    )


def _comes(days: set[int], months: set[int]) -> bool:
    return any(min(days) <= monthrange(2024, month)[1] for month in months)  # a leap year


def _numbers(field: str, name: str, low: int, high: int, words: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"the {name} `{part[:40]}` is no cron field")
        star, begin, end, step = match.groups()
        first = low if star else _number(begin, name, low, high, words)
        last = high if star or (step and not end) else first
        if end:
            last = _number(end, name, low, high, words)
            last = high if last == low and high == 7 else last  # FRI-SUN: Sunday is 0 and 7
        if last < first:
            raise ValueError(f"the {name} `{part}` ends before it begins")
        if step and int(step) == 0:
            raise ValueError(f"the {name} `{part}` has steps of nothing")
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str, name: str, low: int, high: int, words: dict[str, int]) -> int:
    number = int(text) if text.isdecimal() else words.get(text.upper(), -1)
    if not low <= number <= high:
        or_name = f" or a name such as `{next(iter(words))}`" if words else ""
        raise ValueError(f"the {name} `{text}` must be a number of {low} to {high}{or_name}")
    return number
