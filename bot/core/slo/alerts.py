"""Alerts that keep state: pending, firing, resolved; told once each, and not again for a flicker.

Also the steps of a budget policy, which are alerts of another kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from bot.core.decision import Json
from bot.core.slo.burn import pairs_of
from bot.core.slo.kept import FRESH
from bot.core.slo.model import Alert, BudgetState, Slo, State

PAGE = "page"
"""The severity that calls somebody, whatever the hour."""
QUIET = timedelta(minutes=10)
"""So long nothing must fire before an alert is resolved."""
LONGEST_QUIET = timedelta(hours=2)
UNKNOWN_FOR = timedelta(minutes=5)
"""So long an objective must be unknown, at least, before people are told that it is."""
FORGOTTEN = timedelta(hours=6)
"""After so long without firing, an alert that flapped is treated like a new one."""


class Phase(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    """It fires, and not yet for as long as its policy asks."""
    FIRING = "firing"
    RESOLVED = "resolved"


class News(StrEnum):
    """What is told, once for each change."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertState:
    """Where an alert of one severity stands. ``since`` is when its phase began, ``burning`` when
    it was last seen to fire, ``at`` the newest look, and ``flaps`` how often it came back soon
    after it was resolved."""

    phase: Phase = Phase.INACTIVE
    since: datetime | None = None
    burning: datetime | None = None
    at: datetime | None = None
    flaps: int = 0
    told: datetime | None = None
    """When the phase began of which people were told last."""

    @property
    def untold(self) -> News | None:
        """What people are still to be told. It is noted once it was: a crash between the two tells
        the same again, under the same key."""
        if self.phase not in (Phase.FIRING, Phase.RESOLVED) or self.told == self.since:
            return None
        return News(self.phase.value)

    @property
    def quiet(self) -> timedelta:
        """How long nothing must fire until it is resolved: twice as long for each flap."""
        return min(QUIET * (1 << min(self.flaps, 8)), LONGEST_QUIET)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one alert of an objective is about: the pairs of a severity, of a policy where there
    are policies; or, with ``unknown``, that nothing is known of the objective."""

    severity: str
    policy: str = ""
    after: timedelta = timedelta(0)
    """How long it must last before anybody is told."""
    unknown: bool = False
    when_firing: bool = True
    when_resolved: bool = True

    @property
    def name(self) -> str:
        """Its own among an objective's: the store knows it by that."""
        parts = ("unknown" if self.unknown else self.severity, self.policy)
        return "/".join(part for part in parts if part)

    def burning(self, state: BudgetState) -> bool | None:
        """Whether it fires; None where nobody knows."""
        if self.unknown:
            return state.state in (State.NO_DATA, State.ERROR)
        return fires(self.pairs(state), self.severity)

    def pairs(self, state: BudgetState) -> list[Alert]:
        return [
            alert
            for alert in state.alerts
            if (alert.severity, alert.policy) == (self.severity, self.policy)
        ]


def rules_of(slo: Slo) -> tuple[Rule, ...]:
    """The alerts of an objective, each by its own name."""
    found: dict[str, Rule] = {}
    for pair in pairs_of(slo):
        telling = (pair.when_firing, pair.when_resolved)
        rules = [Rule(pair.severity, pair.policy, pair.after, False, *telling)]
        if pair.when_unknown:
            # A source that missed one look is no news.
            patient = max(pair.after, UNKNOWN_FOR)
            rules.append(Rule(pair.severity, pair.policy, patient, True, True, pair.when_resolved))
        for rule in rules:
            found.setdefault(rule.name, rule)
    return tuple(found.values())


def fires(alerts: Iterable[Alert], severity: str) -> bool | None:
    """Whether any pair of a severity fires; None where nobody knows: a rate that is not known
    neither begins an alert nor ends one."""
    of_it = [alert for alert in alerts if alert.severity == severity]
    if any(alert.firing for alert in of_it):
        return True
    unknown = any(alert.long_burn is None or alert.short_burn is None for alert in of_it)
    return None if unknown or not of_it else False


def advance(
    state: AlertState, burning: bool | None, now: datetime, after: timedelta = timedelta(0)
) -> tuple[AlertState, News | None]:
    """The alert after one more look, and what there is to tell. A look that is not newer than the
    last is passed over, so that the same one twice tells nothing twice; unless the last is so far
    ahead that the clock was put back since."""
    if state.at is not None and state.at - now > FRESH:
        state = _put_back(state, now)
    if state.at is not None and now <= state.at:
        return state, None
    if state.phase is Phase.RESOLVED and state.since and now - state.since > FORGOTTEN:
        state = AlertState()
    state = replace(state, at=now)
    if burning is None:
        return state, None
    if burning:
        return _burning(replace(state, burning=now), now, after)
    if state.phase is Phase.PENDING:
        return replace(state, phase=Phase.INACTIVE, since=now), None
    last = state.burning or now
    if state.phase is Phase.FIRING and now - last >= state.quiet:
        return replace(state, phase=Phase.RESOLVED, since=now), News.RESOLVED
    return state, None


def _put_back(state: AlertState, now: datetime) -> AlertState:
    """Without what is yet to come by the clock as it is now."""
    since, burning = (
        min(moment, now) if moment else None for moment in (state.since, state.burning)
    )
    told = since if state.told == state.since else None
    return replace(state, since=since, burning=burning, told=told, at=None)


def _burning(state: AlertState, now: datetime, after: timedelta) -> tuple[AlertState, News | None]:
    if state.phase is Phase.FIRING:
        return state, None
    if state.phase is not Phase.PENDING:
        # What was resolved a short while ago and comes back is flapping.
        flaps = state.flaps + (state.phase is Phase.RESOLVED)
        state = replace(state, phase=Phase.PENDING, since=now, flaps=flaps)
    if now - (state.since or now) >= after:
        return replace(state, phase=Phase.FIRING, since=now), News.FIRING
    return state, None


def content_of(state: AlertState) -> dict[str, Json]:
    """As the store keeps it; ``restored`` reads it."""
    return {
        "phase": state.phase.value,
        "since": state.since.isoformat() if state.since else None,
        "burning": state.burning.isoformat() if state.burning else None,
        "at": state.at.isoformat() if state.at else None,
        "flaps": state.flaps,
        "told": state.told.isoformat() if state.told else None,
    }


def restored(content: Mapping[str, Json]) -> AlertState:
    """Raises KeyError or ValueError for what ``content_of`` never wrote."""
    return AlertState(
        Phase(str(content["phase"])),
        _moment(content["since"]),
        _moment(content["burning"]),
        _moment(content["at"]),
        int(str(content["flaps"])),
        _moment(content["told"]),
    )


def _moment(value: Json) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


class Step(StrEnum):
    """What the budget policy asks for, the least first."""

    NONE = "none"
    NOTIFY = "notify"
    SECOND_APPROVAL = "approve"
    FREEZE = "freeze"


STEPS = (
    (Fraction(0), Step.FREEZE),
    (Fraction(1, 4), Step.SECOND_APPROVAL),
    (Fraction(1, 2), Step.NOTIFY),
)
"""At or below which part of the budget each begins, the strictest first."""


def step_of(left: Fraction | None) -> Step | None:
    """The step at what is left of a budget; None where that is not known."""
    if left is None:
        return None
    return next((step for bound, step in STEPS if left <= bound), Step.NONE)
