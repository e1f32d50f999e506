"""The words and marks for a verdict, and the pieces that several texts share."""

import re
from collections.abc import Iterable, Sequence

from bot.core.decision import Decision, Finding, GateResult, Verdict, worst
from bot.core.render import escape

MARKS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.WAIT: "⏳",
    Verdict.SKIP: "➖",
    Verdict.ERROR: "⚠️",
}
_WORDS = {Verdict.ERROR: "could not be read"}
HOLDING = (Verdict.ERROR, Verdict.FAIL, Verdict.WAIT)
"""The verdicts that hold a pull request back, worst first."""

_WORD = re.compile(r"[a-z]+(?=[\s,:;.]*(?:\s|$))")
_COMMIT = re.compile(r"commit ([0-9a-f]{7,40})")

FIX_TITLE_LABEL = "Fix title"
"""The button's label, as GitHub shows it."""

TITLE_SUBJECT = "title"
"""The subject of a finding on a pull request's title."""


def marked(verdict: Verdict) -> str:
    """The mark and its word: colour and sign alone say nothing to a screen reader."""
    return f"{MARKS[verdict]} {_WORDS.get(verdict, verdict.value)}"


def marked_result(result: GateResult) -> str:
    """As ``marked``, and what was set aside is never shown as a pass."""
    if result.overridden:
        return f"{MARKS[Verdict.ERROR]} set aside, was {result.overridden.value}"
    return marked(result.verdict)


def title_suggestion(result: GateResult) -> str:
    """The title that would pass, or nothing where none can be known."""
    return next(
        (
            finding.suggestion
            for finding in result.findings
            if finding.subject == TITLE_SUBJECT and finding.suggestion
        ),
        "",
    )


def headline(decision: Decision, to: str = "merge") -> tuple[str, GateResult | None]:
    """The one plain sentence that a busy person needs, and the gate that it speaks of.

    The gate is None where the sentence speaks of all of them. ``to`` is what the gates hold back.
    """
    judged = [result for result in decision.results if result.verdict is not Verdict.SKIP]
    holding = [result for result in judged if result.verdict in HOLDING]
    if not judged:
        only = decision.results[0] if len(decision.results) == 1 else None
        what = unstopped(only.summary) if only else "every gate was skipped"
        return f"Nothing was checked: {what}", only
    if len(judged) == 1:
        start = {Verdict.PASS: "All well", Verdict.WAIT: f"Not ready to {to} yet"}
        result = judged[0]
        sentence = start.get(result.verdict, f"Not ready to {to}")
        return f"{sentence}: {unstopped(result.summary)}", result
    if not holding:
        aside = sum(bool(result.overridden) for result in judged)
        but = f", {aside} of them set aside" if aside else ""
        return f"All well: {len(judged)} gates pass{but}", None
    hold = "holds" if len(holding) == 1 else "hold"
    yet = " yet" if decision.verdict is Verdict.WAIT else ""
    return f"Not ready to {to}{yet}: {len(holding)} of {len(judged)} gates {hold} it", None


def next_step(results: Iterable[GateResult]) -> GateResult | None:
    """The gate whose remedy comes first: of the worst verdict, in the order of the gates."""
    with_remedy = [result for result in results if result.remedy and result.verdict in HOLDING]
    if not with_remedy:
        return None
    first = worst(result.verdict for result in with_remedy)
    return next(result for result in with_remedy if result.verdict is first)


def spoken(text: str, result: GateResult | None, *, cell: bool = False, limit: int = 300) -> str:
    """A gate's plain text as Markdown, what it quotes and suggests in code spans."""
    findings = result.findings if result else ()
    lines = [finding.suggestion for finding in findings] + [finding.quote for finding in findings]
    # Beside single words a code span would be noise: "a" is a quote of nothing.
    codes = list(dict.fromkeys(line for line in lines if len(line) > 3))[:20]
    codes += [ids[1] for ids in map(_COMMIT.fullmatch, (f.subject for f in findings[:20])) if ids]
    said = escape.sentence(unstopped(text), codes, limit, cell=cell)
    return said.replace(f"press {FIX_TITLE_LABEL}", f"press **{FIX_TITLE_LABEL}**")


