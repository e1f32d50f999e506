"""The watch after a promotion: what it decides, on values and on simulated worlds."""

import math
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import BEGIN, END, PAGE, RUNS, tables
from worlds import (
    BEGUN,
    BUDGET,
    LASTS,
    MOODY,
    STEP,
    LatencyWorld,
    ProbeWorld,
    World,
    rules,
    taken_back,
    watch,
    watch_latency,
    watch_probe,
)

from bot.core.slo.evidence import measure_baseline, weigh_errors, weigh_slowness
from bot.core.slo.model import Sample
from bot.core.slo.wander import measure_wander, ratio_wander
from bot.core.slo.watch import Compare, FailOn, Latency, Outcome, Reading, Watched, decide_watch

FEW = 60


def samples(*counts: tuple[int, int], before: bool = False) -> tuple[Sample, ...]:
    """Bad events and all, an interval each, up to the beginning or from there."""
    first = 1 - len(counts) if before else 1
    return tuple(
        Sample(BEGUN + STEP * (first + place), total - bad, total)
        for place, (bad, total) in enumerate(counts)
    )


CALM = samples(*[(0, 150)] * 60, before=True)
ENOUGH = samples(*[(0, 150)] * 60)


def watched(**changes: object) -> Watched:
    return Watched(
        **{
            "name": "availability",
            "budget": BUDGET,
            "page": Fraction("14.4"),
            "before": CALM,
            "after": ENOUGH,
            **changes,
        }
    )


def outcome(*seen: Watched, at: timedelta = LASTS, **asked: object) -> Outcome:
    return decide_watch(seen, rules(**asked), BEGUN, BEGUN + at).outcome


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (watched(), Outcome.HEALTHY),
        (watched(after=samples(*[(150, 150)] * 4)), Outcome.WORSE),
        (watched(after=samples(*[(8, 150)] * 20)), Outcome.WORSE),
        # As bad as it was before.
        (
            watched(before=samples(*[(8, 150)] * 60, before=True), after=samples(*[(8, 150)] * 60)),
            Outcome.HEALTHY,
        ),
        # Two bad events are never enough, even of two.
        (watched(after=samples((2, 2))), Outcome.UNKNOWN),
        (watched(after=()), Outcome.UNKNOWN),
        (watched(after=samples((0, 0), (0, 0))), Outcome.UNKNOWN),
        (watched(unread="Prometheus answered 422"), Outcome.UNKNOWN),
        # Nothing before: the budget is compared with.
        (watched(before=(), after=samples(*[(3, 150)] * 60)), Outcome.WORSE),
        (watched(before=(), after=samples(*[(1, 150)] * 60)), Outcome.HEALTHY),
        # A budget that pages at more than all events can never be told to burn.
        (watched(before=(), page=Fraction(2000)), Outcome.UNKNOWN),
        # What cannot have been counted is no sample.
        (watched(after=(*ENOUGH, Sample(BEGUN + STEP, 200, 150))), Outcome.HEALTHY),
        (watched(after=(*ENOUGH, Sample(BEGUN + STEP, -900, 150))), Outcome.HEALTHY),
    ],
)
def test_what_is_decided_at_the_end(seen: Watched, expected: Outcome) -> None:
    assert outcome(seen) is expected


def test_it_goes_on_until_the_end() -> None:
    assert outcome(watched(), at=LASTS - STEP) is Outcome.WATCHING
    assert outcome(watched(after=()), at=LASTS - STEP) is Outcome.WATCHING
    assert outcome(watched(unread="x"), at=LASTS - STEP) is Outcome.WATCHING


def test_nothing_watched_is_not_healthy() -> None:
    assert outcome() is Outcome.UNKNOWN


def test_one_that_is_not_known_makes_the_whole_unknown() -> None:
    assert outcome(watched(), watched(name="b", after=())) is Outcome.UNKNOWN
    worse = watched(name="c", after=samples(*[(150, 150)] * 4))
    assert outcome(watched(unread="x"), worse) is Outcome.WORSE


def test_a_disaster_is_told_at_once_and_the_first_comes_first() -> None:
    late = watched(name="a", after=samples(*[(0, 150)] * 9, *[(150, 150)] * 5))
    soon = watched(name="b", after=samples((0, 150), (0, 150), *[(150, 150)] * 9))
    decision = decide_watch([late, soon], rules(), BEGUN, BEGUN + LASTS)
    assert [one.name for one in decision.worse] == ["b", "a"]
    assert decision.took == STEP * 3
    assert decision.worse[0].after == 1 / 3
    assert decision.worse[0].lately == 1 / 3


