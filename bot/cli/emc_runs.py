"""What ``lockgate emc`` does in a database, and what it says."""

import asyncio
import json
import os
import pwd
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import click

from bot.cli.emc_place import Place
from bot.cli.emc_telling import (
    BackfillBar,
    Json,
    as_json,
    say_backfill,
    say_item,
    say_steps,
    say_waiting,
)
from bot.cli.errors import CommandError
from bot.core.backfills.model import not_begun
from bot.core.migrations.agenda import Agenda, Item, Kind, plan_agenda
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.compatibility import SEE_FLAG
from bot.core.migrations.model import Backfill
from bot.core.migrations.versions import version_in
from bot.core.phrases import listed
from bot.core.render.escape import visible
from bot.ports.database import DatabaseBusy, DatabaseError, DatabaseRefused
from bot.wiring.databases import PostgresDatabase, open_database

T = TypeVar("T")

DONE, REFUSED, UNASKED, UNFINISHED = 0, 1, 2, 3
"""Exit codes."""
_GO_ON = "`lockgate emc run` goes on where it was"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``run`` was asked for."""

    versions: tuple[str, ...]
    dry_run: bool
    no_build_needs_it: bool
    allow_unknown: bool


class _Stopped(Exception):
    """Somebody asked for it while a migration waited for a lock."""


class Act(Enum):
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


def show_plan(place: Place) -> int:
    async def show(database: PostgresDatabase) -> int:
        agenda = await _agenda(place, database)
        for item in agenda.items:
            _say(place, say_item(item), {"event": "item", **as_json(item)})
        for version in agenda.unknown:
            text = f"{version}  is in the ledger, and no file has that version"
            _say(place, text, {"event": "unknown", "version": version})
        _say_problems(place, agenda)
        if not agenda.items and not agenda.problems:
            _say(place, "Nothing is to be done.", None)
        return REFUSED if agenda.problems else DONE

    return _with_database(place, show)


def show_status(place: Place, versions: Sequence[str]) -> int:
    async def show(database: PostgresDatabase) -> int:
        statuses = await database.fetch_backfills()
        known = {status.version for status in statuses}
        files = [
            not_begun(one.version, one.name, one.table)
            for one in place.read(()).backfills
            if one.version not in known
        ]
        shown = sorted([*statuses, *files], key=lambda one: one.version)
        for version in versions:
            if version not in {one.version for one in shown}:
                raise _no_backfill(place, version)
        shown = [one for one in shown if not versions or one.version in versions]
        for one in shown:
            _say(place, say_backfill(one), {"event": "backfill", **as_json(one)})
        if not shown:
            _say(place, "No backfills.", None)
        return DONE

    return _with_database(place, show)


def act_on(place: Place, act: Act, version: str, reason: str) -> int:
    async def do(database: PostgresDatabase) -> int:
        backfill = _named(place, version)
        by = pwd.getpwuid(os.getuid()).pw_name
        expected = {
            Act.PAUSE: BackfillState.PAUSED,
            Act.RESUME: BackfillState.WAITING,
            Act.CANCEL: BackfillState.CANCELED,
        }[act]
        match act:
            case Act.PAUSE:
                status = await database.pause_backfill(backfill, by=by, reason=reason)
            case Act.RESUME:
                status = await database.resume_backfill(backfill)
            case Act.CANCEL:
                status = await database.cancel_backfill(backfill, by=by)
        _say(place, say_backfill(status), {"event": "backfill", **as_json(status)})
        if status.state is expected or act is Act.RESUME:
            return DONE
        raise CommandError(
            f"it cannot be {expected.value}: it is {status.state.value}", exit_code=REFUSED
        )

    return _with_database(place, do)


def verify_all(place: Place, versions: Sequence[str]) -> int:
    async def verify(database: PostgresDatabase) -> int:
        begun = {status.version for status in await database.fetch_backfills()}
        backfills = (
            [_named(place, version) for version in versions]
            if versions
            else [one for one in place.read(()).backfills if one.version in begun]
        )
        worst = DONE
        for backfill in backfills:
            try:
                status = await database.verify_backfill(backfill)
            except DatabaseRefused as error:
                _say_error(place, error)
                worst = REFUSED
                continue
            left = f"{status.left:,} rows are left" if status.left else "no row is left"
            text = f"{status.version}  {visible(status.name)}: {left}"
            _say(place, text, {"event": "verified", **as_json(status)})
            worst = max(worst, REFUSED if status.left else DONE)
        if not backfills:
            _say(place, "No backfill has begun.", None)
        return worst

    return _with_database(place, verify)


def run_all(place: Place, wanted: Wanted) -> int:
    async def run(database: PostgresDatabase) -> int:
        agenda = await _agenda(place, database)
        items = _chosen(place, agenda, wanted)
        if agenda.problems:
            _say_problems(place, agenda)
            return REFUSED
        if agenda.unknown and items and not wanted.allow_unknown:
            raise CommandError(
                f"the ledger has {listed(agenda.unknown)}, and no file has such a version",
                "check out the commit that has these files, or say --allow-unknown",
                exit_code=REFUSED,
            )
        async with _until_signalled() as stopped:
            code = await _run_items(place, database, items, wanted, stopped)
        nothing = not items and not wanted.versions
        _say(place, "Nothing is to be done." if nothing else "", _summary(code))
        return code

    try:
        return _with_database(place, run)
    except KeyboardInterrupt:
        raise CommandError(
            "stopped at once; the batch, or transaction, that was under way is undone",
            _GO_ON,
            exit_code=UNFINISHED,
        ) from None


def _chosen(place: Place, agenda: Agenda, wanted: Wanted) -> list[Item]:
    """
    Raises:
        CommandError: a version has no file.
    """
    if not wanted.versions:
        return [*agenda.of(Kind.EXPAND), *agenda.of(Kind.BACKFILL)]
    known: set[str] = {item.version for item in agenda.items}
    known |= {version_in(problem.path) for problem in agenda.problems}
    for version in wanted.versions:
        if version in known:
            continue
        if version not in place.versions:
            raise CommandError(
                f"no file has version {visible(version)}",
                "`lockgate emc plan` lists what is to be done",
            )
        _say(place, f"{version} is done already.", None)
    return [item for item in agenda.items if item.version in wanted.versions]


async def _run_items(
    place: Place,
    database: PostgresDatabase,
    items: Sequence[Item],
    wanted: Wanted,
    stopped: Callable[[], bool],
) -> int:
    """A migration that fails ends it: others may build on it. A backfill harms no other."""
    codes = {DONE}
    for item in items:
        if stopped():
            codes.add(UNFINISHED)
            break
        code = await _run_item(place, database, item, wanted, stopped)
        codes.add(code)
        if code != DONE and item.kind is not Kind.BACKFILL:
            break
    if UNFINISHED in codes and stopped():
        _say(place, f"Stopped, as asked; {_GO_ON}.", None)
    return REFUSED if REFUSED in codes else max(codes)


async def _run_item(
    place: Place,
    database: PostgresDatabase,
    item: Item,
    wanted: Wanted,
    stopped: Callable[[], bool],
) -> int:
    if item.kind is Kind.CONTRACT:
        # For what was done just now it waits no more.
        agenda = await _agenda(place, database)
        _refuse_contract(
            next((one for one in agenda.items if one.version == item.version), item), wanted
        )
    try:
        if item.migration is not None:
            applied = await database.apply(
                item.migration,
                dry_run=wanted.dry_run,
                gave_way=_while_waiting(place, item, stopped),
            )
            _say(place, say_steps(item, applied), {"event": "migration", **as_json(applied)})
            return DONE
        if item.backfill is None:
            raise LookupError(item.version)
        if wanted.dry_run:
            # Before its expand there may be nothing yet to hold it against.
            proof = "" if item.waits else await database.check_backfill(item.backfill)
            text = say_item(item) + (
                f"\n    its end is counted by {visible(proof)}" if proof else ""
            )
            _say(place, text, {"event": "item", **as_json(item), "proof": proof})
            return DONE
        return await _run_backfill(place, database, item.backfill, stopped)
    except _Stopped:
        return UNFINISHED
    except DatabaseRefused as error:
        _say_error(place, error)
        return REFUSED
    except DatabaseBusy as error:
        _say_error(place, error)
        return UNFINISHED


def _while_waiting(place: Place, item: Item, stopped: Callable[[], bool]) -> Callable[[int], None]:
    """What to do between two tries to get a migration's locks."""

    def gave_way(tries: int) -> None:
        if stopped():
            raise _Stopped
        if not place.json:
            click.echo(say_waiting(item, tries), err=True)

    return gave_way


