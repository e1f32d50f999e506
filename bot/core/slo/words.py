"""How budgets, burn rates and windows are said, alike in comments, alerts, pages and reports; and
small pictures of them that are made of characters."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TypeAlias

from bot.core.slo.model import BudgetState, Unit, Window, length_text

Line: TypeAlias = Sequence[tuple[datetime, Fraction]]
"""The budget left at points of time, the oldest first."""

_CELLS = 10
_LEVELS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"
_HOUR = timedelta(hours=1)
_NAMES = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_UNITS = {
    Unit.DAY: "day",
    Unit.WEEK: "week",
    Unit.MONTH: "month",
    Unit.QUARTER: "quarter",
    Unit.YEAR: "year",
}


def say_percent(part: Fraction | None) -> str:
    """To a tenth, and never nearer to in budget than it is: ``−12 %``, ``99.9 %``."""
    if part is None:
        return "unknown"
    tenths = part * 1000 // 1  # downwards: what is left is not rounded up
    whole, rest = divmod(abs(int(tenths)), 10)
    return f"{'−' if tenths < 0 else ''}{whole}{f'.{rest}' if rest else ''} %"


def burning(state: BudgetState) -> tuple[timedelta, Fraction | None]:
    """The rate of the alert that fires, else that of the hour past; None where nobody knows it."""
    for alert in state.firing:
        if alert.long_burn is not None:
            return alert.long, alert.long_burn
    return _HOUR, state.burn.get(_HOUR)


def say_budget(window: Window) -> str:
    """``its 30-day budget``, ``this month's budget``"""
    if window.unit is None:
        length = length_text(window.length)
        return f"its {length[:-1]}-{_NAMES[length[-1]]} budget"
    name = _UNITS[window.unit]
    return f"this {name}'s budget" if window.count == 1 else f"its {window.count}-{name} budget"


def say_rate(rate: Fraction | None) -> str:
    """``9.2×``: how many times faster than evenly a budget is spent."""
    if rate is None:
        return "unknown"
    return f"{f'{float(rate):.1f}'.removesuffix('.0') if rate < 100 else round(rate)}×"


def say_length(length: timedelta) -> str:
    """``5 min``, ``6 h``, ``3 d``"""
    text = length_text(length)
    return f"{text[:-1]} {'min' if text[-1] == 'm' else text[-1]}"


def say_window(window: Window) -> str:
    """``30 days``, ``this month``: to stand behind "over"."""
    if window.unit is None:
        length = length_text(window.length)
        return f"{length[:-1]} {_NAMES[length[-1]]}{'' if length[:-1] == '1' else 's'}"
    name = _UNITS[window.unit]
    return f"this {name}" if window.count == 1 else f"these {window.count} {name}s"


def bar(part: Fraction) -> str:
    """``▓▓▓▓▓▓░░░░``, rounded down: what is overspent is empty, and only all of it is full."""
    full = int(min(max(part, Fraction(0)), Fraction(1)) * _CELLS)
    return "▓" * full + "░" * (_CELLS - full)


def trend(line: Line, begin: datetime, end: datetime, cells: int = 12) -> str:
    """``██▇▆▆▅▃▂▁▁``: what was left at the end of each part of the time, with a dot where nobody
    knows. What is overspent lies at the bottom."""
    step = (end - begin) / cells
    if step <= timedelta(0):
        return ""
    last: dict[int, Fraction] = {}
    for at, left in line:
        if begin <= at <= end:
            last[min(int((at - begin) / step), cells - 1)] = left
    top = len(_LEVELS) - 1
    return "".join(
        _LEVELS[int(min(max(last[cell], Fraction(0)), Fraction(1)) * top)]
        if cell in last
        else _UNKNOWN
        for cell in range(cells)
    )
