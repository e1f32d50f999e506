"""``lockgate audit``: verify the audit log, show it, and export it."""

import asyncio
import csv
import io
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.groups import Group
from bot.core.audit.entry import AuditRecord, record_json
from bot.logs import configure_logging
from bot.ports import StoreUnavailable
from bot.ports.operations import AuditReader, AuditVerified
from bot.settings import Settings
from bot.wiring.store import AuditKeyError, EmbeddedError, audit_anchor, open_audit

T = TypeVar("T")

_COLUMNS = (
    "id", "at", "kind", "actor", "repository", "subject", "build_sha", "schema_hash",
    "release_tag", "pull_number", "detail",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell for a formula. https://owasp.org/www-community/attacks/CSV_Injection"""
_SINCE = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_BAR = 30
_REDRAW = 0.1
"""Seconds between two looks of the progress bar."""


class _Since(click.ParamType[datetime]):
    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        if found := _SINCE.fullmatch(value):
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time: write 2026-11-22, 2026-11-22T14:00Z or 7d", param, ctx
            )
        return at if at.tzinfo else at.replace(tzinfo=UTC)


_since = click.option(
    "--since", type=_Since(), help="Only from then on: a date, a time (UTC), or 30m, 24h, 7d, 2w."
)


@click.group(cls=Group)
def audit() -> None:
    """Verify the audit log, show it, and export it."""


@audit.command()
@click.option(
    "--anchor",
    "anchors",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A checkpoint that was kept elsewhere; may be given more than once.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or one JSON object.",
)
def verify(anchors: tuple[Path, ...], output: str) -> None:
    """Look at every entry, and name what was changed, removed, moved or put in.

    Checkpoints that were kept outside of the database show whether the end of the log was cut off.
    The newest one that this machine signed is always compared.

    \b
    Examples:
      lockgate audit verify
      lockgate audit verify --anchor checkpoint-of-v1.4.0.txt

    \b
    Exit codes:
      0  every entry is as it was written
      1  something was tampered with: it is named
      2  the log cannot be read, or usage
    """
    settings = settings_or_exit(app_needed=False)
    found = _with_audit(settings, lambda log: _verify(log, settings, anchors))
    if output == "json":
        click.echo(json.dumps(_as_json(found)))
    else:
        _say(found)
    if found.faults:
        sys.exit(1)


async def _verify(log: AuditReader, settings: Settings, anchors: tuple[Path, ...]) -> AuditVerified:
    kept = audit_anchor(settings)
    paths = [*anchors, *([kept] if kept.exists() else [])]
    try:
        notes = [(path.read_text("utf-8"), str(path)) for path in paths]
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"a checkpoint cannot be read: {error}", "name a readable file"
        ) from error
    bar = _Bar() if sys.stderr.isatty() else None
    try:
        return await log.verify(anchors=notes, progress=bar or (lambda done, of: None))
    finally:
        if bar:
            bar.end()


class _Bar:
    """A line on standard error, drawn anew."""

    def __init__(self) -> None:
        self._drawn = 0.0

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self._drawn < _REDRAW and done < of:
            return
        self._drawn = now
        filled = _BAR * done // of if of else _BAR
        bar = "█" * filled + "░" * (_BAR - filled)
        click.echo(f"\r{bar} {done:,} of {of:,} entries", nl=False, err=True)

    def end(self) -> None:
        click.echo("\r\033[K", nl=False, err=True)


def _say(found: AuditVerified) -> None:
    for fault in found.faults:
        which = f"entry {fault.entry_id}" if fault.entry_id else "the log"
        click.echo(f"{fault.tampering.value:<10}  {which}: {fault.found}")
    if found.more_faults:
        click.echo(f"… and {found.more_faults:,} more.")
    waiting = f", {found.waiting:,} more wait to be taken into it" if found.waiting else ""
    if found.faults:
        count = len(found.faults) + found.more_faults
        click.echo(
            f"{count:,} {'fault' if count == 1 else 'faults'} in {found.verified:,} entries of the "
            f"tree{waiting}. docs/reference/audit.md says what each means."
        )
    else:
        click.echo(f"{found.verified:,} entries are as they were written{waiting}.")


