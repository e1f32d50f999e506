"""Our queries and rules, held to a Prometheus itself: Debian's package has both programs."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from live_kit import Site, slo, source

PROGRAMS = [shutil.which(name) for name in ("prometheus", "promtool")]
pytestmark = [
    pytest.mark.optional,
    pytest.mark.skipif(
        not all(PROGRAMS), reason="prometheus is not installed (apt-get install prometheus)"
    ),
]

MINUTES = 180
"""Of data: ten requests a minute, of which one fails in the first hour."""
RESTART = 150
"""The minute in which the process that counts began anew."""


def openmetrics(begin: datetime) -> str:
    lines = ["# TYPE requests counter"]
    for code in ("200", "500"):
        value = 0
        for minute in range(MINUTES + 1):
            failed = minute <= 60
            value = 0 if minute == RESTART else value
            value += (9 if failed else 10) if code == "200" else int(failed)
            at = (begin + timedelta(minutes=minute)).timestamp()
            lines.append(f'requests_total{{code="{code}"}} {value} {at:.0f}')
    return "\n".join([*lines, "# EOF", ""])


async def promtool(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "promtool", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@dataclass
class Running:
    url: str
    end: datetime
    """Of its data, to the minute: a window that ends then is counted exactly."""


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[Running]:
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    samples, data, config = (tmp_path / name for name in ("samples", "data", "prometheus.yml"))
    samples.write_text(openmetrics(end - timedelta(minutes=MINUTES)))
    config.write_text("{}\n")
    await promtool("tsdb", "create-blocks-from", "openmetrics", str(samples), str(data))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={address}",
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"ready to receive web requests" not in (line := await process.stderr.readline()):
                assert line, "it ended before it was ready"
        reading = asyncio.create_task(process.stderr.read())
        yield Running(f"http://{address}", end)
        reading.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def counted(name: str, good: str = "", *, window: str = "1d", sliced: bool = False) -> str:
    total = "sum(increase(requests_total[{{.window}}]))"
    good = good or 'sum(increase(requests_total{code="200"}[{{.window}}]))'
    annotations = {"lockgate/stale-after": "1h"}
    return slo(
        name,
        {"query": good},
        {"query": total},
        window=window,
        annotations=annotations,
        sliced=sliced,
    ).replace("  objectives:", "  alertPolicies: [fast]\n  objectives:")


ALERT = """\
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec:
  conditions:
    - kind: AlertCondition
      spec: {severity: page, condition: {kind: burnrate, op: gt, threshold: 2, lookbackWindow: 1h}}
---
"""


async def test_what_it_counts_is_what_happened(site: Site, prometheus: Running) -> None:
    site.environ["LOCKGATE_SOURCE_METRICS"] = prometheus.url
    site.environ["LOCKGATE_SOURCE_METRICS_REPOSITORIES"] = "octo/shop"
    details = {"url": prometheus.url, "credential": "metrics"}
    several = "increase(requests_total[{{.window}}])"
    wrong = "increase(requests_total[{{.window}}]) / on (code) group_left increase(up[{{.window}}]"
    site.write(
        source("prometheus", details),
        ALERT,
        counted("hour", window="1h"),
        counted("day"),
        counted("sliced", window="2h", sliced=True),
        counted("several", several),
        counted("wrong", wrong),
        counted("nothing", "sum(increase(gone_total[{{.window}}]))"),
    )
    _, found = await site.states("--at", prometheus.end.isoformat())
    # The process that counts began anew half an hour ago: that is no loss of what it had counted.
    hour = found["hour"]
    assert (hour["good"], hour["total"], hour["state"]) == (600, 600, "ok")
    # Half of the steps between samples is added where a window is longer than its data.
    day = found["day"]
    assert day["total"] == pytest.approx(10 * MINUTES, rel=0.01)
    assert day["total"] - day["good"] == pytest.approx(60, rel=0.02)
    assert day["burn"]["1h"] == 0
    # Slices of five minutes of two hours; those of which a tenth failed are good at 0.9.
    assert found["sliced"]["total"] == 24
    assert {
        name: found[name]["state"] for name in ("several", "wrong", "nothing")
    } == dict.fromkeys(("several", "wrong", "nothing"), "error")
    done = await site.run("--at", prometheus.end.isoformat())
    assert "the query gives 2 series, and one is needed; write sum(…) around it" in done.stdout
    assert "metrics refuses the query (400): " in done.stdout
    assert "the query for the good events finds nothing, while there are" in done.stdout


async def test_our_rules_fire_where_our_arithmetic_does(site: Site) -> None:
    """Ten requests a minute. One in ten fails for the first hour: that is twice the budget, and no
    alert at a factor of 2; then three in ten, until the fourth hour."""
    site.write(source("prometheus", {"url": "https://m.example"}), ALERT, counted("api"))
    site.words = []
    rules = site.folder / "rules.yml"
    done = await site.run(command="rules")
    rules.write_text(done.stdout)
    assert "SUCCESS" in await promtool("check", "rules", str(rules))
    firing = {
        "exp_labels": {"slo": "api", "service": "api", "severity": "page"},
        "exp_annotations": {
            "summary": "api: the error budget of 1d is spent too fast",
            "description": "At least 95 % of events are to be good.",
        },
    }
    series = [
        {"series": f'requests_total{{code="{code}"}}', "values": values}
        for code, values in (
            ("200", "0+9x60 547+7x180 1808+10x120"),
            ("500", "0+1x60 63+3x180 603+0x120"),
        )
    ]
    alerts = [
        {"eval_time": at, "alertname": "SloBurnPage", "exp_alerts": alerts}
        for at, alerts in (("59m", []), ("150m", [firing]), ("241m", [firing]), ("255m", []))
    ]
    done = await site.run("--dashboard", command="rules")
    asked = [
        target["expr"]
        for panel in json.loads(done.stdout)["panels"]
        for target in panel.get("targets", ())
    ]
    # What a panel shows: twice the budget is spent, so that it is overspent by a whole one.
    values = {True: ("1d", -1), False: ("1h", 2)}
    queries = []
    for expr in asked:
        window, value = values["remaining" in expr]
        labels = f'{{service="api", slo="api", window="{window}"}}'
        samples = [{"labels": labels, "value": value}]
        shown = f"round({expr}, 0.001)"
        queries.append({"expr": shown, "eval_time": "59m", "exp_samples": samples})
    case = {
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": alerts,
        "promql_expr_test": queries,
    }
    test = site.folder / "test.yml"
    test.write_text(json.dumps({"rule_files": [str(rules)], "tests": [case]}))
    assert "SUCCESS" in await promtool("test", "rules", str(test))


OTHERS = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: latency}
spec:
  service: api
  indicator:
    spec:
      thresholdMetric: {metricSource: {metricSourceRef: metrics, spec: {query: p95}}}
  timeWindow: [{duration: 1d, isRolling: true}]
  budgetingMethod: Occurrences
  alertPolicies: [fast]
  objectives: [{op: lte, value: 0.3, target: 0.95}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: month}
spec:
  service: api
  indicator:
    spec:
      ratioMetric:
        bad:
          metricSource:
            metricSourceRef: metrics
            spec: {query: 'sum(increase(hits_total{code="500"}[{{.window}}]))'}
        total:
          metricSource:
            metricSourceRef: metrics
            spec: {query: 'sum(increase(hits_total[{{.window}}]))'}
  timeWindow: [{duration: 1M, calendar: {startTime: "2026-01-01 00:00:00", timeZone: UTC}}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.95}]
---
"""


