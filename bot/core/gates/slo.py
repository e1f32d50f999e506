"""The gate on error budgets: no objective of the environment is out of its budget."""

from collections.abc import Sequence
from fractions import Fraction

from bot.core.decision import Finding, GateResult, Json, Verdict
from bot.core.phrases import counted, listed, quoted
from bot.core.policy.slo import NoData
from bot.core.promotion import ObjectiveState, PromotionFacts, Unread
from bot.core.slo.model import BudgetState, State, record
from bot.core.slo.standing import say_return, say_standing, say_title

GATE = "slo"
_REASON = (
    "What is promoted may fail. Where the budget for that is spent, users have borne enough: "
    "what comes next is what mends it."
)
_SHOWN = 100


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge every objective that the policy requires; where it names none, every one there is."""
    here, objectives = quoted(facts.environment), facts.slo
    if isinstance(objectives, Unread):
        return GateResult(
            GATE,
            Verdict.ERROR,
            f"the objectives of {here} could not be read: {objectives.reason}",
            "mend that, then run the command again",
            _REASON,
            evidence={"unread": "objectives"},
        )
    if not objectives and GATE not in facts.policy.gates:
        return GateResult(GATE, Verdict.SKIP, "no objective is defined", reason=_REASON)
    asked = facts.policy.slo.require
    found = {one.state.name: one for one in objectives or ()}
    missing = [name for name in asked if name not in found]
    if missing or not found:
        return _undefined(facts, missing)
    return _judge(facts, [found[name] for name in sorted(set(asked) or found)])


def _undefined(facts: PromotionFacts, missing: Sequence[str]) -> GateResult:
    here = quoted(facts.environment)
    what = "no objective is defined"
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        what = f"{listed([quoted(name) for name in missing])} {verb} not defined"
    section = f"environments.{facts.environment}"
    remedy = f"take `{GATE}` out of `{section}.requires`"
    if missing:
        remedy = f"take the name out of `{section}.slo.require`"
    return GateResult(
        GATE,
        Verdict.FAIL,
        f"{what} for {here} in `slo/*.yml` on the trunk",
        f"define it there, or {remedy}",
        f"{_REASON} The policy of {here} requires it: what nobody can look at does not pass.",
        evidence={"missing": list(missing)},
    )


def _judge(facts: PromotionFacts, judged: Sequence[ObjectiveState]) -> GateResult:
    verdicts = {one.state.name: _verdict(facts, one.state) for one in judged}
    # What could not be read first, then what is furthest out of its budget.
    held = sorted(
        (one for one in judged if verdicts[one.state.name] is not Verdict.PASS),
        key=lambda one: (verdicts[one.state.name] is not Verdict.ERROR, _left(one.state)),
    )
    evidence: dict[str, Json] = {
        "minimum_budget": facts.policy.slo.minimum_budget,
        "no_data": facts.policy.slo.no_data.value,
        "objectives": [record(one.state) for one in judged[:_SHOWN]],
    }
    if not held:
        return GateResult(GATE, Verdict.PASS, _in_budget(judged), reason=_REASON, evidence=evidence)
    more = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
    first = held[0]
    return GateResult(
        GATE,
        verdicts[first.state.name],
        f"{say_standing(first)}{more}",
        _remedy(facts, first),
        _REASON,
        tuple(Finding(say_title(one), GATE, say_standing(one)) for one in held[:_SHOWN])
        if len(held) > 1
        else (),  # the summary says it already
        evidence,
    )


def _verdict(facts: PromotionFacts, state: BudgetState) -> Verdict:
    if state.state is State.ERROR:
        return Verdict.ERROR
    left = state.budget_remaining
    if state.state is State.NO_DATA or left is None:
        blocks = facts.policy.slo.no_data is NoData.BLOCK
        return Verdict.FAIL if blocks else Verdict.PASS
    return Verdict.PASS if left > 0 and left >= facts.policy.slo.least else Verdict.FAIL


def _left(state: BudgetState) -> Fraction:
    """What is left, to order by; what is not known comes after what is spent."""
    return Fraction(0) if state.budget_remaining is None else state.budget_remaining


def _in_budget(judged: Sequence[ObjectiveState]) -> str:
    known = [one for one in judged if one.state.budget_remaining is not None]
    silent = len(judged) - len(known)
    without = f"; {counted(silent, 'objective')} without data, which the policy allows"
    if not known:
        return f"nothing was counted{without}"
    least = min(known, key=lambda one: _left(one.state))
    number = counted(len(known), "objective")
    verb = "is" if len(known) == 1 else "are"
    return f"{number} {verb} in budget; {say_standing(least)}{without if silent else ''}"


def _remedy(facts: PromotionFacts, one: ObjectiveState) -> str:
    roles = listed([quoted(role) for role in facts.policy.override_roles])
    override = f"`/override {GATE} <reason>` needs role {roles}" if roles else "nobody may override"
    free = f"a rollback is not held by this gate; {override}"
    if one.state.state is State.ERROR:
        return f"see that its source answers, then run the command again; {free}"
    if one.state.budget_remaining is None:
        return f"see that its source counts something, or set `no_data: allow`; {free}"
    return f"{say_return(one.returns_at)}; {free}"
