"""How objectives stood, in the store: exactly as evaluated, newest only, with an hourly history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.core.model import Sha
from bot.core.slo.kept import BudgetPoint, KeptState
from bot.core.slo.model import Alert, BudgetState, State, Unit, Window

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
THIRD = Fraction(1, 3)


def state(
    name: str = "availability", left: Fraction | None = THIRD, at: datetime = NOW
) -> KeptState:
    alert = Alert("page", HOUR, HOUR / 12, Fraction("14.4"), Fraction(92, 10), None, True, "p")
    return KeptState(
        42,
        "Availability, of <all>",
        ("production",),
        BudgetState(
            name=name,
            objective=Fraction(999, 1000),
            window=Window(timedelta(days=31), Unit.MONTH, 1, NOW.replace(day=1), "Europe/Berlin"),
            good=Fraction(5, 2),
            total=7,
            ratio=Fraction(5, 14),
            budget_remaining=left,
            burn={HOUR / 12: None, HOUR: Fraction(92, 10)},
            alerts=(alert,),
            state=State.BURNING,
            at=at,
            reason="a \x07 reason",
            since=NOW - HOUR,
            returns_at=NOW + HOUR,
        ),
        "api",
        "",
        "slo/api.yml",
        7,
    )


@pytest.fixture
def slos(store: PostgresStore) -> PostgresSlos:
    return PostgresSlos(store.pool)


async def test_state_comes_back_exactly_as_it_was(slos: PostgresSlos) -> None:
    kept = state()
    await slos.save_states(42, [kept])
    assert await slos.fetch_states([42, 7]) == [kept]
    assert kept.concerns("production")
    assert not kept.concerns("preview")


async def test_newer_states_stand_and_what_vanished_is_forgotten(slos: PostgresSlos) -> None:
    await slos.save_states(42, [state("a"), state("b")])
    await slos.save_states(7, [replace(state("a"), repository_id=7)])
    newer, older = state("b", at=NOW + HOUR), state("b", at=NOW - HOUR)
    await slos.save_states(42, [newer])
    await slos.save_states(42, [older])
    assert await slos.fetch_states([42]) == [newer]
    assert await slos.fetch_budget_history(42, "a", NOW - HOUR) == []
    assert [one.name for one in await slos.fetch_states([7, 42])] == ["a", "b"]


async def test_a_state_of_a_clock_that_was_ahead_does_not_stand(slos: PostgresSlos) -> None:
    now = datetime.now(UTC)
    for at in (now + 5 * HOUR, now):
        await slos.save_states(42, [state(at=at)])
    assert [one.evaluated_at for one in await slos.fetch_states([42])] == [now]


async def test_objectives_are_found_by_their_name(slos: PostgresSlos) -> None:
    await slos.save_states(42, [state("a"), state("b")])
    await slos.save_states(7, [replace(state("a"), repository_id=7)])
    found = await slos.find_states("a")
    assert [(one.repository_id, one.name) for one in found] == [(7, "a"), (42, "a")]
    assert [one.repository_id for one in await slos.find_states("a", 42)] == [42]
    assert await slos.find_states("b", 7) == await slos.find_states("c") == []


async def test_states_are_counted_and_what_is_old_is_an_error(slos: PostgresSlos) -> None:
    fine = state("a")
    fine = replace(fine, state=replace(fine.state, state=State.OK))
    late = replace(fine, state=replace(fine.state, name="d", at=NOW - HOUR))
    seen = replace(fine, state=replace(late.state, name="e"), looked_at=NOW)
    await slos.save_states(42, [fine, state("b"), state("c"), late, seen])
    await slos.save_states(7, [replace(fine, repository_id=7)])
    counted = {State.OK: 2, State.BURNING: 2, State.ERROR: 1}
    assert await slos.count_states([42], NOW) == counted
    assert await slos.count_states([42, 7], NOW) == {**counted, State.OK: 3}
    assert await slos.count_states([42], NOW + HOUR) == {State.ERROR: 5}
    assert await slos.count_states([], NOW) == {}


async def test_history_has_one_point_an_hour_and_none_where_nothing_is_known(
    slos: PostgresSlos,
) -> None:
    looks: list[tuple[int, Fraction | None]] = [
        (0, THIRD),
        (10, Fraction(1, 4)),
        (29, Fraction(1, 5)),
        (31, None),  # a new hour, of which the first thing that is known counts
        (40, Fraction(-1, 2)),
        (95, Fraction(-1)),
    ]
    for minutes, left in looks:
        await slos.save_states(42, [state(left=left, at=NOW + timedelta(minutes=minutes))])
    points = [
        BudgetPoint(NOW, 1 / 3),
        BudgetPoint(NOW + timedelta(minutes=40), -0.5),
        BudgetPoint(NOW + timedelta(minutes=95), -1.0),
    ]
    history = slos.fetch_budget_history
    assert await history(42, "availability", NOW) == points
    assert await history(42, "availability", NOW + HOUR) == points[2:]
    assert await history(7, "availability", NOW) == []
    # A look without new numbers is no new point.
    rested = state(left=Fraction(-1), at=NOW + timedelta(minutes=95))
    await slos.save_states(42, [replace(rested, looked_at=NOW + timedelta(minutes=125))])
    assert await history(42, "availability", NOW) == points
    await slos.thin_budgets(NOW + timedelta(days=31, hours=1))
    assert await history(42, "availability", NOW) == points[2:]


async def test_files_that_define_objectives_are_the_newest(slos: PostgresSlos) -> None:
    await slos.want_objectives(42, Sha("a"), {"slo/a.yml": "one"})
    await slos.want_objectives(42, Sha("b"), {"slo/a.yml": "two"})
    assert (await slos.fetch_defining(), await slos.fetch_defined(42)) == (
        [42],
        {"slo/a.yml": "two"},
    )
    await slos.want_objectives(42, Sha("c"), {})
    assert (await slos.fetch_defining(), await slos.fetch_defined(42)) == ([], {})
