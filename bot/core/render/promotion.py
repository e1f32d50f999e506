"""The check run that shows what the gates of promotion say before anybody types a command."""

import json

from bot.core.checks import CheckOutput
from bot.core.decision import Decision, GateResult, Verdict
from bot.core.render import escape
from bot.core.render.check import CHECK_BYTES, CHECK_TITLE, CONCLUSIONS
from bot.core.render.words import (
    HOLDING,
    fit,
    headline,
    marked_result,
    next_step,
    spoken,
    stopped,
)

PROMOTION_CHECK = "lockgate/promotion"
_EVIDENCE = 1_500


def render_promotion_check(
    decision: Decision, *, environment: str, details_url: str = ""
) -> CheckOutput:
    """The check on a commit that could be promoted to an environment."""
    sentence, about = headline(decision, "promote")
    opening = f"**{stopped(spoken(sentence, about))}**"
    step = next_step(decision.results)
    if step:
        opening += f" Next: {stopped(spoken(step.remedy, step))}"
    rows = ["| | gate | found | to do |", "|---|---|---|---|", *map(_row, decision.results)]
    explained: list[str] = []
    for result in decision.results:
        explained += _explained(result)
    return CheckOutput(
        name=PROMOTION_CHECK,
        conclusion=CONCLUSIONS[decision.verdict],
        title=escape.plain(_title(decision, environment), CHECK_TITLE),
        summary=fit([opening, "", *rows], CHECK_BYTES, fixed=4, details_url=details_url),
        text=fit(explained, CHECK_BYTES, fixed=0, details_url=details_url),
        details_url=details_url,
    )


def _title(decision: Decision, environment: str) -> str:
    judged = [result for result in decision.results if result.verdict is not Verdict.SKIP]
    holding = [result for result in judged if result.verdict in HOLDING]
    if not judged:
        return f"{environment}: no gate was asked"
    if not holding:
        aside = sum(bool(result.overridden) for result in judged)
        return f"{environment}: ready to promote" + (f", {aside} set aside" if aside else "")
    hold = "holds" if len(holding) == 1 else "hold"
    names = " and ".join(result.gate for result in holding)
    title = f"{environment}: {names} {hold} it"
    if len(title) <= CHECK_TITLE and len(holding) <= 2:
        return title
    return f"{environment}: {len(holding)} of {len(judged)} gates {hold} it"


def _row(result: GateResult) -> str:
    todo = spoken(result.remedy, result, cell=True) if result.remedy else "–"
    found = spoken(result.summary, result, cell=True)
    return f"| {marked_result(result)} | {escape.inline(result.gate, 40)} | {found} | {todo} |"


def _explained(result: GateResult) -> list[str]:
    lines = [f"### {escape.inline(result.gate, 40)}: {marked_result(result)}", ""]
    if result.reason:
        lines += [stopped(spoken(result.reason, None, limit=1_000)), ""]
    if result.findings:
        lines += ["| what | found |", "|---|---|"]
        for finding in result.findings:
            what = escape.inline(finding.subject, 80)
            lines.append(f"| {what} | {escape.sentence(finding.message, cell=True)} |")
        lines.append("")
    if result.evidence:
        facts = escape.code(json.dumps(result.evidence, ensure_ascii=False), _EVIDENCE)
        lines += [f"Facts: {facts}", ""]
    return lines