async def test_rules_of_values_slices_and_months_are_ours_too(site: Site) -> None:
    """A 95th percentile each minute, which is too high from the 61st to the 120th, and unknown for
    the ten after that; slices of five minutes, of which those of the second hour are bad; and a
    January, in which a page needs 31 % failing for six hours, and not the 30 % of 30 days."""
    site.write(
        source("prometheus", {"url": "https://m.example"}),
        ALERT,
        counted("sliced", sliced=True),
        OTHERS,
    )
    site.words = []
    rules = site.folder / "rules.yml"
    done = await site.run(command="rules")
    assert "its budget: month: its window is of the calendar" in done.stderr
    rules.write_text(done.stdout)
    assert "SUCCESS" in await promtool("check", "rules", str(rules))
    series = {
        "p95": f"0.3x60 0.31x59 {'NaN ' * 10}0.2x69{' NaN' * 40}",
        'requests_total{code="200"}': "0+10x60 607+7x59 1030+10x120",
        'requests_total{code="500"}': "0+0x60 3+3x59 180+0x120",
        'hits_total{code="200"}': "0+695x120 84080+680x119",
        'hits_total{code="500"}': "0+305x120 36920+320x119",
    }
    # From the minute 0 on, there were 201 looks at the percentile, ten of them at nothing; and
    # nothing after that, so that it does not matter which group of rules is asked first.
    share = Fraction(60, 201 - 10)
    left = 1 - share / Fraction(5, 100)
    wanted = {
        'slo:error:ratio_1d{slo="latency"}': share,
        'slo:error_budget_remaining:ratio{slo="latency"}': left,
        'count(slo:error_budget_remaining:ratio{slo="month"}) or vector(0)': Fraction(0),
        # Here a slice ends every minute: promtool asks for all rules at once. One of which two
        # minutes are of the second hour is bad, that with one is not.
        'sum_over_time(slo:event:bad{slo="sliced"}[1d])': Fraction(62),
    }
    firing = {"latency": {90, 121}, "sliced": {90, 121}, "month": {200}}
    alerts = [
        {
            "eval_time": f"{minute}m",
            "alertname": "SloBurnPage",
            "exp_alerts": [
                {
                    "exp_labels": {"slo": name, "service": "api", "severity": "page"},
                    "exp_annotations": {
                        "summary": f"{name}: the error budget of "
                        f"{'31d' if name == 'month' else '1d'} is spent too fast",
                        "description": "At least 95 % of events are to be good.",
                    },
                }
                for name in ("latency", "month", "sliced")
                if minute in firing[name]
            ],
        }
        for minute in (59, 90, 121, 135, 200)
    ]
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": alerts,
        "promql_expr_test": [
            {
                "expr": f"max(abs(({expr}) - ({float(value)})) < bool 1e-9)",
                "eval_time": "240m",
                "exp_samples": [{"value": 1, "labels": "{}"}],
            }
            for expr, value in wanted.items()
        ],
    }
    test = site.folder / "test.yml"
    test.write_text(json.dumps({"rule_files": [str(rules)], "tests": [case]}))
    assert "SUCCESS" in await promtool("test", "rules", str(test))
