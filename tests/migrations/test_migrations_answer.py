"""What ``/migrations`` answers on one environment, as it is received.

``UPDATE_EXPECTED=1 pytest tests/migrations`` writes the expected texts anew; read the difference.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hostile import texts
from hypothesis import given
from rendered import render

from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    DatabaseState,
    KnownMigration,
)
from bot.core.migrations.model import Phase, Version
from bot.core.migrations.runs import Part, PartKind, Planned, Run, RunKind, RunState
from bot.core.model import Actor, RepoRef, Sha
from bot.core.render.schema_run import render_migrations

EXPECTED = Path(__file__).parent / "expected"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUN = Run(
    id=7,
    repo=RepoRef(1, 2, "octo", "shop"),
    environment="production",
    kind=RunKind.MIGRATE,
    sha=Sha("a" * 40),
    actor=Actor(5, "mona"),
    requested_at=NOW - timedelta(hours=1),
    pull_number=12,
    comment_id=77,
    parts=(),
)
ENDED = replace(RUN, state=RunState.FAILED, ended_at=NOW - timedelta(minutes=40))


def version(day: int) -> Version:
    return Version(f"202603{day:02}000000")


def known(day: int, name: str, phase: Phase | None = Phase.EXPAND) -> KnownMigration:
    return KnownMigration(version(day), name, phase)


def backfill(day: int, name: str, state: BackfillState, **more: object) -> BackfillProgress:
    return BackfillProgress(version(day), name, state, **more)  # type: ignore[arg-type]


def database(*backfills: BackfillProgress, applied: int = 2) -> DatabaseState:
    ledger = {version(day): known(day, "old") for day in range(1, applied + 1)}
    return DatabaseState("production", ledger, {one.version: one for one in backfills})


def part(kind: PartKind, day: int, name: str) -> Part:
    return Part(kind, version(day), name)


WAITING = Planned(
    (
        part(PartKind.MIGRATION, 3, "title_norm"),
        part(PartKind.MIGRATION, 4, "notes"),
        part(PartKind.BACKFILL, 5, "title_norm"),
    ),
    unclear=(known(8, "perhaps", None),),
    contracts=(known(9, "drop_title", Phase.CONTRACT),),
)
BACKFILLS = database(
    backfill(10, "runs", BackfillState.RUNNING, done=0.834, left=timedelta(minutes=4, seconds=10)),
    backfill(11, "unmeasured", BackfillState.RUNNING),
    backfill(12, "rests", BackfillState.PAUSED, done=0.5, why="3 sessions wait for a lock"),
    backfill(13, "poisoned", BackfillState.FAILED, done=0.2, why="id = 7: check recipes_title"),
    backfill(14, "stopped", BackfillState.CANCELED, done=0.999),
    backfill(15, "unproven", BackfillState.FINISHED, done=1.0),
    backfill(16, "complete", BackfillState.FINISHED, proven=True, done=1.0),
    backfill(17, "to_come", BackfillState.WAITING, done=0.0),
    backfill(18, "between_turns", BackfillState.WAITING, done=0.3),
    backfill(19, "uncounted", BackfillState.FINISHED, uncounted=True, done=1.0),
    backfill(20, "needed", BackfillState.FINISHED, uncounted=True, done=1.0),
    applied=1,
)
CASES: dict[str, tuple[DatabaseState, Planned, Run | None]] = {
    "answer_nothing": (database(applied=0), Planned(()), None),
    "answer_all_applied": (database(), Planned(()), replace(ENDED, state=RunState.SUCCEEDED)),
    "answer_waiting": (database(), WAITING, RUN),
    "answer_backfills": (
        BACKFILLS,
        Planned((part(PartKind.BACKFILL, 20, "needed"),)),
        ENDED,
    ),
    "answer_many": (
        database(),
        Planned(tuple(part(PartKind.MIGRATION, 3, f"note_{one}") for one in range(43))),
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_what_is_expected(name: str) -> None:
    state, planned, newest = CASES[name]
    text = render_migrations("production", state, planned, NOW, newest) + "\n"
    file = EXPECTED / f"{name}.md"
    if os.environ.get("UPDATE_EXPECTED") == "1":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_no_expected_text_is_left_over() -> None:
    found = {path.stem for path in EXPECTED.glob("answer_*.md")}
    assert found == CASES.keys()


@given(texts)
def test_names_and_reasons_do_nothing(text: str) -> None:
    said = render_migrations(
        text,
        database(backfill(5, text, BackfillState.PAUSED, why=text)),
        replace(WAITING, unclear=(known(8, text, None),), contracts=(known(9, text),)),
        NOW,
        replace(RUN, actor=Actor(5, text)),
    )
    seen = render(said)
    assert seen.html == []
    assert seen.links == []
    assert {"img", "hr", "h1", "h2", "blockquote", "table"}.isdisjoint(seen.tags)
    assert "@octo" not in seen.text
