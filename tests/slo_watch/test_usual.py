"""What the day before tells of moods, where the hour before a promotion was a calm one."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from worlds import (
    BEGUN,
    EACH_MINUTE,
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

from bot.core.slo.model import Sample
from bot.core.slo.usual import usual_latency, usual_ratio
from bot.core.slo.wander import measure_wander, ratio_wander, usual_mood
from bot.core.slo.watch import Reading

FEW = 25
RESTLESS = [math.exp(math.sin(place / 9)) for place in range(60)]
NOISE = [math.exp(math.sin(place * place)) for place in range(60)]
CALM_HOUR = replace(MOODY, calmer=4.0)


def hours(*values: list[float]) -> list[Reading]:
    """An hour each, a reading a minute, the last of them at the end."""
    minutes = [value for hour in values for value in hour]
    return [
        Reading(BEGUN - EACH_MINUTE * (len(minutes) - 1 - place), value)
        for place, value in enumerate(minutes)
    ]


def test_calm_hours_do_not_hide_restless_ones_and_one_alone_was_an_incident() -> None:
    one = usual_latency(hours(RESTLESS, RESTLESS), BEGUN)
    assert one == pytest.approx(0.86, abs=0.01)
    assert usual_latency(hours(*[RESTLESS] * 24), BEGUN) == pytest.approx(one)
    half = hours(NOISE, NOISE, RESTLESS, NOISE, NOISE, NOISE, RESTLESS, NOISE)
    assert usual_latency(half, BEGUN) == pytest.approx(one / 2)
    assert usual_mood([0.0, 9.0, 0.3, 0.0]) == usual_mood([0.0, 0.3, 0.3, 0.0]) > 0
    assert usual_latency(hours(NOISE, RESTLESS, NOISE), BEGUN) == 0
    assert usual_latency([], BEGUN) == usual_mood([]) == usual_mood([1.0]) == 0


def test_a_day_is_a_day_and_hours_of_which_little_is_known_are_none() -> None:
    read = hours(RESTLESS, RESTLESS)
    whole = usual_latency(read, BEGUN)
    assert whole == usual_latency(read, BEGUN + timedelta(hours=22)) > 0
    assert usual_latency(read[::2] + read[1::2], BEGUN) == whole, "the store may tell them anyhow"
    assert usual_latency(read, BEGUN + timedelta(hours=23)) == 0
    assert usual_latency(read, BEGUN - timedelta(hours=1)) == 0
    assert usual_latency(read[40:], BEGUN) > 0
    assert usual_latency(read[41:], BEGUN) == 0
    # Those would be calm ones.
    assert usual_latency(hours(NOISE[:19], RESTLESS, RESTLESS), BEGUN) == pytest.approx(whole)
    down = [math.inf] * 60
    assert usual_latency(hours(down, RESTLESS, RESTLESS), BEGUN) == pytest.approx(whole)


def test_a_ratio_has_its_usual_moods_too() -> None:
    def samples(bad: list[float]) -> list[Sample]:
        return [Sample(one.at, 2000 - int(one.value), 2000) for one in hours(bad, bad)]

    moody = [100 * value for value in RESTLESS]
    assert usual_ratio(samples(moody), BEGUN) > 0.5
    assert usual_ratio(samples([100 * value for value in NOISE]), BEGUN) == 0
    # What cannot have been counted is no sample.
    assert usual_ratio([replace(one, good=9000) for one in samples(moody)], BEGUN) == 0


def test_the_more_restless_of_the_hour_and_the_day_tells() -> None:
    calm = [0.0, 0.01] * 30
    assert measure_wander(calm, 0.01) == ratio_wander([(0, 20)] * 60, 0.01) == 1
    usual = measure_wander(calm, 0.01, 0.5)
    assert usual == ratio_wander([(0, 20)] * 60, 0.01, 0.5) == pytest.approx(6.5, abs=0.1)
    restless = [math.log(one) for one in RESTLESS]
    assert measure_wander(restless, 0.01, 0.5) == measure_wander(restless, 0.01) > usual


# --- simulated worlds ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "least"),
    [
        (replace(CALM_HOUR, restless=0.5), 0),
        # An outage is not hidden by the day's moods.
        (replace(CALM_HOUR, restless=1.0, failing_after=1.0), 1),
        (ProbeWorld(failing_after=1.0, restless=1.0), 1),
    ],
)
def test_a_calm_hour_misleads_nobody_who_knows_the_day(world: ProbeWorld, least: float) -> None:
    """Of those that know the hour alone one in six is misled."""
    found = taken_back([watch_probe(world, rules(), seed) for seed in range(FEW)])
    assert least * FEW <= len(found) <= max(least * FEW, 1)
    assert not found or not least or found[int(FEW * 0.9)] <= 150


def test_nor_of_a_quantile_or_a_ratio() -> None:
    slow = LatencyWorld(deviation=0.2, alike=0.9, calmer=4.0, restless=1.0)
    ratio = World(unrest=1.0, alike=0.97, day=True)
    assert len(taken_back([watch_latency(slow, rules(), seed) for seed in range(FEW)])) <= 1
    assert len(taken_back([watch(ratio, rules(), seed) for seed in range(FEW)])) <= 1
    outage = replace(ratio, after=1.0)
    times = taken_back([watch(outage, rules(), seed) for seed in range(FEW)])
    assert len(times) == FEW
    assert times[int(FEW * 0.9)] <= 60
