"""What a budget state means before a promotion, after one, and at any other time."""

from enum import StrEnum
from fractions import Fraction

from bot.core.slo.model import Alert, BudgetState, State


class Phase(StrEnum):
    ANY = "any"
    """Whether the budget is in order: some of it is left, and no alert fires."""
    PRE = "pre"
    """Whether a promotion may come: as much of the whole budget is left as the policy asks for. An
    alert alone does not hold it, as it does not where the bot decides."""
    POST = "post"
    """Whether it burns since a promotion: the fast alerts alone. What was spent before is not held
    against it."""


def in_budget(
    state: BudgetState, phase: Phase, *, least: Fraction = Fraction(0), silence: bool = False
) -> bool | None:
    """None where that is not known. ``silence`` says that no data is as good as a budget that is
    left; a source that could not be read never is."""
    if state.state is State.ERROR:
        return None
    quiet = True if silence else None
    if phase is Phase.POST:
        return _calm(state, quiet)
    left = state.budget_remaining
    if left is None:
        return quiet
    return state.state is State.OK if phase is Phase.ANY else left > 0 and left >= least


def _calm(state: BudgetState, quiet: bool | None) -> bool | None:
    fast = fast_alerts(state)
    if any(alert.firing for alert in fast):
        return False
    nearest = min(fast, key=lambda alert: alert.long)
    return quiet if nearest.long_burn is None or nearest.short_burn is None else True


def fast_alerts(state: BudgetState) -> tuple[Alert, ...]:
    """Those that wake somebody; where there is none of them, all."""
    return tuple(one for one in state.alerts if one.severity == "page") or state.alerts
