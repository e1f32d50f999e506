"""The steps of a budget's policy in the gates: a second approval, and a freeze."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from promotion_kit import ADA, BEN, CY, NOW, approval, facts, policy, said

from bot.core.decision import Verdict
from bot.core.evaluation import evaluate_promotion
from bot.core.gates import approvals, freeze
from bot.core.hosting import Freeze
from bot.core.promotion import ObjectiveState, Override, Unread
from bot.core.slo.model import BudgetState, State, Window
from bot.core.slo.steps import REARMED, crossed, held_at

STEPS = {"slo": {"steps": "default"}}
BACK, LATER = datetime(2026, 12, 3, 9, tzinfo=UTC), datetime(2026, 12, 9, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
FREE = "a rollback is not held by this gate"
OVERRIDE = f"{FREE}; `/override freeze <reason>` needs role `admin`"


def objective(left: str | None, name: str = "api", state: State = State.OK) -> ObjectiveState:
    remaining = None if left is None else Fraction(left)
    stands = BudgetState(
        name=name,
        objective=Fraction(999, 1000),
        window=Window(timedelta(days=30)),
        good=999,
        total=1000,
        ratio=Fraction(999, 1000),
        budget_remaining=remaining,
        burn={HOUR: Fraction(92, 10)},
        alerts=(),
        state=State.NO_DATA if left is None and state is State.OK else state,
        at=NOW,
        reason="its source\n did not answer" if state is State.ERROR else "",
    )
    ends = {Fraction(1, 4): LATER, Fraction(0): BACK}
    return ObjectiveState(f"The {name}", stands, None, ends)


FINE = objective("26/100")
LOW = objective("1/4")
SPENT = objective("-23/200")
SILENT = objective(None)
AWAY = objective(None, state=State.ERROR)


@pytest.mark.parametrize(
    ("settings", "objectives", "expected"),
    [
        ({}, [SPENT], ("pass", "no freeze holds", "")),
        (STEPS, [], ("pass", "no freeze holds", "")),
        (STEPS, [FINE, LOW], ("pass", "no freeze holds", "")),
        (
            STEPS,
            [LOW, SPENT],
            (
                "fail",
                (
                    "frozen by the error budget: The api has −12 % of its 30-day budget left; "
                    "burning 9.2× over 1 h"
                ),
                f"budget returns about 2026-12-03; {OVERRIDE}",
            ),
        ),
        (
            {"slo": {"steps": [{"at": "25%", "do": "freeze"}]}},
            [LOW],
            (
                "fail",
                (
                    "frozen by the error budget: The api has 25 % of its 30-day budget left; "
                    "burning 9.2× over 1 h"
                ),
                f"budget returns about 2026-12-09; {OVERRIDE}",
            ),
        ),
        (
            {**STEPS, "override_roles": []},
            [replace(SPENT, steps_end={}), objective("-1", "site")],
            (
                "fail",
                (
                    "frozen by the error budget: The site has −100 % of its 30-day budget left; "
                    "burning 9.2× over 1 h (and 1 more)"
                ),
                f"budget returns about 2026-12-03; {FREE}; nobody may override",
            ),
        ),
        (
            STEPS,
            [SPENT, AWAY],
            (
                "error",
                (
                    "frozen by the error budget: The api could not be read: its source did not "
                    "answer (and 1 more)"
                ),
                f"see that its source answers, then run the command again; {OVERRIDE}",
            ),
        ),
        (
            STEPS,
            [SILENT],
            (
                "fail",
                "frozen by the error budget: The api is not known: nothing was counted",
                f"see that its source counts something, or set `no_data: allow`; {OVERRIDE}",
            ),
        ),
        (
            {"slo": {"steps": "default", "no_data": "allow"}},
            [SILENT],
            ("pass", "no freeze holds", ""),
        ),
    ],
)
def test_a_budget_freezes(
    settings: dict[str, Any], objectives: list[ObjectiveState], expected: tuple[str, ...]
) -> None:
    assert said(freeze.evaluate(facts(policy=settings, slo=tuple(objectives)))) == expected


def test_what_cannot_be_read_freezes_where_a_step_would() -> None:
    unread = Unread("GitHub answered 502")
    assert said(freeze.evaluate(facts(policy=STEPS, slo=unread))) == (
        "error",
        "the objectives of `production` could not be read: GitHub answered 502",
        f"mend that, then run the command again; {OVERRIDE}",
    )
    notify = {"slo": {"steps": [{"at": "50%", "do": "notify"}]}}
    assert freeze.evaluate(facts(policy=notify, slo=unread)).verdict is Verdict.PASS


def test_a_freeze_by_command_is_told_beside_the_budget_s() -> None:
    held = Freeze("production", "ada", "sale", NOW - HOUR, NOW + HOUR)
    result = freeze.evaluate(facts(policy=STEPS, slo=(SPENT,), freezes=(held,)))
    assert [finding.subject for finding in result.findings] == ["The api", "@ada"]
    assert result.evidence["objectives"][0]["name"] == "api"
    assert result.evidence["freezes"][0]["reason"] == "sale"


def test_an_override_sets_the_budget_s_freeze_aside() -> None:
    given = facts(policy=STEPS, slo=(SPENT,))
    held = {result.gate: result for result in evaluate_promotion(given).results}
    assert held["freeze"].verdict.value == "fail"
    aside = evaluate_promotion(given, {"freeze": Override("ada", "it mends the API")})
    (result,) = (one for one in aside.results if one.gate == "freeze")
    assert result.verdict.value == "pass"


SECOND = "since The api has 25 % of its 30-day budget left; burning 9.2× over 1 h"


@pytest.mark.parametrize(
    ("count", "objectives", "approved", "expected"),
    [
        (0, [FINE], [], ("skip", "the policy asks for no review", "")),
        (
            0,
            [LOW],
            [],
            (
                "wait",
                f"0 of 1 approval: one more than usual, {SECOND}",
                (
                    "ask for 1 more approving review of #12; or budget returns about 2026-12-09; "
                    f"{FREE}"
                ),
            ),
        ),
        (
            1,
            [LOW],
            [BEN],
            (
                "wait",
                f"1 of 2 approvals: one more than usual, {SECOND}",
                (
                    "ask for 1 more approving review of #12; or budget returns about 2026-12-09; "
                    f"{FREE}"
                ),
            ),
        ),
        (1, [FINE], [BEN], ("pass", "approved by @ben", "")),
        (1, [LOW], [BEN, CY], ("pass", "approved by @ben and @cy", "")),
        (
            1,
            [AWAY],
            [BEN],
            (
                "wait",
                (
                    "1 of 2 approvals: one more than usual, since The api could not be read: its "
                    "source did not answer"
                ),
                (
                    "ask for 1 more approving review of #12; or see that its source answers, then "
                    f"run the command again; {FREE}"
                ),
            ),
        ),
    ],
)
def test_a_budget_asks_for_one_more_approval(
    count: int, objectives: list[ObjectiveState], approved: list[Any], expected: tuple[str, ...]
) -> None:
    given = facts(
        policy={**STEPS, "approvals": {"count": count}},
        slo=tuple(objectives),
        approvals=tuple(map(approval, approved)),
    )
    assert said(approvals.evaluate(given)) == expected


def test_the_author_is_not_the_second_to_approve() -> None:
    """Even where the policy counts an author's own approval."""
    own = {"approvals": {"count": 1, "not_author": False}}
    given = {"slo": (LOW,), "approvals": (approval(ADA), approval(BEN))}
    assert approvals.evaluate(facts(policy=own, **given)).verdict is Verdict.PASS
    held = approvals.evaluate(facts(policy={**own, **STEPS}, **given))
    assert held.verdict.value == "wait"
    assert held.summary.startswith("1 of 2 approvals")


