"""A folder with objectives, a server's environment, and ``lockgate slo`` run on both."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from endpoint import Endpoint

from bot.cli.main import main

SOURCE = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {{name: {name}}}
spec: {{type: {kind}, connectionDetails: {details}}}
---
"""
SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {{name: {name}, displayName: {name}, annotations: {annotations}}}
spec:
  service: api
  indicator:
    spec:
      ratioMetric:
        good: {{metricSource: {{metricSourceRef: {source}, spec: {good}}}}}
        total: {{metricSource: {{metricSourceRef: {source}, spec: {total}}}}}
  timeWindow: [{{duration: {window}, isRolling: true}}]
  budgetingMethod: {method}
  objectives: [{objective}]
---
"""


def source(kind: str, details: Mapping[str, str], name: str = "metrics") -> str:
    return SOURCE.format(name=name, kind=kind, details=json.dumps(dict(details)))


def slo(
    name: str,
    good: Mapping[str, str],
    total: Mapping[str, str],
    *,
    of: str = "metrics",
    window: str = "30d",
    annotations: Mapping[str, str] | None = None,
    sliced: bool = False,
) -> str:
    slices = {"timeSliceTarget": 0.9, "timeSliceWindow": "5m"} if sliced else {}
    return SLO.format(
        name=name,
        source=of,
        good=json.dumps(dict(good)),
        total=json.dumps(dict(total)),
        window=window,
        annotations=json.dumps(dict(annotations or {})),
        method="Timeslices" if sliced else "Occurrences",
        objective=json.dumps({"target": 0.95, **slices}),
    )


def promql(name: str, **more: Any) -> str:
    part, whole = ({"query": f"{name}_{what}[{{{{.window}}}}]"} for what in ("good", "all"))
    return slo(name, part, whole, **more)


FAST_ALERT = """\
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec:
  conditions:
    - kind: AlertCondition
      spec: {severity: page, condition: {kind: burnrate, op: gt, threshold: 2, lookbackWindow: 1h}}
---
"""


@dataclass
class Site:
    """A folder with objectives, and a server's environment."""

    folder: Path
    environ: dict[str, str]
    words: list[str] = field(default_factory=lambda: ["--repository", "octo/shop"])

    def write(self, *parts: str, policy: str = "") -> None:
        (self.folder / "slo").mkdir(exist_ok=True)
        (self.folder / "slo/all.yml").write_text("".join(parts))
        if policy:
            (self.folder / ".github").mkdir(exist_ok=True)
            (self.folder / ".github/lockgate.yml").write_text(policy)

    async def run(self, *words: str, command: str = "check") -> Result:
        given = ["slo", command, *self.words, *words]
        runner = CliRunner(env=self.environ)
        return await asyncio.to_thread(runner.invoke, main, given, catch_exceptions=False)

    async def states(self, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
        done = await self.run("--format", "json", *words)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return done.exit_code, {one["name"]: one for one in found}

    def name_source(self, endpoint: Endpoint, **more: str) -> dict[str, str]:
        """An operator's word for it; the details that a file has then."""
        self.environ["LOCKGATE_SOURCE_METRICS"] = endpoint.url
        self.environ["LOCKGATE_SOURCE_METRICS_REPOSITORIES"] = "octo/shop"
        for name, value in more.items():
            self.environ[f"LOCKGATE_SOURCE_METRICS_{name}"] = value
        return {"url": endpoint.url, "credential": "metrics"}
