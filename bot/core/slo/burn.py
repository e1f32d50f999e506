"""How fast a budget is spent, and which alerts fire for it.

Windows and shares are those of https://sre.google/workbook/alerting-on-slos/ (table 5-8, with the
ticket of a day); the factor follows from the period's length and is never rounded.
"""

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction

from bot.core.slo.model import Alert, Counts, Pair, Slo, length_text

PAIRS = (
    Pair("page", timedelta(hours=1), timedelta(minutes=5), Fraction(2, 100)),
    Pair("page", timedelta(hours=6), timedelta(minutes=30), Fraction(5, 100)),
    Pair("ticket", timedelta(days=1), timedelta(hours=2), Fraction(10, 100)),
    Pair("ticket", timedelta(days=3), timedelta(hours=6), Fraction(10, 100)),
)
"""The default alerts. Pairs of one severity are one alert: any of them is enough."""
SHORT = 12
"""A short window is this part of its long one, where a policy names the long one alone."""


def pairs_of(slo: Slo) -> tuple[Pair, ...]:
    return slo.pairs or PAIRS


def lengths_of(slo: Slo) -> tuple[timedelta, ...]:
    """Every window besides the budget's that has to be counted, the shortest first."""
    pairs = pairs_of(slo)
    alerting = {length for pair in pairs for length in (pair.short, pair.long)}
    return tuple(sorted(alerting | {slo.stale_after}))


def factor_of(pair: Pair, length: timedelta) -> Fraction:
    """The burn rate above which a pair fires, in a period of that length."""
    if pair.factor is not None:
        return pair.factor
    return (pair.share or Fraction(0)) * Fraction(length / _SECOND) / Fraction(pair.long / _SECOND)


def burn_rate(counts: Counts, budget: Fraction) -> Fraction | None:
    """How many times faster than evenly the budget was spent; None where nothing was counted."""
    return Fraction(counts.bad) / counts.total / budget if counts.total else None


def unreachable(slo: Slo, pair: Pair) -> str:
    """Why a pair can never fire, or nothing. Said of what it is read for, as ``it``."""
    factor = factor_of(pair, slo.window.length)
    needed = factor * slo.budget
    if needed < 1:
        return ""
    return (
        f"the {pair.severity} alert over {length_text(pair.long)} fires above a burn rate of "
        f"{float(factor):.4g}, which is {float(needed * 100):.4g} % of events failing: it never "
        "would"
    )


def evaluate_alerts(
    slo: Slo, counts: Mapping[timedelta, Counts], length: timedelta
) -> tuple[Alert, ...]:
    """Every pair as it stands. ``length`` is the period's; ``counts`` has the pairs' windows.

    A pair fires when the rates over both windows are above its factor.
    """
    return tuple(_alert(slo, pair, counts, length) for pair in pairs_of(slo))


def _alert(slo: Slo, pair: Pair, counts: Mapping[timedelta, Counts], length: timedelta) -> Alert:
    long = counts.get(pair.long, Counts())
    short = counts.get(pair.short, Counts())
    enough = long.total >= slo.minimum_events
    long_burn = burn_rate(long, slo.budget) if enough else None
    # The short window only says that it still goes on: it need not prove anything by itself.
    short_burn = burn_rate(short, slo.budget)
    factor = factor_of(pair, length)
    firing = _above(pair, long_burn, factor) and _above(pair, short_burn, factor)
    return Alert(
        pair.severity, pair.long, pair.short, factor, long_burn, short_burn, firing, pair.policy
    )


def _above(pair: Pair, rate: Fraction | None, factor: Fraction) -> bool:
    return rate is not None and (rate > factor or (pair.inclusive and rate == factor))


_SECOND = timedelta(seconds=1)
