"""Prometheus' rules and the dashboard of the same objectives."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from bot.core.slo.model import (
    Method,
    Metric,
    Operator,
    Pair,
    Ratio,
    Slo,
    Source,
    SourceKind,
    Threshold,
    Unit,
    Window,
)
from bot.core.slo.rules import MOST_OPEN, decimal, render_dashboard, render_rules, unsuited

DAY = timedelta(days=1)
PROM = Source("prom", SourceKind.PROMETHEUS, {"url": "https://prom.example.com"})
BAD = Metric(PROM, {"query": 'sum(increase(a{code=~"5.."}[{{.window}}]))'})
ALL = Metric(PROM, {"query": "sum(increase(a[{{.window}}]))"})
API = Slo(
    name="api",
    service="shop",
    objective=Fraction("0.999"),
    window=Window(30 * DAY),
    indicator=Ratio(ALL, bad=BAD),
)
STATED = Pair(
    "page", timedelta(hours=1), timedelta(minutes=5), None, Fraction(10), True,
    timedelta(minutes=2),
)  # fmt: skip


def rules(slo: Slo) -> dict[str, str]:
    """By the name of each rule its expression."""
    return {
        rule.get("record") or rule["labels"]["severity"]: rule["expr"]
        for group in json.loads(render_rules([slo]))["groups"]
        for rule in group["rules"]
    }


def test_every_window_is_asked_of_the_events_themselves() -> None:
    found = rules(API)
    recorded = {name: expr for name, expr in found.items() if name.startswith("slo:error:")}
    windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]
    assert list(recorded) == [f"slo:error:ratio_{window}" for window in windows]
    for window in windows:
        total = f"(sum(increase(a[{window}])))"
        assert recorded[f"slo:error:ratio_{window}"] == (
            f'((sum(increase(a{{code=~"5.."}}[{window}]))) or 0 * {total}) / ({total} > 0)'
        )


def test_good_events_make_the_same_ratio() -> None:
    good = replace(API, indicator=Ratio(ALL, good=BAD))
    assert rules(good)["slo:error:ratio_5m"].startswith("1 - ((sum(")


@pytest.mark.parametrize(
    ("days", "factors"),
    [(30, ["14.4", "6", "3", "1"]), (28, ["13.44", "5.6", "2.8", "(14 / 15)"])],
)
def test_alerts_have_the_factors_of_the_period(days: int, factors: list[str]) -> None:
    found = rules(replace(API, window=Window(days * DAY)))
    parts = [
        f'(slo:error:ratio_{long}{{slo="api"}} > ({factor} * 0.001) and ignoring (window) '
        f'slo:error:ratio_{short}{{slo="api"}} > ({factor} * 0.001))'
        for factor, long, short in zip(
            factors, ["1h", "6h", "1d", "3d"], ["5m", "30m", "2h", "6h"], strict=True
        )
    ]
    assert found["page"] == f"max without (window) ({parts[0]} or {parts[1]})"
    assert found["ticket"] == f"max without (window) ({parts[2]} or {parts[3]})"


def test_an_alert_policy_of_its_own_is_what_fires() -> None:
    (group,) = [
        group
        for group in json.loads(render_rules([replace(API, pairs=(STATED,))]))["groups"]
        if group["name"] == "slo-api-alerts"
    ]
    (alert,) = group["rules"]
    assert alert["for"] == "2m"
    assert '{slo="api"} >= (10 * 0.001)' in alert["expr"]


def test_each_look_at_a_value_is_an_event() -> None:
    slow = Metric(PROM, {"query": "histogram_quantile(0.95, sum by (le) (rate(b[{{.window}}])))"})
    found = rules(replace(API, indicator=Threshold(slow, Operator.LTE, Fraction("0.3"))))
    value = "(histogram_quantile(0.95, sum by (le) (rate(b[5m]))))"
    assert found["slo:event:bad"] == f"({value} > bool (3 / 10)) and ({value} >= -Inf)"
    for window in ("5m", "30d"):
        events = f'slo:event:bad{{slo="api"}}[{window}]'
        assert found[f"slo:error:ratio_{window}"] == (
            f"sum_over_time({events}) / count_over_time({events})"
        )


TOTAL = "(sum(increase(a[5m])))"


@pytest.mark.parametrize(
    ("indicator", "expected"),
    [
        (Ratio(ALL, bad=BAD), "> bool 0.1"),
        (Ratio(ALL, good=BAD), "< bool 0.9"),
    ],
)
def test_each_slice_of_time_is_an_event(indicator: Ratio, expected: str) -> None:
    slices = replace(
        API,
        indicator=indicator,
        method=Method.TIMESLICES,
        slice_length=timedelta(minutes=5),
        slice_target=Fraction("0.9"),
    )
    part = f'(sum(increase(a{{code=~"5.."}}[5m]))) or 0 * {TOTAL}'
    assert rules(slices)["slo:event:bad"] == f"({part}) / ({TOTAL} > 0) {expected}"
    assert rules(slices)["slo:error:ratio_1h"] == rules(VALUES)["slo:error:ratio_1h"]


VALUES = replace(API, indicator=Threshold(ALL, Operator.LTE, Fraction(3)))


@pytest.mark.parametrize(
    ("window", "factors"),
    [
        (Window(7 * DAY, Unit.WEEK), ["3.36", "1.4", "0.7", "(7 / 30)"]),
        (
            Window(31 * DAY, Unit.MONTH, start=datetime(2026, 1, 1)),
            [f"{part} * scalar(days_in_month())" for part in ("0.48", "0.2", "0.1", "(1 / 30)")],
        ),
    ],
)
def test_a_window_of_the_calendar_has_alerts_and_no_budget(
    window: Window, factors: list[str]
) -> None:
    slo = replace(API, window=window)
    found = rules(slo)
    assert [name for name in found if name.startswith("slo:error")] == [
        *(f"slo:error:ratio_{one}" for one in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")),
        "slo:error_budget:ratio",
    ]
    said = found["page"] + found["ticket"]
    assert re.findall(r"> \((.+?) \* 0\.001\)", said) == [one for one in factors for _ in "ab"]
    asked = {
        name
        for panel in json.loads(render_dashboard([slo]))["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"slo:[\w:]+", target["expr"])
    }
    assert asked
    assert asked <= set(found)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"indicator": VALUES.indicator}, ""),
        ({"method": Method.TIMESLICES}, ""),
        ({"window": Window(31 * DAY, Unit.MONTH)}, ""),
        ({"window": Window(92 * DAY, Unit.QUARTER)}, "the length of its calendar window"),
        (
            {"window": Window(31 * DAY, Unit.MONTH, start=datetime(2026, 1, 15))},
            "the length of its calendar window",
        ),
        ({"window": Window(62 * DAY, Unit.MONTH, 2)}, "the length of its calendar window"),
        ({"window": Window(92 * DAY, Unit.QUARTER), "pairs": (STATED,)}, ""),
        (
            {"indicator": Ratio(Metric(Source("p", SourceKind.PROBE)), Metric(PROM))},
            "its numbers come from a source of the type probe",
        ),
    ],
)
def test_what_has_no_rules_is_left_out(changes: dict[str, object], reason: str) -> None:
    slo = replace(API, **changes)  # type: ignore[arg-type]
    assert unsuited(slo).startswith(reason)
    assert bool(unsuited(slo)) is bool(reason)
    assert bool(json.loads(render_rules([slo]))["groups"]) is not bool(reason)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("14.4", "14.4"), ("6", "6"), ("0.001", "0.001"), ("0.0005", "0.0005"), ("100", "100"),
        ("14/15", "(14 / 15)"), ("-0.12", "-0.12"), ("0", "0"), ("1/8", "0.125"), ("50", "50"),
        ("1/640", "0.0015625"),
    ],
)  # fmt: skip
def test_a_number_is_written_exactly(value: str, text: str) -> None:
    assert decimal(Fraction(value)) == text


def dashboard(*slos: Slo) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """With all of its panels, those within rows as well."""
    found = json.loads(render_dashboard(slos))
    return found, [one for each in found["panels"] for one in (each, *each.get("panels", ()))]


def named(count: int) -> list[Slo]:
    return [replace(API, name=f"api-{number}") for number in range(count)]


def test_the_dashboard_asks_for_what_the_rules_record() -> None:
    asked = {
        name
        for panel in dashboard(API, replace(API, name="web"))[1]
        for target in panel.get("targets", ())
        for name in re.findall(r"slo:[\w:]+", target["expr"])
    }
    assert asked
    assert asked <= set(rules(API))


@pytest.mark.parametrize("count", [1, 2, MOST_OPEN, MOST_OPEN + 1])
def test_the_dashboard_is_of_grafana_s_model(count: int) -> None:
    """What its JSON model asks for: an id for each panel, a place on a grid of 24 columns that no
    other panel has, a datasource that is a variable of the dashboard, and an id for each query."""
    found, panels = dashboard(*named(count))
    assert isinstance(found["schemaVersion"], int)
    assert len(found["uid"]) <= 40
    (variable,) = found["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    source = {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
    assert len({one["id"] for one in panels}) == len(panels) == 4 * count
    for one in panels:
        assert one["title"]
        if one["type"] == "row":
            assert isinstance(one["collapsed"], bool)
            assert one["collapsed"] is bool(one["panels"]) is (count > MOST_OPEN)
            continue
        assert one["type"] in ("stat", "timeseries")
        assert one["datasource"] == source
        ids = [target["refId"] for target in one["targets"]]
        assert ids == sorted(set(ids))
        assert all(target["expr"] and target["datasource"] == source for target in one["targets"])
    for shown in (found["panels"], *(one["panels"] for one in panels if one.get("panels"))):
        cells = [cell for one in shown for cell in cells_of(one["gridPos"])]
        assert len(set(cells)) == len(cells)
        assert all(0 <= x < 24 for x, _ in cells)


def cells_of(place: dict[str, int]) -> list[tuple[int, int]]:
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]


def test_a_thousand_objectives_have_rules_and_a_dashboard_that_is_folded() -> None:
    many = named(1_000)
    groups = json.loads(render_rules(many))["groups"]
    assert len({group["name"] for group in groups}) == len(groups) == 4_000
    found, _ = dashboard(*many)
    assert len(found["panels"]) == 1_000
    assert all(row["collapsed"] for row in found["panels"])
