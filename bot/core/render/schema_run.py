"""The comment of a run of database changes: one for each run, edited as it goes; and what the
commands about them answer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core.decision import Verdict
from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    DatabaseState,
    KnownMigration,
)
from bot.core.migrations.judgement import Judgement
from bot.core.migrations.runs import (
    Part,
    PartKind,
    PartState,
    Planned,
    Run,
    RunKind,
    RunState,
)
from bot.core.phrases import counted, say_duration
from bot.core.render import escape
from bot.core.render.words import MARKS, see_details
from bot.core.schema.snapshot import MeantSchema

_MARKS = {
    PartState.PLANNED: "⬜",
    PartState.RUNNING: MARKS[Verdict.WAIT],
    PartState.DONE: MARKS[Verdict.PASS],
    PartState.FAILED: MARKS[Verdict.FAIL],
}
_BAR = 20
"""Characters of a progress bar."""
_SHOWN = 40
"""Parts that are listed; more are counted."""


def run_marker(run_id: int) -> str:
    """What the comment is found again by, together with its author."""
    return f"<!-- lockgate:schema-run id={run_id} -->"


def render_run(run: Run, *, details_url: str = "") -> str:
    """The same run always gives the same text."""
    lines = [run_marker(run.id), _headline(run), "", *_parts(run.parts)]
    where = f" · {see_details(details_url)}" if details_url else ""
    commit = escape.code(run.sha[:7])
    lines += ["", f"<sub>Run {run.id} · files of {commit}{where} · `/help`</sub>", ""]
    return "\n".join(lines)


def render_plan_of_run(
    kind: RunKind, environment: str, planned: Planned, judgement: Judgement | None = None
) -> str:
    """What ``--dry-run`` answers, and ``/migrate`` where nothing is to be done."""
    place = escape.inline(environment, 60)
    if judgement is not None and not judgement.allowed:
        return f"**Dry run: the contract would be refused on {place}.** {_against(judgement)}"
    left = [
        f"{MARKS[Verdict.SKIP]} contract {_named(one)}: `/contract {one.version}`"
        for one in planned.contracts
    ]
    if not planned.parts:
        lines = [f"**Nothing to do: {place} has all that the trunk has.** Nothing was changed."]
    else:
        doing = "apply a contract" if kind is RunKind.CONTRACT else "migrate"
        lines = [f"**Dry run: would {doing} on {place}.** Nothing was changed.", ""]
        lines += [f"{number}. {_what(part)}" for number, part in enumerate(planned.parts, start=1)]
    if left and kind is RunKind.MIGRATE:
        lines += ["", "Left for later:", "", *(f"- {line}" for line in left)]
    return "\n".join(lines)


def render_migrations(
    environment: str,
    state: DatabaseState,
    planned: Planned,
    now: datetime,
    newest: Run | None,
) -> str:
    """What ``/migrations`` answers on one environment."""
    applied = counted(len(state.applied), "migration")
    head = f"**{escape.inline(environment, 60)}: {applied} applied"
    waiting = [part for part in planned.parts if part.kind is PartKind.MIGRATION]
    head += f", {len(waiting)} not yet.**" if waiting else ".**"
    lines = [head]
    rows = [f"- ⬜ {_what(part)}: `/migrate`" for part in waiting]
    rows += [
        f"- {MARKS[Verdict.SKIP]} contract {_named(one)}: `/contract {one.version}`"
        for one in planned.contracts
    ]
    rows += [
        f"- {MARKS[Verdict.ERROR]} {_named(one)}: nobody can tell its phase; mark it"
        for one in planned.unclear
    ]
    begun = {part.version: part for part in planned.parts if part.kind is PartKind.BACKFILL}
    for version in sorted({*begun, *state.backfills}):
        progress = state.backfills.get(version)
        rows.append(_backfill(begun.get(version), progress))
    if rows:
        lines += ["", *rows[:_SHOWN]]
        if len(rows) > _SHOWN:
            lines.append(f"- … and {len(rows) - _SHOWN} more")
    if newest is not None:
        said = "is under way" if not newest.ended else newest.state.value
        ago = f", {say_duration(now - newest.ended_at)} ago" if newest.ended_at else ""
        by = escape.inline(newest.actor.login, 60)
        lines += ["", f"Run {newest.id} (`/{newest.kind.value}`, asked by {by}) {said}{ago}."]
    return "\n".join(lines)


def render_accepted(environment: str, meant: MeantSchema) -> str:
    """What ``/migrate --accept-schema`` answers."""
    place = escape.inline(environment, 60)
    return (
        f"**The schema of {place} is the one that is meant: {escape.code(meant.root[:12])}.** "
        "Nothing was applied."
    )


def render_run_cancelled(run: Run) -> str:
    """What ``/cancel`` answers where a run was under way."""
    place = escape.inline(run.environment, 60)
    return f"**Run {run.id} on {place} is being cancelled.** What was applied stays applied."


def _headline(run: Run) -> str:
    place, by = escape.inline(run.environment, 60), escape.inline(run.actor.login, 60)
    contract = run.kind is RunKind.CONTRACT
    done = sum(part.state is PartState.DONE for part in run.parts)
    match run.state:
        case RunState.RUNNING:
            doing = "Applying a contract to" if contract else "Migrating"
            return f"**{doing} {place}: {done} of {len(run.parts)} done** · asked by {by}"
        case RunState.SUCCEEDED:
            took = say_duration((run.ended_at or run.requested_at) - run.requested_at)
            what = "The contract is applied to" if contract else "Migrated:"
            return f"**{what} {place} in {took}.** The schema there is {_schema(run)}."
        case RunState.CANCELLED:
            said = "Cancelled"
        case RunState.FAILED:
            said = "Contract not applied" if contract else "Not all was migrated"
    remedy = f" Next: {_sentence(run.remedy)}" if run.remedy else ""
    return f"**{said}: {place}, {done} of {len(run.parts)} done.** {_sentence(run.outcome)}{remedy}"


def _schema(run: Run) -> str:
    if run.schema_after == run.schema_before:
        return f"unchanged ({escape.code(run.schema_after[:12])})"
    return f"{escape.code(run.schema_after[:12])} now"


def _parts(parts: Sequence[Part]) -> list[str]:
    lines = [_line(part) for part in parts[:_SHOWN]]
    if len(parts) > _SHOWN:
        lines.append(f"- … and {len(parts) - _SHOWN} more")
    return lines


def _line(part: Part) -> str:
    found = escape.sentence(part.found, limit=300)
    line = f"- {_MARKS[part.state]} {_what(part)}"
    running = part.state is PartState.RUNNING and part.kind is PartKind.BACKFILL
    if running and part.done is not None:
        line += f" {_bar(part.done)}"
    if found:
        line += f" · {found}"
    took = (
        part.ended_at - part.started_at
        if part.kind is PartKind.BACKFILL and part.ended_at and part.started_at
        else timedelta()
    )
    return f"{line} · {say_duration(took)}" if took else line


def _what(part: Part) -> str:
    return f"{part.kind.value} {escape.code(f'{part.version}_{part.name}', 120)}"


def _named(migration: KnownMigration) -> str:
    return escape.code(f"{migration.version}_{migration.name}", 120)


def _bar(done: float) -> str:
    full = min(int(done * _BAR), _BAR - 1)
    return f"`{'█' * full}{'░' * (_BAR - full)}` {min(int(done * 100), 99)} %"


def _backfill(planned: Part | None, progress: BackfillProgress | None) -> str:
    if progress is None or progress.to_begin:
        assert planned is not None or progress is not None  # noqa: S101
        name = planned.name if planned else (progress.name if progress else "")
        version = planned.version if planned else (progress.version if progress else "")
        return f"- ⬜ backfill {escape.code(f'{version}_{name}', 120)}: has not begun"
    what = f"backfill {escape.code(f'{progress.version}_{progress.name}', 120)}"
    if progress.proven:
        return f"- {MARKS[Verdict.PASS]} {what}: proven complete"
    if progress.uncounted and planned is None:
        return f"- {MARKS[Verdict.SKIP]} {what}: done, not counted; nothing waits for it"
    if progress.state is BackfillState.FINISHED:
        return f"- {MARKS[Verdict.ERROR]} {what} came to its end, and is not proven complete"
    bar = f" {_bar(progress.done)}" if progress.done is not None else ""
    left = f", about {say_duration(progress.left)} left" if progress.left else ""
    why = f": {_sentence(progress.why)}" if progress.why else ""
    mark = MARKS[Verdict.FAIL if progress.state is BackfillState.FAILED else Verdict.WAIT]
    return f"- {mark} {what} is {progress.state.value}{bar}{left}{why}"


def _against(judgement: Judgement) -> str:
    return f"{_sentence(judgement.summary)} Next: {_sentence(judgement.remedy)}"


def _sentence(text: str) -> str:
    said = escape.sentence(text, limit=400).rstrip()
    return said if said.endswith((".", "!", "?")) else f"{said}."
