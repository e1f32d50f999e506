"""The watch on worlds that are known: how often it is wrong, and how fast it is right.

    python tests/slo_watch/simulate.py [--write] [--runs N]

Prints the tables of docs/explanation/watch.md, and writes them there. Seeds are fixed: the same
figures come out on every machine.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random

from bot.core.hosting import Build
from bot.core.model import RepoRef, Sha
from bot.core.policy.slo import OnFail
from bot.core.slo.model import Sample
from bot.core.slo.openslo import parse_slos
from bot.core.slo.probes import Outcome as Found
from bot.core.slo.probes import ProbeAnswer
from bot.core.slo.watch import (
    Compare,
    FailOn,
    Latency,
    Outcome,
    Reading,
    Rules,
    WatchDecision,
    Watched,
    decide_watch,
)
from bot.core.slo.watching import Watch, from_answers

PAGE = Path(__file__).parents[2] / "docs/explanation/watch.md"
BEGIN, END = "<!-- simulated:begin -->\n", "<!-- simulated:end -->\n"
BEGUN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=15)
BEFORE, LASTS = timedelta(hours=1), timedelta(minutes=15)
RUNS = 2000
BUDGET = Fraction(1, 1000)
EACH_MINUTE = timedelta(minutes=1)
OBJECTIVE = parse_slos(
    [
        (
            "slo/shop.yml",
            """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: shop}
spec: {type: probe, connectionDetails: {url: "https://shop.example/"}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: latency}
spec:
  service: shop
  indicator:
    spec:
      thresholdMetric: {metricSource: {metricSourceRef: shop, spec: {measure: latency_ms}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.95, op: lte, value: 150}]
