"""All gates together: which are asked, and what breaking the glass does."""

from pathlib import Path

import pytest
from promotion_kit import NOW, candidate, check, facts, policy

from bot.core.catalog import GATES
from bot.core.decision import Decision, Verdict
from bot.core.evaluation import evaluate_promotion
from bot.core.hosting import Lock
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import Override, PromotionFacts, Unread
from bot.core.render.json import from_json, to_json
from bot.core.render.promotion import render_promotion_check

RED = {"checks": (check("e2e", "failure"),)}
LOCKED = {"lock": Lock("production", "cy", "the press is looking", NOW)}
BREAK = Override("admin", "the runner is down")


def gates_of(decision: Decision) -> list[str]:
    return [result.gate for result in decision.results]


def test_what_is_in_order_passes() -> None:
    decision = evaluate_promotion(facts())
    assert decision.verdict is Verdict.PASS
    assert gates_of(decision) == list(EnvironmentPolicy.model_fields["requires"].default)


def test_gates_are_asked_in_the_policy_s_order_and_the_indispensable_after_them() -> None:
    decision = evaluate_promotion(facts(policy={"requires": ["lock", "checks"]}))
    assert gates_of(decision) == ["lock", "checks", "source", "deployment", "freeze"]


def test_what_is_configured_is_asked() -> None:
    settings = {"requires": ["checks"], "approvals": {"count": 1}, "after": "staging"}
    asked = gates_of(evaluate_promotion(facts(policy=settings)))
    assert {"approvals", "order"} <= set(asked)


def test_a_lock_holds_also_where_the_policy_leaves_its_gate_out() -> None:
    decision = evaluate_promotion(facts(policy={"requires": ["checks"]}, **LOCKED))
    assert decision.verdict is Verdict.FAIL


def test_a_gate_that_nobody_knows_never_passes() -> None:
    unknown = policy().model_copy(update={"requires": ("tarot",)})
    decision = evaluate_promotion(facts(policy=unknown))
    assert decision.verdict is Verdict.ERROR
    assert decision.results[0].summary == "this version of Lockgate has no such gate"


@pytest.mark.parametrize("gate", ["migrations", "backfills", "slo"])
def test_a_required_gate_that_has_nothing_to_look_at_holds_and_can_be_set_aside(gate: str) -> None:
    given = facts(policy={"requires": [gate]})
    assert evaluate_promotion(given).verdict is Verdict.FAIL
    assert evaluate_promotion(given, {gate: BREAK}).verdict is Verdict.PASS


def test_an_override_sets_one_gate_aside_in_plain_sight() -> None:
    held = evaluate_promotion(facts(**RED))
    assert held.verdict is Verdict.FAIL
    decision = evaluate_promotion(facts(**RED), {"checks": BREAK})
    assert decision.verdict is Verdict.PASS
    result = next(result for result in decision.results if result.gate == "checks")
    assert result.overridden is Verdict.FAIL
    assert result.summary == (
        "set aside by @admin because the runner is down; "
        "it said: 0 of 1 green, `e2e` ended: failure"
    )
    assert result.remedy == ""
    assert result.evidence["overridden"] == {
        "actor": "admin",
        "because": "the runner is down",
        "verdict": "fail",
        "summary": "0 of 1 green, `e2e` ended: failure",
        "remedy": "mend `e2e`, or run it again if it was not the commit's fault",
    }
    assert result.findings
    assert from_json(to_json(decision)) == decision


def test_an_override_of_one_gate_leaves_the_others() -> None:
    decision = evaluate_promotion(facts(**RED, **LOCKED), {"checks": BREAK})
    assert decision.verdict is Verdict.FAIL


def test_an_override_changes_nothing_about_a_gate_that_passes_or_is_skipped() -> None:
    everything = dict.fromkeys(GATES, BREAK)
    assert evaluate_promotion(facts(), everything) == evaluate_promotion(facts())