def _as_json(found: AuditVerified) -> dict[str, object]:
    return {
        "ok": not found.faults,
        "verified": found.verified,
        "waiting": found.waiting,
        "faults": [
            {"tampering": fault.tampering.value, "entry": fault.entry_id, "found": fault.found}
            for fault in found.faults
        ],
        "more_faults": found.more_faults,
    }


@audit.command()
@click.argument("entry_id", metavar="[ID]", type=int, required=False)
@_since
@click.option("--repository", default="", metavar="OWNER/REPO", help="Only of this one.")
@click.option(
    "--kind",
    default="",
    metavar="KIND",
    help="Only this kind: command, promotion, rollback, release, …",
)
@click.option("--build", default="", metavar="SHA", help="Only what is about this build.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="At most so many.",
)
def show(
    entry_id: int | None, since: datetime | None, repository: str, kind: str, build: str, limit: int
) -> None:
    """List entries, newest first, or show one with all its evidence.

    \b
    Examples:
      lockgate audit show --repository octo/shop --since 7d
      lockgate audit show 4711

    \b
    Exit codes:
      0  shown
      1  there is no such entry
      2  the log cannot be read, or usage
    """
    settings = settings_or_exit(app_needed=False)
    if entry_id is not None:
        record = _with_audit(settings, lambda log: log.fetch_entry(entry_id))
        if record is None:
            raise CommandError(
                f"there is no entry {entry_id}", "`lockgate audit show` lists them", exit_code=1
            )
        click.echo(json.dumps(record_json(record), indent=2))
        return
    records = _with_audit(
        settings,
        lambda log: log.fetch_entries(
            since=since, repository=repository, kind=kind, build_sha=build.lower(), limit=limit
        ),
    )
    if not records:
        click.echo("No entries.")
    for record in records:
        click.echo(_line(record))


def _line(record: AuditRecord) -> str:
    entry = record.entry
    links = [entry.build_sha[:7], entry.schema_hash[:12], entry.release_tag]
    links += [f"#{entry.pull_number}"] if entry.pull_number else []
    line = (
        f"{record.id:>8}  {record.at:%Y-%m-%d %H:%M:%S}  {entry.kind:<13}  {entry.actor:<20}  "
        f"{entry.repository}  {entry.subject}"
    )
    linked = " ↔ ".join(link for link in links if link)
    if linked:
        line += f"  ({linked})"
    # One line an entry: control characters in a name could rewrite the terminal.
    return "".join(c if c.isprintable() else " " for c in line)


@audit.command()
@_since
@click.option(
    "--format",
    "output",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="One JSON object a line, or a table for spreadsheets.",
)
def export(since: datetime | None, output: str) -> None:
    """Write entries to standard output, oldest first, however many.

    In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe.

    \b
    Examples:
      lockgate audit export --since 2026-01-01 > audit.jsonl
      lockgate audit export --format csv > audit.csv

    \b
    Exit codes:
      0  written
      2  the log cannot be read, or usage
    """
    settings = settings_or_exit(app_needed=False)

    async def write(log: AuditReader) -> None:
        if output == "csv":
            click.echo(_csv_line(_COLUMNS), nl=False)
        async for record in log.export(since=since):
            fields = record_json(record)
            if output == "jsonl":
                click.echo(json.dumps(fields, sort_keys=True))
            else:
                cells = [
                    json.dumps(value, sort_keys=True) if name == "detail" else str(value)
                    for name, value in ((name, fields[name]) for name in _COLUMNS)
                ]
                click.echo(_csv_line(cells), nl=False)

    _with_audit(settings, write)


def _csv_line(cells: Sequence[str]) -> str:
    """RFC 4180."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
    )
    return buffer.getvalue()


def _with_audit(settings: Settings, act: Callable[[AuditReader], Awaitable[T]]) -> T:
    configure_logging(level="warning", json=False)
    try:
        return asyncio.run(_open_and(act, settings))
    except (EmbeddedError, StoreUnavailable) as error:
        raise CommandError(
            str(error), "`lockgate doctor` says what is wrong with the database"
        ) from error
    except AuditKeyError as error:
        raise CommandError(str(error), "docs/reference/audit.md tells of the key") from error


async def _open_and(act: Callable[[AuditReader], Awaitable[T]], settings: Settings) -> T:
    async with open_audit(settings) as log:
        return await act(log)