def test_samples_of_the_future_and_past_the_end_decide_nothing() -> None:
    bad = samples(*[(0, 150)] * 10, *[(150, 150)] * 10)
    assert outcome(watched(after=bad), at=STEP * 10) is Outcome.WATCHING
    assert outcome(watched(after=bad), at=STEP * 11) is Outcome.WORSE
    past = samples(*[(0, 150)] * 60, *[(150, 150)] * 10)
    assert outcome(watched(after=past), at=LASTS * 2) is Outcome.HEALTHY


@pytest.mark.parametrize(
    ("before", "after", "asked", "expected"),
    [
        # Worse than before, and within the budget (0.1 %).
        (0, 1, {}, Outcome.HEALTHY),
        # Worse than before and than the budget, and far from what pages (1.44 %).
        (0, 10, {}, Outcome.WORSE),
        (0, 10, {"fail_on": FailOn.BURN}, Outcome.HEALTHY),
        (0, 60, {"fail_on": FailOn.BURN}, Outcome.WORSE),
        # It paged before as well.
        (60, 60, {"fail_on": FailOn.BURN}, Outcome.HEALTHY),
        (60, 60, {"fail_on": FailOn.BURN, "compare": Compare.BUDGET}, Outcome.WORSE),
    ],
)
def test_the_time_before_and_the_budget(
    before: int, after: int, asked: dict[str, object], expected: Outcome
) -> None:
    seen = watched(
        before=samples(*[(before, 1500)] * 60, before=True), after=samples(*[(after, 1500)] * 60)
    )
    assert outcome(seen, **asked) is expected


def readings(*values: float, before: bool = False) -> tuple[Reading, ...]:
    first = 1 - len(values) if before else 1
    return tuple(Reading(BEGUN + STEP * (first + i), value) for i, value in enumerate(values))


USUAL = readings(*[200.0 + place % 7 for place in range(60)], before=True)


@pytest.mark.parametrize(
    ("latency", "expected"),
    [
        (Latency("p95", 0, USUAL, readings(*[203.0] * 60)), Outcome.HEALTHY),
        (Latency("p95", 0, USUAL, readings(*[400.0] * 60)), Outcome.WORSE),
        # Twice as slow, and still as fast as the objective asks.
        (Latency("p95", 500, USUAL, readings(*[400.0] * 60)), Outcome.HEALTHY),
        # Slower by less than the margin.
        (Latency("p95", 0, USUAL, readings(*[235.0] * 60)), Outcome.HEALTHY),
        # Too little from before to stand out from.
        (Latency("p95", 0, USUAL[:19], readings(*[900.0] * 60)), Outcome.HEALTHY),
        (Latency("p95", 0, USUAL, readings(*[math.nan, -math.inf, -1.0] * 20)), Outcome.HEALTHY),
    ],
)
def test_a_latency_that_shifts(latency: Latency, expected: Outcome) -> None:
    decision = decide_watch([watched(latency=latency)], rules(), BEGUN, BEGUN + LASTS)
    assert decision.outcome is expected
    assert decision.judged[0].slow is (expected is Outcome.WORSE)
    assert decision.judged[0].quantile_before is not None


def test_what_gives_no_good_answer_is_worse_but_has_no_latency() -> None:
    latency = Latency("p95", 0, USUAL, readings(*[math.inf] * 60))
    (judged,) = decide_watch([watched(latency=latency)], rules(), BEGUN, BEGUN + LASTS).judged
    assert judged.outcome is Outcome.WORSE
    assert (judged.slow, judged.quantile_after) == (False, None)


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(1), Fraction(-1)])
def test_a_rate_that_is_none_is_refused(rate: Fraction) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        decide_watch([], rules(str(rate * 100)), BEGUN, BEGUN)


COUNTS = st.lists(
    st.integers(0, 300).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))),
    max_size=20,
)


@given(COUNTS, st.integers(0, 19))
def test_more_bad_events_never_speak_for_a_build(counts: list[tuple[int, int]], place: int) -> None:
    def sure(intervals: list[tuple[int, int]]) -> float:
        return weigh_errors(intervals, 0.01)[-1] if intervals else 0.0

    if counts:
        place %= len(counts)
        bad, total = counts[place]
        more = [*counts[:place], (min(bad + 1, total), total), *counts[place + 1 :]]
        assert sure(more) >= sure(counts)


@given(COUNTS, st.integers(1, 60))
def test_a_look_that_was_missed_changes_nothing(counts: list[tuple[int, int]], missed: int) -> None:
    seen = watched(after=samples(*counts))
    at_end = decide_watch([seen], rules(), BEGUN, BEGUN + LASTS)
    if at_end.outcome is Outcome.WORSE:
        looked = decide_watch([seen], rules(), BEGUN, BEGUN + max(STEP * missed, at_end.took))
        assert (looked.outcome, looked.took) == (Outcome.WORSE, at_end.took)