@pytest.mark.parametrize(
    ("given", "gate"),
    [
        (facts(deployments=()), "deployment"),
        (facts(candidate=candidate(on_trunk=False)), "source"),
    ],
)
def test_what_is_not_built_or_not_reviewed_cannot_be_set_aside(
    given: PromotionFacts, gate: str
) -> None:
    held = evaluate_promotion(given)
    decision = evaluate_promotion(given, {gate: BREAK})
    assert decision.verdict is held.verdict is not Verdict.PASS
    result = next(result for result in decision.results if result.gate == gate)
    assert result.overridden is None
    assert result.reason.endswith("No override sets this gate aside.")


def test_waiting_and_unread_gates_can_be_set_aside() -> None:
    for checks in ((), Unread("GitHub answered 502")):
        decision = evaluate_promotion(facts(checks=checks), {"checks": BREAK})
        assert decision.verdict is Verdict.PASS


def test_the_catalogue_has_every_gate_s_file_once() -> None:
    folder = Path(__file__).parents[2] / "bot/core/gates"
    assert sorted(GATES) == sorted(path.stem for path in folder.glob("[!_]*.py"))
    assert all(gate.name == name and gate.requirement for name, gate in GATES.items())


# --- the check run -------------------------------------------------------------------------------


def test_the_check_says_what_a_command_would_say() -> None:
    output = render_promotion_check(
        evaluate_promotion(facts(**RED, **LOCKED)), environment="production"
    )
    assert (output.name, output.conclusion.value) == ("lockgate/promotion", "failure")
    assert output.title == "production: checks and lock hold it"
    assert output.summary == (
        "**Not ready to promote: 2 of 6 gates hold it.** "
        "Next: mend `e2e`, or run it again if it was not the commit's fault.\n"
        "\n"
        "| | gate | found | to do |\n"
        "|---|---|---|---|\n"
        "| ✅ pass | source | `3f2c1aa` is on the trunk | – |\n"
        "| ❌ fail | checks | 0 of 1 green, `e2e` ended: failure | "
        "mend `e2e`, or run it again if it was not the commit's fault |\n"
        "| ✅ pass | commits | the commit message is in order | – |\n"
        "| ✅ pass | deployment | `dpl_1` is ready, built from `3f2c1aa` | – |\n"
        "| ➖ skip | approvals | the policy asks for no review | – |\n"
        "| ✅ pass | freeze | no freeze holds | – |\n"
        "| ❌ fail | lock | locked by @&#8203;cy 0 s ago: the press is looking | "
        "ask @&#8203;cy, then comment `/unlock production` |\n"
        "| ➖ skip | order | no environment comes before this one | – |"
    )
    assert "### checks: ❌ fail" in output.text
    assert "| check e2e | ended: failure |" in output.text


@pytest.mark.parametrize(
    ("given", "conclusion", "title"),
    [
        (facts(), "success", "production: ready to promote"),
        (facts(checks=()), "failure", "production: checks holds it"),
        (facts(checks=Unread("x")), "failure", "production: checks holds it"),
        (
            facts(
                checks=(),
                deployments=(),
                candidate=candidate(on_trunk=False),
                policy={"requires": ["checks"]},
            ),
            "failure",
            "production: 3 of 5 gates hold it",
        ),
    ],
)
def test_the_check_s_title(given: PromotionFacts, conclusion: str, title: str) -> None:
    output = render_promotion_check(evaluate_promotion(given), environment="production")
    assert (output.conclusion.value, output.title) == (conclusion, title)


def test_a_gate_that_was_set_aside_is_never_shown_as_a_pass() -> None:
    decision = evaluate_promotion(facts(**RED), {"checks": BREAK})
    output = render_promotion_check(decision, environment="production")
    assert output.title == "production: ready to promote, 1 set aside"
    assert "All well: 6 gates pass, 1 of them set aside" in output.summary
    assert "| ⚠️ set aside, was fail | checks | set aside by @&#8203;admin because" in output.summary
    assert "### checks: ⚠️ set aside, was fail" in output.text


def test_nothing_asked_is_not_green() -> None:
    output = render_promotion_check(Decision(()), environment="production")
    assert (output.conclusion.value, output.title) == ("neutral", "production: no gate was asked")
