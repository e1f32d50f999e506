"""Objectives as they are kept between two looks: how each stood at the newest one, and what was
left of its budget hour by hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from bot.core.slo.model import BudgetState, Ratio, Slo, SourceKind, Window

FRESH = timedelta(minutes=5)
"""Every objective is looked at each minute: how one stood longer ago is not how it stands."""


@dataclass(frozen=True, slots=True)
class KeptState:
    """An objective at its newest evaluation, as its file on the trunk defined it then.

    ``title``, ``service`` and ``description`` are words of the file, and hostile until escaped.
    """

    repository_id: int
    title: str
    environments: tuple[str, ...]
    """Those it is for; empty for all."""
    state: BudgetState
    service: str = ""
    description: str = ""
    path: str = ""
    """The file, and its line from 1."""
    line: int = 1
    probe: str = ""
    """The probe that its numbers come from; empty for other sources."""
    definition: str = ""
    """A digest of the files that it was counted by."""
    looked_at: datetime | None = None
    """The newest look, where that found no reason to count anew: numbers are of ``state.at``."""

    @property
    def name(self) -> str:
        return self.state.name

    @property
    def objective(self) -> Fraction:
        return self.state.objective

    @property
    def window(self) -> Window:
        return self.state.window

    @property
    def evaluated_at(self) -> datetime:
        """When it was last looked at."""
        return self.looked_at or self.state.at

    def is_old(self, now: datetime) -> bool:
        return now - self.evaluated_at > FRESH

    def concerns(self, environment: str) -> bool:
        return not self.environments or environment in self.environments


@dataclass(frozen=True, slots=True)
class BudgetPoint:
    """What was left of a budget: 1 is all, below 0 more was spent than there was."""

    at: datetime
    remaining: float

    @property
    def left(self) -> tuple[datetime, Fraction]:
        """To be drawn, or told: as it is written, for 0.62 is no number of halves."""
        return self.at, Fraction(repr(self.remaining))


def kept_state(repository_id: int, slo: Slo, state: BudgetState, definition: str = "") -> KeptState:
    return KeptState(
        repository_id,
        slo.title,
        slo.environments,
        state,
        slo.service,
        slo.description,
        slo.path,
        slo.line,
        _probe(slo),
        definition,
    )


def _probe(slo: Slo) -> str:
    indicator = slo.indicator
    metric = indicator.total if isinstance(indicator, Ratio) else indicator.metric
    return metric.source.name if metric.source.kind is SourceKind.PROBE else ""
