"""When an objective that burns is a reason to wait."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from bot.core.slo.kept import KeptState
from bot.core.slo.model import Alert, BudgetState, State, Window
from bot.core.slo.waiting import FRESH, reason_to_wait

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def kept(
    name: str = "api",
    *,
    left: str | None = "1/2",
    rate: str = "9.2",
    firing: bool = False,
    severity: str = "page",
    environments: tuple[str, ...] = (),
    age: timedelta = timedelta(0),
) -> KeptState:
    burn = Fraction(rate)
    alert = Alert(severity, HOUR, HOUR / 12, Fraction(6), burn, burn, firing)
    part = None if left is None else Fraction(left)
    state = State.NO_DATA if part is None else State.EXHAUSTED if part <= 0 else State.BURNING
    window = Window(timedelta(days=30))
    stands = BudgetState(
        name, Fraction(99, 100), window, 1, 1, None, part, {}, (alert,), state, NOW - age
    )
    return KeptState(42, name, environments, stands)


BURNING = "SLO api is burning 9.2×"
SPENT = "SLO api has −12 % of its error budget left"


@pytest.mark.parametrize(
    ("states", "pages", "all_of_them"),
    [
        ([], "", ""),
        ([kept()], "", ""),
        ([kept(firing=True)], BURNING, BURNING),
        ([kept(firing=True, severity="ticket")], "", ""),
        ([kept(firing=True, environments=("production", "eu"))], BURNING, BURNING),
        ([kept(firing=True, environments=("preview",))], "", ""),
        ([kept(firing=True, age=FRESH)], BURNING, BURNING),
        ([kept(firing=True, age=FRESH + timedelta(seconds=1))], "", ""),
        ([kept("site", firing=True, rate="7"), kept(firing=True)], BURNING, BURNING),
        ([kept(left="-12/100")], "", SPENT),
        ([kept("site", left="0"), kept(left="-12/100")], "", SPENT),
        ([kept("site", left="-2"), kept(firing=True)], BURNING, BURNING),
        ([kept(left=None)], "", ""),
    ],
)
def test_what_is_told(states: list[KeptState], pages: str, all_of_them: str) -> None:
    assert reason_to_wait(states, "production", NOW, exhausted=False) == pages
    assert reason_to_wait(states, "production", NOW, exhausted=True) == all_of_them
