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

from bot.core.slo.evidence import (
    Baseline,
    Counts,
    measure_baseline,
    visible,
    weigh_errors,
    weigh_slowness,
)
from bot.core.slo.model import Sample

FEWEST_BEFORE = 50
"""Events of the time before: of fewer nothing is known, and the budget alone is compared with."""
FEWEST_READINGS = 20
"""Readings of a quantile from before, with which a few high ones after it can stand out."""
MARGIN = 0.2
"""By how much a quantile may be higher than before: what is slower by less is no reason to roll
back, and covers that neighbouring readings are alike."""
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
    """A quantile of a latency over the interval that ends at ``at``, in milliseconds."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Readings of one quantile, before and after. Up to ``target`` (milliseconds) all is well."""

    quantile: str
    target: float
    before: tuple[Reading, ...]
    after: tuple[Reading, ...]


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
    tolerated, needed, base = _tolerated(one, rules, share, before)
    found = weigh_errors([_counts(sample) for sample in after], tolerated, base.dispersion)
    errors_at = _first(found, needed, [sample.at for sample in after])
    slow_at, of_quantile = _slow(one.latency, share, begun, until)
    at = min((moment for moment in (errors_at, slow_at) if moment), default=None)
    seen = [sample for sample in after if at is None or sample.at <= at]
    total = float(sum(sample.total for sample in seen))
    least = visible(total, tolerated, needed, base.dispersion)
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
        before=base.ratio if base.total else None,
        after=_ratio(seen),
        lately=_ratio([s for s in seen if s.at > (at or until) - _LATELY]),
        tolerated=tolerated,
        visible=least,
        quantile=of_quantile[0],
        quantile_before=of_quantile[1],
        quantile_after=of_quantile[2],
        slow=at is not None and at == slow_at and at != errors_at,
        why=why,
    )


def _tolerated(
    one: Watched, rules: Rules, share: float, before: Sequence[Sample]
) -> tuple[float, float, Baseline]:
    """The ratio that a build may have, the evidence that it takes to say that it has more (as a
    logarithm), and what it was before. What is doubted of the time before and of the time after
    have half of the share each."""
    base = measure_baseline([_counts(sample) for sample in before], share / 2)
    paging = float(one.page * one.budget)
    if rules.compare is Compare.BUDGET or base.total < FEWEST_BEFORE:
        return paging, -math.log(share), base
    allowed = paging if rules.fail_on is FailOn.BURN else float(one.budget)
    return max(base.ceiling, allowed), -math.log(share / 2), base


def _slow(
    latency: Latency | None, share: float, begun: datetime, until: datetime
) -> tuple[datetime | None, tuple[str, float | None, float | None]]:
    """When it was sure that it is slower, if it was, and the quantile before and after (medians of
    its readings)."""
    if latency is None:
        return None, ("", None, None)
    before = [one.value for one in latency.before if one.at <= begun and _sound(one)]
    after = sorted(
        (one for one in latency.after if begun < one.at <= until and _sound(one)),
        key=lambda one: one.at,
    )
    at = None
    if len(before) >= FEWEST_READINGS:
        found = weigh_slowness(before, [one.value for one in after], MARGIN, latency.target)
        at = _first(found, -math.log(share), [one.at for one in after])
    seen = [one.value for one in after if at is None or one.at <= at]
    return at, (latency.quantile, _median(before), _median(seen))


def _first(found: Sequence[float], needed: float, moments: Sequence[datetime]) -> datetime | None:
    return next((at for at, sure in zip(moments, found, strict=True) if sure >= needed), None)


def _ordered(samples: Iterable[Sample]) -> list[Sample]:
    """By time; what cannot have been counted (fewer than none, more good than there were) is no
    sample."""
    return sorted((one for one in samples if 0 <= one.good <= one.total), key=lambda one: one.at)


def _sound(reading: Reading) -> bool:
    return math.isfinite(reading.value) and reading.value >= 0


def _counts(sample: Sample) -> Counts:
    return float(sample.total - sample.good), float(sample.total)


def _ratio(samples: Sequence[Sample]) -> float | None:
    total = sum(one.total for one in samples)
    return float(Fraction(total - sum(one.good for one in samples)) / total) if total else None


def _median(values: Sequence[float]) -> float | None:
    ranked = sorted(values)
    middle = len(ranked) // 2
    if not ranked:
        return None
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def _too_few(total: float) -> str:
    if not total:
        return "nothing was counted since"
    return f"{total:g} events are too few to tell"
