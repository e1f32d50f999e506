"""Prometheus' recording and alerting rules, and a Grafana dashboard, of the same objectives.

https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/. Each window is asked
of the events themselves: an average of averages would count a quiet hour like a busy one. Where an
event is a look at a value, or a slice of time, each is recorded as it happens, and the windows are
of those. Factors stand there whole, such as 14.4, or as a quotient.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction

from bot.core.decision import Json
from bot.core.slo.burn import factor_of, lengths_of, pairs_of
from bot.core.slo.model import (
    Method,
    Pair,
    Slo,
    SourceKind,
    Threshold,
    Unit,
    Window,
    length_text,
)
from bot.core.slo.promql import EVERY, is_bad, queries

_FAST = timedelta(hours=2)
"""Windows up to this length are recorded every 30 seconds, longer ones every 5 minutes."""
MOST_OPEN = 10
"""Objectives whose panels a dashboard shows at once."""
_ROW, _HIGH = 1, 8
"""How high a row's title and its panels are, in Grafana's units."""
_DAY = timedelta(days=1)
_EVENT = "slo:event:bad"
"""1 of an event that was bad, 0 of one that was not."""


def unsuited(slo: Slo) -> str:
    """Why an objective has no rules, or nothing."""
    if slo.source.kind is not SourceKind.PROMETHEUS:
        return f"its numbers come from a source of the type {slo.source.kind}"
    if _days(slo.window) is None and any(pair.factor is None for pair in pairs_of(slo)):
        return (
            "the length of its calendar window, from which its alerts' factors follow, is nothing "
            "that Prometheus knows; name alertPolicies, whose thresholds are factors"
        )
    return ""


def without_budget(slo: Slo) -> str:
    """Why what is left of an objective's budget is not recorded, or nothing."""
    if slo.window.rolling:
        return ""
    return "its window is of the calendar, and a range of Prometheus has one length"


def _days(window: Window) -> str | None:
    """The length of a window in days, in PromQL; None where Prometheus cannot know it."""
    if window.rolling or window.unit in (Unit.DAY, Unit.WEEK):
        return decimal(Fraction(window.length / _DAY))
    first = window.start is None or window.start.day == 1
    return (
        "scalar(days_in_month())"
        if (window.unit, window.count, first) == (Unit.MONTH, 1, True)
        else None
    )


def render_rules(slos: Sequence[Slo]) -> str:
    """The rules file of all objectives that are suited, as JSON, which YAML is too."""
    groups: list[Json] = [group for slo in slos if not unsuited(slo) for group in _groups(slo)]
    return json.dumps({"groups": groups}, indent=2, ensure_ascii=False) + "\n"


def _groups(slo: Slo) -> Iterator[Json]:
    budget = [] if without_budget(slo) else [slo.window.length]
    lengths = dict.fromkeys([*lengths_of(slo), *budget])
    if event := _event(slo):
        every, expr = event
        rule: Json = {"record": _EVENT, "expr": expr, "labels": dict(_labels(slo))}
        yield _group(slo, "events", every, [rule])
    fast = [length for length in lengths if length <= _FAST]
    slow = [length for length in lengths if length > _FAST]
    for name, every, part in (("fast", "30s", fast), ("slow", "5m", slow)):
        if part:
            yield _group(slo, name, every, [_recorded(slo, length) for length in part])
    yield _group(slo, "budget", "5m", list(_about(slo)))
    yield _group(slo, "alerts", "30s", list(_alerts(slo)))


def _group(slo: Slo, name: str, every: str, rules: list[Json]) -> Json:
    return {"name": f"slo-{slo.name}-{name}", "interval": every, "rules": rules}


def _recorded(slo: Slo, length: timedelta) -> Json:
    return {
        "record": _series(length),
        "expr": error_ratio(slo, length),
        "labels": {**_labels(slo), "window": length_text(length)},
    }


def _event(slo: Slo) -> tuple[str, str] | None:
    """How often an event is recorded, and whether it is bad, in PromQL; None where Prometheus
    counts the events itself."""
    if slo.method is Method.TIMESLICES:
        length = length_text(slo.slice_length)
        part, total, bad = queries(slo.indicator, length)
        share = f"(({part}) or 0 * ({total})) / (({total}) > 0)"
        if bad:
            return length, f"{share} > bool {decimal(1 - slo.slice_target)}"
        return length, f"{share} < bool {decimal(slo.slice_target)}"
    return (EVERY, is_bad(slo.indicator)) if isinstance(slo.indicator, Threshold) else None


def error_ratio(slo: Slo, length: timedelta) -> str:
    """The part of events that failed in a window, in PromQL; nothing where none happened."""
    window = length_text(length)
    if _event(slo):
        events = f"{_EVENT}{_selector(slo)}[{window}]"
        # An average would be rounded on the way: sums of whole numbers are not.
        return f"sum_over_time({events}) / count_over_time({events})"
    part, total, bad = queries(slo.indicator, window)
    share = f"(({part}) or 0 * ({total})) / (({total}) > 0)"
    return share if bad else f"1 - {share}"


def _about(slo: Slo) -> Iterator[Json]:
    labels: Json = dict(_labels(slo))
    mine, days = _selector(slo), _days(slo.window)
    rules = {
        "slo:objective:ratio": f"vector({decimal(slo.objective)})",
        "slo:error_budget:ratio": f"vector({decimal(slo.budget)})",
        "slo:current_burn_rate:ratio": f"{_series(_shortest(slo))}{mine} / {_budget(slo)}",
    }
    if days:
        rules["slo:period:days"] = f"vector({days})"
    if not without_budget(slo):
        left = f"1 - {_series(slo.window.length)}{mine} / {_budget(slo)}"
        rules["slo:error_budget_remaining:ratio"] = left
    for record, expr in rules.items():
        yield {"record": record, "expr": expr, "labels": labels}


