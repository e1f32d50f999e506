"""Where others of the same trade come to the same: docs/explanation/slo-peers.md has the rest."""

import json
import re
from datetime import timedelta
from fractions import Fraction

import pytest

from bot.core.slo.burn import PAIRS, burn_rate, factor_of
from bot.core.slo.model import Counts, Metric, Ratio, Slo, Source, SourceKind, Window, length_text
from bot.core.slo.rules import render_rules

SLOTH = {("5m", "1h"): 2, ("30m", "6h"): 5, ("2h", "1d"): 10, ("6h", "3d"): 10}
"""Of sloth's windows for 28 and for 30 days: short and long, and percent of the budget."""
ERRORS = 'sum(rate(requests_count{job="shop",code=~"(5..|429)"}[{{.window}}]))'
TOTAL = 'sum(rate(requests_count{job="shop"}[{{.window}}]))'


def objective(days: int) -> Slo:
    source = Source("metrics", SourceKind.PROMETHEUS)
    indicator = Ratio(Metric(source, {"query": TOTAL}), bad=Metric(source, {"query": ERRORS}))
    window = Window(timedelta(days=days))
    return Slo("requests", "shop", Fraction("0.999"), window, indicator)


@pytest.mark.parametrize(
    ("days", "factors"), [(30, [14.4, 6, 3, 1]), (28, [13.44, 5.6, 2.8, None])]
)
def test_windows_and_factors_are_sloths(days: int, factors: list[float | None]) -> None:
    assert {(length_text(p.short), length_text(p.long)) for p in PAIRS} == set(SLOTH)
    for pair, known in zip(PAIRS, factors, strict=True):
        percent = SLOTH[length_text(pair.short), length_text(pair.long)]
        factor = factor_of(pair, timedelta(days=days))
        # percent / 100 x the hours of the period / the hours of the long window
        assert factor == Fraction(percent, 100) * (days * 24) / Fraction(pair.long / HOUR)
        assert known is None or float(factor) == known


HOUR = timedelta(hours=1)


def test_rules_record_the_same_ratios_and_compare_them_alike() -> None:
    """The windows of sloth's rules for the same specification, each of them the errors' query over
    the total's; and its alerts, each of them a short and a long one above factor x budget."""
    groups = json.loads(render_rules([objective(30)]))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["labels"].get("window"): rule["expr"] for rule in rules if "record" in rule}
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d"):
        over, under = (query.replace("{{.window}}", window) for query in (ERRORS, TOTAL))
        assert recorded[window].startswith(f"(({over})")
        assert recorded[window].endswith(f"/ (({under}) > 0)")
    compared = set()
    for rule in rules:
        if "alert" in rule:
            compared |= set(
                re.findall(
                    r"ratio_(\w+)\{slo=\"requests\"\} > \(([\d.]+) \* 0\.001\)", rule["expr"]
                )
            )
    assert compared == {
        ("5m", "14.4"), ("1h", "14.4"), ("30m", "6"), ("6h", "6"),
        ("2h", "3"), ("1d", "3"), ("6h", "1"), ("3d", "1"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "good", "bad", "theirs"),
    [
        ("0.999", 9_990, 10, 1.0),
        ("0.999", 999, 1, 1.0),
        ("0.999", 985_600, 14_400, 14.4),
        ("0.999", 985_540, 14_460, 14.5),
        ("0.999", 0, 100, 1000.0),
        ("0.999", 100, 0, 0.0),
        ("0.95", 95, 5, 1.0),
        ("0.95", 85, 15, 3.0),
        ("0.95", 8_449, 1_551, 3.1),
        ("0.99999", 9_999_999, 4, 0.0),
    ],
)
def test_burn_rates_are_slo_generators_but_for_its_rounding(
    target: str, good: int, bad: int, theirs: float
) -> None:
    """What slo-generator 2.6.0 said of the same counts, to one decimal."""
    rate = burn_rate(Counts(good, good + bad), 1 - Fraction(target))
    assert rate is not None
    assert round(float(rate), 1) == theirs


@pytest.mark.parametrize(
    ("bad", "theirs"),
    [(14_400, (14.4, False)), (14_410, (14.4, False)), (14_440, (14.4, False))],
)
def test_an_alert_is_not_decided_on_a_rounded_rate(bad: int, theirs: tuple[float, bool]) -> None:
    """Of a million events at 99.9 %, with a factor of 14.4: what slo-generator says, and we."""
    rate = burn_rate(Counts(10**6 - bad, 10**6), Fraction(1, 1000))
    assert rate is not None
    assert (round(float(rate), 1), theirs[1]) == theirs
    assert (rate > Fraction("14.4")) is (bad > 14_400)
