"""Asks the gates of promotion."""

from collections.abc import Mapping
from dataclasses import replace

from bot.core.catalog import GATES
from bot.core.decision import Decision, GateResult, Verdict
from bot.core.promotion import Gate, Override, PromotionFacts

_NO_OVERRIDES: Mapping[str, Override] = {}


def evaluate_promotion(
    facts: PromotionFacts, overrides: Mapping[str, Override] = _NO_OVERRIDES
) -> Decision:
    """What the gates say, in the policy's order. An override turns a gate that holds into a pass
    that says whose it is; it cannot set every gate aside (``Gate.overridable``)."""
    return Decision(tuple(_ask(name, facts, overrides.get(name)) for name in facts.policy.gates))


def _ask(name: str, facts: PromotionFacts, override: Override | None) -> GateResult:
    gate = GATES.get(name)
    if gate is None:
        return GateResult(
            name,
            Verdict.ERROR,
            "this version of Lockgate has no such gate",
            f"take it out of `environments.{facts.environment}.requires`",
        )
    result = gate.evaluate(facts)
    held = result.verdict not in (Verdict.PASS, Verdict.SKIP)
    return _set_aside(gate, result, override) if override and held else result


def _set_aside(gate: Gate, result: GateResult, override: Override) -> GateResult:
    if not gate.overridable:
        return replace(result, reason=f"{result.reason} No override sets this gate aside.".strip())
    return replace(
        result,
        verdict=Verdict.PASS,
        overridden=result.verdict,
        summary=f"set aside by @{override.actor} because {override.reason}; "
        f"it said: {result.summary}",
        remedy="",
        evidence={
            **result.evidence,
            "overridden": {
                "actor": override.actor,
                "because": override.reason,
                "verdict": result.verdict.value,
                "summary": result.summary,
                "remedy": result.remedy,
            },
        },
    )
