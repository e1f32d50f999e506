"""When what was counted of an objective may stand for some minutes more.

Sources other than the bot's own probes are asked window by window, and the long windows are what
costs them most and changes least. So all windows are counted every five minutes, and in between
one short window tells whether anything happened that they must be counted for at once.

What that may hide is bounded. While counts stand, the budget was spent no faster than evenly: at
even traffic what is left is taken for at most five minutes' share of the window too much, which
is 0.05 % of a budget of 7 days. Tickets, and a budget that comes back, are seen so much later.
"""

from datetime import datetime, timedelta

from bot.core.slo.alerts import PAGE
from bot.core.slo.burn import burn_rate, lengths_of
from bot.core.slo.kept import KeptState
from bot.core.slo.model import BudgetState, Counts, Slo, SourceKind, State
from bot.core.slo.windows import period

COUNTED_EVERY = timedelta(minutes=5)
"""So long, at most, counts stand for those of now."""
COSTLY = frozenset(SourceKind) - {SourceKind.PROBE}
"""Kinds that are asked a question or two for each window; what probes found is in the store."""


def recent_of(slo: Slo) -> timedelta:
    """The window that is asked for in between: nothing shorter is judged by any alert, and it
    reaches back to when the others were counted."""
    return min(COUNTED_EVERY, lengths_of(slo)[0])


def may_rest(slo: Slo, kept: KeptState, definition: str, now: datetime) -> bool:
    """Whether the recent window is enough to ask for: what is kept is of the files as they are
    now, of the same window of the calendar, and no older than the recent window is long."""
    at = kept.state.at
    return (
        kept.definition == definition
        and kept.state.state is not State.ERROR
        and timedelta(0) <= now - at < recent_of(slo)
        and (slo.window.rolling or period(slo.window, now) == period(slo.window, at))
    )


def rests(slo: Slo, state: BudgetState, recent: Counts) -> bool:
    """Whether a state stands, by what the recent window counted: no more of the budget went than
    evenly spent, and not as fast as any alert asks for that does not fire yet. Never while a page
    fires: people look at the numbers then."""
    if any(alert.firing and alert.severity == PAGE for alert in state.alerts):
        return False
    rate = burn_rate(recent, slo.budget)
    if rate is None:
        return True
    if state.state is State.NO_DATA:
        return False
    return rate <= 1 and all(rate < alert.factor for alert in state.alerts if not alert.firing)
