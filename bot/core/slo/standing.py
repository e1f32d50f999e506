"""How an objective stands, in the sentences that gates share."""

from datetime import UTC, datetime
from fractions import Fraction

from bot.core.phrases import quoted
from bot.core.promotion import ObjectiveState
from bot.core.slo.model import State
from bot.core.slo.words import burning, say_budget, say_length, say_rate


def say_standing(one: ObjectiveState) -> str:
    """``API availability has −12 % of its 30-day budget left; burning 9.2× over 1 h``"""
    state, title = one.state, say_title(one)
    if state.state is State.ERROR:
        return f"{title} could not be read: {_line(state.reason) or 'its source gave no reason'}"
    if state.budget_remaining is None:
        return f"{title} is not known: {_line(state.reason) or 'nothing was counted'}"
    length, rate = burning(state)
    fast = f"; burning {say_rate(rate)} over {say_length(length)}" if rate and rate > 1 else ""
    return (
        f"{title} has {_percent(state.budget_remaining)} of {say_budget(state.window)} left{fast}"
    )


def say_title(one: ObjectiveState) -> str:
    return _line(one.title)[:60] or quoted(one.state.name)


def say_return(returns_at: datetime | None) -> str:
    if returns_at is None:
        return "wait until what was spent is past the window"
    return f"budget returns about {returns_at.astimezone(UTC).strftime('%Y-%m-%d')}"


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _percent(part: Fraction) -> str:
    """Rounded down, so that nothing looks better than it is; tenths below 10 %."""
    tenths = part * 1000 // 1
    sign, size = ("\u2212", -tenths) if tenths < 0 else ("", tenths)
    if size >= 100:
        whole = abs(part * 100 // 1)
        return f"{sign}{whole} %"
    return f"{sign}{size // 10}.{size % 10} %" if size % 10 else f"{sign}{size // 10} %"
