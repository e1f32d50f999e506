"""What is left of an error budget, where it is going, and how an objective stands.

remaining = 1 - bad / (total x budget), which may be below zero and is shown so.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction

from bot.core.phrases import counted, say_duration
from bot.core.slo.burn import burn_rate, evaluate_alerts, lengths_of
from bot.core.slo.model import BudgetState, Counts, Slo, State
from bot.core.slo.windows import Series, period

HOUR = timedelta(hours=1)


def remaining(counts: Counts, budget: Fraction) -> Fraction | None:
    """The part of the budget that is left; None where nothing was counted."""
    rate = burn_rate(counts, budget)
    return None if rate is None else 1 - rate


def evaluate(
    slo: Slo,
    whole: Counts,
    recent: Mapping[timedelta, Counts],
    now: datetime,
    *,
    since: datetime | None = None,
) -> BudgetState:
    """How an objective stands. ``whole`` is what its window counted up to ``now``; ``recent`` has
    the windows of ``lengths_of``, and ``since`` is when data begins."""
    start, end = period(slo.window, now)
    length = end - start
    alerts = evaluate_alerts(slo, recent, length)
    reason = _unknown(slo, whole, recent, now - start)
    left = None if reason else remaining(whole, slo.budget)
    burn = {one: burn_rate(recent.get(one, Counts()), slo.budget) for one in lengths_of(slo)}
    if left is None:
        state = State.NO_DATA
    elif left <= 0:
        state = State.EXHAUSTED
    else:
        state = State.BURNING if any(alert.firing for alert in alerts) else State.OK
    return BudgetState(
        name=slo.name,
        objective=slo.objective,
        window=slo.window,
        good=whole.good,
        total=whole.total,
        ratio=Fraction(whole.good) / whole.total if whole.total else None,
        budget_remaining=left,
        burn=burn,
        alerts=alerts,
        state=state,
        at=now,
        reason=reason,
        since=since,
        exhausted_at=_exhausted_at(left, burn.get(HOUR), length, now, end, slo),
    )


def evaluate_series(slo: Slo, series: Series, now: datetime) -> BudgetState:
    """As ``evaluate``, of samples that reach back over the whole window."""
    start, _ = period(slo.window, now)
    whole = series.counts(start, now)
    recent = {length: series.counts(now - length, now) for length in lengths_of(slo)}
    return evaluate(slo, whole, recent, now, since=series.since(start))


def failed(slo: Slo, reason: str, now: datetime) -> BudgetState:
    """An objective whose source could not be read. ``reason`` is plain text."""
    unknown = evaluate(slo, Counts(), {}, now)
    return BudgetState(
        name=unknown.name,
        objective=unknown.objective,
        window=unknown.window,
        good=0,
        total=0,
        ratio=None,
        budget_remaining=None,
        burn=unknown.burn,
        alerts=unknown.alerts,
        state=State.ERROR,
        at=now,
        reason=reason,
    )


def returns_at(
    slo: Slo, series: Series, now: datetime, wanted: Fraction = Fraction(0)
) -> datetime | None:
    """When more than ``wanted`` of the budget is left again, if nothing more goes wrong and as
    much happens as in the window past; None where it is left now, or nothing is known."""
    start, end = period(slo.window, now)
    whole = series.counts(start, now)
    left = remaining(whole, slo.budget)
    if left is None or left > wanted:
        return None
    if not slo.window.rolling:
        return end
    allowed = (1 - wanted) * whole.total * slo.budget
    bad = whole.bad
    for sample in series.samples:
        if start < sample.at <= now:
            bad -= sample.total - sample.good
            if bad < allowed:
                return sample.at + slo.window.length
    return None


def burn_down(
    slo: Slo, series: Series, now: datetime, points: int = 120
) -> list[tuple[datetime, Fraction]]:
    """The budget left at evenly spaced times of the window, from all of it to what is left now.

    Each is of the whole window's events, so that the line only ever falls, and ends where
    ``evaluate`` does. Nothing where nothing was counted.
    """
    start, _ = period(slo.window, now)
    whole = series.counts(start, now)
    if not whole.total:
        return []
    step = (now - start) / points
    times = [start + step * index for index in range(points)]
    return [
        (at, 1 - Fraction(series.counts(start, at).bad) / whole.total / slo.budget)
        for at in [*times, now]
    ]


def _unknown(slo: Slo, whole: Counts, recent: Mapping[timedelta, Counts], passed: timedelta) -> str:
    """Why nothing can be said of the budget, or nothing."""
    if not whole.total:
        return "nothing was counted in the window"
    if whole.total < slo.minimum_events:
        return (
            f"only {counted(int(whole.total), 'event')} in the window, and "
            f"{slo.minimum_events} are asked for"
        )
    # A window that has just begun may be shorter than what counts as silence.
    if slo.stale_after <= passed and not recent.get(slo.stale_after, Counts()).total:
        return f"nothing was counted in the last {say_duration(slo.stale_after)}"
    return ""


def _exhausted_at(
    left: Fraction | None,
    rate: Fraction | None,
    length: timedelta,
    now: datetime,
    end: datetime,
    slo: Slo,
) -> datetime | None:
    if left is None or left <= 0 or rate is None or rate <= 1:
        return None
    at = now + timedelta(seconds=float(left * Fraction(length.total_seconds()) / rate))
    return at if slo.window.rolling or at < end else None
