"""Service level objectives as values. All arithmetic is in fractions: nothing is rounded before it
is compared.

The words are those of OpenSLO v1 (https://github.com/OpenSLO/OpenSLO); what a budget and a burn
rate are is of https://sre.google/workbook/alerting-on-slos/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from bot.core.decision import Json

Number: TypeAlias = int | Fraction
"""What is counted. Floats of a source become exact fractions where they are read."""


class SourceKind(StrEnum):
    PROMETHEUS = "prometheus"
    SQL = "sql"
    PROBE = "probe"
    HTTP_JSON = "http-json"


class Method(StrEnum):
    """How bad events are counted against the budget."""

    OCCURRENCES = "Occurrences"
    TIMESLICES = "Timeslices"


class Operator(StrEnum):
    """How a measured value is held against the objective's: ``lte`` is good at or below it."""

    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"


class Unit(StrEnum):
    """What a calendar window is aligned to."""

    DAY = "d"
    WEEK = "w"
    MONTH = "M"
    QUARTER = "Q"
    YEAR = "Y"


class State(StrEnum):
    OK = "ok"
    BURNING = "burning"
    """Budget is left, and an alert fires."""
    EXHAUSTED = "exhausted"
    """No budget is left: zero is none."""
    NO_DATA = "no-data"
    """Nothing was counted, or fewer events than the objective asks for. Never in budget."""
    ERROR = "error"
    """The source could not be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """An OpenSLO ``DataSource``: where numbers come from.

    ``details`` by kind. ``prometheus`` and ``http-json``: ``url``, and ``credential``, the name of
    one that the server's environment has. ``sql``: ``database``, a name from there too. ``probe``:
    ``url``, ``interval``, ``timeout``, ``redirects``, ``statuses``. No secret ever stands in it.
    """

    name: str
    kind: SourceKind
    details: Mapping[str, str] = field(default_factory=dict)


def source_variable(credential: str) -> str:
    """Where a server's environment has the source that a file names by its ``credential``."""
    return f"LOCKGATE_SOURCE_{credential.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number asked of a source.

    ``spec`` by kind. ``prometheus``: ``query`` in PromQL with ``{{.window}}`` for the window.
    ``sql``: ``query``, with ``:start`` and ``:end``. ``http-json``: ``path`` with ``{start}`` and
    ``{end}``, and ``value``, where the number stands in the answer, such as ``$.data.count``.
    ``probe``: ``measure``, which is ``success``, ``all``, or ``latency_ms``.
    """

    source: Source
    spec: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Good events of all. One of ``good`` and ``bad`` is there; ``counter`` says that the numbers
    only ever grow, and that what counts is their increase."""

    total: Metric
    good: Metric | None = None
    bad: Metric | None = None
    counter: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """Each measured value is an event: good where it is ``operator`` to ``value``."""

    metric: Metric
    operator: Operator
    value: Fraction


