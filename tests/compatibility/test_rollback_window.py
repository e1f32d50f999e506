"""Which builds a rollback may still put back, and until when."""

from dataclasses import replace
from datetime import timedelta

import pytest
from compatibility_kit import NOW, V14, sha

from bot.core.hosting import Build, LedgerEntry, Origin
from bot.core.migrations.builds import InUse, Window, rollback_window

DAY = timedelta(days=1)


def entry(digit: str, ended_days_ago: float | None, **changes: object) -> LedgerEntry:
    until = None if ended_days_ago is None else NOW - ended_days_ago * DAY
    live = LedgerEntry(
        id=1,
        environment="production",
        build=Build(sha(digit)),
        origin=Origin.PROMOTION,
        live_from=NOW - 90 * DAY,
        live_until=until,
        verified_at=NOW - 89 * DAY,
        operation_id=1,
        actor="ada",
    )
    return replace(live, **changes)


LEDGER = (entry("5", None), entry("4", 1), entry("3", 3), entry("2", 10))


@pytest.mark.parametrize(
    ("ledger", "window", "expected"),
    [
        (LEDGER, Window(builds=0), [("5", True, None, 0)]),
        (
            LEDGER,
            Window(builds=2),
            [("5", True, None, 0), ("4", False, None, 2), ("3", False, None, 1)],
        ),
        (
            LEDGER,
            Window(builds=0, span=4 * DAY),
            [("5", True, None, 0), ("4", False, 3, 0), ("3", False, 1, 0)],
        ),
        # In it while either keeps it there.
        (
            LEDGER,
            Window(builds=1, span=4 * DAY),
            [("5", True, None, 0), ("4", False, 3, 1), ("3", False, 1, 0)],
        ),
        # The moment at which it ends is outside.
        (LEDGER, Window(builds=0, span=1 * DAY), [("5", True, None, 0)]),
        # A build that was live twice counts once, by its newest time; the live one only as that.
        (
            (entry("5", None), entry("4", 1), entry("5", 2), entry("4", 3), entry("3", 4)),
            Window(builds=2),
            [("5", True, None, 0), ("4", False, None, 2), ("3", False, None, 1)],
        ),
        # Never seen to work: nothing to go back to, unless it is what is live.
        (
            (entry("5", None, verified_at=None), entry("4", 1, verified_at=None), entry("3", 2)),
            Window(builds=1),
            [("5", True, None, 0), ("3", False, None, 1)],
        ),
        ((), Window(), []),
    ],
)
def test_what_is_in_the_window(
    ledger: tuple[LedgerEntry, ...],
    window: Window,
    expected: list[tuple[str, bool, float | None, int]],
) -> None:
    found = [
        (
            one.entry.build.sha[0],
            one.live,
            (one.leaves_at - NOW) / DAY if one.leaves_at else None,
            one.leaves_after,
        )
        for one in rollback_window(ledger, window, NOW)
    ]
    assert found == expected


def test_facts_are_put_to_it() -> None:
    found = rollback_window((entry("4", 1),), Window(builds=1, span=2 * DAY), NOW)[0]
    assert found.with_facts(V14) == InUse(V14, "production", False, NOW + DAY, 1)
