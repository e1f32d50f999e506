"""Check runs: their conclusions, buttons, annotations and limits."""

from dataclasses import replace

import cases
import pytest
from hostile import texts
from hypothesis import given
from rendered import render

from bot.core.checks import CheckOutput, Conclusion
from bot.core.decision import Decision, Finding, GateResult, Location, Verdict
from bot.core.model import AbsentFile, FoundFile, PolicyFiles
from bot.core.render.check import FIX_TITLE, render_checks
from bot.core.render.words import title_suggestion


def check_of(result: GateResult, *, offer_fix: bool = True) -> CheckOutput:
    (output,) = render_checks(Decision((result,)), details_url=cases.URL, offer_fix=offer_fix)
    return output


@pytest.mark.parametrize(
    ("verdict", "conclusion"),
    [
        (Verdict.PASS, Conclusion.SUCCESS),
        (Verdict.FAIL, Conclusion.FAILURE),
        (Verdict.ERROR, Conclusion.FAILURE),
        (Verdict.WAIT, Conclusion.FAILURE),
        (Verdict.SKIP, Conclusion.NEUTRAL),
    ],
)
def test_nothing_unknown_lets_a_merge_through(verdict: Verdict, conclusion: Conclusion) -> None:
    assert check_of(GateResult("commits", verdict, "said")).conclusion is conclusion


def test_fix_title_is_offered_where_a_title_can_be_suggested() -> None:
    (action,) = check_of(cases.FAILING).actions
    assert action.identifier == FIX_TITLE
    assert len(action.identifier) <= 20
    assert len(action.label) <= 20
    assert len(action.description) <= 40
    assert title_suggestion(cases.FAILING) == "feat: add search"


def test_fix_title_is_not_offered_otherwise() -> None:
    unknown = replace(cases.FAILING, findings=(replace(cases.UNTYPED, suggestion=""),))
    commits_only = replace(cases.FAILING, findings=cases.FAILING.findings[1:])
    assert check_of(unknown).actions == ()
    assert check_of(commits_only).actions == ()
    assert check_of(cases.FAILING, offer_fix=False).actions == ()
    assert check_of(cases.PASSING).actions == ()


def test_an_unusable_policy_fails_the_check_that_is_required() -> None:
    decision = cases.policy_decision(PolicyFiles(cases.INVALID, AbsentFile()))
    (output,) = render_checks(decision, details_url=cases.URL)
    assert output.name == "lockgate/commits"
    assert output.conclusion is Conclusion.FAILURE
    assert [a.location for a in output.annotations] == [
        Location(cases.PATH, 3, 3),
        Location(cases.PATH, 4, 10),
    ]
    assert "no older or other policy is used" in output.text


def test_no_annotation_points_into_another_repository() -> None:
    decision = cases.policy_decision(PolicyFiles(AbsentFile(), cases.FROM_ORGANISATION))
    (output,) = render_checks(decision, details_url=cases.URL)
    assert output.annotations == ()
    assert "line 3, column 3" in output.summary


def test_at_most_fifty_annotations_are_asked_for() -> None:
    text = "".join(f"key{number}: 1\n" for number in range(80))
    decision = cases.policy_decision(
        PolicyFiles(FoundFile("acme/shop", cases.PATH, text), AbsentFile())
    )
    (output,) = render_checks(decision, details_url=cases.URL)
    assert len(output.annotations) == 50


def many(number: int, text: str = "é" * 400) -> GateResult:
    findings = tuple(
        Finding(f"commit {index:07x}", "type-empty", text, f"{index} {text}", text)
        for index in range(number)
    )
    return GateResult("commits", Verdict.FAIL, f"{number} messages need a type", findings=findings)


def test_a_long_summary_ends_on_a_whole_line_and_says_how_many_are_missing() -> None:
    summary = check_of(many(2_000)).summary
    assert len(summary.encode()) < 65_000
    rows = [line for line in summary.splitlines() if line.startswith("| commit")]
    assert all(line.endswith(" |") for line in rows)
    assert summary.endswith(f"… and {2_000 - len(rows)} more, see [details]({cases.URL}).")


def test_a_summary_that_fits_is_whole() -> None:
    summary = check_of(many(40, "short")).summary
    assert summary.count("| commit") == 40
    assert "more, see" not in summary


@given(texts, texts, texts)
def test_hostile_texts_do_nothing_in_a_check(one: str, two: str, three: str) -> None:
    findings = (
        Finding("title", "type-empty", one, two, three),
        Finding(two, three, two, one, "", Location(cases.PATH, 1, 2)),
    )
    result = GateResult("commits", Verdict.FAIL, one, two, three, findings, {"policy": one})
    output = check_of(result)
    assert len(output.title) <= 60
    assert "\n" not in output.title
    for text in (output.summary, output.text):
        seen = render(text)
        assert set(seen.html) <= {"<br>", "<code>", "</code>"}
        assert set(seen.links) <= {"https://www.conventionalcommits.org/en/v1.0.0/"}
        assert {len(row) for row in seen.rows} <= {3}
        assert "img" not in seen.tags
    assert len(render(output.summary).rows) == 3