def _alerts(slo: Slo) -> Iterator[Json]:
    """One alert a severity: any of its pairs is enough, as where the bot decides."""
    pairs = pairs_of(slo)
    for severity in dict.fromkeys(pair.severity for pair in pairs):
        mine = [pair for pair in pairs if pair.severity == severity]
        after = max(pair.after for pair in mine)
        alert: dict[str, Json] = {
            "alert": f"SloBurn{severity.title()}",
            # One alert, though two pairs fire at once: they differ in the window alone.
            "expr": f"max without (window) ({' or '.join(_condition(slo, p) for p in mine)})",
            "labels": {**_labels(slo), "severity": severity},
            "annotations": {
                "summary": f"{slo.title}: the error budget of {length_text(slo.window.length)} "
                "is spent too fast",
                "description": slo.description
                or f"At least {decimal(slo.objective * 100)} % of events are to be good.",
            },
        }
        if after:
            alert["for"] = length_text(after)
        yield alert


def _condition(slo: Slo, pair: Pair) -> str:
    sign = ">=" if pair.inclusive else ">"
    bound = f"({_factor(slo, pair)} * {_budget(slo)})"
    mine = _selector(slo)
    long, short = (f"{_series(one)}{mine} {sign} {bound}" for one in (pair.long, pair.short))
    # The labels of both differ in the window alone.
    return f"({long} and ignoring (window) {short})"


def _factor(slo: Slo, pair: Pair) -> str:
    days = _days(slo.window)
    if pair.factor is not None or slo.window.rolling or slo.window.unit is not Unit.MONTH:
        return decimal(factor_of(pair, slo.window.length))
    return f"{decimal(factor_of(pair, _DAY))} * {days}"


def _series(length: timedelta) -> str:
    return f"slo:error:ratio_{length_text(length)}"


def _selector(slo: Slo) -> str:
    return f'{{slo="{slo.name}"}}'


def _budget(slo: Slo) -> str:
    return decimal(slo.budget)


def _labels(slo: Slo) -> dict[str, Json]:
    return {"slo": slo.name, "service": slo.service}


def _shortest(slo: Slo) -> timedelta:
    return min(pair.short for pair in pairs_of(slo))


def decimal(value: Fraction) -> str:
    """Exactly: ``14.4``, or ``(14 / 15)`` where no decimal ends."""
    rest, places = value.denominator, 0
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, places = rest // prime, places + 1
    if rest != 1:
        return f"({value.numerator} / {value.denominator})"
    scaled = value.numerator * 10**places // value.denominator
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(places + 1, "0")
    whole, part = digits[: len(digits) - places], digits[len(digits) - places :].rstrip("0")
    return f"{sign}{whole}{f'.{part}' if part else ''}"


def render_dashboard(slos: Sequence[Slo]) -> str:
    """A Grafana dashboard of the objectives that have rules, as JSON to import, a row each. It asks
    for the data source when it is opened. Rows of many objectives are folded: Grafana asks nothing
    for what is in them until they are opened.

    https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
    """
    suited = [slo for slo in slos if not unsuited(slo)]
    folded = len(suited) > MOST_OPEN
    panels: list[Json] = []
    for number, slo in enumerate(suited):
        top = number * (_ROW if folded else _ROW + _HIGH)
        first = number * 4 + 1
        mine = _panels(slo, top + _ROW, first + 1)
        row: Json = {
            "id": first,
            "title": slo.title,
            "type": "row",
            "collapsed": folded,
            "gridPos": {"x": 0, "y": top, "w": 24, "h": _ROW},
            "panels": mine if folded else [],
        }
        panels += [row] if folded else [row, *mine]
    variable: Json = {
        "name": "source",
        "label": "Source",
        "type": "datasource",
        "query": "prometheus",
    }
    dashboard: Json = {
        "uid": "lockgate-slo",
        "title": "Error budgets",
        "tags": ["lockgate", "slo"],
        "time": {"from": "now-7d", "to": "now"},
        "refresh": "1m",
        "schemaVersion": 39,
        "templating": {"list": [variable]},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _panels(slo: Slo, top: int, first: int) -> list[Json]:
    """``first`` is the id of the first of them."""
    mine = _selector(slo)
    left = [(f"slo:error_budget_remaining:ratio{mine}", "left")]
    rates = [
        (f"{_series(length)}{mine} / {_budget(slo)}", length_text(length))
        for length in sorted({pair.long for pair in pairs_of(slo)})
    ]
    panels = [
        _panel(f"{slo.title}: budget left", "stat", left, (0, top, 5), first),
        _panel(f"{slo.title}: budget", "timeseries", left, (5, top, 9), first + 1),
        _panel(f"{slo.title}: burn rate", "timeseries", rates, (14, top, 10), first + 2),
    ]
    return panels[2:] if without_budget(slo) else panels


def _panel(
    title: str,
    kind: str,
    queries: Sequence[tuple[str, str]],
    place: tuple[int, int, int],
    id_: int,
) -> Json:
    source: Json = {"type": "prometheus", "uid": "${source}"}
    x, y, width = place
    unit = "none" if title.endswith("burn rate") else "percentunit"
    return {
        "id": id_,
        "title": title,
        "type": kind,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": width, "h": _HIGH},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {"refId": chr(65 + index), "expr": expr, "legendFormat": legend, "datasource": source}
            for index, (expr, legend) in enumerate(queries)
        ],
    }
