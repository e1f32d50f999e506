"""Burn rates and alerts on the same counts, beside slo-generator.

    python bench/burn.py [--objectives N]

Each objective has four windows, each with a factor above which it alerts. What slo-generator says
of a window is its own report, whose backend gives the counts. It is installed from PyPI into an
environment that is thrown away. The counts are the same at every run.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from bot.core.slo.budget import evaluate  # noqa: E402 (the path is set above)
from bot.core.slo.burn import PAIRS, burn_rate, factor_of  # noqa: E402
from bot.core.slo.model import Counts, Metric, Ratio, Slo, Source, SourceKind, Window  # noqa: E402

CANNOT_RUN_HERE = 3
PEER = "slo-generator"
MONTH = timedelta(days=30)
TARGETS = ("0.9", "0.95", "0.99", "0.999", "0.9999", "0.99999")
SEED = 20_26
THEIRS = """
import json, sys, time
from slo_generator.report import SLOReport

class Report(SLOReport):
    def run_backend(self, config, backend, client=None, delete=False):
        return backend["counts"]

cases = json.load(sys.stdin)
begun = time.perf_counter()
found = []
for good, bad, goal, window, threshold in cases:
    report = Report(
        {"metadata": {"name": "s"}, "spec": {"description": "", "goal": goal, "backend": ""}},
        {"counts": (good, bad)},
        {"name": "w", "window": window, "burn_rate_threshold": threshold, "message_alert": "",
         "message_ok": ""},
        0,
    )
    found.append([report.error_budget_burn_rate, report.alert] if report.valid else None)
print(json.dumps({"seconds": time.perf_counter() - begun, "found": found}))
"""


@dataclass(frozen=True)
class Case:
    """What one window of an objective counted."""

    target: Fraction
    counts: Counts
    window: timedelta
    factor: Fraction

    @property
    def rate(self) -> Fraction:
        return burn_rate(self.counts, 1 - self.target) or Fraction(0)


def cases(objectives: int) -> list[Case]:
    chance = random.Random(SEED)
    found = []
    for _ in range(objectives):
        target = Fraction(chance.choice(TARGETS))
        for pair in PAIRS:
            factor = factor_of(pair, MONTH)
            total = round(10 ** chance.uniform(1, 8))
            # About the factor, where a rounded rate may fall on the other side.
            burning = float(factor) * chance.uniform(0.9, 1.1)
            bad = min(total, round(total * float(1 - target) * burning))
            found.append(Case(target, Counts(total - bad, total), pair.long, factor))
    return found


def ours(found: list[Case]) -> float:
    """Seconds for every objective's whole state: its budget, all rates, and all alerts."""
    source = Source("s", SourceKind.PROMETHEUS)
    indicator = Ratio(Metric(source), Metric(source))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    begun = time.perf_counter()
    for number in range(0, len(found), len(PAIRS)):
        part = found[number : number + len(PAIRS)]
        slo = Slo("s", "api", part[0].target, Window(MONTH), indicator)
        counted = {one.window: one.counts for one in part}
        counted |= {pair.short: counted[pair.long] for pair in PAIRS}
        evaluate(slo, part[-1].counts, counted, now)
    return time.perf_counter() - begun


def theirs(python: Path, found: list[Case]) -> tuple[float, list[list[float] | None]]:
    asked = [
        [one.counts.good, one.counts.bad, float(one.target), one.window.total_seconds(),
         float(one.factor)]
        for one in found
    ]  # fmt: skip
    done = subprocess.run(
        [python, "-c", THEIRS], input=json.dumps(asked), stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    return answer["seconds"], answer["found"]


def install(folder: Path) -> tuple[Path, str] | None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    print(f"installing {PEER}", file=sys.stderr, flush=True)
    command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", PEER]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        return None
    ask = f"from importlib.metadata import version; print(version({PEER!r}))"
    return python, subprocess.check_output([python, "-c", ask], text=True).strip()


def rounded_alike(case: Case, rate: float) -> bool:
    """Whether a rate is ours, but for what slo-generator rounds: the part that was good to six
    decimals, and the rate to one."""
    slack = 0.05 + 0.5e-6 / float(1 - case.target)
    return math.isclose(float(case.rate), rate, abs_tol=slack * (1 + 1e-6))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objectives", type=int, default=10_000)
    found = cases(parser.parse_args().objectives)
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        peer = install(Path(folder))
        if peer is None:
            print(f"Could not run on this machine: {PEER} cannot be installed.")
            return CANNOT_RUN_HERE
        python, version = peer
        seconds, reports = theirs(python, found)
    own = min(ours(found) for _ in range(3))
    pairs = [(one, report) for one, report in zip(found, reports, strict=True) if report]
    same = sum(rounded_alike(case, report[0]) for case, report in pairs)
    apart = sum(abs(float(case.rate) - report[0]) > 0.1 for case, report in pairs)
    missed = sum(case.rate > case.factor and not report[1] for case, report in pairs)
    extra = sum(case.rate <= case.factor and bool(report[1]) for case, report in pairs)
    count = f"{len(found):,}"
    print(
        f"| {count} windows, each burning at about its alert's factor | |", "|---|---:|", sep="\n"
    )
    print(f"| burn rates that are ours, but for what {PEER} {version} rounds | {same:,} |")
    print(f"| that are more than 0.1 from ours | {apart:,} |")
    print(f"| alerts that it leaves out, the rate being above the factor | {missed:,} |")
    print(f"| alerts that it gives, the rate not being above the factor | {extra:,} |")
    print(f"| lockgate: {len(found) // len(PAIRS):,} objectives, budget and alerts | {own:.2f} s |")
    print(f"| {PEER}: their windows, a report each | {seconds:.2f} s |")
    print("\nWhy they differ: [objectives beside others](explanation/slo-peers.md).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
