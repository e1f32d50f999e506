"""Which alert of an objective would fire next, and when, if it goes on as it does."""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from bot.core.phrases import say_duration
from bot.core.slo.model import Alert, BudgetState
from bot.core.slo.words import say_length, say_rate

_SECOND = timedelta(seconds=1)
_SOON = timedelta(minutes=1)
"""The time between two looks."""
_DOES = {"page": "pages", "ticket": "opens a ticket"}


@dataclass(frozen=True, slots=True)
class Forecast:
    """``within`` is how long it takes at the present rate; None where it does not come to it."""

    alert: Alert
    within: timedelta | None


def next_alert(state: BudgetState) -> Forecast | None:
    """The first to fire at the present rate, else the one that is nearest to it; None where each
    fires already or nothing is known."""
    quiet = [alert for alert in state.alerts if not alert.firing and _nearness(alert) is not None]
    coming = [(within, alert) for alert in quiet if (within := reached_in(alert)) is not None]
    if coming:
        within, alert = min(coming, key=lambda one: one[0])
        return Forecast(alert, within)
    nearest = max(quiet, key=lambda one: _nearness(one) or Fraction(0), default=None)
    return Forecast(nearest, None) if nearest else None


def reached_in(alert: Alert) -> timedelta | None:
    """When the long window's rate reaches the factor if events go on as over the short one; None
    if they never bring it there.

    What leaves the long window as time goes by is taken to be its average without the short one:
    how it is spread is not known.
    """
    long, short = alert.long_burn, alert.short_burn
    if long is None or short is None or short <= alert.factor or alert.long <= alert.short:
        return None
    if long >= alert.factor:
        return timedelta(0)
    whole, new = Fraction(alert.long / _SECOND), Fraction(alert.short / _SECOND)
    leaving = max((long * whole - short * new) / (whole - new), Fraction(0))
    seconds = (alert.factor - long) * whole / (short - leaving)
    return timedelta(seconds=float(seconds))


def say_forecast(forecast: Forecast) -> str:
    """``the 6 h window pages at 6×; now 4.1×; at this rate in about 40 min``"""
    alert, within = forecast.alert, forecast.within
    does = _DOES.get(alert.severity, "fires")
    said = f"the {say_length(alert.long)} window {does} at {say_rate(alert.factor)}; "
    said += f"now {say_rate(alert.long_burn)}; "
    if within is None and alert.long_burn is not None and alert.long_burn >= alert.factor:
        short = f"the {say_length(alert.short)} window, now {say_rate(alert.short_burn)}"
        return f"{said}it waits for {short}, to be there too"
    if within is None:
        return f"{said}it does not get there at this rate"
    if within < _SOON:
        return f"{said}at this rate any moment"
    return f"{said}at this rate in about {say_duration(within)}"


def _nearness(alert: Alert) -> Fraction | None:
    """The part of its factor that both rates have reached; None where one is not known."""
    if alert.long_burn is None or alert.short_burn is None or not alert.factor:
        return None
    return min(alert.long_burn, alert.short_burn) / alert.factor