""",
        )
    ]
).slos[0]
WATCH = Watch(
    id=1,
    repo=RepoRef(1, 42, "octo", "shop"),
    environment="production",
    operation_id=1,
    build=Build(Sha("a" * 40), "dpl_a"),
    pull_number=1,
    moved_at=BEGUN,
    begun=BEGUN,
    policy_lasts=LASTS,
    every=STEP,
    compare=Compare.BEFORE,
    fail_on=FailOn.REGRESSION,
    on_fail=OnFail.ROLLBACK,
    doubt=Fraction(1, 100),
)


@dataclass(frozen=True, slots=True)
class World:
    """Requests a second, and the part of them that fails before and after the promotion."""

    rate: float = 10.0
    before: float = 0.001
    after: float = 0.001
    unrest: float = 0.0
    """How much the ratio varies between intervals: the deviation of its logarithm."""
    alike: float = 0.0
    """How alike the ratios of neighbouring intervals are: the correlation of their logarithms."""


@dataclass(frozen=True, slots=True)
class LatencyWorld:
    """Readings of a p95: how many times slower it is after, the deviation of its logarithm, how
    alike neighbouring readings are (their correlation), and how many times calmer it was before."""

    times: float = 1.0
    deviation: float = 0.1
    alike: float = 0.0
    calmer: float = 1.0


@dataclass(frozen=True, slots=True)
class ProbeWorld:
    """Single answers of a probe: how many times slower they are after, the deviation of their
    logarithm, how alike neighbours are, the part of answers that take ten times as long, before and
    after, and of those that fail after. Whoever is asked each minute before is asked at every look
    after. ``by_time``: those a minute apart are as alike as said, and those 15 s apart more; else
    those next to each other are."""

    times: float = 1.0
    deviation: float = 0.2
    alike: float = 0.0
    hanging: float = 0.01
    hanging_after: float = 0.01
    failing_after: float = 0.0
    by_time: bool = False
    calmer: float = 1.0


def rules(percent: str = "1", **changes: object) -> Rules:
    asked = Rules(LASTS, Fraction(percent) / 100)
    return replace(asked, **changes)


def watch(world: World, asked: Rules, seed: int) -> WatchDecision:
    random = Random(seed)
    state, samples = random.gauss(0, 1) if world.unrest else 0.0, []
    for at in _times(BEFORE, LASTS):
        if world.unrest:
            state = world.alike * state + math.sqrt(1 - world.alike**2) * random.gauss(0, 1)
        ratio = world.before if at <= timedelta(0) else world.after
        samples.append(_sample(random, world, BEGUN + at, ratio, state))
    seen = Watched(
        "availability",
        BUDGET,
        Fraction("14.4"),
        tuple(one for one in samples if one.at <= BEGUN),
        tuple(one for one in samples if one.at > BEGUN),
    )
    return decide_watch([seen], asked, BEGUN, BEGUN + LASTS)


def watch_latency(world: LatencyWorld, asked: Rules, seed: int) -> WatchDecision:
    random = Random(seed)
    state = random.gauss(0, 1)
    readings = []
    for at in _times(BEFORE, LASTS):
        state = world.alike * state + math.sqrt(1 - world.alike**2) * random.gauss(0, 1)
        usual = 200 * (world.times if at > timedelta(0) else 1)
        deviation = world.deviation / (world.calmer if at <= timedelta(0) else 1)
        readings.append(Reading(BEGUN + at, usual * math.exp(deviation * state)))
    latency = Latency(
        "p95",
        0.0,
        tuple(one for one in readings if one.at <= BEGUN),
        tuple(one for one in readings if one.at > BEGUN),
    )
    # Requests without an error, so that the latency alone decides.
    calm = tuple(Sample(one.at, 150, 150) for one in readings)
    split = len(latency.before)
    seen = Watched("latency", BUDGET, Fraction("14.4"), calm[:split], calm[split:], latency)
    return decide_watch([seen], asked, BEGUN, BEGUN + LASTS)


def watch_probe(world: ProbeWorld, asked: Rules, seed: int) -> WatchDecision:
    """By what the bot itself makes of a probe's answers, for an objective by latency."""
    random = Random(seed)
    state, answers = random.gauss(0, 1), []
    times = [at for at in _times(BEFORE, LASTS) if at > timedelta(0) or not at % EACH_MINUTE]
    for at in times:
        after = at > timedelta(0)
        alike = world.alike ** (STEP / EACH_MINUTE) if world.by_time and after else world.alike
        state = alike * state + math.sqrt(1 - alike**2) * random.gauss(0, 1)
        deviation = world.deviation / (1 if after else world.calmer)
        took = 100 * math.exp(deviation * state) * (world.times if after else 1)
        if random.random() < (world.hanging_after if after else world.hanging):
            took *= 10
        fails = after and world.failing_after and random.random() < world.failing_after
        found = Found.STATUS if fails else Found.OK
        answers.append(ProbeAnswer(found, math.ceil(took), 500 if fails else 200, BEGUN + at))
    seen = from_answers(WATCH, OBJECTIVE, answers[::-1])
    return decide_watch([seen], asked, BEGUN, BEGUN + LASTS)


def taken_back(decisions: Sequence[WatchDecision]) -> list[float]:
    """After how many seconds, in order, of those that took the build back."""
    worse = [one for one in decisions if one.outcome is Outcome.WORSE]
    return sorted(one.took.total_seconds() for one in worse)


