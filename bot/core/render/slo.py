"""Error budgets in comments: a table of objectives, and what the gate held a promotion for.

A comment is sent by mail and kept by whoever reads it, and what GitHub's proxy has fetched for one
stays there. So budgets are drawn in characters, and only a link leads to the page, which asks who
is reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from bot.core.decision import GateResult, Verdict
from bot.core.phrases import counted, say_duration
from bot.core.render import escape
from bot.core.render.words import HOLDING, MARKS, capitalised, fit, stopped
from bot.core.slo.kept import KeptState
from bot.core.slo.model import BudgetState, State
from bot.core.slo.words import (
    Line,
    bar,
    burning,
    say_length,
    say_percent,
    say_rate,
    say_window,
    trend,
)

_GATE = "slo"
_TABLE_BYTES = 24_000
_HELD = 5
"""Objectives shown below what the gate said."""
_STATES = {
    State.OK: (Verdict.PASS, "in budget"),
    State.BURNING: (Verdict.WAIT, "burning"),
    State.EXHAUSTED: (Verdict.FAIL, "exhausted"),
    State.NO_DATA: (Verdict.ERROR, "no data"),
    State.ERROR: (Verdict.ERROR, "could not be read"),
}


@dataclass(frozen=True, slots=True)
class ObjectiveTold:
    """An objective as ``/slo`` tells it. ``line`` is what was left over the window, which began at
    ``since``; ``url`` its page. ``fault`` is why it is not as of now but as a worker last found
    it."""

    kept: KeptState
    line: Line
    since: datetime
    url: str
    fault: str = ""


def render_objectives(
    objectives: Sequence[ObjectiveTold],
    environment: str,
    now: datetime,
    *,
    page_url: str,
    fault: str = "",
) -> str:
    """What ``/slo`` answers. ``environment`` is empty for all of them; ``fault`` is why the files
    could not be read, so that all is as it was kept."""
    of = f" for {escape.inline(environment, 60)}" if environment else ""
    if not objectives and fault:
        return f"**How the objectives{of} stand is not known.** {_sentence(fault)}"
    if not objectives:
        return (
            f"**No objective is defined{of}.** Files in `slo/` of the default branch define them; "
            "`lockgate slo validate` says whether one is in order."
        )
    rows = ["| | objective | now | budget left | burns | alerts |", "|---|---|---|---|---|---|"]
    rows += [_row(one, now) for one in sorted(objectives, key=lambda one: _order(one, now))]
    lines = [f"**{_headline([_stands(one, now)[0] for one in objectives])}**", ""]
    lines.append(fit(rows, _TABLE_BYTES, fixed=2, details_url=page_url))
    if fault:
        lines += ["", f"The files could not be read, so this is as it was kept. {_sentence(fault)}"]
    link = escape.link("error budgets", page_url)
    return "\n".join([*lines, "", f"<sub>{link} · `/help slo`</sub>"])


def budget_lines(results: Sequence[GateResult], page_url: str) -> list[str]:
    """What is left of the budgets that the gate looked at, where it holds or was set aside; nothing
    anywhere else. ``page_url`` is the repository's page of them, empty where there is none."""
    for result in results:
        if result.gate == _GATE and (result.verdict in HOLDING or result.overridden):
            found = result.evidence.get("objectives")
            read = [_left_in(one) for one in found] if isinstance(found, list) else []
            known = sorted(filter(None, read), key=lambda one: one[1])
            return ["", *(_drawn(*one, page_url) for one in known[:_HELD])] if known else []
    return []


def _left_in(record: object) -> tuple[str, Fraction] | None:
    """The name and what is left, of what ``slo.model.record`` wrote; None where that is unknown."""
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        return None
    left = record.get("budget_remaining")
    # As it is written: 0.62 is no number of halves.
    return (record["name"], Fraction(repr(left))) if isinstance(left, int | float) else None


def _drawn(name: str, left: Fraction, page_url: str) -> str:
    said = escape.inline(name, 80)
    shown = escape.link(said, f"{page_url}/{name}") if page_url else said
    return f"- `{bar(left)} {say_percent(left)}` {shown}"


def _stands(one: ObjectiveTold, now: datetime) -> tuple[Verdict, str]:
    """What was found too long ago says only how it was."""
    verdict, word = _STATES[one.kept.state.state]
    return (Verdict.ERROR, f"was {word}") if one.kept.is_old(now) else (verdict, word)


def _headline(verdicts: Sequence[Verdict]) -> str:
    parts: list[str] = []
    for verdict, what in (
        (Verdict.FAIL, "out of budget"),
        (Verdict.ERROR, "not known"),
        (Verdict.WAIT, "burning fast"),
    ):
        if number := sum(one is verdict for one in verdicts):
            of = "" if parts else f" of {counted(len(verdicts), 'objective')}"
            parts.append(f"{number}{of} {'is' if number == 1 else 'are'} {what}")
    if parts:
        return f"{', '.join(parts)}."
    if len(verdicts) == 1:
        return "The one objective is in budget."
    return f"All {len(verdicts)} objectives are in budget."


def _row(one: ObjectiveTold, now: datetime) -> str:
    kept, state = one.kept, one.kept.state
    verdict, word = _stands(one, now)
    title = escape.inline(kept.title, 60) or escape.inline(kept.name, 60)
    name = escape.link(title, one.url)
    if kept.environments:
        name += f"<br>{escape.inline(', '.join(kept.environments), 80)}"
    if one.fault or kept.is_old(now):
        why = f": {escape.inline(one.fault, 120)}" if one.fault else ""
        name += f"<br>as of {say_duration(now - kept.evaluated_at)} ago{why}"
    promised = f"of {_share(kept.objective)} over {say_window(kept.window)}"
    ratio = "unknown" if state.ratio is None else _share(state.ratio)
    length, rate = burning(state)
    burns = "unknown" if rate is None else f"{say_rate(rate)} over {say_length(length)}"
    return (
        f"| {MARKS[verdict]} {word} | {name} | {ratio}<br>{promised} | {_budget(one)} "
        f"| {burns} | {_alerts(state)} |"
    )


def _budget(one: ObjectiveTold) -> str:
    state = one.kept.state
    left = state.budget_remaining
    drawn = "unknown" if left is None else f"`{bar(left)}` {say_percent(left)}"
    if one.line:
        drawn += f"<br>`{trend(one.line, one.since, state.at)}`"
    if state.returns_at:
        drawn += f"<br>returns about {state.returns_at:%Y-%m-%d}"
    return drawn


def _alerts(state: BudgetState) -> str:
    if state.firing:
        return "<br>".join(f"{one.severity} over {say_length(one.long)}" for one in state.firing)
    return escape.inline(state.reason, 120) or "none"


def _order(one: ObjectiveTold, now: datetime) -> tuple[int, Fraction, str]:
    worst = (Verdict.FAIL, Verdict.ERROR, Verdict.WAIT, Verdict.PASS)
    left = one.kept.state.budget_remaining or Fraction(0)
    return worst.index(_stands(one, now)[0]), left, one.kept.name


def _share(part: Fraction) -> str:
    """Rounded down, so that nothing is all that is not."""
    return f"{float(part * 10**6 // 1) / 10**4:.4f}".rstrip("0").rstrip(".") + " %"


def _sentence(text: str) -> str:
    return stopped(capitalised(escape.sentence(text, limit=300)))
