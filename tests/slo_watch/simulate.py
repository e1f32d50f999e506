"""The watch on worlds that are known: how often it is wrong, and how fast it is right.

    python tests/slo_watch/simulate.py [--write] [--runs N]

Prints the tables of docs/explanation/watch.md, and writes them there. Seeds are fixed: the same
figures come out on every machine.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from worlds import (
    MOODY,
    LatencyWorld,
    ProbeWorld,
    World,
    rules,
    taken_back,
    watch,
    watch_latency,
    watch_probe,
)

from bot.core.slo.watch import Compare, FailOn, Rules, WatchDecision

PAGE = Path(__file__).parents[2] / "docs/explanation/watch.md"
BEGIN, END = "<!-- simulated:begin -->\n", "<!-- simulated:end -->\n"
RUNS = 2000
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
    "the same, 10 requests/s, the day before known": World(unrest=1.0, alike=0.97, day=True),
    "exactly at what pages (`fail_on: burn`, `compare: budget`)": World(after=0.0144),
}
CALM_HOUR = replace(MOODY, calmer=4.0)
CALM_SLOW = LatencyWorld(deviation=0.2, alike=0.9, calmer=4.0)
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
    "no change, restless (20 %) after an hour four times as calm": CALM_SLOW,
    "the same, the day before known": replace(CALM_SLOW, restless=1.0),
    "the same, half of that day's hours as calm": replace(CALM_SLOW, restless=0.5),
    "the same, three in four of that day's hours as calm": replace(CALM_SLOW, restless=0.25),
    "1.2×": LatencyWorld(times=1.2),
    "1.5×": LatencyWorld(times=1.5),
    "1.5×, restless (20 %)": LatencyWorld(times=1.5, deviation=0.2),
    "2×": LatencyWorld(times=2.0),
    "2×, restless (20 %), neighbours alike (0.9)": LatencyWorld(2.0, deviation=0.2, alike=0.9),
    "2×, the same, the day before known": LatencyWorld(2.0, 0.2, 0.9, restless=1.0),
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
    "no change, restless (40 %), minutes alike (0.9), after an hour four times as calm": CALM_HOUR,
    "the same, the day before known": replace(CALM_HOUR, restless=1.0),
    "the same, half of that day's hours as calm": replace(CALM_HOUR, restless=0.5),
    "the same, three in four of that day's hours as calm": replace(CALM_HOUR, restless=0.25),
    "1.2×": ProbeWorld(times=1.2),
    "1.5×": ProbeWorld(times=1.5),
    "2×": ProbeWorld(times=2.0),
    "2×, the day before known": ProbeWorld(times=2.0, restless=1.0),
    "2×, restless (40 %)": ProbeWorld(times=2.0, deviation=0.4),
    "2×, restless (40 %), the day before known": ProbeWorld(2.0, 0.4, restless=1.0),
    "4×": ProbeWorld(times=4.0),
    "4×, restless (40 %), minutes alike (0.9)": replace(MOODY, times=4.0),
    "4×, the same, the day before known": replace(MOODY, times=4.0, restless=1.0),
    "10×, restless (40 %), minutes alike (0.9)": replace(MOODY, times=10.0),
    "10×, the same, the day before known": replace(MOODY, times=10.0, restless=1.0),
    "no good answer": ProbeWorld(failing_after=1.0),
    "no good answer, restless (40 %), minutes alike (0.9)": replace(MOODY, failing_after=1.0),
    "no good answer, the same, the day before known": replace(
        MOODY, failing_after=1.0, restless=1.0
    ),
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
