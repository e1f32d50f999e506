"""A budget as SVG: its burn-down over the window, and a badge.

Made once and used in links, pages and reports. Colours follow the reader's scheme, and the page's
own where it names them (``--slo-line`` and so on). The text says what the picture shows. No script,
no font and no address is in it, and what comes from outside is escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from html import escape as html_escape
from itertools import pairwise

from bot.core.phrases import counted
from bot.core.render.escape import plain
from bot.core.slo.model import BudgetState, State
from bot.core.slo.words import Line, say_percent

WIDTH, HEIGHT = 640, 240
NARROW = 328
"""For a phone: the same height, so that its letters need not become smaller."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 28
_LOWEST = Fraction(-1)
"""A budget that is overspent further is drawn at the edge: the text has the number."""
_MOST_MARKS = 40
_LETTER = 6.3
"""Pixels, of a badge's font on average."""
STYLE = """
svg{--line:var(--slo-line,#0b5cad);--ink:var(--slo-ink,#1b1f24);--quiet:var(--slo-quiet,#545d68);
--grid:var(--slo-grid,#d5dbe1);--fail:var(--slo-fail,#b3231a)}
@media (prefers-color-scheme:dark){svg{--line:var(--slo-line,#79b8ff);--ink:var(--slo-ink,#e4e8ec);
--quiet:var(--slo-quiet,#a0aab5);--grid:var(--slo-grid,#343c46);--fail:var(--slo-fail,#ff8a80)}}
text{font:12px system-ui,sans-serif;fill:var(--quiet)}
.grid{stroke:var(--grid)}.zero{stroke:var(--fail);stroke-dasharray:4 3}
.budget{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round;
stroke-linecap:round}
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


def describe(line: Line, marks: Sequence[Mark] = ()) -> str:
    """In words what the chart shows."""
    if not line:
        return "No data: nothing was counted in the window."
    (begin, first), (end, last) = line[0], line[-1]
    told = f"{say_percent(last)} of the error budget is left on {_day(end)}"
    if end > begin:
        told += f", of {say_percent(first)} on {_day(begin)}"
    if shown := _within(line, marks):
        rollbacks = sum(mark.rollback for mark in shown)
        moves = counted(len(shown) - rollbacks, "promotion")
        told += f". Marked: {moves} and {counted(rollbacks, 'rollback')}"
    return f"{told}."


def render_chart(
    title: str,
    line: Line,
    marks: Sequence[Mark] = (),
    *,
    width: int = WIDTH,
    gap: timedelta | None = None,
) -> str:
    """The burn-down as ``budget.burn_down`` gives it, the oldest first; without any an empty plot
    that says so. Where two points lie further apart than ``gap`` nothing is drawn between them:
    nobody knows."""
    told = describe(line, marks)
    if not line:
        return _whole(title, told, _text(width / 2, HEIGHT / 2, "no data"), width)
    begin, end = line[0][0], line[-1][0]
    across = _Across(begin, end, width)
    lowest = max(min(Fraction(0), *(left for _, left in line)), _LOWEST)
    parts = [_grid(lowest, width), _marks(_within(line, marks), across)]
    for piece in _pieces(line, gap):
        # A line of one point has no length: its round ends are what is seen of it.
        drawn = piece * 2 if len(piece) == 1 else piece
        points = " ".join(f"{across.at(at)},{_y(left, lowest)}" for at, left in drawn)
        parts.append(f'<polyline class="budget" points="{points}"/>')
    if end > begin:
        parts.append(_text(across.at(begin), HEIGHT - 8, _label(begin, width), "start"))
    parts.append(_text(across.at(end), HEIGHT - 8, _label(end, width), "end"))
    return _whole(title, told, "".join(parts), width)


def render_badge(state: BudgetState, label: str) -> str:
    """A small label with what is left of the budget, 20 pixels high."""
    value = {State.NO_DATA: "no data", State.ERROR: "unknown"}.get(
        state.state, f"{say_percent(state.budget_remaining)} left"
    )
    name = _safe(label, 40)
    left, right = (12 + round(_LETTER * len(text)) for text in (plain(label, 40), value))
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


def _whole(title: str, told: str, content: str, width: int) -> str:
    name = _safe(title, 120)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" role="img" '
        f'aria-label="{name}: {told}"><title>{name}: error budget left</title>'
        f"<desc>{told}</desc><style>{STYLE}</style>{content}</svg>\n"
    )


@dataclass(frozen=True, slots=True)
class _Across:
    """Where a time lies from left to right."""

    begin: datetime
    end: datetime
    width: int

    def at(self, moment: datetime) -> float:
        whole = self.end - self.begin
        part = (moment - self.begin) / whole if whole else 1.0
        return round(_LEFT + part * (self.width - _LEFT - _RIGHT), 1)


def _within(line: Line, marks: Sequence[Mark]) -> Sequence[Mark]:
    return [mark for mark in marks if line[0][0] <= mark.at <= line[-1][0]][-_MOST_MARKS:]


def _pieces(line: Line, gap: timedelta | None) -> list[list[tuple[datetime, Fraction]]]:
    pieces = [[line[0]]]
    for before, point in pairwise(line):
        if gap is not None and point[0] - before[0] > gap:
            pieces.append([])
        pieces[-1].append(point)
    return pieces


def _grid(lowest: Fraction, width: int) -> str:
    steps = [Fraction(quarter, 4) for quarter in range(4, -5, -1) if Fraction(quarter, 4) >= lowest]
    out = []
    for step in steps:
        y = _y(step, lowest)
        kind = "zero" if step == 0 else "grid"
        out.append(f'<path class="{kind}" d="M{_LEFT} {y}H{width - _RIGHT}"/>')
        out.append(_text(_LEFT - 6, y + 4, say_percent(step), "end"))
    return "".join(out)


def _marks(marks: Sequence[Mark], across: _Across) -> str:
    out = []
    for mark in marks:
        kind = "rollback" if mark.rollback else "promotion"
        x = across.at(mark.at)
        name = f"{kind} {_safe(mark.text, 80)}, {_day(mark.at)}"
        out.append(
            f'<path class="{kind}" d="M{x} {_TOP}V{HEIGHT - _BOTTOM}"><title>{name}</title></path>'
        )
    return "".join(out)


def _y(left: Fraction, lowest: Fraction) -> float:
    part = (1 - max(left, lowest)) / (1 - lowest)
    return round(float(_TOP + part * (HEIGHT - _TOP - _BOTTOM)), 1)


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _label(at: datetime, width: int) -> str:
    """The day alone where there is no room for more."""
    return _day(at)[:10] if width < WIDTH else _day(at)


def _safe(text: str, limit: int) -> str:
    return html_escape(plain(text, limit))
