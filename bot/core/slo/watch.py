"""The watch after a promotion: whether the build in place is worse than what was before it.

Pure, and told everything anew at each look: who was interrupted decides the same again. A build is
taken back only when it is surely worse than the time before **and** surely spends the budget faster
than it may (see ``evidence`` for "surely"). Whoever sees nothing says so: silence is not health.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from statistics import median

from bot.core.slo.evidence import (
    Baseline,
    Counts,
    measure_baseline,
    visible,
    weigh_errors,
    weigh_slowness,
)
from bot.core.slo.model import Sample
from bot.core.slo.wander import OUTAGE, measure_wander, ratio_wander

FEWEST_BEFORE = 50
"""Events of the time before: of fewer nothing is known, and the budget alone is compared with."""
FEWEST_READINGS = 20
"""Readings of a quantile from before, with which a few high ones after it can stand out."""
MARGIN = 0.2
"""By how much a quantile may be higher than before at least: what is slower by less is no reason to
roll back."""
_LEAST = 1e-3
"""Milliseconds: what is faster is taken for that, since nothing has no logarithm."""
_LATELY = timedelta(minutes=1)


class FailOn(StrEnum):
    BURN = "burn"
    REGRESSION = "regression"


class Compare(StrEnum):
    BEFORE = "before"
    BUDGET = "budget"


class Outcome(StrEnum):
    WATCHING = "watching"
    HEALTHY = "healthy"
    WORSE = "worse"
    UNKNOWN = "unknown"
    """It ended, and too little was seen to call it healthy."""


@dataclass(frozen=True, slots=True)
class Rules:
    """``false_rollbacks`` is the probability, at most, that a watch takes back a build that is no
    worse: of all its objectives together."""

    lasts: timedelta
    false_rollbacks: Fraction
    compare: Compare = Compare.BEFORE
    fail_on: FailOn = FailOn.REGRESSION


@dataclass(frozen=True, slots=True)
class Reading:
    """A quantile of a latency over the interval that ends at ``at``, or a single answer's, in
    milliseconds; infinite where no good answer came at all."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Readings of one quantile, before and after. Up to ``target`` (milliseconds) all is well."""

    quantile: str
    target: float
    before: tuple[Reading, ...]
    after: tuple[Reading, ...]
    bound: float | None = None
    """Where the objective's samples are these readings, one by one: above which one is bad."""
    usual: float = 0.0
    """The mood of the day before (see ``wander``); 0 for none, and where that day is not known."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of one objective: samples of the time before, and of the time since."""

    name: str
    budget: Fraction
    """The part of events that may be bad: above 0."""
    page: Fraction
    """The burn rate at which somebody is woken."""
    before: tuple[Sample, ...] = ()
    after: tuple[Sample, ...] = ()
    latency: Latency | None = None
    unread: str = ""
    """Why there is nothing to judge by, in plain words; empty where it was read."""
    usual: float = 0.0
    """As a latency's, of the ratio of bad events."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one objective says. Ratios are of bad events; None where there were none."""

    name: str
    outcome: Outcome
    at: datetime | None
    """When it was sure that the build is worse."""
    before: float | None
    after: float | None
    lately: float | None
    """Of the last minute up to ``at``, else up to now."""
    tolerated: float
    """Above this ratio a build is worse."""
    visible: float | None
    """The least ratio that so many events would have given away; None where nothing would."""
    quantile: str = ""
    quantile_before: float | None = None
    quantile_after: float | None = None
    slow: bool = False
    """Whether it is the latency that is worse."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class WatchDecision:
    outcome: Outcome
    judged: tuple[Judged, ...]
    took: timedelta
    """From the beginning to what decided, or to now."""

    @property
    def worse(self) -> tuple[Judged, ...]:
        """The first to be sure comes first."""
        found = [one for one in self.judged if one.at is not None]
        return tuple(sorted(found, key=lambda one: (one.at, one.name)))


def decide_watch(
    watched: Sequence[Watched], rules: Rules, begun: datetime, now: datetime
) -> WatchDecision:
    """What the watch that began at ``begun`` says at ``now``. Samples after ``now`` and after its
    end are left out: a clock that is ahead decides nothing.

    Raises:
        ValueError: a rate of false rollbacks that is not above 0 and below 1.
    """
    if not 0 < rules.false_rollbacks < 1:
        raise ValueError("the rate of false rollbacks is above 0 and below 1")
    ends = begun + rules.lasts
    until = min(now, ends)
    tests = sum(2 if one.latency else 1 for one in watched)
    share = float(rules.false_rollbacks) / max(tests, 1)
    judged = tuple(_judge(one, rules, share, begun, until, ended=now >= ends) for one in watched)
    decided = WatchDecision(_of_all(judged, ended=now >= ends), judged, until - begun)
    first = decided.worse
    if first and first[0].at is not None:
        return WatchDecision(Outcome.WORSE, judged, max(first[0].at - begun, timedelta(0)))
    return decided


def _of_all(judged: Iterable[Judged], *, ended: bool) -> Outcome:
    outcomes = {one.outcome for one in judged}
    if not ended:
        return Outcome.WATCHING
    # Nothing watched is nothing seen.
    return Outcome.HEALTHY if outcomes == {Outcome.HEALTHY} else Outcome.UNKNOWN


def _judge(
    one: Watched, rules: Rules, share: float, begun: datetime, until: datetime, *, ended: bool
) -> Judged:
    quiet = Outcome.UNKNOWN if ended else Outcome.WATCHING
    if one.unread:
        return Judged(one.name, quiet, None, None, None, None, 1.0, None, why=one.unread)
    before = _ordered(sample for sample in one.before if sample.at <= begun)
    after = _ordered(sample for sample in one.after if begun < sample.at <= until)
    speed = _speed(one.latency, share, begun, until)
    usual = (speed.at_worst() if speed else []) or before
    tolerated, needed, base = _tolerated(one, rules, share, usual)
    found = weigh_errors([_counts(sample) for sample in after], tolerated, base.dispersion)
    errors_at = _first(found, needed, [sample.at for sample in after])
    slow_at = speed.slow_at() if speed else None
    at = min((moment for moment in (errors_at, slow_at) if moment), default=None)
    later = speed.after_median(at) if speed else None
    seen = [sample for sample in after if at is None or sample.at <= at]
    total = float(sum(sample.total for sample in seen))
    least = visible(total, tolerated, needed, base.dispersion)
    if least is None and speed is not None and speed.shows_outages():
        least = 1.0
    if at is not None:
        outcome, why = Outcome.WORSE, ""
    elif ended and least is not None:
        outcome, why = Outcome.HEALTHY, ""
    else:
        outcome, why = quiet, "" if least is not None or not ended else _too_few(total)
    return Judged(
        name=one.name,
        outcome=outcome,
        at=at,
        before=_ratio(before),
        after=_ratio(seen),
        lately=_ratio([s for s in seen if s.at > (at or until) - _LATELY]),
        tolerated=tolerated,
        visible=least,
        quantile=speed.latency.quantile if speed else "",
        quantile_before=speed.before_median() if speed else None,
        quantile_after=later,
        slow=at is not None and at == slow_at and at != errors_at and later is not None,
        why=why,
    )


def _tolerated(
    one: Watched, rules: Rules, share: float, before: Sequence[Sample]
) -> tuple[float, float, Baseline]:
    """The ratio that a build may have, the evidence that it takes to say that it has more (as a
    logarithm), and what it was before. What is doubted of the time before and of the time after
    have half of the share each."""
    counts = [_counts(sample) for sample in before]
    base = measure_baseline(counts, share / 2)
    paging = float(one.page * one.budget)
    if rules.compare is Compare.BUDGET or base.total < FEWEST_BEFORE:
        return paging, -math.log(share), base
    allowed = paging if rules.fail_on is FailOn.BURN else float(one.budget)
    wandered = min(base.ratio * ratio_wander(counts, share, one.usual), OUTAGE)
    return max(base.ceiling, wandered, allowed), -math.log(share / 2), base


@dataclass(frozen=True, slots=True)
class _Speed:
    """Readings of a latency in order, before and after, and how far it wanders by itself."""

    latency: Latency
    before: Sequence[Reading]
    after: Sequence[Reading]
    share: float
    slower: float
    """How many times as high it may come to be by itself."""

    def at_worst(self) -> list[Sample]:
        """The answers before, as slow as they may come to be by themselves; none where it is not
        these that are counted."""
        bound = self.latency.bound
        if bound is None:
            return []
        return [Sample(one.at, int(one.value * self.slower <= bound), 1) for one in self.before]

    def slow_at(self) -> datetime | None:
        """When it was sure that it is slower, if it was."""
        return self._sure_at([one.value for one in self.after])

    def shows_outages(self) -> bool:
        """Whether it would be sure by now of a build that gives no good answer."""
        return self._sure_at([math.inf] * len(self.after)) is not None

    def before_median(self) -> float | None:
        return _median(self.before)

    def after_median(self, until: datetime | None) -> float | None:
        return _median([one for one in self.after if until is None or one.at <= until])

    def _sure_at(self, after: Sequence[float]) -> datetime | None:
        if len(self.before) < FEWEST_READINGS:
            return None
        before = [one.value for one in self.before]
        found = weigh_slowness(before, after, max(MARGIN, self.slower - 1), self.latency.target)
        return _first(found, -math.log(self.share), [one.at for one in self.after])


def _speed(
    latency: Latency | None, share: float, begun: datetime, until: datetime
) -> _Speed | None:
    if latency is None:
        return None
    before = _in_order(one for one in latency.before if one.at <= begun)
    after = _in_order(one for one in latency.after if begun < one.at <= until)
    # The share of both of its tests: what wanders misleads them alike.
    slower = measure_wander(by_minute(before), 2 * share, latency.usual)
    return _Speed(latency, before, after, share, slower)


def by_minute(readings: Sequence[Reading]) -> list[float]:
    """Of each minute that has any the median of the logarithms, so that one in which a watch looked
    at what was taken back since counts no more than another."""
    minutes: dict[datetime, list[float]] = {}
    for one in readings:
        if one.value < math.inf:
            minute = one.at.replace(second=0, microsecond=0)
            minutes.setdefault(minute, []).append(math.log(max(one.value, _LEAST)))
    return [median(values) for values in minutes.values()]


def _in_order(readings: Iterable[Reading]) -> list[Reading]:
    return sorted((one for one in readings if _sound(one)), key=lambda one: one.at)


def _first(found: Sequence[float], needed: float, moments: Sequence[datetime]) -> datetime | None:
    return next((at for at, sure in zip(moments, found, strict=True) if sure >= needed), None)


def _ordered(samples: Iterable[Sample]) -> list[Sample]:
    """By time; what cannot have been counted (fewer than none, more good than there were) is no
    sample."""
    return sorted((one for one in samples if 0 <= one.good <= one.total), key=lambda one: one.at)


def _sound(reading: Reading) -> bool:
    return reading.value >= 0  # which no NaN is


def _counts(sample: Sample) -> Counts:
    return float(sample.total - sample.good), float(sample.total)


def _ratio(samples: Sequence[Sample]) -> float | None:
    total = sum(one.total for one in samples)
    return float(Fraction(total - sum(one.good for one in samples)) / total) if total else None


def _median(readings: Sequence[Reading]) -> float | None:
    """None where it is infinite as well."""
    ranked = sorted(one.value for one in readings)
    if not ranked:
        return None
    middle = len(ranked) // 2
    found = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return found if found < math.inf else None


def _too_few(total: float) -> str:
    if not total:
        return "nothing was counted since"
    return f"{total:g} events are too few to tell"