def test_objectives_that_cannot_be_read_ask_for_one_more() -> None:
    given = facts(policy=STEPS, slo=Unread("GitHub answered 502"), approvals=())
    result = approvals.evaluate(given)
    assert said(result)[:2] == (
        "wait",
        (
            "0 of 1 approval: one more than usual, since the objectives could not be read: GitHub "
            "answered 502"
        ),
    )


def test_a_step_that_may_ask_for_approvals_asks_the_gate() -> None:
    assert "approvals" in policy(requires=["lock"], **STEPS).gates
    freezes = {"slo": {"steps": [{"at": "0%", "do": "freeze"}]}}
    assert "approvals" not in policy(requires=["lock"], **freezes).gates


@pytest.mark.parametrize(
    ("left", "bound", "expected"),
    [
        (None, "1/4", None),
        ("1/4", "1/4", True),
        ("-1", "0", True),
        ("26/100", "1/4", None),  # so little above that nothing is told yet
        ("30/100", "1/4", None),
        ("31/100", "1/4", False),
        ("1", "1", True),
    ],
)
def test_a_step_is_crossed_and_left_at_different_parts(
    left: str | None, bound: str, expected: bool | None
) -> None:
    part = None if left is None else Fraction(left)
    assert crossed(part, Fraction(bound)) is expected
    assert Fraction(1, 20) == REARMED


@pytest.mark.parametrize(
    ("left", "expected"), [("1/2", []), ("1/4", ["1/4"]), ("-1", ["1/4", "0"]), (None, [])]
)
def test_when_a_step_ends_is_asked_of_those_that_hold(
    left: str | None, expected: list[str]
) -> None:
    found = held_at(policy(**STEPS).slo, objective(left).state)
    assert sorted(found, reverse=True) == [Fraction(one) for one in expected]
