"""How objectives stand, as Markdown for a comment or a wiki, and as a page of HTML."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from html import escape as html_escape

from bot.core.phrases import say_time
from bot.core.render.escape import inline, plain
from bot.core.slo.alerts import Step, step_of
from bot.core.slo.model import BudgetState, Slo, length_text, window_text
from bot.core.slo.words import say_percent

_COLUMNS = ("Objective", "Now", "Budget left", "Burn rate", "Alerts", "State")
_STEPS = {
    Step.NONE: "",
    Step.NOTIFY: "half of it is spent",
    Step.SECOND_APPROVAL: "three quarters are spent: ask for a second approval",
    Step.FREEZE: "all of it is spent: promote nothing but what mends it",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Error budgets</title>
<meta name="viewport" content="width=device-width">
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;
margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}th,td{text-align:left;
padding:.25rem .75rem .25rem 0;vertical-align:top}svg{max-width:40rem;width:100%;
height:auto}</style></head>
<body><main><h1>Error budgets</h1>
"""

Told = tuple[Slo, BudgetState]


def render_markdown(told: Sequence[Told]) -> str:
    """A table, the worst first as ``ordered`` has them."""
    out = [
        "# Error budgets",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{' --- |' * len(_COLUMNS)}",
    ]
    for slo, state in ordered(told):
        out.append(f"| {' | '.join(_cells(slo, state, inline))} |")
    return "\n".join([*out, "", _footer(told), ""])


def render_html(told: Sequence[Told], charts: Mapping[str, str]) -> str:
    """A page that needs nothing else. ``charts`` has by an objective's name its SVG, of ours."""
    head = "".join(f"<th scope=col>{column}</th>" for column in _COLUMNS)
    out = [_PAGE, f"<table><thead><tr>{head}</tr></thead><tbody>\n"]
    for slo, state in ordered(told):
        cells = _cells(slo, state, _html)
        out.append(f"<tr><th scope=row>{cells[0]}</th>")
        out += [f"<td>{cell}</td>" for cell in cells[1:]] + ["</tr>\n"]
    out.append("</tbody></table>\n")
    for slo, _ in ordered(told):
        if chart := charts.get(slo.name):
            out.append(f"<h2>{_html(slo.title)}</h2>\n{chart}")
    out.append(f"<p>{_html(_footer(told))}</p></main></body></html>\n")
    return "".join(out)


def ordered(told: Sequence[Told]) -> list[Told]:
    """What is not known first, then by what is left of the budget."""
    return sorted(
        told,
        key=lambda one: (
            one[1].budget_remaining is not None,
            one[1].budget_remaining or Fraction(0),
            one[0].name,
        ),
    )


def _cells(slo: Slo, state: BudgetState, escape: Callable[[str], str]) -> list[str]:
    """What is not ours is escaped: the title and the reason."""
    rates = [
        f"{float(rate):.3g}× over {length_text(length)}"
        for length, rate in state.burn.items()
        if rate is not None and length_text(length) in ("1h", "6h", "1d")
    ]
    firing = [f"{one.severity} ({length_text(one.long)})" for one in state.firing]
    step = step_of(state.budget_remaining)
    return [
        f"{escape(slo.title)}: {float(slo.objective * 100):.6g} % over {window_text(slo.window)}",
        "unknown" if state.ratio is None else f"{float(state.ratio * 100):.6g} %",
        say_percent(state.budget_remaining),
        ", ".join(rates) or "unknown",
        ", ".join(firing) or "none",
        ": ".join(
            filter(None, (state.state.value, escape(state.reason) or (step and _STEPS[step])))
        ),
    ]


def _html(text: str) -> str:
    return html_escape(plain(text))


def _footer(told: Sequence[Told]) -> str:
    if not told:
        return "There are no objectives."
    return f"As of {say_time(max(state.at for _, state in told))}."