def test_the_ceiling_is_what_the_binomial_says_of_no_bad_events() -> None:
    base = measure_baseline([(0, 100), (0, 200)], 0.05)
    assert base.ceiling == pytest.approx(1 - 0.05 ** (1 / 300))
    assert measure_baseline([], 0.05).ceiling == 1.0
    assert measure_baseline([(5, 5)], 0.05).ceiling == 1.0


def test_bursts_prove_less() -> None:
    even = measure_baseline([(2, 100)] * 50, 0.05)
    bursts = measure_baseline([(20, 100), *[(0, 100)] * 9] * 5, 0.05)
    assert even.dispersion == 1.0
    assert bursts.dispersion > 10
    assert bursts.ceiling > even.ceiling


def test_an_outage_before_makes_a_probe_no_slower_to_see_the_next() -> None:
    """As where a build was taken back, and the next one is as bad."""
    before = samples(*[(0, 1)] * 50, *[(1, 1)] * 10, before=True)
    seen = watched(before=before, after=samples(*[(1, 1)] * 60), budget=Fraction(1, 100))
    decision = decide_watch([seen], rules(), BEGUN, BEGUN + LASTS)
    assert decision.outcome is Outcome.WORSE
    assert decision.took <= timedelta(minutes=2, seconds=30)


def test_slow_answers_of_a_probe_are_seen_and_noise_is_not() -> None:
    slow = [watch_probe(ProbeWorld(times=2.0), rules(), seed) for seed in range(FEW)]
    assert len(taken_back(slow)) == FEW
    assert taken_back(slow)[int(FEW * 0.9)] <= 180
    calm = [watch_probe(ProbeWorld(deviation=0.4), rules("5"), seed) for seed in range(FEW)]
    assert len(taken_back(calm)) <= FEW * 0.05


MOODS = [math.sin(place / 9) for place in range(60)]
NOISE = [math.sin(place * place) for place in range(60)]


@pytest.mark.parametrize(
    ("logarithms", "wander"),
    [
        (MOODS, 25.5),
        # Only the part counts that neighbours share.
        ([mood + noise for mood, noise in zip(MOODS, NOISE, strict=True)], 8.1),
        (NOISE, 1.0),
        # A reading that is far off is no mood.
        ([*NOISE[:30], 9.0, *NOISE[30:]], 1.0),
        ([*MOODS[:30], 9.0, *MOODS[30:]], 19.6),
        (MOODS[:19], 1.0),
        ([5.0] * 60, 1.0),
        ([], 1.0),
        ([1e6 * one for one in MOODS], math.exp(50)),
    ],
)
def test_moods_are_told_from_noise(logarithms: list[float], wander: float) -> None:
    assert measure_wander(logarithms, 0.01) == pytest.approx(wander, rel=0.05)


@given(st.lists(st.floats(-9, 9), max_size=80), st.floats(1e-9, 0.9), st.floats(-9, 9))
def test_moods_ask_for_no_scale_and_more_doubt_for_less(
    logarithms: list[float], doubt: float, up: float
) -> None:
    found = measure_wander(logarithms, doubt)
    assert 1 <= measure_wander(logarithms, min(2 * doubt, 1.0)) <= found < math.inf


