"""Prometheus' recording and alerting rules, and a Grafana dashboard, of the same objectives.

https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/. Each window is asked
of the events themselves: an average of averages would count a quiet hour like a busy one. Factors
stand there whole, such as 14.4, or as a quotient.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction

from bot.core.decision import Json
from bot.core.slo.burn import factor_of, lengths_of, pairs_of
from bot.core.slo.model import Method, Metric, Pair, Ratio, Slo, SourceKind, length_text

_FAST = timedelta(hours=2)
"""Windows up to this length are recorded every 30 seconds, longer ones every 5 minutes."""
MOST_OPEN = 10
"""Objectives whose panels a dashboard shows at once."""
_ROW, _HIGH = 1, 8
"""How high a row's title and its panels are, in Grafana's units."""


def unsuited(slo: Slo) -> str:
    """Why an objective has no rules, or nothing."""
    if not isinstance(slo.indicator, Ratio):
        return "it measures single values, and Prometheus counts events"
    kind = slo.indicator.total.source.kind
    if kind is not SourceKind.PROMETHEUS:
        return f"its numbers come from a source of the type {kind}"
    if slo.method is not Method.OCCURRENCES:
        return "its budget is of time slices"
    return "" if slo.window.rolling else "its window is of the calendar"


def render_rules(slos: Sequence[Slo]) -> str:
    """The rules file of all objectives that are suited, as JSON, which YAML is too."""
    groups: list[Json] = [group for slo in slos if not unsuited(slo) for group in _groups(slo)]
    return json.dumps({"groups": groups}, indent=2, ensure_ascii=False) + "\n"


def _groups(slo: Slo) -> Iterator[Json]:
    lengths = [*lengths_of(slo), slo.window.length]
    fast = [length for length in dict.fromkeys(lengths) if length <= _FAST]
    slow = [length for length in dict.fromkeys(lengths) if length > _FAST]
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


def error_ratio(slo: Slo, length: timedelta) -> str:
    """The part of events that failed in a window, in PromQL; nothing where none happened."""
    assert isinstance(slo.indicator, Ratio)  # noqa: S101 (`unsuited` has said so)
    window = length_text(length)
    total = _query(slo.indicator.total, window)
    if slo.indicator.bad is not None:
        return f"(({_query(slo.indicator.bad, window)}) or 0 * ({total})) / (({total}) > 0)"
    good = slo.indicator.good
    assert good is not None  # noqa: S101 (a ratio has one of both)
    return f"1 - (({_query(good, window)}) or 0 * ({total})) / (({total}) > 0)"


def _query(metric: Metric, window: str) -> str:
    return metric.spec["query"].strip().replace("{{.window}}", window)


def _about(slo: Slo) -> Iterator[Json]:
    labels: Json = dict(_labels(slo))
    length = slo.window.length
    mine = _selector(slo)
    for record, expr in (
        ("slo:objective:ratio", f"vector({decimal(slo.objective)})"),
        ("slo:error_budget:ratio", f"vector({decimal(slo.budget)})"),
        ("slo:period:days", f"vector({decimal(Fraction(length / timedelta(days=1)))})"),
        ("slo:current_burn_rate:ratio", f"{_series(_shortest(slo))}{mine} / {_budget(slo)}"),
        ("slo:error_budget_remaining:ratio", f"1 - {_series(length)}{mine} / {_budget(slo)}"),
    ):
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
    bound = f"({decimal(factor_of(pair, slo.window.length))} * {_budget(slo)})"
    mine = _selector(slo)
    long, short = (f"{_series(one)}{mine} {sign} {bound}" for one in (pair.long, pair.short))
    # The labels of both differ in the window alone.
    return f"({long} and ignoring (window) {short})"


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
    return [
        _panel(f"{slo.title}: budget left", "stat", left, (0, top, 5), first),
        _panel(f"{slo.title}: budget", "timeseries", left, (5, top, 9), first + 1),
        _panel(f"{slo.title}: burn rate", "timeseries", rates, (14, top, 10), first + 2),
    ]


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
