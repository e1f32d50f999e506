"""OpenSLO files: what is read of them, and all that can be wrong, each at its place."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.slo.model import Method, Operator, Ratio, SourceKind, Threshold, Unit, Window
from bot.core.slo.openslo import SloFiles, parse_slos

ROOT = Path(__file__).parents[2]
HEAD = "apiVersion: openslo/v1\n"
SOURCE = (
    HEAD + "kind: DataSource\nmetadata: {name: prom}\n"
    "spec: {type: prometheus, connectionDetails: {url: 'https://prom.example.com'}}\n"
)
SLI = (
    HEAD + "kind: SLI\nmetadata: {name: requests}\nspec:\n  ratioMetric:\n"
    "    bad: {metricSource: {metricSourceRef: prom, spec: {query: 'b[{{.window}}]'}}}\n"
    "    total: {metricSource: {metricSourceRef: prom, spec: {query: 'a[{{.window}}]'}}}\n"
)
OBJECTIVE = "[{target: 0.999}]"
ROLLING = "[{duration: 30d, isRolling: true}]"


def slo(
    *,
    name: str = "api",
    objectives: str = OBJECTIVE,
    window: str = ROLLING,
    more: str = "",
    annotations: str = "{}",
    method: str = "Occurrences",
) -> str:
    return (
        f"{HEAD}kind: SLO\nmetadata: {{name: {name}, annotations: {annotations}}}\nspec:\n"
        f"  service: shop\n  indicatorRef: requests\n  timeWindow: {window}\n"
        f"  budgetingMethod: {method}\n  objectives: {objectives}\n{more}"
    )


def read(*documents: str) -> SloFiles:
    return parse_slos([("slo/x.yml", "---\n".join([SOURCE, SLI, *documents]))])


def told(found: SloFiles) -> list[tuple[int, int, str, str]]:
    return [(one.line, one.column, one.message, one.suggestion) for one in found.problems]


def test_the_four_of_the_product_are_in_order() -> None:
    files = [(path.name, path.read_text()) for path in sorted((ROOT / "slo").glob("*.yml"))]
    found = parse_slos(files)
    assert found.problems == ()
    assert {
        one.name: (str(float(one.objective)), one.window.length.days, one.environments)
        for one in found.slos
    } == {
        "api-availability": ("0.999", 7, ("production",)),
        "api-latency": ("0.95", 7, ("production",)),
        "api-latency-preview": ("0.95", 7, ("preview",)),
        "database-errors": ("0.999", 30, ("production",)),
        "flag-response": ("0.99", 30, ("production",)),
    }
    latency = {one.name: one.indicator for one in found.slos if "latency" in one.name}
    bounds = [(one.operator, one.value) for one in latency.values() if isinstance(one, Threshold)]
    assert bounds == [(Operator.LTE, 300), (Operator.LTE, 400)]
    bad = [one.indicator.bad for one in found.slos if isinstance(one.indicator, Ratio)]
    # A database that never failed has no series of what failed: it is in budget, and no error.
    assert all(one is None or one.spec["query"].endswith(" or vector(0)") for one in bad)


def test_an_objective_is_read_with_what_it_names() -> None:
    found = read(
        slo(annotations="{lockgate/minimum-events: '50', lockgate/stale-after: 2h}"),
        slo(
            name="slices",
            method="Timeslices",
            objectives="[{targetPercent: 99.9, timeSliceTarget: 0.95, timeSliceWindow: 5m}]",
            window="[{duration: 1M, calendar: {startTime: '2026-01-01 00:00:00', "
            "timeZone: Europe/Berlin}}]",
        ),
    )
    assert found.problems == ()
    api, slices = found.slos
    assert (api.objective, api.minimum_events) == (Fraction(999, 1000), 50)
    assert api.stale_after == timedelta(hours=2)
    assert isinstance(api.indicator, Ratio)
    assert api.indicator.bad is not None
    assert api.indicator.total.source.kind is SourceKind.PROMETHEUS
    assert slices.objective == Fraction(999, 1000)
    assert (slices.method, slices.slice_length) == (Method.TIMESLICES, timedelta(minutes=5))
    assert slices.slice_target == Fraction(95, 100)
    assert slices.window == Window(
        timedelta(days=31), Unit.MONTH, 1, datetime(2026, 1, 1), "Europe/Berlin"
    )


def test_an_alert_policy_gives_its_own_pair() -> None:
    policy = (
        HEAD + "kind: AlertPolicy\nmetadata: {name: fast}\nspec:\n  conditions:\n"
        "    - conditionRef: burning\n"
    )
    condition = (
        HEAD + "kind: AlertCondition\nmetadata: {name: burning}\nspec:\n  severity: page\n"
        "  condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1h, "
        "alertAfter: 5m}\n"
    )
    found = read(slo(more="  alertPolicies: [fast]\n"), policy, condition)
    assert found.problems == ()
    (pair,) = found.slos[0].pairs
    assert (pair.severity, pair.policy, pair.inclusive) == ("page", "fast", True)
    assert (pair.long, pair.short) == (timedelta(hours=1), timedelta(minutes=5))
    assert (pair.factor, pair.after) == (Fraction("14.4"), timedelta(minutes=5))
    assert (pair.when_firing, pair.when_resolved, pair.when_unknown) == (True, True, False)
    told = "  alertWhenBreaching: false\n  alertWhenResolved: false\n  alertWhenNoData: true\n"
    found = read(slo(more="  alertPolicies: [fast]\n"), policy + told, condition)
    (pair,) = found.slos[0].pairs
    assert (pair.when_firing, pair.when_resolved, pair.when_unknown) == (False, False, True)


@pytest.mark.parametrize(
    ("changes", "message", "suggestion"),
    [
        (
            {"objectives": "[{target: 1}]"},
            "`spec.objectives[0].target` must be above 0 and below 1: at 1 there is no budget",
            "",
        ),
        ({"objectives": "[{target: 1.0}]"}, "`spec.objectives[0].target` must be above 0", ""),
        ({"objectives": "[{target: 0}]"}, "`spec.objectives[0].target` must be above 0", ""),
        ({"objectives": "[{target: -1}]"}, "`spec.objectives[0].target` must be above 0", ""),
        ({"objectives": "[{target: .nan}]"}, "`spec.objectives[0].target` must be a number", ""),
        ({"objectives": "[{target: 99.9}]"}, "`spec.objectives[0].target` must be above", "0.999"),
        ({"objectives": "[{targetPercent: 100}]"}, "`spec.objectives[0].targetPercent` must", ""),
        ({"objectives": "[{}]"}, "`spec.objectives[0]` has one of `target` and `target", ""),
        ({"objectives": "[]"}, "`spec.objectives` must be", ""),
        (
            {"objectives": "[{target: 0.9}]"},
            (
                "`spec.objectives[0]`: the page alert over 1h fires above a burn rate of 14.4, "
                "which is 144 % of events failing: it never would. Raise the target, or name "
            ),
            "",
        ),
        (
            {"objectives": "[{target: 0.999, op: lte, value: 3}]"},
            "`spec.objectives[0]` has `op` or `value`, and its indicator counts events",
            "",
        ),
        (
            {"objectives": "[{target: 0.999, timeSliceTarget: 0.9}]"},
            "`spec.objectives[0]` has time slices, and `budgetingMethod` is Occurrences",
            "",
        ),
        ({"method": "Timeslices"}, "`spec.objectives[0]` needs `timeSliceTarget` and", ""),
        ({"method": "RatioTimeslices"}, "`spec.budgetingMethod` must be one of", "Timeslices"),
        (
            {"window": "[{duration: 1M, isRolling: true}]"},
            "`spec.timeWindow[0].duration`: a window that rolls has a fixed length",
            "30d",
        ),
        ({"window": "[{duration: 30d}]"}, "`spec.timeWindow[0]` rolls (`isRolling: true`), or", ""),
        ({"window": "[{duration: 30 d, isRolling: true}]"}, "`spec.timeWindow[0].duration` mu", ""),
        ({"window": "[{duration: 9999d, isRolling: true}]"}, "`spec.timeWindow[0].duration` m", ""),
        (
            {"window": "[{duration: 1d, isRolling: true}]"},
            "`spec.objectives[0]`: an alert looks back 3d, and the window is shorter",
            "",
        ),
        (
            {"annotations": "{lockgate/minimum-event: '3'}"},
            "`metadata.annotations.lockgate/minimum-event` means nothing here",
            "lockgate/minimum-events",
        ),
        (
            {"annotations": "{lockgate/minimum-events: many}"},
            "`metadata.annotations.lockgate/minimum-events` must be a number from 1",
            '"100"',
        ),
        ({"name": "Api"}, "`metadata.name` must match", ""),
        ({"more": "  alertPolicies: [fats]\n"}, "`spec.alertPolicies[0]` names no AlertPolicy", ""),
        ({"more": "  alertpolicies: []\n"}, "unknown key `spec.alertpolicies`", "alertPolicies"),
    ],
)
def test_what_can_be_wrong_with_an_objective(
    changes: Mapping[str, str], message: str, suggestion: str
) -> None:
    found = read(slo(**changes))  # type: ignore[arg-type]
    assert found.slos == ()
    (only,) = found.problems
    assert only.message.startswith(message)
    assert only.suggestion == suggestion
    assert only.line >= 14  # in the third document
    assert only.excerpt


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            (
                "kind: DataSource\nmetadata: {name: a}\nspec: {type: prometheus, "
                "connectionDetails: {url: 'https://me:hunter22@host/'}}\n"
            ),
            "`spec.connectionDetails.url` must be an address of http or https, with no user",
        ),
        (
            (
                "kind: DataSource\nmetadata: {name: a}\nspec: {type: prometheus, "
                "connectionDetails: {url: 'https://host/', token: hunter22}}\n"
            ),
            (
                "`spec.connectionDetails.token` is no key of prometheus: it takes url, credential. "
                "What is secret stands in the server's environment, never here"
            ),
        ),
        (
            "kind: DataSource\nmetadata: {name: a}\nspec: {type: graphite}\n",
            "`spec.type` must be one of",
        ),
        (
            (
                "kind: DataSource\nmetadata: {name: a}\nspec: {type: probe, connectionDetails: "
                "{url: 'https://host/', interval: 1s}}\n"
            ),
            "`spec.connectionDetails`: `interval` is from 30 to 3600 seconds",
        ),
        (
            (
                "kind: SLI\nmetadata: {name: a}\nspec: {ratioMetric: {good: {metricSource: "
                "{metricSourceRef: prom, spec: {query: up}}}, total: {metricSource: "
                "{metricSourceRef: prom, spec: {query: 'a[{{.window}}]'}}}}}\n"
            ),
            "`spec.ratioMetric.good.metricSource.spec.query` must hold `{{.window}}`",
        ),
        (
            (
                "kind: SLI\nmetadata: {name: a}\nspec: {thresholdMetric: {metricSource: "
                "{metricSourceRef: prmo, spec: {query: up}}}}\n"
            ),
            "`spec.thresholdMetric.metricSource.metricSourceRef` names no DataSource: there is no",
        ),
        ("kind: SLI\nmetadata: {name: a}\nspec: {}\n", "`spec` has one of `ratioMetric` and"),
        ("kind: SL0\n", "the kind `SL0` is not known: write one of SLO"),
        ("metadata: {}\n", "the document has no `kind`"),
        ("kind: SLO\nkind: SLO\n", "the key `kind` stands twice"),
    ],
)
def test_what_can_be_wrong_with_other_documents(document: str, message: str) -> None:
    found = read(slo(), HEAD + document)
    assert [one.name for one in found.slos] == ["api"]
    assert any(one.message.startswith(message) for one in found.problems)


def test_a_gauge_of_prometheus_needs_no_window() -> None:
    found = read(
        HEAD + "kind: SLI\nmetadata: {name: a}\nspec: {thresholdMetric: {metricSource: "
        "{metricSourceRef: prom, spec: {query: temperature}}}}\n"
    )
    assert found.problems == ()


def test_a_counter_is_nothing_for_a_query_between_two_times() -> None:
    asked = "{metricSource: {metricSourceRef: db, spec: {query: 'x :start :end'}}}"
    found = read(
        HEAD + "kind: DataSource\nmetadata: {name: db}\n"
        "spec: {type: sql, connectionDetails: {database: shop}}\n",
        HEAD + "kind: SLI\nmetadata: {name: a}\nspec:\n  ratioMetric:\n    counter: true\n"
        f"    good: {asked}\n    total: {asked}\n",
    )
    assert [one.message for one in found.problems] == [
        (
            "`spec.ratioMetric.counter`: a query between two times says itself what was counted; "
            "write `false`"
        )
    ]


@pytest.mark.parametrize("value", ["data.count", "$.data[?(@.a)]", "$..count", "$.a["])
def test_where_a_number_stands_is_a_path_of_names_and_places(value: str) -> None:
    spec = f"{{path: 'x{{start}}{{end}}', value: '{value}'}}"
    asked = f"{{metricSource: {{metricSourceRef: api, spec: {spec}}}}}"
    found = read(
        HEAD + "kind: DataSource\nmetadata: {name: api}\n"
        "spec: {type: http-json, connectionDetails: {url: 'https://host'}}\n",
        HEAD + "kind: SLI\nmetadata: {name: a}\nspec:\n  ratioMetric:\n"
        f"    good: {asked}\n    total: {asked.replace(value, '$.data[0].count')}\n",
    )
    assert [one.message for one in found.problems] == [
        (
            f"`spec.ratioMetric.good.metricSource.spec.value`: {value} is no path such as "
            "`$.data.items[0].count`"
        )
    ]


def test_a_password_in_a_file_is_not_shown_again() -> None:
    found = read(
        HEAD + "kind: DataSource\nmetadata: {name: a}\nspec: {type: prometheus, "
        "connectionDetails: {url: 'https://me:hunter22@host/'}}\n"
    )
    assert found.problems
    assert "hunter22" not in repr(found.problems)


def test_several_files_and_documents_tell_all_their_faults_at_once() -> None:
    first = f"{SOURCE}---\n{SLI}---\n{slo(objectives='[{target: 2}]')}"
    second = f"# nothing\n---\nkind: [\n---\n{slo(name='b', method='Never')}...\n---\nno: kind\n"
    found = parse_slos([("slo/b.yml", second), ("slo/a.yml", first)])
    assert [(one.file, one.line, one.column) for one in found.problems] == [
        ("slo/a.yml", first.split("\n").index("  objectives: [{target: 2}]") + 1, 25),
        ("slo/b.yml", 4, 1),
        ("slo/b.yml", second.split("\n").index("  budgetingMethod: Never") + 1, 20),
        ("slo/b.yml", second.split("\n").index("no: kind") + 1, 1),
    ]


def test_one_name_twice_says_where_the_other_is() -> None:
    (problem,) = read(slo(), slo()).problems
    assert problem.message == "`metadata.name`: slo/x.yml, line 14, has the SLO `api` already"


def test_an_objective_whose_indicator_is_broken_is_not_blamed_for_it() -> None:
    found = parse_slos([("a.yml", f"{HEAD}kind: SLI\nmetadata: {{name: requests}}\n---\n{slo()}")])
    assert [one.message for one in found.problems] == ["the key `spec` is missing in the document"]
    assert found.slos == ()


def test_windows_line_ends_and_a_byte_order_mark_are_nothing() -> None:
    text = "\ufeff" + "---\n".join([SOURCE, SLI, slo()])
    found = parse_slos([("a.yml", text.replace("\n", "\r\n"))])
    assert found.problems == ()
    assert len(found.slos) == 1


@pytest.mark.slow
def test_a_thousand_objectives_are_read() -> None:
    documents = [slo(name=f"api-{number}") for number in range(1_000)]
    found = read(*documents)
    assert found.problems == ()
    assert len(found.slos) == 1_000


def test_what_is_too_large_is_refused_unread() -> None:
    (problem,) = parse_slos([("a.yml", "a: b\n"), ("b.yml", "x" * 4_000_000)]).problems
    assert problem.file == "b.yml"
    assert problem.message.startswith("the files together are larger than 4 MB")


@given(st.lists(st.sampled_from([*SLI, "---\n", "\n", "{", "&a", "*a", "kind: SLO\n", "\0"])))
def test_no_text_whatever_raises(pieces: list[str]) -> None:
    text = "".join(pieces)
    for problem in parse_slos([("a.yml", text), ("b.yml", SLI)]).problems:
        assert problem.line >= 1
