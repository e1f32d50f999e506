"""The gate on error budgets: no objective is out of its budget. Not judged by this version yet."""

from bot.core.decision import GateResult
from bot.core.promotion import PromotionFacts
from bot.core.seats import not_judged_yet

GATE = "slo"


def evaluate(facts: PromotionFacts) -> GateResult:
    """Fail where the policy requires it: what nobody looked at is no pass."""
    return not_judged_yet(GATE, facts)
