"""The bot's own probes: what is asked, when an answer is good, and what is counted of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from urllib.parse import SplitResult, urlsplit

from bot.core.slo.model import Indicator, Metric, Operator, Ratio, Threshold

BOUNDS_MS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1500, 2000, 3000, 5000, 10_000)
"""Latencies up to which good answers are counted. Only these can be thresholds, so that the counts
stay exact when single answers are kept no more. In the store they are told by their place: new
ones may only be added at the end."""

KEPT_ANSWERS = timedelta(days=4)
"""A day more than the longest window that an alert looks at; older ones are kept hour by hour."""
KEPT_HOURS = timedelta(days=400)
_LONGEST_URL = 2000


class Outcome(StrEnum):
    """How a probe ended. Only the first is good."""

    OK = "ok"
    STATUS = "status"
    """An answer, with a status that is not one of those expected."""
    REDIRECT = "redirect"
    """Sent elsewhere, where that is not allowed, too often, to a place that is not public, or to
    what is no web address."""
    TIMEOUT = "timeout"
    TLS = "tls"
    DNS = "dns"
    CONNECTION = "connection"
    PRIVATE = "private"
    """It leads to a place that is not public, so it was not asked."""
    PROTOCOL = "protocol"
    """What answered spoke no HTTP."""


class Redirects(StrEnum):
    REFUSE = "refuse"
    """Being sent elsewhere is judged by its status, as any other answer."""
    SAME_HOST = "same-host"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True)
class Probe:
    """One endpoint that is asked again and again. ``statuses`` are ranges, both ends included."""

    name: str
    url: str
    every: timedelta = timedelta(minutes=1)
    timeout: timedelta = timedelta(seconds=10)
    redirects: Redirects = Redirects.REFUSE
    statuses: tuple[tuple[int, int], ...] = ((200, 299),)

    def expects(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.statuses)


@dataclass(frozen=True, slots=True)
class DueProbe:
    """A look that was claimed. ``at`` is the store's clock, the same for all workers."""

    id: int
    repository_id: int
    at: datetime
    probe: Probe


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """``milliseconds`` are rounded up, so that 300 means at most 300; ``status`` is 0 without an
    answer."""

    outcome: Outcome
    milliseconds: int
    status: int = 0
    at: datetime | None = None

    @property
    def good(self) -> bool:
        return self.outcome is Outcome.OK

    @property
    def unanswered(self) -> bool:
        """Whether it was sent, and nothing came back that speaks HTTP: the endpoint is away, or
        who asked is."""
        return not self.status and self.outcome is not Outcome.PRIVATE


class ProbeFault(ValueError):
    """What an objective asks of a probe cannot be answered; says why and what to write."""


def counted_bound(indicator: Indicator) -> int:
    """Which count answers an indicator: 0 is all good answers, else the place, from 1, of the
    latency in ``BOUNDS_MS``.

    A failed probe has no latency, and counts as a slow one: an outage is never fast.

    Raises:
        ProbeFault: it asks for what is not counted.
    """
    match indicator:
        case Ratio(bad=None, good=Metric() as good, total=total):
            if (measure_of(good), measure_of(total)) == ("success", "all"):
                return 0
            raise ProbeFault("a probe's ratio is of `measure: success` as good to `all` as total")
        case Ratio():
            raise ProbeFault("a probe counts what is good: write `good`, not `bad`")
        case Threshold(metric=metric, operator=operator, value=value):
            if measure_of(metric) != "latency_ms":
                raise ProbeFault("a probe's value is `measure: latency_ms`; write that")
            if operator is not Operator.LTE or value not in map(Fraction, BOUNDS_MS):
                bounds = ", ".join(map(str, BOUNDS_MS))
                raise ProbeFault(f"a probe's latency is held to `op: lte` and one of {bounds} ms")
            return BOUNDS_MS.index(int(value)) + 1


def measure_of(metric: Metric) -> str:
    return metric.spec.get("measure", "")


def probe_of(name: str, details: Mapping[str, str]) -> Probe:
    """Of a data source's details, which are checked here whole.

    Raises:
        ProbeFault: one of them is missing or cannot be used.
    """
    url = details.get("url", "")
    if web_address(url) is None:
        raise ProbeFault("`url` is no web address; write it whole, without a user: https://host/")
    every = _length(details, "interval", "1m", least=30, most=3600)
    timeout = _length(details, "timeout", "10s", least=1, most=30)
    try:
        redirects = Redirects(details.get("redirects", Redirects.REFUSE))
    except ValueError:
        raise ProbeFault(f"`redirects` is one of {', '.join(Redirects)}") from None
    return Probe(name, url, every, timeout, redirects, _statuses(details.get("statuses", "2xx")))


def web_address(url: str) -> SplitResult | None:
    """The parts of a whole address of http or https; None for anything else, such as one with a
    user in it."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and parts.username is None else None


def _length(
    details: Mapping[str, str], key: str, default: str, *, least: int, most: int
) -> timedelta:
    text = details.get(key, default).strip()
    number, unit = text[:-1], {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    digits = number.isascii() and number.isdigit() and len(number) < 6
    seconds = int(number) * unit if digits else 0
    if not least <= seconds <= most:
        raise ProbeFault(f"`{key}` is from {least} to {most} seconds, such as `{default}`")
    return timedelta(seconds=seconds)


def _statuses(text: str) -> tuple[tuple[int, int], ...]:
    """``200``, ``2xx``, ``200-204``, and several with commas between."""
    found = []
    for part in (piece.strip() for piece in text.split(",")):
        low, _, high = part.partition("-")
        if len(part) == 3 and part.endswith("xx"):
            low, high = f"{part[0]}00", f"{part[0]}99"
        high = high or low
        if not all(len(end) == 3 and end.isascii() and end.isdigit() for end in (low, high)):
            raise ProbeFault("`statuses` has numbers such as `200, 204`, `200-204` or `2xx`")
        if not 100 <= int(low) <= int(high) <= 599:
            raise ProbeFault("`statuses` goes from 100 to 599, the lower end first")
        found.append((int(low), int(high)))
    return tuple(found)
