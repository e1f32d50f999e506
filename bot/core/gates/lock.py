"""The gate on locks: a maintainer's word that nothing may be promoted."""

from bot.core.decision import GateResult, Verdict
from bot.core.phrases import quoted, say_duration, say_time
from bot.core.promotion import PromotionFacts

GATE = "lock"


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge whether a lock holds the environment."""
    reason = "A lock holds everything back until a maintainer takes it away."
    lock = facts.lock
    if lock is None:
        return GateResult(GATE, Verdict.PASS, "nobody has locked it", reason=reason)
    ago = say_duration(facts.now - lock.since)
    return GateResult(
        GATE,
        Verdict.FAIL,
        f"locked by @{lock.actor} {ago} ago: {lock.reason}",
        f"ask @{lock.actor}, then comment `/unlock {facts.environment}`",
        f"{reason} {quoted(facts.environment)} is locked since {say_time(lock.since)}.",
        evidence={"actor": lock.actor, "reason": lock.reason, "since": lock.since.isoformat()},
    )
