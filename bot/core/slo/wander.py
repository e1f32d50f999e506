"""How far readings wander by themselves: what neighbours have in common does not even out. Pure.

Where neighbours are alike, a whole watch may see one mood of a service, and however many its
readings are, they are one draw. So what is told against a build has to stand out from the moods
before, not only from the readings.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

from bot.core.slo.evidence import Counts

_FEWEST = 20
"""Readings, of fewer of which nothing is known."""
_FEWEST_EVENTS = 10
"""Of an interval, as a mean, by which its ratio says how the ratio wanders. A probe's single
answers do not: an outage before would make the next one slower to see."""
OUTAGE = 0.5
"""A ratio of bad events above that is no mood."""
CHANCE = 1.645
"""Standard deviations: one in twenty correlations is above that by chance."""
RARE_CHANCE = 2.576
"""The same of one in two hundred: of the many hours of a day some would look moody else."""
_LOW, _HIGH = 0.16, 0.84
"""Quantiles a deviation from the middle: a few readings that are far off move neither."""
_MOST = 50.0
"""Of a logarithm: what is more is beyond any reading."""


def measure_wander(logarithms: Sequence[float], doubt: float, usual: float = 0.0) -> float:
    """How many times as high as before readings may come to be by themselves, but for a probability
    of about ``doubt``. Readings are told by their logarithms, in the order of time; ``usual`` is
    the mood of the day before, where that is known.

    How many moods an hour has seen cannot be read from it where they change slowly: it is taken to
    be five, so that the bound is Student's with four degrees of freedom. That has room as well for
    a day of which some hours were calm.
    """
    return _reach(max(mood(logarithms), usual), doubt)


def ratio_wander(intervals: Sequence[Counts], doubt: float, usual: float = 0.0) -> float:
    """The same of a ratio of bad events."""
    return _reach(max(ratio_mood(intervals), usual), doubt)


def usual_mood(hours: Sequence[float]) -> float:
    """That of the hours of a day together: the root of the mean of their squares, so that a calm
    hour does not hide what the others were like. The worst counts for no more than the next, since
    one bad hour was an incident, and no mood."""
    if len(hours) < 2:
        return 0.0
    *others, next_worst, _ = sorted(hours)
    squares = [one * one for one in (*others, next_worst, next_worst)]
    return math.sqrt(math.fsum(squares) / len(squares))


def mood(logarithms: Sequence[float], chance: float = CHANCE) -> float:
    """The deviation of readings' moods: of their variance what neighbours share. 0 where they have
    no more in common than by chance."""
    count = len(logarithms)
    if count < _FEWEST:
        return 0.0
    shared = shared_part(logarithms)
    if shared < chance / math.sqrt(2 * count):
        return 0.0
    ranked = sorted(logarithms)
    low, high = (ranked[round(part * (count - 1))] for part in (_LOW, _HIGH))
    return math.sqrt(shared) * (high - low) / 2


def ratio_mood(intervals: Sequence[Counts], chance: float = CHANCE) -> float:
    """The same of a ratio of bad events. Few events an interval hide in their own noise how the
    ratio wanders: longer intervals are looked at as well, each twice as long, and the widest tells.
    An outage is left out: the next one is to be seen as well."""
    told = [(bad, total) for bad, total in intervals if total > 0 and bad <= OUTAGE * total]
    if math.fsum(total for _, total in told) < _FEWEST_EVENTS * len(told):
        return 0.0
    found = 0.0
    while len(told) >= _FEWEST:
        # Half an event more, since none has no logarithm.
        logarithms = [math.log((bad + 0.5) / (total + 1)) for bad, total in told]
        found = max(found, mood(logarithms, chance))
        told = [
            (one[0] + other[0], one[1] + other[1])
            for one, other in zip(told[::2], told[1::2], strict=False)
        ]
    return found


def _reach(deviation: float, doubt: float) -> float:
    return math.exp(min(_student(doubt) * deviation, _MOST))


def shared_part(readings: Sequence[float]) -> float:
    """How much of their variance neighbours have in common, at most all: the mean of the
    correlations with the next and with the one after it, of normal scores, so that a reading that
    is far off counts for no more than the highest."""
    scores = _scores(readings)
    variance = math.fsum(one * one for one in scores) / len(scores)
    if not variance:
        return 0.0
    found = [
        math.fsum(a * b for a, b in zip(scores, scores[lag:], strict=False))
        / (len(scores) - lag)
        / variance
        for lag in (1, 2)
    ]
    # Measured around their own mean, readings that have nothing in common seem to shun each other.
    return min(math.fsum(found) / 2 + 1 / len(scores), 1.0)


def _scores(readings: Sequence[float]) -> list[float]:
    """The normal quantile of each one's rank; what is equal has the middle of its ranks."""
    normal, count = NormalDist(), len(readings)
    order = sorted(range(count), key=readings.__getitem__)
    scores = [0.0] * count
    first = 0
    while first < count:
        after = first + 1
        while after < count and readings[order[after]] == readings[order[first]]:
            after += 1
        score = normal.inv_cdf((first + after) / 2 / count)
        for place in order[first:after]:
            scores[place] = score
        first = after
    return scores


def _student(doubt: float) -> float:
    """Student's quantile with four degrees of freedom, above which lies ``doubt`` (W. T. Shaw,
    "Sampling Student's T distribution", 2006); 0 for a half and more."""
    if doubt >= 0.5:
        return 0.0
    part = 4 * doubt * (1 - doubt)
    return 2 * math.sqrt(math.cos(math.acos(math.sqrt(part)) / 3) / math.sqrt(part) - 1)
