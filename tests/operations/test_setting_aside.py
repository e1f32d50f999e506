"""Which promotion an override counts for: the newest operation, and no other."""

from dataclasses import replace
from datetime import timedelta

import operation_cases as cases
import pytest

from bot.core.commands.requests import Refusal
from bot.core.hosting import Build, LedgerEntry, Origin
from bot.core.operations.machine import Again, Failed, Kind, Operation, State, StepName
from bot.core.operations.setting_aside import choose_held
from bot.core.render.json import to_json

JUDGED = {"decision": to_json(cases.FAILING)}
REFUSED = cases.then(
    cases.operation(), StepName.GATES, Failed("`e2e` is red", "", State.REFUSED, JUDGED)
)
WAITING = replace(
    cases.then(cases.operation(), StepName.GATES, Again(timedelta(seconds=30), "", JUDGED)),
    when_ready=True,
)
LIVE = cases.through(cases.operation(what=cases.OLDER))
BACK = cases.through(cases.operation(Kind.ROLLBACK, cases.OLDER))
GREEN = cases.then(
    cases.operation(),
    StepName.GATES,
    Failed("", "", State.REFUSED, {"decision": to_json(cases.PASSING)}),
)


def went_live(build: Build, hours: int, *, operation_id: int | None = None) -> LedgerEntry:
    entry = cases.entry(3, build, origin=Origin.OUTSIDE, until=None)
    return replace(entry, live_from=cases.AT + timedelta(hours=hours), operation_id=operation_id)


def choose(
    *operations: Operation,
    live: LedgerEntry | None = None,
    gate: str = "checks",
    typed_on: int = 12,
) -> Operation | Refusal:
    """The operations oldest first."""
    numbered = [replace(one, id=number) for number, one in enumerate(operations, start=1)]
    return choose_held(
        numbered[::-1], live, environment="production", gate=gate, pull_number=typed_on
    )


@pytest.mark.parametrize("held", [REFUSED, WAITING])
def test_the_newest_operation_is_meant_where_the_gate_holds_it(held: Operation) -> None:
    assert choose(LIVE, held) == replace(held, id=2)
    assert choose(LIVE, held, live=went_live(cases.OLD, -1)) == replace(held, id=2)
    ours = went_live(cases.OLD, 1, operation_id=1)  # asked for before, and live after
    assert choose(LIVE, held, live=ours) == replace(held, id=2)


@pytest.mark.parametrize(
    ("operations", "live", "words"),
    [
        ([], None, "No promotion to production is held by that gate."),
        ([LIVE], None, "No promotion to production is held by that gate."),
        ([GREEN], None, "No promotion to production is held by that gate."),
        ([REFUSED, LIVE], None, "but `v1.4.1` went live since"),
        ([WAITING, LIVE], None, "but `v1.4.1` went live since"),
        ([REFUSED, LIVE, GREEN], None, "but `v1.4.1` went live since"),
        ([REFUSED, BACK], None, "but `v1.4.1` went live since"),
        ([REFUSED, GREEN], None, "but the promotion of `v1.5.0` was asked for since"),
        ([REFUSED], went_live(cases.OLDER, 1), "but `v1.4.1` came live since, past the bot"),
    ],
)
def test_what_came_since_is_named(
    operations: list[Operation], live: LedgerEntry | None, words: str
) -> None:
    refusal = choose(*operations, live=live)
    assert isinstance(refusal, Refusal)
    assert words in refusal.against
    if operations[:1] in ([REFUSED], [WAITING]):
        assert "The promotion of `v1.5.0`" in refusal.against
        assert f"`/promote production {cases.NEW.sha[:12]}`" in refusal.remedy


@pytest.mark.parametrize(
    ("begun_on", "against", "remedy"),
    [(9, "on pull request 9", "Type it there, or `/promote"), (0, "on no pull", "Type `/promote")],
)
def test_an_override_is_typed_where_the_promotion_was(
    begun_on: int, against: str, remedy: str
) -> None:
    refusal = choose(replace(REFUSED, pull_number=begun_on))
    assert isinstance(refusal, Refusal)
    assert against in refusal.against
    assert remedy in refusal.remedy


def test_another_gate_is_another_matter() -> None:
    assert isinstance(choose(REFUSED, gate="lock"), Refusal)
