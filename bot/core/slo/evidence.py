"""How sure it is that things got worse: tests that may be looked at after every sample.

Each test bets against "no worse than before" and counts its winnings. While that is true they
exceed 1/a with a probability of at most a, however often one looks, and whenever one stops (Ville's
inequality; Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid
inference", 2023). So the rate of false alarms is a number that one chooses. Statistics are floats;
what is compared with a budget is a fraction in ``budget``.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Counts: TypeAlias = tuple[float, float]
"""Of an interval: how many events were bad, and how many there were. Sources that extrapolate,
such as Prometheus' ``increase``, give parts of events."""

_MULTIPLES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Of what is tolerated: the alternatives that are bet on alike, with a total outage as the last."""
_OUTAGE = 0.999
_STAKES = (0.1, 0.2, 0.4, 0.6, 0.8)
"""Exponents of the bets on a rank, from bold to careful: Vovk's power martingales."""
_FEWEST_BAD = 3
"""Nothing is decided on fewer bad events than that."""
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was before: ``ratio`` of bad events, surely not above ``ceiling``."""

    bad: float
    total: float
    ceiling: float
    dispersion: float = 1.0
    """How many times the variance between intervals is that of independent events: errors that
    come in bursts prove less each."""

    @property
    def ratio(self) -> float:
        return self.bad / self.total if self.total else 0.0


def measure_baseline(intervals: Sequence[Counts], doubt: float) -> Baseline:
    """The time before, by intervals. ``doubt`` is the probability, at most, with which the true
    ratio is above the ceiling: Chernoff's bound, exact for no bad events, else a little wide."""
    bad = math.fsum(one for one, _ in intervals)
    total = math.fsum(number for _, number in intervals)
    if total <= 0:
        return Baseline(0.0, 0.0, 1.0)
    dispersion = _dispersion(intervals, bad / total)
    need = -math.log(doubt) * dispersion / total
    low, high = bad / total, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _divergence(bad / total, middle) < need else (low, middle)
    return Baseline(bad, total, high, dispersion)


def weigh_errors(
    intervals: Iterable[Counts], tolerated: float, dispersion: float = 1.0
) -> list[float]:
    """After each interval the logarithm of the evidence that the ratio of bad events is above
    ``tolerated``: a mixture of likelihood ratios (Robbins, "Statistical methods related to the
    law of the iterated logarithm", 1970), tempered by the dispersion."""
    rates = alternatives(tolerated)
    bad = good = 0.0
    found: list[float] = []
    for wrong, number in intervals:
        bad, good = bad + wrong, good + number - wrong
        enough = bad >= _FEWEST_BAD
        found.append(_mixture(bad, good, rates, tolerated, dispersion) if enough else -math.inf)
    return found


def alternatives(tolerated: float) -> tuple[float, ...]:
    """Ratios above ``tolerated`` that are bet on; none where everything is tolerated."""
    rates = [tolerated * multiple for multiple in _MULTIPLES]
    below = [rate for rate in rates if rate < _OUTAGE]
    return (*below, _OUTAGE) if tolerated < _OUTAGE else ()


def visible(total: float, tolerated: float, needed: float, dispersion: float) -> float | None:
    """The least ratio that so many events would give away, as a rule; None where not even an
    outage would be seen."""
    for rate in alternatives(tolerated):
        bad = rate * total
        if bad >= _FEWEST_BAD and (
            _mixture(bad, total - bad, alternatives(tolerated), tolerated, dispersion) >= needed
        ):
            return rate
    return None


def weigh_slowness(
    before: Sequence[float], after: Sequence[float], margin: float, fast: float = 0.0
) -> list[float]:
    """After each reading of a quantile the logarithm of the evidence that they are higher than
    before by more than ``margin`` (0.2: a fifth). Readings up to ``fast`` never tell against a
    build.

    Each reading, less the margin, is ranked among all up to it, and the rank is bet on to be high:
    a conformal test martingale (Vovk, Gammerman and Shafer, "Algorithmic learning in a random
    world", 2005, chapter 7). It asks for no distribution; ties count against it.
    """
    pool = list(before)
    gains = [0.0] * len(_STAKES)
    found: list[float] = []
    for reading in after:
        judged = reading / (1 + margin) if reading > fast else -math.inf
        pool.append(judged)
        rank = sum(one >= judged for one in pool) / len(pool)
        gains = [
            gain + math.log(stake) + (stake - 1) * math.log(rank)
            for gain, stake in zip(gains, _STAKES, strict=True)
        ]
        found.append(_mean(gains))
    return found


def _mixture(
    bad: float, good: float, rates: Sequence[float], tolerated: float, dispersion: float
) -> float:
    if not rates:
        return -math.inf
    return _mean(
        [
            (bad * math.log(rate / tolerated) + good * math.log((1 - rate) / (1 - tolerated)))
            / dispersion
            for rate in rates
        ]
    )


def _mean(logarithms: Sequence[float]) -> float:
    """The logarithm of the mean of what the logarithms are of."""
    most = max(logarithms)
    return most + math.log(math.fsum(math.exp(one - most) for one in logarithms) / len(logarithms))


def _divergence(seen: float, true: float) -> float:
    """Kullback and Leibler's, of one event, in nats."""
    good = (1 - seen) * math.log((1 - seen) / (1 - true)) if seen < 1 and true < 1 else 0.0
    return good + (seen * math.log(seen / true) if seen else 0.0)


def _dispersion(intervals: Sequence[Counts], ratio: float) -> float:
    """Pearson's statistic over its degrees of freedom; never below 1."""
    told = [(bad, total) for bad, total in intervals if total > 0]
    if len(told) < 2 or not 0 < ratio < 1:
        return 1.0
    squares = ((bad - total * ratio) ** 2 / (total * ratio * (1 - ratio)) for bad, total in told)
    return max(1.0, math.fsum(squares) / (len(told) - 1))
