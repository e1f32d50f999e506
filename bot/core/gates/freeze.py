"""The gate on freezes: times at which nothing is promoted, by policy or by a maintainer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.decision import Finding, GateResult, Verdict
from bot.core.phrases import listed, quoted, say_duration, say_time
from bot.core.promotion import PromotionFacts, Read, Unread
from bot.core.slo.alerts import Step
from bot.core.slo.model import State, record
from bot.core.slo.standing import say_title
from bot.core.slo.steps import Holding, holding

GATE = "freeze"
_FURTHEST = timedelta(days=400)
_SHOWN = 100
_HOPS = 50
"""Freezes that follow upon each other without a gap are looked through so far."""


@dataclass(frozen=True, slots=True)
class _Holding:
    ends: datetime
    reason: str
    whose: str
    by_command: bool


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge whether a freeze holds now, and say when the last one in a row ends; or whether the
    budget's policy freezes the environment, which no clock ends."""
    spent = holding(facts.policy.slo, facts.slo, Step.FREEZE)
    if spent:
        return _spent(facts, spent)
    return _by_time(facts)


def _spent(facts: PromotionFacts, spent: Read[tuple[Holding, ...]]) -> GateResult:
    roles = listed([quoted(role) for role in facts.policy.override_roles])
    override = f"`/override {GATE} <reason>` needs role {roles}" if roles else "nobody may override"
    free = f"a rollback is not held by this gate; {override}"
    rule = (
        "The policy of the error budget freezes promotions where so little of it is left; what is "
        "not known does not count as left."
    )
    if isinstance(spent, Unread):
        return GateResult(
            GATE,
            Verdict.ERROR,
            f"the objectives of {quoted(facts.environment)} could not be read: {spent.reason}",
            f"mend that, then run the command again; {free}",
            rule,
            evidence={"unread": "objectives"},
        )
    first = spent[0]
    more = f" (and {len(spent) - 1} more)" if len(spent) > 1 else ""
    unread = first.objective.state.state is State.ERROR
    also = _by_time(facts)
    held = also.findings if also.verdict is not Verdict.PASS else ()
    found = tuple(Finding(say_title(one.objective), GATE, one.said) for one in spent[:_SHOWN])
    return GateResult(
        GATE,
        Verdict.ERROR if unread else Verdict.FAIL,
        f"frozen by the error budget: {first.said}{more}",
        f"{first.remedy}; {free}",
        rule,
        (*found, *held) if more or held else (),  # the summary says it already
        {
            "at": float(first.at),
            "objectives": [record(one.objective.state) for one in spent[:_SHOWN]],
            **also.evidence,
        },
    )


def _by_time(facts: PromotionFacts) -> GateResult:
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
