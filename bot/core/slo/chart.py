"""A budget as SVG: its burn-down over the window, and a badge.

Made once and used in links, pages and reports. Colours follow the reader's scheme, and the page's
own where it names them (``--slo-line`` and so on). The text says what the picture shows. No script,
no font and no address is in it, and what comes from outside is escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from html import escape as html_escape

from bot.core.phrases import counted
from bot.core.render.escape import plain
from bot.core.slo.model import BudgetState, State

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 28
_LOWEST = Fraction(-1)
"""A budget that is overspent further is drawn at the edge: the text has the number."""
_MOST_MARKS = 40
_STYLE = """
svg{--line:var(--slo-line,#0b5cad);--ink:var(--slo-ink,#1b1f24);--quiet:var(--slo-quiet,#545d68);
--grid:var(--slo-grid,#d5dbe1);--fail:var(--slo-fail,#b3231a)}
@media (prefers-color-scheme:dark){svg{--line:var(--slo-line,#79b8ff);--ink:var(--slo-ink,#e4e8ec);
--quiet:var(--slo-quiet,#a0aab5);--grid:var(--slo-grid,#343c46);--fail:var(--slo-fail,#ff8a80)}}
text{font:12px system-ui,sans-serif;fill:var(--quiet)}
.grid{stroke:var(--grid)}.zero{stroke:var(--fail);stroke-dasharray:4 3}
.budget{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round}
.promotion{stroke:var(--ink);stroke-dasharray:2 3}.rollback{stroke:var(--fail)}
"""
_COLOURS = {
    State.OK: "#17692f",
    State.BURNING: "#7d5200",
    State.EXHAUSTED: "#b3231a",
    State.NO_DATA: "#545d68",
    State.ERROR: "#9a3b00",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A promotion or a rollback in the window; ``text`` may come from outside."""

    at: datetime
    text: str
    rollback: bool = False


def percent(part: Fraction | None) -> str:
    """To a tenth, and never nearer to in budget than it is: ``-12 %``, ``99.9 %``."""
    if part is None:
        return "unknown"
    tenths = part * 1000 // 1  # downwards: what is left is not rounded up
    whole, rest = divmod(abs(int(tenths)), 10)
    return f"{'-' if tenths < 0 else ''}{whole}{f'.{rest}' if rest else ''} %"


def render_chart(
    title: str, line: Sequence[tuple[datetime, Fraction]], marks: Sequence[Mark] = ()
) -> str:
    """The burn-down as ``budget.burn_down`` gives it, the oldest first; without any an empty plot
    that says so."""
    if not line:
        return _whole(
            title, "No data: nothing was counted in the window.", _text(320, 120, "no data")
        )
    begin, end = line[0][0], line[-1][0]
    lowest = max(min(Fraction(0), *(left for _, left in line)), _LOWEST)
    shown = [mark for mark in marks if begin <= mark.at <= end][-_MOST_MARKS:]
    parts = [_grid(lowest), _marks(shown, begin, end)]
    points = " ".join(f"{_x(at, begin, end)},{_y(left, lowest)}" for at, left in line)
    parts.append(f'<polyline class="budget" points="{points}"/>')
    for at, anchor in ((begin, "start"), (end, "end")):
        parts.append(_text(_x(at, begin, end), HEIGHT - 8, _day(at), anchor))
    told = f"{percent(line[-1][1])} of the error budget is left on {_day(end)}"
    told += f", of {percent(line[0][1])} on {_day(begin)}."
    if shown:
        rollbacks = sum(mark.rollback for mark in shown)
        moves = counted(len(shown) - rollbacks, "promotion")
        told += f" Marked: {moves} and {counted(rollbacks, 'rollback')}."
    return _whole(title, told, "".join(parts))


def render_badge(state: BudgetState, label: str) -> str:
    """A small label with what is left of the budget, 20 pixels high."""
    value = {State.NO_DATA: "no data", State.ERROR: "unknown"}.get(
        state.state, f"{percent(state.budget_remaining)} left"
    )
    name = _safe(label, 40)
    left, right = 12 + 7 * len(plain(label, 40)), 12 + 7 * len(value)
    width = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" '
        f'aria-label="{name}: {value}"><title>{name}: {value}</title>'
        f'<rect width="{width}" height="20" rx="3" fill="#3b424a"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" '
        f'fill="{_COLOURS[state.state]}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        f'text-anchor="middle"><text x="{left / 2:g}" y="14" textLength="{left - 12}">{name}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - 12}">{value}</text>'
        "</g></svg>\n"
    )


def _whole(title: str, told: str, content: str) -> str:
    name = _safe(title, 120)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{name}: {told}"><title>{name}: error budget left</title>'
        f"<desc>{told}</desc><style>{_STYLE}</style>{content}</svg>\n"
    )


def _grid(lowest: Fraction) -> str:
    steps = [Fraction(quarter, 4) for quarter in range(4, -5, -1) if Fraction(quarter, 4) >= lowest]
    out = []
    for step in steps:
        y = _y(step, lowest)
        kind = "zero" if step == 0 else "grid"
        out.append(f'<path class="{kind}" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/>')
        out.append(_text(_LEFT - 6, y + 4, percent(step), "end"))
    return "".join(out)


def _marks(marks: Sequence[Mark], begin: datetime, end: datetime) -> str:
    out = []
    for mark in marks:
        kind = "rollback" if mark.rollback else "promotion"
        x = _x(mark.at, begin, end)
        name = f"{kind} {_safe(mark.text, 80)}, {_day(mark.at)}"
        out.append(
            f'<path class="{kind}" d="M{x} {_TOP}V{HEIGHT - _BOTTOM}"><title>{name}</title></path>'
        )
    return "".join(out)


def _x(at: datetime, begin: datetime, end: datetime) -> float:
    part = (at - begin) / (end - begin) if end > begin else 1.0
    return round(_LEFT + part * (WIDTH - _LEFT - _RIGHT), 1)


def _y(left: Fraction, lowest: Fraction) -> float:
    part = (1 - max(left, lowest)) / (1 - lowest)
    return round(float(_TOP + part * (HEIGHT - _TOP - _BOTTOM)), 1)


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _safe(text: str, limit: int) -> str:
    return html_escape(plain(text, limit))
