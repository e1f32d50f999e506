"""The gate on backfills: they are complete. Not judged by this version yet."""

from bot.core.decision import GateResult
from bot.core.promotion import PromotionFacts
from bot.core.seats import not_judged_yet

GATE = "backfills"


def evaluate(facts: PromotionFacts) -> GateResult:
    """Fail where the policy requires it: what nobody looked at is no pass."""
    return not_judged_yet(GATE, facts)