def _times(before: timedelta, after: timedelta) -> list[timedelta]:
    return [STEP * step for step in range(-(before // STEP) + 1, after // STEP + 1)]


def _sample(random: Random, world: World, at: datetime, ratio: float, state: float) -> Sample:
    mean = world.rate * STEP.total_seconds()
    total = int(mean) + (random.random() < mean % 1)
    if world.unrest:
        ratio *= math.exp(world.unrest * state - world.unrest**2 / 2)
    return Sample(at, total - _failures(random, total, min(ratio, 1.0)), total)


def _failures(random: Random, total: int, ratio: float) -> int:
    """Binomial, by the gaps between failures: few of them are few steps."""
    if ratio >= 1:
        return total
    if ratio <= 0:
        return 0
    found, place = 0, 0
    while True:
        place += int(math.log(1 - random.random()) / math.log1p(-ratio)) + 1
        if place > total:
            return found
        found += 1


# --- the tables ----------------------------------------------------------------------------------

TRAFFIC = {"a probe each 15 s": 1 / 15, "1": 1.0, "10": 10.0, "100": 100.0}
CHANGES = {"2×": 0.002, "10×": 0.01, "100×": 0.1, "total outage": 1.0}
CALM = {
    "no change": World(),
    "no change, 1 request/s": World(rate=1.0),
    "no change, a probe each 15 s": World(rate=1 / 15),
    "no error before, none after": World(before=0.0, after=0.0),
    "the ratio varies threefold between intervals": World(unrest=1.0),
    "the same, 100 requests/s": World(rate=100.0, unrest=1.0),
    "the same, neighbours alike (0.9)": World(rate=100.0, unrest=1.0, alike=0.9),
    "the same, neighbours alike (0.97)": World(rate=100.0, unrest=1.0, alike=0.97),
    "the same, 10 requests/s": World(unrest=1.0, alike=0.97),
    "exactly at what pages (`fail_on: burn`, `compare: budget`)": World(after=0.0144),
}
MOODY = ProbeWorld(deviation=0.4, alike=0.9, by_time=True)
CALM_PROBES = {
    "a probe's single answers, restless (40 %), minutes alike (0.97)": replace(MOODY, alike=0.97),
    "a probe's single answers, restless (80 %), minutes alike (0.5)": replace(
        MOODY, deviation=0.8, alike=0.5
    ),
}
RATES = ("5", "1", "0.1")
LATENCIES = {
    "no change": LatencyWorld(),
    "no change, neighbours alike (0.9)": LatencyWorld(alike=0.9),
    "no change, restless (20 %), neighbours alike (0.9)": LatencyWorld(deviation=0.2, alike=0.9),
    "no change, restless (20 %), neighbours alike (0.97)": LatencyWorld(deviation=0.2, alike=0.97),
    "no change, restless (40 %), neighbours alike (0.95)": LatencyWorld(deviation=0.4, alike=0.95),
    "no change, restless (20 %) after an hour four times as calm": LatencyWorld(
        deviation=0.2, alike=0.9, calmer=4.0
    ),
    "1.2×": LatencyWorld(times=1.2),
    "1.5×": LatencyWorld(times=1.5),
    "1.5×, restless (20 %)": LatencyWorld(times=1.5, deviation=0.2),
    "2×": LatencyWorld(times=2.0),
    "2×, restless (20 %), neighbours alike (0.9)": LatencyWorld(2.0, deviation=0.2, alike=0.9),
    "4×": LatencyWorld(times=4.0),
    "4×, restless (20 %), neighbours alike (0.9)": LatencyWorld(4.0, deviation=0.2, alike=0.9),
}
PROBED = {
    "no change": ProbeWorld(),
    "no change, neighbours alike (0.9)": ProbeWorld(alike=0.9),
    "no change, restless (40 %)": ProbeWorld(deviation=0.4),
    "no change, restless (40 %), neighbours alike (0.9)": ProbeWorld(deviation=0.4, alike=0.9),
    "no change, restless (40 %), minutes alike (0.5)": replace(MOODY, alike=0.5),
    "no change, restless (40 %), minutes alike (0.9)": MOODY,
    "no change, restless (40 %), minutes alike (0.95)": replace(MOODY, alike=0.95),
    "no change, restless (40 %), minutes alike (0.97)": replace(MOODY, alike=0.97),
    "no change, restless (80 %), minutes alike (0.5)": replace(MOODY, deviation=0.8, alike=0.5),
    "no change, restless (80 %), minutes alike (0.9)": replace(MOODY, deviation=0.8),
    "no change, restless (40 %), minutes alike (0.9), after an hour four times as calm": replace(
        MOODY, calmer=4.0
    ),
    "1.2×": ProbeWorld(times=1.2),
    "1.5×": ProbeWorld(times=1.5),
    "2×": ProbeWorld(times=2.0),
    "2×, restless (40 %)": ProbeWorld(times=2.0, deviation=0.4),
    "4×": ProbeWorld(times=4.0),
    "4×, restless (40 %), minutes alike (0.9)": replace(MOODY, times=4.0),
    "10×, restless (40 %), minutes alike (0.9)": replace(MOODY, times=10.0),
    "no good answer": ProbeWorld(failing_after=1.0),
    "no good answer, restless (40 %), minutes alike (0.9)": replace(MOODY, failing_after=1.0),
    "one in five takes ten times as long": ProbeWorld(hanging_after=0.2),
    "one in two takes ten times as long": ProbeWorld(hanging_after=0.5),
}


def calm_rules(world: World, percent: str) -> Rules:
    if world.after > world.before:
        return rules(percent, compare=Compare.BUDGET, fail_on=FailOn.BURN)
    return rules(percent)


def tables(runs: int) -> str:
    def each(one: Callable[[int], WatchDecision], number: int) -> list[float]:
        return taken_back([one(seed) for seed in range(number)])

    lines = [
        f"Rolled back though no worse, of {runs} watches each, by the rate that was asked for:",
        "",
        "| " + " | ".join(["", *(f"rate {rate} %" for rate in RATES)]) + " |",
        "|---|" + "---:|" * len(RATES),
    ]
    for name, world in CALM.items():
        found = [
            len(each(lambda seed: watch(world, calm_rules(world, rate), seed), runs))  # noqa: B023
            for rate in RATES
        ]
        lines.append(f"| {name} | {' | '.join(_percent(one, runs) for one in found)} |")
    for name, restless in CALM_PROBES.items():
        found = [
            len(each(lambda s: watch_probe(restless, rules(rate), s), runs))  # noqa: B023
            for rate in RATES
        ]
        lines.append(f"| {name} | {' | '.join(_percent(one, runs) for one in found)} |")
    few = max(runs // 5, 1)
    lines += [
        "",
        f"Rolled back of {few} watches at a rate of 1 %, and when (half of them / 95 % of them):",
        "",
        f"| requests a second | {' | '.join(CHANGES)} |",
        "|---|" + "---|" * len(CHANGES),
    ]
    for name, rate in TRAFFIC.items():
        row = [
            _said(each(lambda s: watch(World(rate, after=after), rules(), s), few), few)  # noqa: B023
            for after in CHANGES.values()
        ]
        lines.append(f"| {name} | {' | '.join(row)} |")
    lines += [
        "",
        f"Of a p95, of {few} watches at a rate of 1 %:",
        "",
        "| the p95 after | rolled back, and when |",
        "|---|---|",
    ]
    for name, slow in LATENCIES.items():
        found_slow = each(lambda s: watch_latency(slow, rules(), s), few)  # noqa: B023
        lines.append(f"| {name} | {_said(found_slow, few)} |")
    lines += [
        "",
        f"Of single answers of a probe, of {runs} watches at a rate of 1 %:",
        "",
        "| the answers after | rolled back, and when |",
        "|---|---|",
    ]
    for name, probed in PROBED.items():
        found_probed = each(lambda s: watch_probe(probed, rules(), s), runs)  # noqa: B023
        lines.append(f"| {name} | {_said(found_probed, runs)} |")
    return "\n".join(lines)


def _percent(number: int, runs: int) -> str:
    return f"{100 * number / runs:.3g} %"


def _said(times: Sequence[float], runs: int) -> str:
    part = _percent(len(times), runs)
    if not times:
        return part
    middle, late = times[len(times) // 2], times[math.ceil(len(times) * 0.95) - 1]
    return f"{part}: {middle:.0f} s / {late:.0f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description="Simulate the watch after a promotion.")
    parser.add_argument("--write", action="store_true", help="write the page as well")
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    found = tables(arguments.runs)
    print(found)
    if arguments.write:
        page = PAGE.read_text()
        head, _, rest = page.partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(f"{head}{BEGIN}\n{found}\n\n{END}{tail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
