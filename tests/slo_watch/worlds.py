"""Worlds in which the truth is known, and what a watch decides in each. Seeds make them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

from bot.core.hosting import Build
from bot.core.model import RepoRef, Sha
from bot.core.policy.slo import OnFail
from bot.core.slo.model import Sample
from bot.core.slo.openslo import parse_slos
from bot.core.slo.probes import Outcome as Found
from bot.core.slo.probes import ProbeAnswer
from bot.core.slo.usual import DAY, usual_latency, usual_ratio
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

BEGUN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=15)
BEFORE, LASTS = timedelta(hours=1), timedelta(minutes=15)
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
    day: bool = False
    """Whether the day before is known, as restless as this hour, by minutes."""


@dataclass(frozen=True, slots=True)
class LatencyWorld:
    """Readings of a p95: how many times slower it is after, the deviation of its logarithm, how
    alike neighbouring readings are (their correlation), and how many times calmer it was before.
    ``restless``: of the day before that, if it is known, the part of the hours that was as restless
    as the time after; the others were as calm as the hour before."""

    times: float = 1.0
    deviation: float = 0.1
    alike: float = 0.0
    calmer: float = 1.0
    restless: float | None = None


@dataclass(frozen=True, slots=True)
class ProbeWorld:
    """Single answers of a probe: how many times slower they are after, the deviation of their
    logarithm, how alike neighbours are, the part of answers that take ten times as long, before and
    after, and of those that fail after. Whoever is asked each minute before is asked at every look
    after. ``by_time``: those a minute apart are as alike as said, and those 15 s apart more; else
    those next to each other are. ``restless`` as of a p95."""

    times: float = 1.0
    deviation: float = 0.2
    alike: float = 0.0
    hanging: float = 0.01
    hanging_after: float = 0.01
    failing_after: float = 0.0
    by_time: bool = False
    calmer: float = 1.0
    restless: float | None = None


MOODY = ProbeWorld(deviation=0.4, alike=0.9, by_time=True)


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
        usual=_usual_ratio(world, seed) if world.day else 0.0,
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
        usual=usual_latency(_day_of(world, 200, EACH_MINUTE / STEP, seed), BEGUN - BEFORE),
    )
    # Requests without an error, so that the latency alone decides.
    calm = tuple(Sample(one.at, 150, 150) for one in readings)
    split = len(latency.before)
    seen = Watched("latency", BUDGET, Fraction("14.4"), calm[:split], calm[split:], latency)
    return decide_watch([seen], asked, BEGUN, BEGUN + LASTS)


def watch_probe(world: ProbeWorld, asked: Rules, seed: int) -> WatchDecision:
    """By what the bot itself makes of a probe's answers, for an objective by latency."""
    random = Random(seed)
    answers = [
        ProbeAnswer(Found.OK, math.ceil(one.value), 200, one.at)
        for one in _day_of(world, 100, 1, seed)
    ]
    state = random.gauss(0, 1)
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


def _usual_ratio(world: World, seed: int) -> float:
    random = Random(f"the day before {seed}")
    state, samples = random.gauss(0, 1), []
    alike = world.alike ** (EACH_MINUTE / STEP)
    for at in _minutes_of_day():
        state = alike * state + math.sqrt(1 - alike**2) * random.gauss(0, 1)
        samples.append(_sample(random, world, at, world.before, state, EACH_MINUTE))
    return usual_ratio(samples, BEGUN - BEFORE)


def _day_of(
    world: LatencyWorld | ProbeWorld, usual: float, steps: float, seed: int
) -> list[Reading]:
    """Minutes of the day before the hour before, ``steps`` of the world's own each; none where that
    day is not known."""
    if world.restless is None:
        return []
    random = Random(f"the day before {seed}")
    state, alike = random.gauss(0, 1), world.alike**steps
    readings = []
    for place, at in enumerate(_minutes_of_day()):
        if not place % 60:
            calmer = 1.0 if random.random() < world.restless else world.calmer
        state = alike * state + math.sqrt(1 - alike**2) * random.gauss(0, 1)
        hangs = isinstance(world, ProbeWorld) and random.random() < world.hanging
        took = usual * math.exp(world.deviation / calmer * state) * (10 if hangs else 1)
        readings.append(Reading(at, took))
    return readings


def _minutes_of_day() -> list[datetime]:
    return [BEGUN - BEFORE - EACH_MINUTE * back for back in range(DAY // EACH_MINUTE - 1, -1, -1)]


def taken_back(decisions: Sequence[WatchDecision]) -> list[float]:
    """After how many seconds, in order, of those that took the build back."""
    worse = [one for one in decisions if one.outcome is Outcome.WORSE]
    return sorted(one.took.total_seconds() for one in worse)


def _times(before: timedelta, after: timedelta) -> list[timedelta]:
    return [STEP * step for step in range(-(before // STEP) + 1, after // STEP + 1)]


def _sample(
    random: Random,
    world: World,
    at: datetime,
    ratio: float,
    state: float,
    length: timedelta = STEP,
) -> Sample:
    mean = world.rate * length.total_seconds()
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
