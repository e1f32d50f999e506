"""The pure parts of backfills: the size of batches, failures, pauses, the search, statements."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.backfills.controller import FEWEST, LARGEST, Controller
from bot.core.backfills.courtesy import CROWD, HEARD, PART, REMEMBERED, REST, SHORTEST, Courtesy
from bot.core.backfills.failures import TRIES, Failure, advise, classify, wait_after
from bot.core.backfills.model import BackfillStatus
from bot.core.backfills.pace import Pace
from bot.core.backfills.pauses import Heed, Limits, Pause, Reason, Signals, decide_pause, limits_of
from bot.core.backfills.search import Search
from bot.core.backfills.statement import (
    KeyColumn,
    StatementError,
    parse_batch_statement,
    range_condition,
)
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Version

# --- size ----------------------------------------------------------------------------------------


def test_it_doubles_while_that_is_easy_and_then_grows_by_steps() -> None:
    controller = Controller(1_000, 0.050)
    controller = controller.after(1_000, 0.010)
    assert controller.size == 2_000
    controller = controller.after(2_000, 0.020)
    assert controller.size == 4_000
    controller = controller.after(4_000, 0.040)
    assert (controller.size, controller.starting) == (4_250, False)
    assert controller.after(4_250, 0.002).size == 4_515  # no second slow start


def test_it_shrinks_at_once_by_how_much_too_long_it_took() -> None:
    controller = Controller(10_000, 0.050)
    assert controller.after(10_000, 0.055).size == 9_000
    assert controller.after(10_000, 0.100).size == 5_000
    assert controller.after(10_000, 9.000).size == 2_500


def test_where_the_way_to_the_server_is_long_batches_are_not_cut_to_nothing() -> None:
    controller = Controller(1_000, 0.050)
    for _ in range(50):
        controller = controller.after(controller.size, 0.300)
    assert controller.size == FEWEST
    assert controller.halved().after(50, 0.300).size == 50


def test_a_small_last_batch_that_was_fast_says_nothing() -> None:
    assert Controller(1_000, 0.050).after(10, 0.001).size == 1_000


def test_it_stays_where_it_fits() -> None:
    assert Controller(1_000, 0.050).after(1_000, 0.047).size == 1_000


def test_halves_end_at_one_row() -> None:
    assert Controller(3, 0.050).halved().size == 1
    assert Controller(1, 0.050).halved().size == 1


# --- pace ----------------------------------------------------------------------------------------

PACE = Pace(Controller(1_000, 0.050), Courtesy(0.050))


def well(pace: Pace, rows: int, seconds: float = 0.010, *, others_write: bool = False) -> Pace:
    """After a batch that took a fifth of its target, at 0 s."""
    return pace.after(rows, seconds, seconds, 0.0, others_write=others_write, ended=0)


def test_it_goes_on_with_the_size_that_it_had_come_to() -> None:
    assert PACE.begun(4_000).rows(0.0) == 4_000
    assert PACE.begun(0).rows(0.0) == 1_000


def test_while_others_write_a_batch_is_no_larger_than_they_leave_room_for() -> None:
    seen = well(PACE, 1_000, others_write=True)
    assert seen.rows(0.1) == seen.courtesy.limit(0.1) == FEWEST
    assert seen.rows(REMEMBERED) == 2_000


def test_halves_on_the_way_to_a_row_tell_nothing_of_the_size() -> None:
    looking = PACE.halving(1_000)
    assert looking.rows(0.0) == 500
    assert well(looking, 500, 0.400).rows(0.0) == 250
    done = well(well(looking, 500, 0.400), 500, 0.400)
    assert done.rows(0.0) == 1_000


def test_what_is_in_use_is_waited_for_twice_and_then_in_smaller_batches() -> None:
    pace, sizes = PACE, []
    for _ in range(4):
        pace = pace.failed(Failure.CONTENDED)
        sizes.append(pace.rows(0.0))
    assert sizes == [1_000, 1_000, 500, 250]
    assert PACE.failed(Failure.SLOW).rows(0.0) == 500
    assert PACE.failed(Failure.LOST).rows(0.0) == 1_000


@pytest.mark.parametrize("failure", Failure)
def test_it_gives_up_after_failures_of_one_kind_in_a_row(failure: Failure) -> None:
    most = TRIES.get(failure, 1)
    pace = PACE
    for number in range(1, most + 1):
        assert not pace.gives_up
        pace = pace.failed(failure)
        assert pace.tries == number
    assert pace.gives_up
    assert not well(pace, 10).gives_up
    other = Failure.SLOW if failure is Failure.LOST else Failure.LOST
    assert (pace.failed(other).tries, pace.failed(other).gives_up) == (1, False)


# --- courtesy ------------------------------------------------------------------------------------


def test_while_others_write_batches_are_small_with_rests_between_and_then_again_as_before() -> None:
    alone = Courtesy(0.050).after(16_000, 0.040, 100.0, others_write=False)
    assert (alone.limit(100.0), alone.rest(0.040, 100.0)) == (None, 0.0)
    seen = alone.after(16_000, 0.040, 100.0, others_write=True)
    assert seen.limit(100.0) == int(400_000 * 0.050 / PART)
    assert seen.rest(0.0005, 100.0) == 0.0005 * REST
    later = seen.after(400, 0.001, 104.0, others_write=False)
    assert later.limit(104.9) == 400
    assert later.limit(100.0 + REMEMBERED) is None
    assert later.rest(0.005, 100.0 + REMEMBERED) == 0.0


def test_who_writes_is_asked_by_every_large_batch_and_by_few_of_the_small_ones() -> None:
    courtesy, asked = Courtesy(0.050), []
    for number in range(100):  # a small batch and its rest take 3 ms
        now = 100.0 + number * 0.003
        asked.append(courtesy.asks(now))
        seen = False if asked[-1] else None
        courtesy = courtesy.after(300, 0.001, now, others_write=seen)
    assert asked[0]
    assert 10 <= sum(asked) <= 15
    assert courtesy.asks(now + 0.050)


def test_a_writer_that_was_seen_is_remembered_by_batches_that_do_not_ask() -> None:
    seen = Courtesy(0.050).after(300, 0.001, 100.0, others_write=True)
    assert seen.after(300, 0.001, 101.0, others_write=None).limit(104.0) == 300
    assert seen.after(300, 0.001, 101.0, others_write=None).limit(105.0) is None


@pytest.mark.parametrize("others_write", [None, False])
def test_many_transactions_that_ended_meanwhile_are_writers_too(others_write: bool | None) -> None:
    few = Courtesy(0.050).after(300, 0.001, 100.0, others_write=others_write, ended=CROWD - 1)
    many = few.after(300, 0.001, 100.0, others_write=others_write, ended=CROWD)
    assert (few.limit(100.0), many.limit(100.0)) == (None, 300)
    assert many.limit(100.0 + HEARD) is None
    one = many
    for _ in range(CROWD):
        one = one.after(300, 0.001, 100.2, others_write=others_write, ended=1)
    assert one.limit(100.0 + HEARD) == 300  # small batches see few of them each


def test_a_crowd_does_not_make_a_writer_be_forgotten() -> None:
    seen = Courtesy(0.050).after(300, 0.001, 100.0, others_write=True)
    assert seen.after(300, 0.001, 100.1, others_write=None, ended=CROWD).limit(104.9) == 300


def test_a_batch_that_took_long_by_chance_neither_shrinks_the_next_nor_makes_for_a_long_rest() -> (
    None
):
    courtesy = Courtesy(0.050)
    for filling in (0.001, 0.001, 0.500):
        courtesy = courtesy.after(400, filling, 100.0, others_write=True)
    assert courtesy.limit(100.0) == 400
    assert courtesy.rest(0.500, 100.0) == 0.001 * REST


@pytest.mark.parametrize(
    ("target", "rows", "expected"),
    [
        (0.020, 40_000, int(40_000 / 0.1 * SHORTEST)),
        (0.0005, 40_000, int(40_000 / 0.1 * 0.0005)),  # never past the file's own
        (2.000, 10_000, 4_000),
        (0.050, 200, FEWEST),
    ],
)
def test_of_a_short_target_and_of_few_rows_there_is_a_least(
    target: float, rows: int, expected: int
) -> None:
    assert Courtesy(target).after(rows, 0.1, 0.0, others_write=True).limit(0.0) == expected


@given(
    st.floats(1_000, 1_000_000),
    st.floats(0.0001, 0.005),
    st.integers(1, LARGEST),
    st.floats(0.01, 0.5),
)
def test_on_a_steady_server_it_settles_below_its_target_and_near_it(
    rate: float, overhead: float, first: int, target: float
) -> None:
    controller = Controller(first, target)
    for _ in range(200):
        controller = controller.after(controller.size, overhead + controller.size / rate)
        assert 1 <= controller.size <= LARGEST
    took = overhead + controller.size / rate
    assert took <= target or controller.size <= FEWEST
    assert took >= target * 0.8 or controller.size == LARGEST or rate * target < 2 * FEWEST


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("55P03", Failure.CONTENDED),
        ("40P01", Failure.CONTENDED),
        ("40001", Failure.CONTENDED),
        ("57014", Failure.SLOW),
        (None, Failure.LOST),
        ("08006", Failure.LOST),
        ("57P01", Failure.LOST),
        ("53300", Failure.LOST),
        ("53200", Failure.SLOW),
        ("23514", Failure.ROW),
        ("23505", Failure.ROW),
        ("22P02", Failure.ROW),
        ("22003", Failure.ROW),
        ("P0001", Failure.ROW),
        ("BF001", Failure.ROW),
        ("42501", Failure.STOP),
        ("42P01", Failure.STOP),
        ("42883", Failure.STOP),
        ("53100", Failure.STOP),
        ("25006", Failure.STOP),
        ("0A000", Failure.STOP),
    ],
)
def test_what_a_code_means(code: str | None, expected: Failure) -> None:
    assert classify(code) is expected


@given(st.sampled_from(sorted(TRIES, key=str)), st.integers(1, 100), st.floats(0, 0.999))
def test_waits_are_spread_and_bounded(failure: Failure, tries: int, fraction: float) -> None:
    wait = wait_after(failure, tries, fraction)
    assert timedelta(0) <= wait < timedelta(seconds=10)
    assert wait_after(failure, tries, 0) == timedelta(0)  # full jitter begins at nothing


@pytest.mark.parametrize("code", ["42501", "42P01", "42703", "53100", "25006", "XX000", None])
def test_every_failure_has_a_remedy(code: str | None) -> None:
    advice = advise(code, "PostgreSQL's own words", table="recipes")
    assert "PostgreSQL's own words" in advice.what
    assert advice.remedy


# --- pauses --------------------------------------------------------------------------------------

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("signals", "reason", "why"),
    [
        (Signals(), None, ""),
        (Signals(replica_lag=10 * SECOND), None, ""),
        (
            Signals(replica_lag=11 * SECOND),
            Reason.REPLICA_LAG,
            "a replica is 11 s behind, and 10 s is the limit",
        ),
        (Signals(unseen_replicas=1), None, ""),
        (Signals(lock_waiters=1), Reason.LOCK_WAITERS, "1 session waits for locks on the table"),
        (Signals(lock_waiters=3), Reason.LOCK_WAITERS, "3 sessions wait for locks on the table"),
        (Signals(autovacuum=SECOND), Reason.AUTOVACUUM, "autovacuum is at work on the table"),
        (Signals(autovacuum=timedelta(minutes=16)), None, ""),
        (Signals(wal_rate=256 * 2**20), None, ""),
        (
            Signals(wal_rate=300 * 2**20),
            Reason.WAL_RATE,
            "the server writes 300 MB/s of WAL, and 256 MB/s is the limit",
        ),
        (Signals(burning="checkout burns"), Reason.BURNING, "checkout burns"),
    ],
)
def test_when_it_pauses(signals: Signals, reason: Reason | None, why: str) -> None:
    found = decide_pause(signals, Limits())
    assert found == (Pause(reason, why) if reason else None)


def test_a_lag_that_the_file_limits_must_be_seen() -> None:
    unseen = Signals(unseen_replicas=2)
    assert decide_pause(unseen, limits_of(("wal-rate-20mb",))) is None
    for word in ("replica-lag", "replica-lag-5s"):
        pause = decide_pause(unseen, limits_of((word,)))
        assert pause is not None
        assert pause.reason is Reason.REPLICA_LAG
        assert pause.why.startswith("the lag of 2 replicas is unknown: GRANT pg_monitor")


def test_a_file_may_set_limits() -> None:
    limits = limits_of(("replica-lag-5s", "wal-rate-20mb", "lock-waiters-3", "autovacuum-60s"))
    assert limits == Limits(5 * SECOND, 3, 20 * 2**20, 60 * SECOND, lag_named=True)
    assert limits_of(("replica-lag-500ms", "autovacuum")) == Limits(SECOND / 2, lag_named=True)
    assert limits_of(("slo",)).objectives is Heed.ALWAYS
    assert limits_of(("slo-page",)).objectives is Heed.PAGES
    assert limits_of(("slo-page", "slo-never")).objectives is Heed.NEVER


@pytest.mark.parametrize(
    "word", ["full-moon", "slo-5", "wal-rate-20", "lock-waiters-3s", "replica-lag-x"]
)
def test_a_reason_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=f"`pause-when` has `{word}`"):
        limits_of((word,))


# --- search --------------------------------------------------------------------------------------


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.data())
def test_the_row_that_fails_is_found_in_few_tries(
    rows: int, size: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, rows - 1))
    cursor, search, tries = 0, Search(), 0
    while True:
        batch = min(search.limit or size, rows - cursor)
        if cursor <= bad < cursor + batch:
            if batch == 1:
                break
            search = search.failed(batch)
            tries += 1
        else:
            cursor += batch
            search = search.passed(batch)
    assert cursor == bad
    assert tries <= max(min(size, rows), 2).bit_length() + 1


def test_where_somebody_mended_the_row_the_search_ends() -> None:
    search = Search().failed(4)
    assert search.limit == 2
    search = search.passed(2).passed(1).passed(1)
    assert search.limit == 0


# --- statements ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "source", "count"),
    [
        (
            "UPDATE recipes SET a = ':batch' WHERE :batch AND a IS NULL -- :batch",
            '"recipes"',
            "SELECT count(*) FROM (SELECT 1 FROM recipes WHERE true AND a IS NULL) AS left_over",
        ),
        (
            "UPDATE public.recipes AS r SET a = b.a FROM b WHERE r.id = b.id AND :batch",
            '"r"',
            (
                "SELECT count(*) FROM (SELECT 1 FROM public.recipes r, b WHERE r.id = b.id AND "
                "true) AS left_over"
            ),
        ),
        ("UPDATE recipes SET n = n + 1 WHERE :BATCH", '"recipes"', ""),
        (
            "DELETE FROM recipes USING b WHERE :batch AND recipes.id = b.id",
            '"recipes"',
            (
                "SELECT count(*) FROM (SELECT 1 FROM recipes, b WHERE true AND recipes.id = b.id) "
                "AS left_over"
            ),
        ),
        (
            (
                "INSERT INTO t (a, b) SELECT r.id, r.x FROM recipes r JOIN y ON y.i = r.id "
                "WHERE :batch ON CONFLICT (a) DO NOTHING"
            ),
            '"r"',
            (
                "SELECT count(*) FROM (SELECT r.id, r.x FROM recipes r JOIN y ON y.i = r.id "
                'WHERE true) AS chosen("a", "b") WHERE NOT EXISTS (SELECT FROM "t" AS there WHERE '
                'there."a" = chosen."a")'
            ),
        ),
        ("INSERT INTO t SELECT id FROM recipes WHERE :batch", '"recipes"', ""),
        (
            (
                "WITH w AS (SELECT id FROM recipes WHERE :batch) UPDATE t SET z = 1 FROM w "
                "WHERE w.id = t.id AND t.z IS NULL"
            ),
            '"recipes"',
            (
                "SELECT count(*) FROM (WITH w AS (SELECT id FROM recipes WHERE true) SELECT 1 FROM "
                "t, w WHERE w.id = t.id AND t.z IS NULL) AS left_over"
            ),
        ),
    ],
)
def test_where_the_range_goes_and_what_counts_what_is_left(
    statement: str, source: str, count: str
) -> None:
    parsed = parse_batch_statement(statement, ("public", "recipes"))
    assert (parsed.source, parsed.count) == (source, count)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE recipes SET a = 1", "has no `:batch`"),
        ("UPDATE recipes SET a = 1 WHERE :batch AND :batch", "more than once"),
        ("UPDATE recipes SET a = 1 WHERE :batch OR b", "does not stand in a WHERE"),
        ("UPDATE recipes SET a = :batch", "does not stand in a WHERE"),
        ("UPDATE dishes SET a = 1 WHERE :batch", "does not read public.recipes"),
        ("UPDATE other.recipes SET a = 1 WHERE :batch", "does not read public.recipes"),
    ],
)
def test_a_statement_that_cannot_be_run_in_batches(statement: str, message: str) -> None:
    with pytest.raises(StatementError, match=message):
        parse_batch_statement(statement, ("public", "recipes"))


def test_ranges_of_one_and_of_several_columns() -> None:
    one = (KeyColumn("id", "bigint"),)
    assert range_condition('"r"', one, has_lower=False) == '("r"."id") <= (%s::bigint)'
    two = (KeyColumn('a"b', "text"), KeyColumn("100%", "integer"))
    assert range_condition('"r"', two, has_lower=True) == (
        '("r"."a""b", "r"."100%%") > (%s::text, %s::integer) AND '
        '("r"."a""b", "r"."100%%") <= (%s::text, %s::integer)'
    )


# --- progress ------------------------------------------------------------------------------------


def status(state: BackfillState = BackfillState.RUNNING, **given: object) -> BackfillStatus:
    return BackfillStatus(Version("20260102000000"), "n", "t", state, **given)


def test_how_far_it_is() -> None:
    assert status(BackfillState.WAITING).done == 0.0
    half = status(visited=50, total=100, batches=5, working=timedelta(seconds=10))
    assert (half.done, half.rate, half.time_left) == (0.5, 5.0, timedelta(seconds=10))
    # The total is an estimate: it is through only when it says so.
    assert status(visited=120, total=100, batches=5).done == 0.999
    assert status(BackfillState.FINISHED, visited=90, total=100).done == 1.0
    assert status(visited=50, batches=1).done is None
    assert not status(BackfillState.FINISHED).proven
