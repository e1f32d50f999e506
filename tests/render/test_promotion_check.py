"""The check on a commit that could be promoted: what it quotes does nothing."""

import pytest
from cases import HOSTILE, MIGRATIONS, TRAP, URL, WAITING
from hostile import texts
from hypothesis import given
from rendered import render

from bot.core.decision import Decision, Finding, GateResult, Verdict
from bot.core.render.promotion import render_promotion_check


@given(texts)
def test_whatever_is_quoted_is_shown_and_does_nothing(text: str) -> None:
    result = GateResult(
        "lock",
        Verdict.FAIL,
        f"locked by @cy: {text}",
        remedy=f"ask {text}",
        reason=f"since {text}",
        findings=(Finding(text, "lock", text),),
        evidence={text: text},
        overridden=Verdict.FAIL,
    )
    output = render_promotion_check(
        Decision((result, MIGRATIONS)), environment=text, details_url=URL
    )
    assert len(output.title) <= 60
    for seen in (render(output.summary), render(output.text)):
        assert set(seen.html) <= {"<code>", "</code>"}
        assert seen.links == []
        assert {"img", "hr", "h1", "blockquote", "li"}.isdisjoint(seen.tags)
        assert "@octo" not in seen.text
    rows = render(output.summary).rows
    assert [len(row) for row in rows] == [4, 4, 4]


def test_a_trap_in_every_text() -> None:
    output = render_promotion_check(Decision((HOSTILE, WAITING)), environment=TRAP)
    assert render(output.summary).html == render(output.text).html == []
    assert output.title.startswith("@octo <img src=x>")  # a title is shown as it is


@pytest.mark.parametrize("count", [1, pytest.param(400, marks=pytest.mark.slow)])
def test_the_check_stays_within_github_s_limits(count: int) -> None:
    finding = Finding("check e2e", "checks/fail", "é" * 1_000)
    result = GateResult("checks", Verdict.FAIL, "é" * 1_000, findings=(finding,) * 50)
    output = render_promotion_check(
        Decision((result,) * count), environment="production", details_url=URL
    )
    assert len(output.summary.encode()) <= 65_535
    assert len(output.text.encode()) <= 65_535