def test_a_ratio_s_moods_show_in_longer_intervals_than_its_own() -> None:
    """One failure in two intervals, in turns of an hour's eighth with none."""
    moody = [(place % 2 if place // 30 % 2 else 0, 20) for place in range(240)]
    calm = [(place % 4 == 3, 20) for place in range(240)]
    assert ratio_wander(moody, 0.01) > 5
    assert ratio_wander(calm, 0.01) == 1
    # Single answers say nothing of it: an outage before is none that must be waited out.
    assert ratio_wander([(bad, 1) for bad, _ in moody], 0.01) == 1
    assert ratio_wander([(0, 0)] * 60, 0.01) == 1


def test_an_outage_before_is_no_mood() -> None:
    before = samples(*[(0, 150)] * 100, *[(150, 150)] * 40, *[(0, 150)] * 100, before=True)
    seen = watched(before=before, after=samples(*[(150, 150)] * 60))
    decision = decide_watch([seen], rules(), BEGUN, BEGUN + LASTS)
    assert decision.outcome is Outcome.WORSE
    assert decision.took <= timedelta(seconds=90)


def test_a_time_that_was_looked_at_more_often_is_no_longer_for_it() -> None:
    """As of three minutes of slow answers of which each look of a watch has one."""
    random = Random(1)
    each_minute = [(minute * 4, random.gauss(200, 20)) for minute in range(60)]
    slow = [(100 + look, 400.0) for look in range(12)]
    usual = {**dict(each_minute), **dict(slow)}
    before = tuple(
        Reading(BEGUN + STEP * (place - 240), value) for place, value in sorted(usual.items())
    )
    latency = Latency("p95", 0, before, readings(*[400.0] * 60), bound=300)
    after = samples(*[(1, 1)] * 60)
    seen = watched(budget=Fraction(1, 20), before=(), after=after, latency=latency)
    decision = decide_watch([seen], rules(), BEGUN, BEGUN + LASTS)
    assert decision.outcome is Outcome.WORSE
    assert decision.took <= timedelta(minutes=2, seconds=30)


def test_ranks_ask_for_no_scale() -> None:
    usual = [float(one % 11) for one in range(60)]
    once = weigh_slowness(usual, [30.0] * 5, 0.2)
    assert weigh_slowness([9 * one for one in usual], [270.0] * 5, 0.2) == pytest.approx(once)


# --- simulated worlds ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "asked"),
    [
        (World(), {}),
        (World(rate=1 / 15), {}),
        (World(unrest=1.0), {}),
        # On the edge of what is tolerated, where the bound is nearest.
        (World(after=0.0144), {"compare": Compare.BUDGET, "fail_on": FailOn.BURN}),
    ],
)
def test_builds_that_are_no_worse_stay(world: World, asked: dict[str, object]) -> None:
    decisions = [watch(world, rules("5", **asked), seed) for seed in range(FEW)]
    assert len(taken_back(decisions)) <= FEW * 0.05


@pytest.mark.parametrize(
    ("world", "within"),
    [
        (World(after=1.0), 15),
        (World(rate=1 / 15, after=1.0), 60),
        (World(after=0.1), 15),
        (World(after=0.01), 300),
        (World(rate=1.0, after=0.1), 180),
    ],
)
def test_builds_that_are_worse_are_taken_back_in_time(world: World, within: float) -> None:
    """But for one: by chance an hour may look as if it had moods."""
    times = taken_back([watch(world, rules(), seed) for seed in range(FEW)])
    assert len(times) >= FEW - 1
    assert times[int(FEW * 0.9)] <= within


def test_a_latency_that_doubles_is_seen_within_a_minute_and_noise_is_not() -> None:
    slow = [watch_latency(LatencyWorld(times=2.0), rules(), seed) for seed in range(FEW)]
    assert len(taken_back(slow)) == FEW
    assert taken_back(slow)[-1] <= 60
    calm = [watch_latency(LatencyWorld(alike=0.9), rules(), seed) for seed in range(FEW)]
    assert taken_back(calm) == []


@pytest.mark.parametrize(
    ("world", "least"),
    [
        (MOODY, 0),
        (replace(MOODY, alike=0.5), 0),
        (replace(MOODY, alike=0.97), 0),
        (replace(MOODY, deviation=0.8, alike=0.5), 0),
        (replace(MOODY, by_time=False), 0),
        # An outage is not hidden by moods.
        (replace(MOODY, failing_after=1.0), 1),
    ],
)
def test_moods_of_what_is_probed_are_no_regression(world: ProbeWorld, least: float) -> None:
    """Those that misled more than one watch in ten, when neighbours were taken for independent."""
    runs = 200
    found = taken_back([watch_probe(world, rules(), seed) for seed in range(runs)])
    assert least * runs <= len(found) <= max(least, 0.01) * runs


@pytest.mark.parametrize("alike", [0.9, 0.97])
def test_moods_of_a_quantile_and_of_a_ratio_are_no_regression(alike: float) -> None:
    runs = 100
    slow = LatencyWorld(deviation=0.4, alike=alike)
    ratio = World(rate=100.0, unrest=1.0, alike=alike)
    assert len(taken_back([watch_latency(slow, rules(), seed) for seed in range(runs)])) <= 1
    assert len(taken_back([watch(ratio, rules(), seed) for seed in range(runs)])) <= 1


@pytest.mark.long
def test_the_page_has_what_every_world_gives() -> None:
    _, _, rest = PAGE.read_text().partition(BEGIN)
    assert rest.partition(END)[0].strip() == tables(RUNS)


def test_the_page_has_what_the_simulation_gives() -> None:
    _, _, simulated = PAGE.read_text().partition(BEGIN)
    runs = 400
    found = taken_back([watch(World(rate=1.0, after=1.0), rules(), seed) for seed in range(runs)])
    row = next(line for line in simulated.splitlines() if line.startswith("| 1 |"))
    assert row.endswith(f"| 100 %: {found[200]:.0f} s / {found[379]:.0f} s |")