def _refuse_contract(item: Item, wanted: Wanted) -> None:
    if before := [one for one in item.waits if one.startswith("contract ")]:
        raise CommandError(
            f"contract {item.version} waits for {visible(listed(before))}",
            "apply that first, with its version",
            exit_code=REFUSED,
        )
    unproven = [one for one in item.waits if one.startswith("backfill ")]
    if unproven:
        raise CommandError(
            f"contract {item.version} waits for {listed(unproven)}",
            "run that first: `lockgate emc run` does, and `status` tells how far it is",
            exit_code=REFUSED,
        )
    if item.migration and item.migration.requires_flag_off:
        raise CommandError(
            f"nobody can tell whether flag {visible(item.migration.requires_flag_off)}, which "
            f"contract {item.version} names, is off: no flags are read yet",
            SEE_FLAG,
            exit_code=REFUSED,
        )
    if not wanted.no_build_needs_it:
        raise CommandError(
            f"contract {item.version} takes away what builds may need, and which are in use is "
            "not known here",
            f"comment `/contract {item.version}`, or make sure yourself and say "
            "--no-build-needs-it",
            exit_code=REFUSED,
        )


async def _run_backfill(
    place: Place, database: PostgresDatabase, backfill: Backfill, stopped: Callable[[], bool]
) -> int:
    with BackfillBar(as_lines=place.json) as bar:
        status = await database.run_backfill(backfill, until=stopped, progress=bar)
    _say(place, say_backfill(status), {"event": "backfill", **as_json(status)})
    if status.progress.settled(needed=backfill.needed):
        return DONE
    if status.state in (BackfillState.FAILED, BackfillState.FINISHED):
        return REFUSED
    return UNFINISHED


