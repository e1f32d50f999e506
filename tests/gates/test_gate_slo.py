"""The gate on error budgets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from promotion_kit import NOW, facts, said

from bot.core.catalog import GATES
from bot.core.decision import Verdict
from bot.core.promotion import ObjectiveState, Unread
from bot.core.slo.model import Alert, BudgetState, State, Unit, Window

evaluate = GATES["slo"].evaluate
HOUR = timedelta(hours=1)
MONTH = Window(timedelta(days=30))
REQUIRED = {"requires": ["slo"]}
FINE = "1 objective is in budget; API availability has 50 % of its 30-day budget left"
FREE = "a rollback is not held by this gate; `/override slo <reason>` needs role `admin`"


def objective(
    left: str | None = "1/2", name: str = "api-availability", **changes: Any
) -> ObjectiveState:
    """``left`` is the part of the budget that is left; ``rate`` the burn over the hour past."""
    rate = changes.pop("rate", Fraction(1, 2))
    title, returns_at = changes.pop("title", "API availability"), changes.pop("returns_at", None)
    remaining = None if left is None else Fraction(left)
    spent = State.EXHAUSTED if remaining is not None and remaining <= 0 else State.OK
    state = BudgetState(
        name=name,
        objective=Fraction(999, 1000),
        window=MONTH,
        good=999,
        total=1000,
        ratio=Fraction(999, 1000),
        budget_remaining=remaining,
        burn={HOUR: rate},
        alerts=(),
        state=State.NO_DATA if remaining is None else spent,
        at=NOW,
    )
    return ObjectiveState(title, replace(state, **changes), returns_at)


SPENT = objective("-23/200", rate=Fraction(92, 10), returns_at=datetime(2026, 12, 3, 9, tzinfo=UTC))
SILENT = objective(None, reason="nothing was counted in the window")
UNREADABLE = objective(None, state=State.ERROR, reason="its source\n did not answer")


@pytest.mark.parametrize(
    ("policy", "objectives", "expected"),
    [
        (
            {},
            [objective()],
            (
                "pass",
                FINE,
            ),
        ),
        (
            {},
            [SPENT],
            (
                "fail",
                "API availability has −12 % of its 30-day budget left; burning 9.2× over 1 h",
                f"budget returns about 2026-12-03; {FREE}",
            ),
        ),
        # Nothing left is out of budget, whatever is asked.
        (
            {},
            [objective("0")],
            (
                "fail",
                "API availability has 0 % of its 30-day budget left",
                f"wait until what was spent is past the window; {FREE}",
            ),
        ),
        # Exactly, and not as it is shown: 9.99 % is less than 10 %.
        ({"minimum_budget": "10%"}, [objective("1/10")], ("pass",)),
        (
            {"minimum_budget": "10%"},
            [objective("999/10000")],
            ("fail", "API availability has 9.9 % of its 30-day budget left"),
        ),
        ({"minimum_budget": "0%"}, [objective("1/1000000")], ("pass",)),
        (
            {"minimum_budget": "0%"},
            [objective("-1/1000000")],
            ("fail", "API availability has −0.1 % of its 30-day budget left"),
        ),
        # Fast, and still in budget: what mends it has to get through.
        (
            {},
            [
                objective(
                    state=State.BURNING,
                    alerts=(
                        Alert(
                            "page",
                            timedelta(hours=6),
                            timedelta(minutes=30),
                            Fraction(6),
                            Fraction(152),
                            Fraction(20),
                            firing=True,
                        ),
                    ),
                )
            ],
            (
                "pass",
                f"{FINE}; burning 152× over 6 h",
            ),
        ),
        (
            {},
            [SILENT],
            (
                "fail",
                "API availability is not known: nothing was counted in the window",
                f"see that its source counts something, or set `no_data: allow`; {FREE}",
            ),
        ),
        (
            {"no_data": "allow"},
            [SILENT],
            ("pass", "nothing was counted; 1 objective without data, which the policy allows"),
        ),
        (
            {"no_data": "allow"},
            [SILENT, objective(name="b")],
            (
                "pass",
                f"{FINE}; 1 objective without data, which the policy allows",
            ),
        ),
        # What could not be read is not what was silent: no policy lets it through.
        (
            {"no_data": "allow"},
            [UNREADABLE],
            (
                "error",
                "API availability could not be read: its source did not answer",
                f"see that its source answers, then run the command again; {FREE}",
            ),
        ),
        # A state that says nothing of a budget is no budget.
        ({}, [objective(None, state=State.OK)], ("fail",)),
        (
            {},
            [objective("-1", name="b", window=Window(timedelta(days=31), Unit.MONTH)), SPENT],
            ("fail", "API availability has −100 % of this month's budget left (and 1 more)"),
        ),
        (
            {},
            [SPENT, replace(UNREADABLE, state=replace(UNREADABLE.state, name="b"))],
            ("error", "API availability could not be read: its source did not answer (and 1 more)"),
        ),
        # Only what is named counts.
        ({"require": ["b"]}, [SPENT, objective(name="b")], ("pass",)),
        (
            {"require": ["b", "c"]},
            [objective(name="b")],
            (
                "fail",
                "`c` is not defined for `production` in `slo/*.yml` on the trunk",
                "define it there, or take the name out of `environments.production.slo.require`",
            ),
        ),
        (
            {},
            [],
            (
                "fail",
                "no objective is defined for `production` in `slo/*.yml` on the trunk",
                "define it there, or take `slo` out of `environments.production.requires`",
            ),
        ),
    ],
)
def test_what_is_said(
    policy: dict[str, Any], objectives: list[ObjectiveState], expected: tuple[str, ...]
) -> None:
    given = facts(policy={**REQUIRED, "slo": policy}, slo=tuple(objectives))
    assert said(evaluate(given))[: len(expected)] == expected


def test_what_cannot_be_read_never_passes() -> None:
    unread = Unread("slo/api.yml, line 3, column 5: `target` must be above 0 and below 1")
    assert said(evaluate(facts(slo=unread))) == (
        "error",
        f"the objectives of `production` could not be read: {unread.reason}",
        "mend that, then run the command again",
    )


def test_without_an_objective_there_is_nothing_to_ask() -> None:
    assert said(evaluate(facts())) == ("skip", "no objective is defined", "")


def test_naming_objectives_asks_for_the_gate() -> None:
    assert "slo" in facts(policy={"requires": ["lock"], "slo": {"require": ["a"]}}).policy.gates
    assert "slo" not in facts(policy={"requires": ["lock"]}).policy.gates


def test_every_objective_that_holds_is_found_and_all_are_evidence() -> None:
    held = (SPENT, objective("-1", name="b", title="Checkout\nlatency"), objective(name="c"))
    result = evaluate(facts(policy=REQUIRED, slo=held))
    assert [(one.subject, one.rule) for one in result.findings] == [
        ("Checkout latency", "slo"),
        ("API availability", "slo"),
    ]
    assert [one["name"] for one in result.evidence["objectives"]] == ["api-availability", "b", "c"]
    assert result.verdict is Verdict.FAIL


def test_who_may_override_is_told_as_the_policy_has_it() -> None:
    policy = {**REQUIRED, "override_roles": ["maintain", "admin"]}
    remedy = evaluate(facts(policy=policy, slo=(SPENT,))).remedy
    assert remedy.endswith("`/override slo <reason>` needs role `maintain` and `admin`")
