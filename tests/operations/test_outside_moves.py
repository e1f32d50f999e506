"""What is made of a production domain that serves something else than the ledger has."""

from dataclasses import replace
from datetime import timedelta

import operation_cases as cases
import pytest

from bot.core.hosting import Build, BuildState, HostDeployment, LedgerEntry, Origin
from bot.core.model import Sha
from bot.core.operations.machine import (
    Done,
    Failed,
    Kind,
    Operation,
    StepName,
    attempt,
    begin,
    plan_operation,
    record,
)
from bot.core.operations.outside import (
    Move,
    is_live,
    known_build,
    late_move,
    unfinished,
    unsettled,
    went_back,
)
from bot.core.render.moved import moved_text, moved_title

NEW, OLD = cases.NEW, cases.OLD
NEVER = Build(cases.sha("d00d001"), "dpl_d00d001")
LEDGER = (cases.entry(2, NEW, until=None), cases.entry(1, OLD))


def made(build: Build, minutes: int) -> HostDeployment:
    at = cases.AT + timedelta(minutes=minutes)
    return HostDeployment(build.deployment_id, build.sha, BuildState.READY, True, at)


def run(operation: Operation, *names: StepName, failed: StepName | None = None) -> Operation:
    for name in names:
        operation = record(attempt(operation, name, cases.AT), name, Done("done"), cases.AT)
    if failed:
        operation = record(
            attempt(operation, failed, cases.AT), failed, Failed("it did not"), cases.AT
        )
    return operation


def asked(build: Build, kind: Kind = Kind.PROMOTE, operation_id: int = 7) -> Operation:
    plan = plan_operation(kind, "production", cases.TARGET, build, None)
    return begin(
        Operation(operation_id, cases.REPO, plan, cases.OCTO, cases.AT, cases.AT, comment_id=1)
    )


TO_SWITCH = (StepName.GATES, StepName.LOCK, StepName.ANNOUNCE, StepName.SWITCH)


@pytest.mark.parametrize(
    ("live", "deployment_id", "same"),
    [
        (LEDGER[0], NEW.deployment_id, True),
        (LEDGER[0], OLD.deployment_id, False),
        (None, NEW.deployment_id, False),
        (replace(LEDGER[0], build=replace(NEW, deployment_id="")), "", False),
    ],
)
def test_what_is_live_is_known_by_its_deployment(
    live: LedgerEntry | None, deployment_id: str, same: bool
) -> None:
    assert is_live(live, deployment_id) is same


def test_a_build_that_was_live_before_keeps_its_four_names() -> None:
    nameless = cases.entry(3, replace(OLD, sha=Sha(""), tag="", schema_hash=""))
    assert known_build((nameless, *LEDGER), OLD.deployment_id) == OLD
    assert known_build((nameless,), OLD.deployment_id) is None
    assert known_build(LEDGER, NEVER.deployment_id) is None


@pytest.mark.parametrize(
    ("ledger", "build", "times", "back"),
    [
        pytest.param(LEDGER, OLD, (1, 2), True, id="made earlier"),
        pytest.param(LEDGER, NEVER, (1, 2), True, id="made earlier, never live here"),
        pytest.param(LEDGER, NEVER, (3, 2), False, id="made later"),
        pytest.param(LEDGER, OLD, (3, 2), False, id="made later, whatever the ledger's order"),
        pytest.param(LEDGER, OLD, None, True, id="no times, live before the other"),
        pytest.param(
            (cases.entry(3, OLD, until=None), *LEDGER),
            NEW,
            None,
            False,
            id="no times, live after the other at first",
        ),
        pytest.param(LEDGER, NEVER, None, True, id="no times, never live: not known to be newer"),
        pytest.param((), NEVER, (1, 2), False, id="nothing was ever live"),
        pytest.param(LEDGER[1:], NEVER, None, False, id="nothing was live until now"),
    ],
)
def test_a_move_counts_as_a_rollback_unless_it_is_known_to_lead_to_something_newer(
    ledger: tuple[LedgerEntry, ...], build: Build, times: tuple[int, int] | None, back: bool
) -> None:
    served, replaced = (made(build, times[0]), made(NEW, times[1])) if times else (None, None)
    assert went_back(ledger, build.deployment_id, served, replaced) is back


def test_what_came_live_late_is_the_doing_of_the_operation_that_asked_for_it() -> None:
    failed = run(asked(NEW), *TO_SWITCH, failed=StepName.SETTLE)
    assert unfinished([failed], NEW.deployment_id) is failed
    assert unfinished([failed], OLD.deployment_id) is None
    assert late_move(failed) == Move(NEW, Origin.PROMOTION, "octo", 7)
    back = run(asked(OLD, Kind.ROLLBACK), *TO_SWITCH[1:], failed=StepName.VERIFY)
    assert late_move(back) == Move(OLD, Origin.ROLLBACK, "octo", 7)


