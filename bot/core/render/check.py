"""The check runs as they should read on GitHub.

Limits: https://docs.github.com/rest/checks/runs#create-a-check-run
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.checks import Annotation, CheckAction, CheckOutput, Conclusion
from bot.core.decision import Decision, Finding, GateResult, Json, Verdict
from bot.core.policy import POLICY_GATE, PolicyOrigin
from bot.core.render import escape
from bot.core.render.words import (
    FIX_TITLE_LABEL,
    MARKS,
    findings_table,
    fit,
    spoken,
    stopped,
    title_suggestion,
    unstopped,
    verdict_line,
)

COMMITS_GATE = "commits"
COMMITS_CHECK = f"lockgate/{COMMITS_GATE}"
FIX_TITLE = "fix_title"
"""The identifier that GitHub sends back when **Fix title** is pressed."""

CHECK_TITLE = 60
CHECK_BYTES = 65_000
_ANNOTATIONS = 50
_OTHERS_NAMED = 5
BY_ITSELF = "This pull request by itself:"
_SPECIFICATION = "https://www.conventionalcommits.org/en/v1.0.0/"

# "wait" is no neutral: branch protection counts neutral as passed, and what is not known yet must
# not let anything through.
CONCLUSIONS = {
    Verdict.PASS: Conclusion.SUCCESS,
    Verdict.FAIL: Conclusion.FAILURE,
    Verdict.WAIT: Conclusion.FAILURE,
    Verdict.ERROR: Conclusion.FAILURE,
    Verdict.SKIP: Conclusion.NEUTRAL,
}


def render_checks(
    decision: Decision, *, details_url: str, offer_fix: bool = True
) -> tuple[CheckOutput, ...]:
    """Every check run that the decision asks for.

    A policy that cannot be used fails the checks of the gates that it silenced, under their own
    names: whoever requires ``lockgate/commits`` must get its answer. ``offer_fix`` says whether
    there is a title that somebody may change (not on a merge queue's candidate).
    """
    outputs = []
    for result in decision.results:
        if result.gate == POLICY_GATE:
            if result.verdict not in (Verdict.PASS, Verdict.SKIP):
                outputs.append(render_policy_check(result, details_url=details_url))
        else:
            fix_title = title_suggestion(result) if offer_fix else ""
            outputs.append(render_gate_check(result, details_url=details_url, fix_title=fix_title))
    return tuple(outputs)


def with_others_of_commit(
    checks: Sequence[CheckOutput], others: Mapping[int, str]
) -> tuple[CheckOutput, ...]:
    """``others`` are open pull requests that have the same commit at their heads and are held: the
    base of each, by its number.

    GitHub keeps one check for a commit and counts it for all of them: a pass here would let those
    through.
    """
    passing = (Conclusion.SUCCESS, Conclusion.NEUTRAL)
    passed = [one for one in checks if one.name == COMMITS_CHECK and one.conclusion in passing]
    if not others or not passed:
        return tuple(checks)
    are = "is" if len(others) == 1 else "are"
    named = ", ".join(f"#{number}" for number in sorted(others)[:_OTHERS_NAMED])
    said = held_by_others(others)
    return tuple(
        replace(
            one,
            conclusion=Conclusion.FAILURE,
            title=escape.plain(f"of the same commit {named} {are} held", CHECK_TITLE),
            summary=f"{said}\n\n{BY_ITSELF}\n\n{one.summary}",
        )
        if one in passed
        else one
        for one in checks
    )


def held_by_others(others: Mapping[int, str]) -> str:
    """What is said first where the check of a commit fails for the sake of others; see above."""
    are, them = ("is", "it") if len(others) == 1 else ("are", "them")
    bases = ", ".join(
        f"#{number} into {escape.code(others[number], 100)}"
        for number in sorted(others)[:_OTHERS_NAMED]
    )
    return (
        f"**{MARKS[Verdict.FAIL]}: the same commit is the head of {bases}, which {are} not in "
        f"order.** Next: mend or close {them}. GitHub keeps one check for a commit, and counts it "
        "for every pull request with that commit at its head."
    )


def render_gate_check(result: GateResult, *, details_url: str, fix_title: str) -> CheckOutput:
    """The check of one gate. ``fix_title`` is the title to offer, empty for no offer."""
    return CheckOutput(
        name=f"lockgate/{result.gate}",
        conclusion=CONCLUSIONS[result.verdict],
        title=escape.plain(unstopped(result.summary), CHECK_TITLE),
        summary=_summary(result, details_url),
        text=_explanation(result, details_url),
        annotations=_annotations(result.findings),
        actions=(_fix_title(),) if fix_title else (),
        details_url=details_url,
    )


def render_policy_check(result: GateResult, *, details_url: str) -> CheckOutput:
    """The check where no policy can be used, from ``policy_result``."""
    # An annotation stands in this repository: a file of another one has no place in it.
    elsewhere = result.evidence.get("origin") == PolicyOrigin.ORGANISATION.value
    return CheckOutput(
        name=COMMITS_CHECK,
        conclusion=CONCLUSIONS[result.verdict],
        title=escape.plain(unstopped(result.summary), CHECK_TITLE),
        summary=_summary(result, details_url),
        text=fit(
            [
                stopped(spoken(result.reason, None, limit=1_000)),
                "",
                (
                    "`lockgate policy check` says the same on your machine, before you push. "
                    "Pull requests are checked again as soon as the file is mended."
                ),
            ],
            CHECK_BYTES,
            fixed=3,
            details_url=details_url,
        ),
        annotations=() if elsewhere else _annotations(result.findings),
        details_url=details_url,
    )


def _summary(result: GateResult, details_url: str) -> str:
    lines = [verdict_line(result)]
    if result.findings:
        lines += ["", *findings_table(result.findings)]
    return fit(lines, CHECK_BYTES, fixed=4, details_url=details_url)


def _explanation(result: GateResult, details_url: str) -> str:
    lines = []
    if result.reason:
        lines += [
            "### What was checked, and why",
            "",
            stopped(spoken(result.reason, None, limit=1_000)),
            "",
        ]
    sources = []
    if result.gate == COMMITS_GATE:
        sources.append(
            f"{escape.link('Conventional Commits 1.0.0', _SPECIFICATION)}: "
            "`type(scope): description`, then a blank line before a body."
        )
    policy = _text(result.evidence.get("policy"))
    if policy:
        sources.append(stopped(spoken(policy, None)))
    if sources:
        lines += ["### Where the rules come from", "", *sources]
    rules = list(dict.fromkeys(finding.rule for finding in result.findings))
    if rules:
        named = ", ".join(escape.code(rule, 60) for rule in rules)
        lines += ["", f"Rules that found something here: {named}."]
    return fit(lines, CHECK_BYTES, fixed=4, details_url=details_url)


def _annotations(findings: Sequence[Finding]) -> tuple[Annotation, ...]:
    """GitHub shows an annotation's texts as they are, and takes fifty of them at a time."""
    return tuple(
        Annotation(
            finding.location,
            escape.plain(finding.rule, 100),
            escape.plain(_meant(finding), 1_000),
        )
        for finding in findings
        if finding.location
    )[:_ANNOTATIONS]


def _meant(finding: Finding) -> str:
    hint = f". Did you mean `{finding.suggestion}`?" if finding.suggestion else ""
    return f"{unstopped(finding.message)}{hint}"


def _fix_title() -> CheckAction:
    return CheckAction(FIX_TITLE, FIX_TITLE_LABEL, "Set the suggested title")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
