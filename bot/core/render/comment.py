"""The summary comment: one on each pull request, edited in place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from bot.core.checks import SUMMARY_MARKER
from bot.core.decision import Decision, GateResult, Verdict
from bot.core.model import PullRequest
from bot.core.render import escape
from bot.core.render.check import BY_ITSELF, held_by_others
from bot.core.render.words import (
    HOLDING,
    findings_table,
    fit,
    headline,
    marked_result,
    next_step,
    see_details,
    spoken,
    stopped,
)

_FIRST_LINE = re.compile(rf"{re.escape(SUMMARY_MARKER)}<!-- digest=([0-9a-f]{{64}}) -->(?:\r?\n|$)")
_TABLE_BYTES = 24_000
_EVIDENCE_BYTES = 16_000


@dataclass(frozen=True, slots=True)
class SummaryComment:
    """``digest`` is of all that ``body`` says but when it was evaluated.

    A comment that shows the same digest says the same and need not be touched.
    """

    body: str
    digest: str


def render_summary(
    decision: Decision,
    pull: PullRequest,
    evaluated_at: datetime,
    details_url: str,
    others: Mapping[int, str] | None = None,
) -> SummaryComment:
    """The comment for a decision on a pull request; ``others`` are those that hold its check, as
    for ``with_others_of_commit``.

    The commit counts as substance, since the comment names it; the time does not.
    """
    substance = [*_opening(decision), *_rest(decision, details_url)]
    if others and decision.verdict not in HOLDING:
        substance = [held_by_others(others), "", BY_ITSELF, "", *substance]
    where = f"{escape.code(pull.head_sha[:7])} · {see_details(details_url)}"
    digest = sha256("\n".join([*substance, where]).encode()).hexdigest()
    at = evaluated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    body = "\n".join(
        [
            f"{SUMMARY_MARKER}<!-- digest={digest} -->",
            *substance,
            "",
            f"<sub>Evaluated {at} at {where}</sub>",
            "",
        ]
    )
    return SummaryComment(body, digest)


def digest_in(body: str) -> str:
    """The digest that a comment bears, empty if it is none of ours.

    Only the very first line counts: whatever the comment quotes stands further down.
    """
    found = _FIRST_LINE.match(body)
    return found[1] if found else ""


def _opening(decision: Decision) -> list[str]:
    sentence, about = headline(decision)
    line = f"**{stopped(spoken(sentence, about))}**"
    step = next_step(decision.results)
    if step:
        line += f" Next: {stopped(spoken(step.remedy, step))}"
    return [line]


def _rest(decision: Decision, details_url: str) -> list[str]:
    table = fit(_gates(decision.results), _TABLE_BYTES, fixed=2, details_url=details_url)
    evidence = fit(
        _parted([_evidence(result) for result in decision.results]),
        _EVIDENCE_BYTES,
        fixed=0,
        details_url=details_url,
    )
    if decision.verdict is Verdict.PASS:
        count = len(decision.results)
        gates = f"{count} gate{'s' if count != 1 else ''}"
        if not evidence:
            return _folded(gates, table)
        return _folded(f"{gates} and the evidence", f"{table}\n\n{evidence}")
    folded = ["", *_folded("Evidence", evidence)] if evidence else []
    return ["", table, *folded]


def _parted(groups: Sequence[list[str]]) -> list[str]:
    """The lines of all groups, a blank line between one and the next."""
    return [line for group in groups if group for line in ["", *group]][1:]


def _folded(title: str, content: str) -> list[str]:
    return ["<details>", f"<summary>{title}</summary>", "", content, "", "</details>"]


def _gates(results: Sequence[GateResult]) -> list[str]:
    rows = ["| | gate | found | to do |", "|---|---|---|---|"]
    for result in results:
        todo = spoken(result.remedy, result, cell=True) if result.remedy else "–"
        found = spoken(result.summary, result, cell=True)
        rows.append(
            f"| {marked_result(result)} | {escape.inline(result.gate, 40)} | {found} | {todo} |"
        )
    return rows


def _evidence(result: GateResult) -> list[str]:
    lines = [f"**{escape.inline(result.gate, 40)}**: {marked_result(result)}"]
    if result.reason:
        lines += ["", stopped(spoken(result.reason, None, limit=1_000))]
    policy = result.evidence.get("policy")
    if isinstance(policy, str) and policy:
        lines += ["", stopped(spoken(policy, None))]
    if result.findings:
        lines += ["", *findings_table(result.findings)]
    return lines if len(lines) > 1 else []
