"""Readings → counts over windows of time.

A window holds what is after its start and not after its end, so that windows side by side share
nothing, and their counts add up.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from math import isfinite
from zoneinfo import ZoneInfo

from bot.core.slo.model import Counts, Method, Number, Sample, Slo, Unit, Window

MAX_SKEW = timedelta(minutes=2)
"""How far a source's clock may be before ours."""
_EXTRAPOLATED = 1
"""By so many events good may be above total: Prometheus' ``increase`` rounds each by itself.
https://prometheus.io/docs/prometheus/latest/querying/functions/#increase"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}


class SampleError(Exception):
    """A source said what cannot be. The text says which reading, and is plain."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source said, unchecked. None, NaN and infinity are no numbers: data is missing."""

    at: datetime
    good: float | Fraction | None
    total: float | Fraction | None


@dataclass(frozen=True, slots=True)
class Series:
    """Samples in the order of time, ready for any window's counts."""

    samples: tuple[Sample, ...]
    ends: Sequence[datetime] = field(default=(), compare=False)
    good: Sequence[Number] = field(default=(), compare=False)
    total: Sequence[Number] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "ends", [sample.at for sample in self.samples])
        set_(self, "good", list(accumulate((one.good for one in self.samples), initial=0)))
        set_(self, "total", list(accumulate((one.total for one in self.samples), initial=0)))

    def counts(self, start: datetime, end: datetime) -> Counts:
        """What was counted after ``start``, up to and with ``end``."""
        first, last = bisect_right(self.ends, start), bisect_right(self.ends, end)
        if last <= first:
            return Counts()
        return Counts(self.good[last] - self.good[first], self.total[last] - self.total[first])

    def since(self, start: datetime) -> datetime | None:
        """The first sample after ``start``."""
        index = bisect_right(self.ends, start)
        return self.ends[index] if index < len(self.ends) else None


def period(window: Window, now: datetime) -> tuple[datetime, datetime]:
    """The start and the end, in UTC, of the window that ``now`` stands in.

    A rolling one ends now. One of the calendar begins at ``now`` if that is its first moment.
    """
    now = now.astimezone(UTC)
    if window.unit is None:
        return now - window.length, now
    begin = (window.start or datetime(1970, 1, 5 if window.unit is Unit.WEEK else 1)).replace(
        tzinfo=None
    )
    zone = UTC if window.zone == "UTC" else ZoneInfo(window.zone)

    def boundary(index: int) -> datetime:
        moment = _later(begin, window.unit, index * window.count)
        return moment.replace(tzinfo=zone).astimezone(UTC)

    local = now.astimezone(zone).replace(tzinfo=None)
    if window.unit in _MONTHS:
        months = (local.year - begin.year) * 12 + local.month - begin.month
        index = months // (_MONTHS[window.unit] * window.count)
    else:
        days = 7 if window.unit is Unit.WEEK else 1
        index = (local - begin) // timedelta(days=days * window.count)
    # The estimate is by the clock on the wall: it may be one off where that was put forward.
    while boundary(index) > now:
        index -= 1
    while boundary(index + 1) <= now:
        index += 1
    return boundary(index), boundary(index + 1)


def _later(begin: datetime, unit: Unit | None, count: int) -> datetime:
    if unit not in _MONTHS:
        return begin + timedelta(days=count * (7 if unit is Unit.WEEK else 1))
    years, month = divmod(begin.month - 1 + count * _MONTHS[unit], 12)
    year = begin.year + years
    # The 31st of a month that has 30 days is its last.
    return begin.replace(
        year=year, month=month + 1, day=min(begin.day, monthrange(year, month + 1)[1])
    )


def read_samples(readings: Iterable[Reading], now: datetime) -> list[Sample]:
    """Readings of what happened since the one before, checked and in the order of time.

    What is missing is left out. What cannot be (less than nothing, more good than all, one time
    twice, a time that is yet to come) raises SampleError: a source that says such things may be
    wrong in all that it says.
    """
    samples: dict[datetime, Sample] = {}
    for reading in readings:
        if (sample := _sample(reading, now)) is None:
            continue
        if sample.at in samples:
            raise SampleError(
                f"{_at(sample.at)} stands there twice: one number is needed, of one series"
            )
        samples[sample.at] = sample
    return [samples[at] for at in sorted(samples)]


def read_counters(readings: Iterable[Reading], now: datetime) -> list[Sample]:
    """As ``read_samples``, of numbers that only ever grow: their increase is what counts.

    One that has fallen began anew at zero, as Prometheus sees it, and both do then: they are of
    one process. The first reading gives no sample: when its events were is not known.
    """
    checked = read_samples(readings, now)
    return [_increase(before, after) for before, after in pairwise(checked)]


def sliced(samples: Iterable[Sample], length: timedelta, target: Fraction) -> list[Sample]:
    """Time slices as samples, each of which is one event: good where enough of its own were.

    Slices are counted from 1970, for every objective alike. One without events is no sample: it
    is not known to be good.
    """
    parts: dict[int, Counts] = {}
    for sample in samples:
        number = -((_EPOCH - sample.at) // length)  # rounded up: a slice's end belongs to it
        parts[number] = parts.get(number, Counts()) + Counts(sample.good, sample.total)
    return [
        Sample(_EPOCH + number * length, int(counts.good >= target * counts.total), 1)
        for number, counts in sorted(parts.items())
        if counts.total > 0
    ]


def series_of(slo: Slo, samples: Iterable[Sample]) -> Series:
    """The samples as the objective counts them: events, or slices of time."""
    if slo.method is Method.TIMESLICES:
        return Series(tuple(sliced(samples, slo.slice_length, slo.slice_target)))
    return Series(tuple(sorted(samples, key=lambda sample: sample.at)))


def _sample(reading: Reading, now: datetime) -> Sample | None:
    if reading.at.tzinfo is None:
        raise SampleError(f"{reading.at.isoformat()} has no time zone")
    good, total = _number(reading.good), _number(reading.total)
    if good is None or total is None:
        return None
    at = reading.at.astimezone(UTC)
    if at > now + MAX_SKEW:
        raise SampleError(
            f"{_at(at)} is yet to come: the source's clock is ahead of this machine's"
        )
    if good < 0 or total < 0:
        raise SampleError(f"at {_at(at)} less than nothing was counted")
    if good > total + _EXTRAPOLATED:
        raise SampleError(f"at {_at(at)} more events were good than there were")
    return Sample(at, min(good, total), total)


def _number(value: float | Fraction | None) -> Number | None:
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return None
    exact = Fraction(value)
    return exact.numerator if exact.denominator == 1 else exact


def _increase(before: Sample, after: Sample) -> Sample:
    if after.good < before.good or after.total < before.total:
        return after
    total = after.total - before.total
    return Sample(after.at, min(after.good - before.good, total), total)


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
