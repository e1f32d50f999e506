"""Why work that can wait had better wait: an objective of the environment burns."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.core.slo.alerts import PAGE
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Alert, State
from bot.core.slo.words import say_percent, say_rate

FRESH = timedelta(minutes=5)
"""An evaluation that is older says nothing of now."""


def reason_to_wait(
    states: Iterable[KeptState], environment: str, now: datetime, *, exhausted: bool
) -> str:
    """``SLO api-availability is burning 9.2×``, of the objective that burns fastest; empty where
    no page fires and, with ``exhausted``, no budget is spent. What is not known is no reason:
    a source that is away would keep the work waiting for ever."""
    fresh = [
        kept for kept in states if kept.concerns(environment) and now - kept.evaluated_at <= FRESH
    ]
    pages = [(alert, kept) for kept in fresh if (alert := _page(kept)) is not None]
    if pages:
        alert, kept = max(pages, key=lambda one: (one[0].long_burn or 0, one[1].name))
        return f"SLO {kept.name} is burning {say_rate(alert.long_burn)}"
    spent = [kept for kept in fresh if exhausted and kept.state.state is State.EXHAUSTED]
    if not spent:
        return ""
    first = min(spent, key=lambda kept: (kept.state.budget_remaining or 0, kept.name))
    left = say_percent(first.state.budget_remaining)
    return f"SLO {first.name} has {left} of its error budget left"


def _page(kept: KeptState) -> Alert | None:
    firing = [alert for alert in kept.state.firing if alert.severity == PAGE]
    return max(firing, key=lambda alert: alert.long_burn or 0, default=None)
