"""What comments say of error budgets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from bot.core.decision import GateResult, Json, Verdict
from bot.core.render.slo import ObjectiveTold, budget_lines, render_objectives
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Alert, BudgetState, State, Window

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PAGE = "https://lockgate.example.com/repos/octo/shop/slo"
HOSTILE = "<b> @team | `x` [a](javascript:b) \u202e " + "A" * 300


def told(left: str | None = "0.62", name: str = "availability", **changes: object) -> ObjectiveTold:
    """``title``, ``line``, ``fault`` and ``environments``, and what a state has."""
    part = None if left is None else Fraction(left)
    apart = {key: changes.pop(key, "") for key in ("title", "line", "fault", "environments")}
    state = BudgetState(
        name=name,
        objective=Fraction(999, 1000),
        window=Window(30 * DAY),
        good=99_962,
        total=100_000,
        ratio=Fraction(99_962, 100_000),
        budget_remaining=part,
        burn={HOUR: Fraction(1, 2)},
        alerts=(),
        state=State.NO_DATA if part is None else State.OK if part > 0 else State.EXHAUSTED,
        at=NOW,
    )
    state = replace(state, **changes)  # type: ignore[arg-type]
    title, places = str(apart["title"] or "API availability"), apart["environments"] or ()
    kept = KeptState(7, title, places, state)  # type: ignore[arg-type]
    line = apart["line"] or ()
    url = f"{PAGE}/{name}"
    return ObjectiveTold(kept, line, NOW - 30 * DAY, url, str(apart["fault"]))  # type: ignore[arg-type]


def rendered(*objectives: ObjectiveTold, environment: str = "", fault: str = "") -> str:
    return render_objectives(objectives, environment, NOW, page_url=PAGE, fault=fault)


def test_one_objective_in_budget() -> None:
    line = [(NOW - (30 - day) * DAY, Fraction(30 - day, 30)) for day in range(20)]
    text = rendered(told(line=line, environments=("production",)))
    assert text == (
        "**The one objective is in budget.**\n"
        "\n"
        "| | objective | now | budget left | burns | alerts |\n"
        "|---|---|---|---|---|---|\n"
        f"| ✅ in budget | [API availability]({PAGE}/availability)<br>production "
        "| 99.962 %<br>of 99.9 % over 30 days "
        "| `▓▓▓▓▓▓░░░░` 62 %<br>`▇▇▆▅▅▄▄▃····` | 0.5× over 1 h | none |\n"
        "\n"
        f"<sub>[error budgets]({PAGE}) · `/help slo`</sub>"
    )


def test_the_worst_stands_first() -> None:
    fast = Alert("page", HOUR, HOUR / 12, Fraction(14), Fraction(92, 10), Fraction(20), firing=True)
    text = rendered(
        told(name="fine"),
        told(name="burning", state=State.BURNING, alerts=(fast,)),
        told(None, name="silent", ratio=None, reason="nothing was counted in the window"),
        told("-0.12", name="spent", returns_at=datetime(2026, 12, 3, 9, tzinfo=UTC)),
        told("-0.5", name="more"),
    )
    rows = [row for row in text.split("\n") if row.startswith("| ")][1:]
    assert [row.split(f"{PAGE}/")[1].split(")")[0] for row in rows] == [
        "more",
        "spent",
        "silent",
        "burning",
        "fine",
    ]
    assert text.startswith(
        "**2 of 5 objectives are out of budget, 1 is not known, 1 is burning fast.**"
    )
    assert "`░░░░░░░░░░` −12 %<br>returns about 2026-12-03" in rows[1]
    assert "| ⚠️ no data |" in rows[2]
    assert "| unknown<br>of 99.9 % over 30 days | unknown |" in rows[2]
    assert "nothing was counted in the window" in rows[2]
    assert "| 9.2× over 1 h | page over 1 h |" in rows[3]


def test_what_stands_in_tells_its_age_and_is_not_fine_for_long() -> None:
    young = told(fault="its source did not answer within 10 s", at=NOW - timedelta(minutes=2))
    assert "✅ in budget" in rendered(young)
    assert "<br>as of 2 min ago: its source did not answer within 10 s" in rendered(young)
    old = told(at=NOW - timedelta(minutes=6))
    assert "| ⚠️ was in budget |" in rendered(old)
    assert "as of 6 min ago" in rendered(old)
    assert rendered(old).startswith("**1 of 1 objective is not known.**")


def test_no_objective() -> None:
    assert rendered(environment="staging") == (
        "**No objective is defined for staging.** Files in `slo/` of the default branch define "
        "them; `lockgate slo validate` says whether one is in order."
    )
    assert rendered(fault="slo/a.yml, line 3, column 1: `x` is no key") == (
        "**How the objectives stand is not known.** slo/a.yml, line 3, column 1: `x` is no key."
    )
    both = rendered(told(), fault="GitHub did not answer")
    assert "The files could not be read, so this is as it was kept. GitHub did not answer." in both


def test_what_comes_from_outside_does_nothing() -> None:
    text = rendered(
        told(name="a|b)<", title=HOSTILE, environments=(HOSTILE,), fault=HOSTILE),
        told(None, state=State.ERROR, reason=HOSTILE),
        fault=HOSTILE,
    )
    assert "<b>" not in text
    assert "@team" not in text
    assert "\u202e" not in text
    assert "](javascript" not in text.replace("\\](", "")
    for row in text.split("\n"):
        assert not row.startswith("|") or row.count("|") == 7


def gate(verdict: Verdict = Verdict.FAIL, **changes: object) -> GateResult:
    objectives: list[Json] = [
        {"name": "fine", "budget_remaining": 0.62},
        {"name": "spent", "budget_remaining": -0.12},
        {"name": "silent", "budget_remaining": None},
        "of another release",
    ]
    whole = GateResult("slo", verdict, "x", evidence={"objectives": objectives})
    return replace(whole, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "held", [gate(), gate(Verdict.PASS, overridden=Verdict.FAIL), gate(Verdict.ERROR)]
)
def test_a_held_promotion_shows_the_budgets(held: GateResult) -> None:
    other = GateResult("lock", Verdict.FAIL, "locked")
    assert budget_lines([other, held], PAGE) == [
        "",
        f"- `░░░░░░░░░░ −12 %` [spent]({PAGE}/spent)",
        f"- `▓▓▓▓▓▓░░░░ 62 %` [fine]({PAGE}/fine)",
    ]
    assert budget_lines([held], "")[1] == "- `░░░░░░░░░░ −12 %` spent"


def test_a_name_in_a_held_promotion_does_nothing() -> None:
    hostile: list[Json] = [{"name": HOSTILE, "budget_remaining": 0.5}]
    _, line = budget_lines([gate(evidence={"objectives": hostile})], "")
    assert "<b>" not in line
    assert "@team" not in line
    assert "\u202e" not in line


@pytest.mark.parametrize(
    "result",
    [gate(Verdict.PASS), gate(gate="lock"), gate(evidence={}), gate(evidence={"objectives": [{}]})],
)
def test_nothing_is_drawn_elsewhere(result: GateResult) -> None:
    assert budget_lines([result], PAGE) == []
