"""Gates that have their place, and nothing to judge by yet."""

from bot.core.decision import GateResult, Verdict
from bot.core.phrases import quoted
from bot.core.promotion import PromotionFacts


def not_judged_yet(gate: str, facts: PromotionFacts) -> GateResult:
    """``skip`` where the policy does not ask for the gate, ``fail`` where it does."""
    if gate not in facts.policy.requires:
        return GateResult(gate, Verdict.SKIP, "not configured yet")
    return GateResult(
        gate,
        Verdict.FAIL,
        f"this version of Lockgate cannot judge {gate}",
        f"take `{gate}` out of `environments.{facts.environment}.requires` until it can",
        f"The policy of {quoted(facts.environment)} requires `{gate}`. What nobody can look at "
        "does not pass.",
    )
