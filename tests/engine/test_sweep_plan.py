"""Which failed deliveries are asked for again."""

from datetime import UTC, datetime, timedelta

from bot.engine.sweep import MAX_ATTEMPTS, plan_redeliveries
from bot.ports import HookDelivery

START = datetime(2026, 1, 1, tzinfo=UTC)


def attempt(id_, guid, *, ok=False, minutes=0):
    return HookDelivery(id_, guid, START + timedelta(minutes=minutes), ok)


def test_only_what_never_arrived_is_asked_for():
    deliveries = [attempt(1, "a"), attempt(2, "b", ok=True), attempt(3, "c", minutes=-5)]
    assert [delivery.id for delivery in plan_redeliveries(deliveries)] == [3, 1]


def test_a_delivery_that_arrived_at_a_later_attempt_is_left_alone():
    deliveries = [attempt(1, "a"), attempt(2, "a", ok=True, minutes=1)]
    assert plan_redeliveries(deliveries) == []


def test_the_newest_attempt_speaks_for_its_delivery():
    deliveries = [attempt(1, "a"), attempt(9, "a", minutes=2), attempt(5, "a", minutes=1)]
    assert [delivery.id for delivery in plan_redeliveries(deliveries)] == [9]


def test_what_fails_every_time_is_given_up():
    deliveries = [attempt(n, "a", minutes=n) for n in range(MAX_ATTEMPTS)]
    assert plan_redeliveries(deliveries) == []
    assert plan_redeliveries(deliveries[1:]) == [deliveries[-1]]