Indicator: TypeAlias = Ratio | Threshold


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a budget is for.

    Rolling: the ``length`` before now. Calendar: ``unit`` times ``count``, counted from ``start``
    in ``zone``; ``length`` is then the longest that it can be, and data is kept for that long.
    """

    length: timedelta
    unit: Unit | None = None
    count: int = 1
    start: datetime | None = None
    zone: str = "UTC"

    @property
    def rolling(self) -> bool:
        return self.unit is None


@dataclass(frozen=True, slots=True)
class Pair:
    """One condition of an alert: the burn rate is above a factor over two windows at once.

    ``share`` is the part of the budget that is spent when it fires, from which the factor follows
    with the period's length; ``factor`` is there where a policy states it instead, and
    ``inclusive`` says that it is enough to reach it.
    """

    severity: str
    long: timedelta
    short: timedelta
    share: Fraction | None = None
    factor: Fraction | None = None
    inclusive: bool = False
    after: timedelta = timedelta(0)
    """How long it must last before anybody is told."""
    policy: str = ""
    """Its name, empty for the default ones."""
    when_firing: bool = True
    when_resolved: bool = True
    when_unknown: bool = False
    """Whether people are told of each: an OpenSLO policy says so."""


@dataclass(frozen=True, slots=True)
class Slo:
    """One objective with its budget.

    ``objective`` is the part of events that must be good, above 0 and below 1. ``environments``
    names those it is for, none for all. Below ``minimum_events`` in the window, or in an alert's
    long one, nothing is decided from it. Where nothing was counted for ``stale_after``, there is
    no data, whatever was before. ``line`` is the document's, from 1.
    """

    name: str
    service: str
    objective: Fraction
    window: Window
    indicator: Indicator
    method: Method = Method.OCCURRENCES
    slice_length: timedelta = timedelta(minutes=1)
    slice_target: Fraction = Fraction(1)
    """Of time slices: the part of its events that must be good for a slice to be good."""
    environments: tuple[str, ...] = ()
    minimum_events: int = 1
    stale_after: timedelta = timedelta(hours=6)
    pairs: tuple[Pair, ...] = ()
    """None for the default ones."""
    display_name: str = ""
    description: str = ""
    path: str = ""
    line: int = 1

    @property
    def budget(self) -> Fraction:
        """The part of events that may be bad."""
        return 1 - self.objective

    @property
    def title(self) -> str:
        return self.display_name or self.name

    @property
    def source(self) -> Source:
        """All its numbers are of one kind of source: the file's reader sees to it."""
        indicator = self.indicator
        metric = indicator.total if isinstance(indicator, Ratio) else indicator.metric
        return metric.source


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted since the sample before, up to ``at``, which has a time zone."""

    at: datetime
    good: Number
    total: Number


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted over a window. Adds up: the counts of two parts are those of the whole."""

    good: Number = 0
    total: Number = 0

    @property
    def bad(self) -> Number:
        return self.total - self.good

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.good + other.good, self.total + other.total)


@dataclass(frozen=True, slots=True)
class Alert:
    """How one pair stands at a moment. A rate that nobody knows is None, and never fires."""

    severity: str
    long: timedelta
    short: timedelta
    factor: Fraction
    long_burn: Fraction | None
    short_burn: Fraction | None
    firing: bool
    policy: str = ""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How an objective stands at a moment. What is not known is None.

    ``burn`` has the rate of every window that an alert looks at, the shortest first.
    """

    name: str
    objective: Fraction
    window: Window
    good: Number
    total: Number
    ratio: Fraction | None
    budget_remaining: Fraction | None
    """The part of the budget that is left: 1 is all, below 0 more was spent than there was."""
    burn: Mapping[timedelta, Fraction | None]
    alerts: tuple[Alert, ...]
    state: State
    at: datetime
    """The end of the windows."""
    reason: str = ""
    """Why nothing is known, for ``no-data`` and ``error``. Plain text, maybe from outside."""
    since: datetime | None = None
    """When data begins, where it is known; a window may be longer than its data."""
    exhausted_at: datetime | None = None
    """When the budget ends if it goes on as over the hour past, if that is known."""
    returns_at: datetime | None = None
    """When an exhausted budget is back if nothing more goes wrong, if that is known."""

    @property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.firing)


def record(state: BudgetState) -> dict[str, Json]:
    """What ``slo check`` prints as JSON. The keys and their order are fixed: others read them."""
    return {
        "name": state.name,
        "objective": float(state.objective),
        "window": window_text(state.window),
        "good": _number(state.good),
        "total": _number(state.total),
        "ratio": _rate(state.ratio),
        "budget_remaining": _rate(state.budget_remaining),
        "burn": {length_text(length): _rate(rate) for length, rate in state.burn.items()},
        "alerts": [
            {
                "severity": alert.severity,
                "long": length_text(alert.long),
                "short": length_text(alert.short),
                "firing": alert.firing,
            }
            for alert in state.alerts
        ],
        "state": state.state.value,
    }


def length_text(length: timedelta) -> str:
    """``5m``, ``6h``, ``3d``: the largest unit that it is a whole number of."""
    seconds = round(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def window_text(window: Window) -> str:
    """As OpenSLO writes it: ``30d`` that rolls, ``1M`` of the calendar."""
    return length_text(window.length) if window.unit is None else f"{window.count}{window.unit}"


def _rate(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _number(value: Number) -> int | float:
    return int(value) if value == int(value) else float(value)
