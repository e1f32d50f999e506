"""The summary comment: when it counts as changed, and what it cannot be made to do."""

from dataclasses import replace
from datetime import timedelta

import cases
import pytest
from hostile import texts
from hypothesis import given
from rendered import render

from bot.core.checks import SUMMARY_MARKER
from bot.core.decision import Decision, Finding, GateResult, Verdict
from bot.core.render.comment import digest_in, render_summary

DECISION = Decision((cases.FAILING,))
COMMENT = render_summary(DECISION, cases.pull(), cases.AT, cases.URL)


def test_the_comment_bears_its_marker_and_digest() -> None:
    assert COMMENT.body.startswith(SUMMARY_MARKER)
    assert digest_in(COMMENT.body) == COMMENT.digest
    assert digest_in(COMMENT.body.replace("\n", "\r\n")) == COMMENT.digest


def test_a_later_evaluation_that_says_the_same_is_no_change() -> None:
    later = render_summary(DECISION, cases.pull(), cases.AT + timedelta(days=1), cases.URL)
    assert later.body != COMMENT.body
    assert later.digest == COMMENT.digest


@pytest.mark.parametrize(
    "changed",
    [
        replace(cases.FAILING, summary="3 of 4 messages need changes"),
        replace(cases.FAILING, remedy="reword it"),
        replace(cases.FAILING, reason="Because."),
        replace(cases.FAILING, findings=cases.FAILING.findings[:1]),
        replace(cases.FAILING, verdict=Verdict.WAIT),
    ],
)
def test_whatever_else_it_says_is_a_change(changed: GateResult) -> None:
    comment = render_summary(Decision((changed,)), cases.pull(), cases.AT, cases.URL)
    assert comment.digest != COMMENT.digest


def test_the_commit_it_names_is_a_change() -> None:
    comment = render_summary(DECISION, cases.pull(sha="9b1deb4"), cases.AT, cases.URL)
    assert comment.digest != COMMENT.digest


@pytest.mark.parametrize(
    ("result", "told"), [(cases.PASSING, True), (cases.SKIPPED, True), (cases.FAILING, False)]
)
def test_a_check_that_fails_for_the_sake_of_others_is_not_called_well(
    result: GateResult, told: bool
) -> None:
    """Where it fails by itself the check says nothing of the others either."""
    decision, others = Decision((result,)), {7: "stable/`x`", 3: "main"}
    alone = render_summary(decision, cases.pull(), cases.AT, cases.URL)
    comment = render_summary(decision, cases.pull(), cases.AT, cases.URL, others)
    assert (comment.digest != alone.digest) is told
    if told:
        first, _, own = comment.body.partition("This pull request by itself:")
        assert "the same commit is the head of #3 into `main`, #7 into" in first
        assert "which are not in order" in first
        assert "All well" not in first
        assert own.strip().startswith("**")


def test_the_time_is_shown_in_utc() -> None:
    assert "Evaluated 2026-03-02 12:04:10 UTC at `3f2c1aa`" in COMMENT.body


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        f"{SUMMARY_MARKER}\nhello",
        f"see {SUMMARY_MARKER}<!-- digest={'0' * 64} -->",
        f"\n{SUMMARY_MARKER}<!-- digest={'0' * 64} -->",
        f"{SUMMARY_MARKER}<!-- digest={'0' * 63} -->",
        f"{SUMMARY_MARKER}<!-- digest={'0' * 64} --> and more",
    ],
)
def test_what_is_no_summary_comment_has_no_digest(body: str) -> None:
    assert digest_in(body) == ""


def test_a_quoted_marker_fools_nobody() -> None:
    trap = f"{SUMMARY_MARKER}<!-- digest={'0' * 64} -->"
    result = replace(cases.FAILING, summary=f"\n{trap}\n", reason=f"\n{trap}\n")
    comment = render_summary(Decision((result,)), cases.pull(), cases.AT, cases.URL)
    assert digest_in(comment.body) == comment.digest != "0" * 64


def test_when_all_is_well_everything_but_two_lines_is_folded() -> None:
    body = render_summary(Decision((cases.PASSING,)), cases.pull(), cases.AT, cases.URL).body
    before, _, rest = body.partition("<details>")
    _, _, after = rest.partition("</details>")
    shown = [line for line in (before + after).splitlines() if line]
    assert len(shown) == 3  # the hidden marker, the sentence, and the last small line
    assert shown[1] == "**All well: the title is in order.**"


def many(text: str) -> Decision:
    findings = tuple(
        Finding(f"commit {index:07x}", "type-empty", text, f"{index}{text}", text)
        for index in range(100)
    )
    results = [
        GateResult(f"gate {index}", Verdict.FAIL, text, text, text, findings) for index in range(30)
    ]
    return Decision(tuple(results))


@pytest.mark.parametrize("text", ["x" * 65_000, "@a|" * 20_000, "é" * 65_000, "`" * 65_000])
def test_the_body_stays_within_github_s_limit(text: str) -> None:
    pull = cases.pull(title=text)
    body = render_summary(many(text), pull, cases.AT, cases.URL).body
    assert len(body.encode()) < 65_536
    assert "more, see [details]" in body
    assert body.count("<details>") == body.count("</details>") == 1


@given(texts, texts, texts)
def test_hostile_texts_do_nothing_in_the_comment(one: str, two: str, three: str) -> None:
    findings = (
        Finding("title", "type-empty", one, two, three),
        Finding(two, three, two, one, ""),
    )
    result = GateResult("commits", Verdict.FAIL, one, two, three, findings, {"policy": one})
    other = GateResult(two, Verdict.WAIT, two, three, one)
    comment = render_summary(Decision((result, other)), cases.pull(one), cases.AT, cases.URL)
    assert digest_in(comment.body) == comment.digest
    seen = render(comment.body)
    assert seen.links == [cases.URL]
    ours = {"<br>", "<code>", "</code>", "<sub>", "</sub>"}
    blocks = [html for html in seen.html if html not in ours]
    assert len(blocks) == 3
    assert blocks[0].startswith(SUMMARY_MARKER)
    assert blocks[1] == "<details>\n<summary>Evidence</summary>\n"
    assert blocks[2].startswith("</details>")
    assert [len(row) for row in seen.rows] == [4, 4, 4, 3, 3, 3]
