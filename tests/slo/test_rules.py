"""Prometheus' rules and the dashboard of the same objectives."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

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
from bot.core.slo.rules import decimal, render_dashboard, render_rules, unsuited

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
    pair = Pair(
        "page", timedelta(hours=1), timedelta(minutes=5), None, Fraction(10), True,
        timedelta(minutes=2),
    )  # fmt: skip
    (group,) = [
        group
        for group in json.loads(render_rules([replace(API, pairs=(pair,))]))["groups"]
        if group["name"] == "slo-api-alerts"
    ]
    (alert,) = group["rules"]
    assert alert["for"] == "2m"
    assert '{slo="api"} >= (10 * 0.001)' in alert["expr"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"indicator": Threshold(ALL, Operator.LTE, Fraction(3))}, "it measures single values"),
        ({"method": Method.TIMESLICES}, "its budget is of time slices"),
        ({"window": Window(31 * DAY, Unit.MONTH)}, "its window is of the calendar"),
        (
            {"indicator": Ratio(Metric(Source("p", SourceKind.PROBE)), Metric(PROM))},
            "its numbers come from a source of the type probe",
        ),
    ],
)
def test_what_has_no_rules_is_left_out(changes: dict[str, object], reason: str) -> None:
    slo = replace(API, **changes)  # type: ignore[arg-type]
    assert unsuited(slo).startswith(reason)
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


def test_the_dashboard_asks_for_what_the_rules_record() -> None:
    recorded = set(rules(API))
    dashboard = json.loads(render_dashboard([API, replace(API, name="web")]))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"slo:[\w:]+", target["expr"])
    }
    assert asked
    assert asked <= recorded
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) == 6