def unstopped(text: str) -> str:
    return text.strip().removesuffix(".")


def stopped(text: str) -> str:
    """The sentence with a full stop, unless something else ends it."""
    return text if text.endswith((".", "?", "…")) else f"{text}."


def by_last_good(fault: str) -> str:
    """``fault`` is why the policy in force cannot be used; plain."""
    why = stopped(escape.sentence(unstopped(fault), limit=300))
    return f"The policy in force cannot be used, so this goes by the last good one: {why}"


def capitalised(text: str) -> str:
    """A sentence with a capital, unless it begins with a name or code: ``v1.4.0``, ``e2e``."""
    return f"{text[:1].upper()}{text[1:]}" if _WORD.match(text) else text


def verdict_line(result: GateResult) -> str:
    """What a gate found and what to do next, in one line of Markdown."""
    mark = marked_result(result)
    if (
        not result.overridden
        and _WORDS.get(result.verdict, "")
        and _WORDS[result.verdict] in result.summary
    ):
        mark = MARKS[result.verdict]  # the sentence has the word already
    else:
        mark += ":"
    line = f"**{mark} {stopped(spoken(result.summary, result))}**"
    if result.remedy:
        line += f" Next: {stopped(spoken(result.remedy, result))}"
    return line


def by_message(findings: Sequence[Finding]) -> list[list[Finding]]:
    """The findings of each message together, in the order of the messages."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.subject, finding.quote), []).append(finding)
    return list(groups.values())


def findings_table(findings: Sequence[Finding]) -> list[str]:
    """The lines of a table: message → problem → line to paste, or where they are about a file,
    place → problem → what may have been meant."""
    if all(finding.location for finding in findings):
        rows = ["| place | problem | meant? |", "|---|---|---|"]
        return rows + [_place_row(finding) for finding in findings]
    rows = ["| message | problem | line to paste |", "|---|---|---|"]
    for group in by_message(findings):
        subject = _subject(group[0].subject)
        quote = escape.code(group[0].quote, 120, cell=True)
        problems = "<br>".join(
            f"{escape.sentence(finding.message, cell=True)} "
            f"({escape.code(finding.rule, 60, cell=True)})"
            for finding in group
        )
        paste = next((finding.suggestion for finding in group if finding.suggestion), "")
        rows.append(
            f"| {subject}{': ' if quote else ''}{quote} | {problems} | "
            f"{escape.code(paste, cell=True) or '–'} |"
        )
    return rows


def _place_row(finding: Finding) -> str:
    at = finding.location
    place = f"line {at.line}, column {at.column}" if at else "–"
    quote = escape.code(finding.quote, 120, cell=True)
    problem = escape.sentence(finding.message, cell=True)
    meant = escape.code(finding.suggestion, cell=True) or "–"
    return f"| {place} | {problem}{'<br>' if quote else ''}{quote} | {meant} |"


def _subject(subject: str) -> str:
    # GitHub links a commit's id by itself, which is wanted here.
    return subject if _COMMIT.fullmatch(subject) else escape.inline(subject, 80)


def fit(lines: Sequence[str], limit: int, *, fixed: int, details_url: str) -> str:
    """The lines as one text of at most ``limit`` bytes of UTF-8.

    Whole lines are left out at the end, never one of the first ``fixed``, and their number is
    said.
    """
    text = "\n".join(lines)
    if len(text.encode()) <= limit:
        return text
    room = limit - 400  # the closing line and its link
    kept: list[str] = []
    for line in lines:
        size = len(line.encode()) + 1
        if size > room and len(kept) >= fixed:
            break
        room -= size
        kept.append(line)
    left = sum(1 for line in lines[len(kept) :] if line)
    return "\n".join([*kept, "", f"… and {left} more, see {see_details(details_url)}."])


def see_details(details_url: str) -> str:
    return escape.link("details", details_url) if details_url else "the details page"
