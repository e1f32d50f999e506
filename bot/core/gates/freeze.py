"""The gate on freezes: times at which nothing is promoted, by policy or by a maintainer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.decision import Finding, GateResult, Verdict
from bot.core.phrases import quoted, say_duration, say_time
from bot.core.promotion import PromotionFacts

GATE = "freeze"
_FURTHEST = timedelta(days=400)
_HOPS = 50
"""Freezes that follow upon each other without a gap are looked through so far."""


@dataclass(frozen=True, slots=True)
class _Holding:
    ends: datetime
    reason: str
    whose: str
    by_command: bool


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge whether a freeze holds now, and say when the last one in a row ends."""
    rule = "Nothing is promoted during a freeze: those of the policy, and those of `/freeze`."
    # Of two that end together the reason that comes first by the alphabet, in whatever order.
    holding = sorted(_holding(facts, facts.now), key=lambda one: (one.ends, one.reason, one.whose))
    if not holding:
        return GateResult(GATE, Verdict.PASS, "no freeze holds", reason=rule)
    ends, certain = _end(facts, holding[-1].ends)
    last = holding[-1]
    until = f"{'' if certain else 'at least '}until {say_time(ends)}"
    return GateResult(
        GATE,
        Verdict.WAIT,
        f"frozen {until}: {last.reason}",
        _remedy(facts, last, ends),
        rule,
        tuple(
            Finding(one.whose, GATE, f"until {say_time(one.ends)}: {one.reason}") for one in holding
        ),
        {
            "until": ends.isoformat(),
            "certain": certain,
            "freezes": [
                {"by": one.whose, "reason": one.reason, "until": one.ends.isoformat()}
                for one in holding
            ],
        },
    )


def _remedy(facts: PromotionFacts, last: _Holding, ends: datetime) -> str:
    wait = f"wait {say_duration(ends - facts.now)}"
    if last.by_command:
        return f"{wait}, or ask {last.whose}, then comment `/thaw {facts.environment}`"
    return wait


def _holding(facts: PromotionFacts, at: datetime) -> Iterator[_Holding]:
    for window in facts.policy.freeze:
        ends = window.ends(at)
        if ends is not None:
            yield _Holding(ends, window.reason, f"policy of {quoted(facts.environment)}", False)
    for freeze in facts.freezes:
        if at < freeze.until:
            yield _Holding(freeze.until, freeze.reason, f"@{freeze.actor}", True)


def _end(facts: PromotionFacts, first: datetime) -> tuple[datetime, bool]:
    """When no freeze holds any more, and whether that is certain."""
    ends = first
    for _ in range(_HOPS):
        if ends - facts.now > _FURTHEST:
            return ends, False
        later = [one.ends for one in _holding(facts, ends)]
        if not later:
            return ends, True
        ends = max(later)
    return ends, False