def _named(place: Place, version: str) -> Backfill:
    for backfill in place.read(()).backfills:
        if backfill.version == version:
            return backfill
    raise _no_backfill(place, version)


def _no_backfill(place: Place, version: str) -> CommandError:
    return CommandError(
        f"no file in {visible(str(place.folder / 'backfills'))} can be read as backfill "
        f"{visible(version)}",
        "`lockgate emc plan` lists them, and what is wrong with files",
    )


async def _agenda(place: Place, database: PostgresDatabase) -> Agenda:
    applied = [one.version for one in await database.fetch_applied()]
    return plan_agenda(place.read(applied), applied, await database.fetch_backfills())


@asynccontextmanager
async def _until_signalled() -> AsyncIterator[Callable[[], bool]]:
    """The first Ctrl-C is a wish, which is granted after the batch; the second ends it at once."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def ask(number: signal.Signals) -> None:
        asked.set()
        loop.remove_signal_handler(number)
        click.echo("\nstopping after this batch, or try; Ctrl-C again ends it at once …", err=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    try:
        yield asked.is_set
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _with_database(place: Place, act: Callable[[PostgresDatabase], Awaitable[int]]) -> int:
    async def run() -> int:
        async with open_database(place.url) as database:
            return await act(database)

    try:
        return asyncio.run(run())
    except DatabaseError as error:
        code = REFUSED if isinstance(error, DatabaseRefused) else UNASKED
        raise CommandError(visible(str(error)), visible(error.remedy), exit_code=code) from error


def _say(place: Place, text: str, fields: Json | None) -> None:
    if place.json:
        if fields is not None:
            click.echo(json.dumps(fields, ensure_ascii=False))
    elif text:
        click.echo(text)


def _say_error(place: Place, error: DatabaseError) -> None:
    if place.json:
        fields = {"event": "refused", "message": str(error), "remedy": error.remedy}
        click.echo(json.dumps(fields, ensure_ascii=False))
        return
    click.echo(f"error: {visible(str(error))}", err=True)
    if error.remedy:
        click.echo(f"help: {visible(error.remedy)}", err=True)


def _say_problems(place: Place, agenda: Agenda) -> None:
    for one in agenda.problems:
        remedy = f" ({one.remedy})" if one.remedy else ""
        text = f"{one.path}:{one.line}:{one.column}: {one.message}{remedy}"
        fields: Json = {
            "event": "problem",
            "path": one.path,
            "line": one.line,
            "column": one.column,
            "message": one.message,
            "remedy": one.remedy,
        }
        _say(place, visible(text), fields)


def _summary(code: int) -> Json:
    outcomes = {DONE: "done", REFUSED: "refused", UNFINISHED: "unfinished"}
    return {"event": "summary", "ok": code == DONE, "outcome": outcomes[code]}
