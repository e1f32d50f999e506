"""What a promotion finds when its turn has come."""

from dataclasses import replace
from datetime import timedelta

import operation_cases as cases
import pytest

from bot.core.hosting import Build, LedgerEntry, Origin
from bot.core.operations.machine import Failed, Operation, State
from bot.core.operations.turn import done_meanwhile, overtaken, plan_by_now, replaced_by

MINUTE = timedelta(minutes=1)


def live(build: Build, *, after: timedelta, operation_id: int | None) -> LedgerEntry:
    """Since so long after the promotion was asked for."""
    since = cases.operation().requested_at + after
    return LedgerEntry(
        1, "production", build, Origin.PROMOTION, since, None, since, operation_id, "ada"
    )


@pytest.mark.parametrize(
    ("build", "after", "operation_id", "too_late"),
    [
        (cases.OLD, -MINUTE, cases.operation().id - 1, False),
        (cases.OLD, MINUTE, cases.operation().id - 1, False),  # it stood before it in the queue
        (cases.OLD, MINUTE, cases.operation().id + 1, True),
        (cases.OLD, MINUTE, None, True),  # past the bot
        (cases.OLD, -MINUTE, None, False),
        (cases.NEW, MINUTE, cases.operation().id + 1, False),  # the same build: nothing is undone
    ],
)
def test_what_was_asked_for_later_counts(
    build: Build, after: timedelta, operation_id: int | None, too_late: bool
) -> None:
    found = overtaken(cases.operation(), live(build, after=after, operation_id=operation_id))
    assert (found is not None) is too_late
    if isinstance(found, Failed):
        assert found.ending is State.SUPERSEDED
        assert build.called in found.outcome
        assert ("asked for later" in found.outcome) is (operation_id is not None)


def test_nothing_that_is_live_overtakes_nothing() -> None:
    assert overtaken(cases.operation(), None) is None


@pytest.mark.parametrize(
    ("build", "changes", "doubted", "done"),
    [
        (cases.NEW, {}, None, True),
        (cases.OLD, {}, None, False),
        (cases.NEW, {"verified_at": None}, None, False),
        (cases.NEW, {"origin": Origin.ROLLBACK}, None, False),  # the promotion says: no longer held
        (cases.NEW, {}, cases.operation(), False),
    ],
)
def test_what_another_promotion_has_put_live_is_not_put_live_again(
    build: Build, changes: dict[str, object], doubted: Operation | None, done: bool
) -> None:
    entry = replace(live(build, after=MINUTE, operation_id=6), **changes)
    found = done_meanwhile(cases.operation(), entry, doubted)
    assert (found is not None) is done
    if found is not None:
        assert f"`{cases.NEW.called}` is live on production already, since 20" in found.outcome
    assert done_meanwhile(cases.operation(), None, None) is None


def test_a_plan_takes_the_place_of_what_is_live_by_then() -> None:
    plan = cases.operation().plan
    entry = live(cases.OLD, after=MINUTE, operation_id=1)
    assert plan_by_now(plan, entry).replaces == cases.OLD
    assert plan_by_now(plan, None).replaces is None
    assert replaced_by(cases.NEW, live(cases.NEW, after=MINUTE, operation_id=1)) is None
