"""A watch as it is kept and told: what counts as before and after, and every sentence on it."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from shop_slos import AVAILABILITY, latency, probed

from bot.core.hosting import Build, HostTarget
from bot.core.model import Actor, RepoRef, Sha
from bot.core.operations.machine import (
    Done,
    Kind,
    Operation,
    StepName,
    attempt,
    begin,
    fail,
    next_step,
    plan_operation,
    record,
)
from bot.core.operations.machine import State as OperationState
from bot.core.policy.slo import OnFail, SloPolicy, WatchPolicy
from bot.core.render.watch import (
    Shown,
    cause_of,
    percent,
    so_far,
    watch_lines,
    watch_notice,
    watch_remark,
)
from bot.core.slo.model import Sample, Slo
from bot.core.slo.openslo import parse_slos
from bot.core.slo.probes import Outcome as Found
from bot.core.slo.probes import ProbeAnswer
from bot.core.slo.watch import Judged, Outcome, decide_watch
from bot.core.slo.watching import (
    Span,
    Watch,
    WatchState,
    decided,
    ended,
    from_answers,
    looked,
    looked_worse,
    objectives_of,
    plan_watch,
    set_apart,
    undefined,
    watched,
    without_apart,
)

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BAD, GOOD = Build(Sha("b" * 40), "dpl_b", "v2"), Build(Sha("a" * 40), "dpl_a", "v1")
TARGET = HostTarget("vercel", "shop", "shop.example.com")
FILE = (
    probed('url: "https://shop.example/"')
    + AVAILABILITY
    + latency(
        "value: 300, timeSliceTarget: 0.9, timeSliceWindow: 5m",
        budgeting="Timeslices",
        more=", annotations: {lockgate/environments: production}",
    )
)


def run(kind: Kind, build: Build, seconds: int = 4, **changes: object) -> Operation:
    """An operation that succeeded, each step of which took that many seconds."""
    plan = plan_operation(kind, "production", TARGET, build, None)
    operation = begin(Operation(7, RepoRef(1, 2, "octo", "shop"), plan, Actor(5, "ada"), AT, AT))
    operation, now = replace(operation, **changes), AT
    while (step := next_step(operation)) is not None:
        operation = attempt(operation, step.name, now)
        now += timedelta(seconds=seconds)
        operation = record(operation, step.name, Done("done"), now)
    return operation


WATCH = plan_watch(run(Kind.PROMOTE, BAD), SloPolicy(), WatchPolicy())


def slo(name: str) -> Slo:
    read = parse_slos([("slo/shop.yml", FILE)])
    assert read.problems == ()
    return next(one for one in read.slos if one.name == name)


def answer(at: datetime, milliseconds: int = 80, found: Found = Found.OK) -> ProbeAnswer:
    return ProbeAnswer(found, milliseconds, 200, at)


def test_before_ends_when_the_host_was_asked_and_after_begins_when_it_was_verified():
    moved, begun = AT + 12 * SECOND, AT + 24 * SECOND
    assert (WATCH.moved_at, WATCH.begun) == (moved, begun)
    hour = timedelta(hours=1)
    answers = [
        answer(moved - hour),
        answer(moved - hour + SECOND),
        answer(moved),
        answer(moved + SECOND),
        answer(begun),
        answer(begun + SECOND),
        answer(WATCH.ends),
        answer(WATCH.ends + SECOND),
    ]
    found = from_answers(WATCH, slo("availability"), answers)
    assert [one.at for one in found.before] == [moved - hour + SECOND, moved]
    assert [one.at for one in found.after] == [begun + SECOND, WATCH.ends]


def test_what_was_rolled_back_is_no_part_of_the_time_before():
    minute = timedelta(minutes=1)

    def later(operation: Operation, by: timedelta, **changes: object) -> Operation:
        steps = [
            replace(one, started_at=one.started_at + by, ended_at=one.ended_at + by)
            for one in operation.steps
        ]
        return replace(operation, steps=tuple(steps), **changes)

    bad = later(run(Kind.PROMOTE, BAD), timedelta(0), id=1)
    back = run(Kind.ROLLBACK, GOOD)
    back = later(back, 5 * minute, id=2, plan=replace(back.plan, replaces=BAD))
    again = later(run(Kind.PROMOTE, BAD), 20 * minute, id=4)
    other = later(run(Kind.ROLLBACK, GOOD), 10 * minute, id=3)  # of nobody knows what
    watch = plan_watch(again, SloPolicy(), WatchPolicy(), [again, other, back, bad])
    (span,) = watch.apart
    assert (span.since, span.until) == (
        bad.step(StepName.SWITCH).started_at,
        back.step(StepName.SWITCH).ended_at,
    )
    ends = [span.since, span.since + SECOND, span.until, span.until + SECOND]
    found = from_answers(watch, slo("availability"), [answer(at) for at in ends])
    assert [one.at for one in found.before] == [ends[0], ends[3]]
    steps = tuple(Sample(span.since + minute * number, 1, 1) for number in range(8))
    kept = without_apart(watch, steps)
    assert [one.at for one in kept] == [
        one.at for one in steps if one.at <= span.since or one.at - minute >= span.until
    ]
    failed = replace(back, state=OperationState.FAILED)
    assert plan_watch(again, SloPolicy(), WatchPolicy(), [failed, bad]).apart == ()
    long_ago = later(again, timedelta(hours=26))
    assert plan_watch(long_ago, SloPolicy(), WatchPolicy(), [back, bad]).apart == ()


def test_a_failed_answer_is_slow_and_one_that_was_not_sent_is_none():
    at = WATCH.begun + SECOND
    answers = [
        answer(at, 300),
        answer(at + SECOND, 301),
        answer(at + 2 * SECOND, 10, Found.CONNECTION),
        answer(at + 3 * SECOND, 1, Found.PRIVATE),
    ]
    found = from_answers(WATCH, slo("latency"), answers)
    assert [(one.good, one.total) for one in found.after] == [(1, 1), (0, 1), (0, 1)]
    assert [one.value for one in found.latency.after] == [300, 301, math.inf]
    assert (found.latency.quantile, found.latency.target) == ("p95", 300)
    only_private = [answer(at + SECOND * n, 1, Found.PRIVATE) for n in range(50)]
    seen = [from_answers(WATCH, slo("availability"), only_private)]
    assert decide_watch(seen, WATCH.rules, WATCH.begun, WATCH.ends).outcome is Outcome.UNKNOWN


def test_the_moods_of_the_day_before_are_told_but_for_what_was_rolled_back():
    moved, minute = WATCH.moved_at, timedelta(minutes=1)

    def restless(first: int) -> list[ProbeAnswer]:
        """From so many minutes before the host was asked, for two hours: slow by turns."""
        return [
            answer(moved - minute * (first - n), 400 if n // 20 % 2 else 100) for n in range(120)
        ]

    def usual(watch: Watch, answers: list[ProbeAnswer]) -> float:
        return from_answers(watch, slo("latency"), answers).latency.usual

    earlier, long_ago = restless(299), restless(27 * 60)
    assert usual(WATCH, earlier) > 0.5
    assert usual(WATCH, restless(119)[60:]) == usual(WATCH, long_ago) == 0
    # Of one hour it is not known any more what it was like.
    span = Span(moved - 300 * minute, moved - 255 * minute)
    assert usual(replace(WATCH, apart=(span,)), earlier) == 0
    # What is measured by an objective of errors is none of it.
    assert from_answers(WATCH, slo("availability"), earlier).usual == 0


def test_a_slice_s_own_part_counts_where_there_is_one():
    assert watched(slo("availability"), WATCH.read_of("availability")).page == Fraction("14.4")
    of_slices = watched(slo("latency"), WATCH.read_of("latency"))
    assert (of_slices.budget, of_slices.page) == (Fraction("0.1"), 1)


def test_which_objectives_are_watched():
    slos = parse_slos([("slo/shop.yml", FILE)]).slos
    assert [one.name for one in objectives_of(WATCH, slos)] == ["availability", "latency"]
    staging = replace(WATCH, environment="staging")
    assert [one.name for one in objectives_of(staging, slos)] == ["availability"]
    some = replace(WATCH, require=("latency", "gone"))
    assert [one.name for one in objectives_of(some, slos)] == ["latency"]
    (missing,) = undefined(some, objectives_of(some, slos))
    assert (missing.name, missing.unread) == ("gone", "no file in slo/ defines it for production")


def test_the_objective_s_own_quantile_is_told_of_those_that_answered():
    at = WATCH.begun
    answers = [answer(at + SECOND * n, n) for n in range(1, 101)]
    answers.append(answer(at + SECOND * 101, 10, Found.TIMEOUT))
    seen, asked = [from_answers(WATCH, slo("latency"), answers)], [slo("latency")]
    decision = decide_watch(seen, WATCH.rules, at, WATCH.ends)
    found = decided(looked(WATCH, decision, seen, asked), decision)
    assert found.state is WatchState.HEALTHY
    assert [(one.quantile, one.quantile_after) for one in found.judged] == [("p95", 95)]


def test_what_has_ended_stays_as_it_is():
    over = ended(WATCH, "ada ended it.", AT + timedelta(minutes=2))
    assert (over.state, over.took) == (WatchState.ENDED, timedelta(seconds=96))
    assert ended(over, "mona did.", AT) == over


# --- what is told --------------------------------------------------------------------------------

EVENTS = Judged("availability", Outcome.HEALTHY, None, 0.0003, 0.0002, 0.0002, 0.01, 0.02)
SPEED = Judged("latency", Outcome.HEALTHY, None, 0.0, 0.0, 0.0, 0.05, 0.1, "p95", 200, 210)
WORSE = replace(EVENTS, outcome=Outcome.WORSE, at=AT, after=0.02, lately=0.041)
OVER = replace(
    WATCH, state=WatchState.WORSE, judged=(WORSE,), took=timedelta(seconds=70), back_to=GOOD
)


def taken_back(seconds: int) -> Operation:
    """A rollback that was over so long after the watch began."""
    rollback = run(Kind.ROLLBACK, GOOD, 0)
    end = WATCH.begun + timedelta(seconds=seconds)
    return replace(rollback, steps=tuple(replace(one, ended_at=end) for one in rollback.steps))


@pytest.mark.parametrize(
    ("watch", "left", "worse"),
    [
        (replace(OVER, judged=(EVENTS, WORSE)), WATCH.ends + 9 * SECOND, True),
        (replace(WATCH, state=WatchState.ENDED, judged=(EVENTS, WORSE)), WATCH.ends, False),
        (replace(WATCH, state=WatchState.ENDED, judged=(EVENTS, WORSE)), WATCH.begun, True),
        (replace(WATCH, state=WatchState.ENDED, judged=(EVENTS, SPEED)), WATCH.begun, False),
        (replace(WATCH, judged=(EVENTS, WORSE)), WATCH.begun, True),
        (replace(WATCH, state=WatchState.ENDED), WATCH.begun, False),
        (replace(WATCH, state=WatchState.UNKNOWN, judged=(WORSE,)), WATCH.begun, False),
    ],
)
def test_a_build_that_looked_worse_when_it_was_replaced_is_none_to_go_back_to(
    watch: Watch, left: datetime, worse: bool
):
    assert looked_worse(watch, left) is worse


def test_what_looked_worse_is_no_part_of_the_time_before_either():
    moved = WATCH.moved_at
    rolled_back = Span(moved - 60 * SECOND, moved - 30 * SECOND)
    worse = Span(moved - 25 * SECOND, moved)
    long_ago = Span(moved - timedelta(days=2), moved - timedelta(hours=25))
    known = replace(WATCH, apart=(rolled_back,))
    again = replace(rolled_back, until=moved - 29 * SECOND)
    assert set_apart(known, (again, worse, long_ago)).apart == (rolled_back, worse)


def first(watch: Watch, rollback: Operation | None = None) -> str:
    return watch_lines(Shown(watch, rollback))[0]


FAILED = fail(
    begin(replace(run(Kind.ROLLBACK, GOOD), steps=(), state=OperationState.RUNNING)),
    "The host said no <b>",
    "",
    OperationState.FAILED,
)


@pytest.mark.parametrize(
    ("watch", "rollback", "said"),
    [
        (
            WATCH,
            None,
            "⏳ **Watching for 15 minutes**, until 12:15 UTC. `/watch cancel production` ends it.",
        ),
        (
            replace(WATCH, state=WatchState.HEALTHY, judged=(EVENTS, SPEED)),
            None,
            "✅ **Healthy:** error ratio 0.02 % (before: 0.03 %), p95 210 ms.",
        ),
        (
            OVER,
            taken_back(74),
            (
                "❌ **Rolled back after 74 s:** error ratio 4.1 % over 1 min against 0.03 % "
                "before. `v1` is live again."
            ),
        ),
        (
            OVER,
            None,
            "❌ **Rolling back:** error ratio 4.1 % over 1 min against 0.03 % before.",
        ),
        (
            replace(OVER, judged=(replace(WORSE, before=None),), took=timedelta(seconds=3)),
            taken_back(4),
            (
                "❌ **Rolled back after 4 s:** error ratio 4.1 % over 3 s and nothing is known of "
                "before. `v1` is live again."
            ),
        ),
        (
            replace(
                OVER,
                judged=(
                    replace(SPEED, outcome=Outcome.WORSE, at=AT, slow=True, quantile_after=640),
                    EVENTS,
                ),
                on_fail=OnFail.NOTIFY,
                back_to=None,
            ),
            None,
            (
                "❌ **It is worse:** latency has p95 640 ms against 200 ms before. By the policy "
                "it stays until somebody types `/rollback production`."
            ),
        ),
        (
            OVER,
            FAILED,
            (
                "❌ **It is worse, and operation 7 did not roll it back:** error ratio 4.1 % over "
                "1 min against 0.03 % before. The host said no &lt;b&gt;. `/status` tells what "
                "production serves."
            ),
        ),
        (
            replace(
                WATCH,
                state=WatchState.UNKNOWN,
                judged=(replace(EVENTS, outcome=Outcome.UNKNOWN, why="down: @octo | <x>"),),
            ),
            None,
            (
                "⚠️ **Too little was seen to tell** whether it is any good: availability: down: "
                "@&#8203;octo &#124; &lt;x&gt;. Nothing was taken back."
            ),
        ),
        (
            ended(WATCH, "ada ended it.", AT),
            None,
            "➖ **The watch was ended** before it could tell. Ada ended it.",
        ),
    ],
)
def test_what_the_comment_says(watch: Watch, rollback: Operation | None, said: str):
    assert first(watch, rollback) == said


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        (WATCH, "nothing was counted so far"),
        (replace(WATCH, unread="GitHub is away"), "GitHub is away"),
        (
            replace(WATCH, judged=(replace(EVENTS, after=None, why="down: <x>"),)),
            "availability: down: <x>",
        ),
        (
            replace(WATCH, judged=(EVENTS,)),
            "error ratio 0.02 % so far (before: 0.03 %)",
        ),
        # The one that is nearest to being worse, not the one with most errors.
        (
            replace(
                WATCH,
                judged=(
                    replace(EVENTS, name="pages", after=0.1, tolerated=0.5),
                    replace(EVENTS, after=0.009, tolerated=0.01, before=None),
                ),
                left_out=1,
            ),
            (
                "availability has error ratio 0.9 % so far (before: unknown); 1 look counts as "
                "nothing: neither a probe nor GitHub gave the bot any answer, so that its own "
                "network was away"
            ),
        ),
    ],
)
def test_what_is_said_while_it_goes_on(watch: Watch, said: str):
    assert so_far(watch) == said


def test_status_tells_until_when_and_of_which_operation():
    watch = replace(WATCH, environment="prod|x", unread="down: @octo | <x>")
    assert watch_remark(watch, "https://bot.example/operations/7") == (
        "prod&#124;x is watched until 12:15 UTC, since "
        "[operation 7](https://bot.example/operations/7): down: @&#8203;octo &#124; &lt;x&gt;. "
        "`/watch cancel prod|x` ends it."
    )


def test_looks_that_count_as_nothing_are_told_with_the_evidence():
    over = replace(WATCH, state=WatchState.UNKNOWN, left_out=60)
    assert watch_lines(Shown(over))[2].startswith("60 looks count as nothing: neither a probe ")


def test_what_the_schema_refuses_is_said_loudly_with_where_to():
    refused = replace(
        OVER,
        back_to=None,
        refused="`v1` reads `orders.price`, which contract 7 dropped.",
        remedy="Nearest safe target: `/rollback v0`.",
    )
    lines = watch_lines(Shown(refused, author=Actor(1, "mona")))
    assert lines[:2] == [
        "> [!CAUTION]",
        (
            "> ❌ **It is worse, and was not rolled back:** error ratio 4.1 % over 1 min against "
            "0.03 % before. `v1` reads `orders.price`, which contract 7 dropped. Nearest safe "
            "target: `/rollback v0`."
        ),
    ]
    assert "@mona, this is about your pull request." in lines
    title, text = watch_notice(refused)
    assert title == "v2 on octo/shop production is worse, and could not be rolled back"
    assert text.endswith("Nearest safe target: `/rollback v0`.")


def test_the_evidence_stands_below_for_each_objective():
    rows = [line for line in watch_lines(Shown(OVER)) if line.startswith("| ❌")]
    assert rows == ["| ❌ worse | `availability` | 2 % | 0.03 % | 1 % | – |"]
    assert cause_of(OVER) == (
        "the watch over operation 7 found error ratio 4.1 % over 1 min against 0.03 % before"
    )


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (None, "unknown"),
        (0.0, "0 %"),
        (1e-9, "less than 0.001 %"),
        (0.0002, "0.02 %"),
        (0.041, "4.1 %"),
        (0.125, "12.5 %"),
        (0.99999, "99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_a_ratio_in_percent(ratio: float | None, said: str):
    assert percent(ratio) == said
