"""The gate on the order of environments."""

from datetime import timedelta
from typing import Any

import pytest
from promotion_kit import NOW, OTHER, facts, live, said

from bot.core.gates.order import evaluate

AFTER = {"after": "staging", "soak": "2h"}


def stage(**changes: Any) -> dict[str, Any]:
    return {"staging": live(**changes)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("skip", "no environment comes before this one", "")),
        (
            {"policy": AFTER, "live": stage(live_from=NOW - timedelta(hours=2))},
            ("pass", "live in `staging` for 2 h", ""),
        ),
        (
            {"policy": AFTER, "live": stage()},
            (
                "wait",
                "live in `staging` for 1 h, 1 h to go",
                "wait until 2026-03-02 13:00 UTC",
            ),
        ),
        (
            {"policy": AFTER},
            (
                "fail",
                "nothing is known to be live in `staging`",
                "promote `3f2c1aa` to `staging` first",
            ),
        ),
        (
            {"policy": AFTER, "live": stage(sha=OTHER)},
            (
                "fail",
                "`staging` serves `a91b77c`, not `3f2c1aa`",
                "promote `3f2c1aa` to `staging` first",
            ),
        ),
        (
            {"policy": AFTER, "live": stage(live_until=NOW)},
            (
                "fail",
                "nothing is known to be live in `staging`",
                "promote `3f2c1aa` to `staging` first",
            ),
        ),
        (
            {"policy": {"after": "staging"}, "live": stage(verified_at=None)},
            (
                "wait",
                "`3f2c1aa` was put live in `staging`, and nobody has seen it served",
                "promote `3f2c1aa` to `staging` again, which verifies it",
            ),
        ),
        # Clocks of two machines differ: what began in the future has not soaked.
        (
            {"policy": AFTER, "live": stage(live_from=NOW + timedelta(minutes=1))},
            (
                "wait",
                "live in `staging` for 0 s, 2 h 1 min to go",
                "wait until 2026-03-02 14:01 UTC",
            ),
        ),
    ],
)
def test_what_is_said(given: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert said(evaluate(facts(**given))) == expected