def test_what_never_reached_the_host_moved_nothing() -> None:
    refused = run(asked(NEW), failed=StepName.GATES)
    assert unfinished([refused], NEW.deployment_id) is None


def test_what_was_recorded_since_settles_all_before_it() -> None:
    failed = run(asked(NEW), *TO_SWITCH, failed=StepName.SETTLE)
    steps = [*TO_SWITCH, StepName.SETTLE, StepName.VERIFY, StepName.RECORD]
    recorded = run(asked(OLD, operation_id=8), *steps)
    assert unfinished([recorded, failed], NEW.deployment_id) is None
    assert unfinished([failed, recorded], NEW.deployment_id) is failed


@pytest.mark.parametrize(
    ("origin", "back", "holds"),
    [
        (Origin.PROMOTION, False, False),
        (Origin.ROLLBACK, False, True),
        (Origin.OUTSIDE, False, False),
        (Origin.OUTSIDE, True, True),
    ],
)
def test_who_took_production_back_does_not_matter_to_releases(
    origin: Origin, back: bool, holds: bool
) -> None:
    entry = replace(cases.entry(1, NEW, origin=origin, until=None), went_back=back)
    assert entry.holds_releases is holds


def outside(build: Build, **changes: object) -> LedgerEntry:
    entry = cases.entry(9, build, origin=Origin.OUTSIDE, verified=False, until=None)
    return replace(entry, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "before", "text"),
    [
        (
            outside(NEW),
            LEDGER[1],
            (
                "Production serves v1.5.0 instead of v1.4.2, and Lockgate did not put it there: "
                "no gate was asked."
            ),
        ),
        (
            outside(OLD, went_back=True),
            LEDGER[0],
            (
                "Production serves v1.4.2 instead of v1.5.0, and Lockgate did not put it there: no "
                "gate was asked. It counts as a rollback: no release is promoted by itself until "
                "/promote."
            ),
        ),
        (
            outside(Build(Sha(""), "dpl_x")),
            None,
            (
                "Production serves dpl_x, and Lockgate did not put it there: no gate was asked. "
                "The host does not say which commit it was built from."
            ),
        ),
        (
            outside(NEW, origin=Origin.PROMOTION, operation_id=7),
            LEDGER[1],
            (
                "Production serves v1.5.0 instead of v1.4.2: the host was asked for it by "
                "operation 7, which ended without having seen it."
            ),
        ),
    ],
)
def test_what_the_team_is_told(entry: LedgerEntry, before: LedgerEntry | None, text: str) -> None:
    assert moved_text(entry, before) == text
    late = entry.origin is not Origin.OUTSIDE
    end = "moved late" if late else "was moved outside of Lockgate"
    assert moved_title(cases.REPO, entry) == f"acme/shop production {end}"


NOT_SEEN = cases.out(run(asked(NEW), *TO_SWITCH, StepName.SETTLE, failed=StepName.VERIFY))
BACK = asked(OLD, Kind.ROLLBACK, 8)
SEEN = run(BACK, *TO_SWITCH[1:], StepName.SETTLE, StepName.VERIFY, StepName.RECORD)
LIVE = replace(LEDGER[1], live_until=None)


@pytest.mark.parametrize(
    ("operations", "live", "expected"),
    [
        ([], LIVE, None),
        ([NOT_SEEN], LIVE, 7),
        ([NOT_SEEN], None, 7),
        # Something was written down since, by the bot or because it was seen.
        ([SEEN, NOT_SEEN], LIVE, None),
        ([NOT_SEEN], replace(LIVE, live_from=cases.AT + timedelta(seconds=1)), None),
        # The way back is under way, failed as well, or was refused before it changed anything.
        ([BACK, NOT_SEEN], LIVE, 8),
        ([cases.out(run(BACK, *TO_SWITCH[1:], failed=StepName.SETTLE)), NOT_SEEN], LIVE, 8),
        ([cases.out(run(BACK, failed=StepName.LOCK)), NOT_SEEN], LIVE, 7),
        # One that is under way, or changed nothing, is no reason to doubt.
        ([asked(NEW)], LIVE, None),
        ([run(asked(NEW), failed=StepName.GATES)], LIVE, None),
    ],
)
def test_what_nobody_knows_is_unsettled(operations, live, expected):
    found = unsettled(operations, live)
    assert (found.id if found else None) == expected
