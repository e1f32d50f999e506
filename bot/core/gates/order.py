"""The gate on the order of environments: live there first, and for long enough."""

from bot.core.decision import GateResult, Json, Verdict
from bot.core.phrases import quoted, say_duration, say_time
from bot.core.promotion import PromotionFacts

GATE = "order"


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge whether the candidate's commit is live in the environment before this one."""
    before, soak = facts.policy.after, facts.policy.soak
    if before is None:
        return GateResult(
            GATE,
            Verdict.SKIP,
            "no environment comes before this one",
            reason=f"The policy sets no `after` for {quoted(facts.environment)}.",
        )
    sha = facts.candidate.build.sha
    name, short = quoted(before), quoted(sha[:7])
    reason = f"A build goes to {quoted(facts.environment)} once it is live in {name}"
    reason += f", for at least {say_duration(soak)}." if soak else "."
    entry = facts.live.get(before)
    evidence: dict[str, Json] = {"after": before, "soak_seconds": soak.total_seconds()}

    def result(verdict: Verdict, summary: str, remedy: str = "") -> GateResult:
        return GateResult(GATE, verdict, summary, remedy, reason, evidence=evidence)

    promote_first = f"promote {short} to {name} first"
    if entry is None or entry.live_until is not None:
        return result(Verdict.FAIL, f"nothing is known to be live in {name}", promote_first)
    evidence |= {
        "live": entry.build.sha,
        "live_from": entry.live_from.isoformat(),
        "verified_at": entry.verified_at.isoformat() if entry.verified_at else None,
    }
    if entry.build.sha != sha:
        return result(
            Verdict.FAIL,
            f"{name} serves {quoted(entry.build.sha[:7])}, not {short}",
            promote_first,
        )
    if entry.verified_at is None:
        return result(
            Verdict.WAIT,
            f"{short} was put live in {name}, and nobody has seen it served",
            f"promote {short} to {name} again, which verifies it",
        )
    left = entry.live_from + soak - facts.now
    if left.total_seconds() > 0:
        return result(
            Verdict.WAIT,
            f"live in {name} for {say_duration(facts.now - entry.live_from)}, "
            f"{say_duration(left)} to go",
            f"wait until {say_time(entry.live_from + soak)}",
        )
    return result(Verdict.PASS, f"live in {name} for {say_duration(facts.now - entry.live_from)}")
