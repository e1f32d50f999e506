"""The steps of a budget policy: what is asked as an error budget goes down."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from bot.core.policy.slo import NoData, SloPolicy
from bot.core.promotion import ObjectiveState, Read, Unread
from bot.core.slo.alerts import Step
from bot.core.slo.model import BudgetState, State
from bot.core.slo.phases import Phase, in_budget
from bot.core.slo.standing import say_return, say_standing

REARMED = Fraction(1, 20)
"""So much more than a step's part of the budget must be left before it can be told again: a budget
that goes up and down around the line is no news each time."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An objective at or below a step, or one of which nobody knows whether it is."""

    objective: ObjectiveState
    at: Fraction
    """The part of the budget at which the step begins."""
    known: bool = True

    @property
    def returns_at(self) -> datetime | None:
        """When the step ends if nothing more goes wrong, where that is known."""
        return self.objective.steps_end.get(self.at)

    @property
    def said(self) -> str:
        return say_standing(self.objective)

    @property
    def remedy(self) -> str:
        if self.known:
            return say_return(self.returns_at)
        if self.objective.state.state is State.ERROR:
            return "see that its source answers, then run the command again"
        return "see that its source counts something, or set `no_data: allow`"


def first_of(policy: SloPolicy, asked: Step) -> Fraction | None:
    """At which part of the budget something begins, as it goes down; None where it never does."""
    return max((one.part for one in policy.steps if one.do is asked), default=None)


def holding(
    policy: SloPolicy, objectives: Read[tuple[ObjectiveState, ...]], asked: Step
) -> Read[tuple[Holding, ...]]:
    """The objectives for which a step asks for something, those with the least budget first; none
    where the policy has no such step. What is not known holds: it never counts as a budget that is
    left."""
    bound = first_of(policy, asked)
    if bound is None:
        return ()
    if isinstance(objectives, Unread):
        return objectives
    found = [
        Holding(one, bound, known)
        for one in objectives
        if (known := _holds(policy, one.state, bound)) is not None
    ]
    return tuple(sorted(found, key=_urgency))


def _holds(policy: SloPolicy, state: BudgetState, bound: Fraction) -> bool | None:
    """True where it does, False where nobody knows, None where it does not."""
    left = state.budget_remaining
    if state.state is State.ERROR:
        return False
    if left is None:
        return False if policy.no_data is NoData.BLOCK else None
    return True if left <= bound else None


def _urgency(one: Holding) -> tuple[bool, Fraction, str]:
    """What is not known first."""
    left = one.objective.state.budget_remaining
    return one.known, Fraction(0) if left is None else left, one.objective.state.name


def made_of(policy: SloPolicy, state: BudgetState, *, gated: bool) -> tuple[bool | None, ...]:
    """What promotion gates make of an objective: as long as it stays the same, so do they, but for
    the numbers that they tell. ``gated`` says that the gate on budgets is asked too."""
    silence = policy.no_data is NoData.ALLOW
    judged = in_budget(state, Phase.PRE, least=policy.least, silence=silence)
    bounds = (first_of(policy, step) for step in (Step.SECOND_APPROVAL, Step.FREEZE))
    return (
        state.state is State.ERROR,
        judged if gated else None,
        *(None if bound is None else _holds(policy, state, bound) for bound in bounds),
    )


def crossed(left: Fraction | None, bound: Fraction) -> bool | None:
    """Whether a budget is at or below a step; None where that is not known, and where it is so
    little above that nothing is told yet."""
    if left is None:
        return None
    if left <= bound:
        return True
    return None if left <= bound + REARMED else False


def held_at(policy: SloPolicy, state: BudgetState) -> list[Fraction]:
    """The parts of a budget of which gates say when more is left again."""
    left = state.budget_remaining
    if left is None:
        return []
    bounds = {first_of(policy, step) for step in (Step.SECOND_APPROVAL, Step.FREEZE)}
    return [bound for bound in bounds if bound is not None and left <= bound]
