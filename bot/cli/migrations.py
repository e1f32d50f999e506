"""``lockgate migrations``: hold the files of migrations and backfills to the rules."""

import gc
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.errors import CommandError
from bot.cli.groups import Group
from bot.core.render.escape import plain, visible

if TYPE_CHECKING:  # the rules and the parser take long to import, and --help needs none of them
    from bot.core.migrations.catalog import Catalog
    from bot.core.migrations.findings import Check, Finding
    from bot.core.migrations.rules.rule import Surroundings
    from bot.core.migrations.trial import Observed

_FOLDER = "supabase/migrations"
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
"""https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""

_SHOWN = 40
"""Lines of a rewrite: more than fits on a screen nobody reads there."""

Files = list[tuple[str, bytes]]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def migrations() -> None:
    """Check the files of database changes."""


@migrations.command()
@click.option("--range", "range_", metavar="A..B", help="Check what a git range adds or changes.")
@click.option(
    "--database", metavar="URL", help="A database whose sizes, checks and ledger are looked at."
)
@click.option("--trial", is_flag=True, help="Run the files on a shadow and tell what was seen.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="json: one object a line; github: annotations of a workflow.",
)
@click.option("--no-color", envvar="NO_COLOR", hidden=True, help="Any text: no colour.")
@click.argument("path", required=False)
def check(
    range_: str | None,
    database: str | None,
    trial: bool,
    format_: str,
    no_color: str | None,
    path: str | None,
) -> None:
    """Check the files of a folder, one file, or what a git range adds or changes.

    PATH is a folder of migrations, supabase/migrations if it is left out, or one of its files.
    Backfills are those of the folder `backfills` beside it. Nothing is written to a --database.

    \b
    Examples:
      lockgate migrations check
      lockgate migrations check --range origin/main..HEAD --format github
      lockgate migrations check supabase/migrations/20260301120000_add_title.sql --trial

    \b
    Exit codes:
      0  no errors, though there may be warnings
      1  errors
      2  they could not be checked
    """
    given = _in_range(range_, path) if range_ is not None else _on_disk(path)
    found = _check(given, database, trial=trial)
    text = dict((*given.migrations, *given.backfills))
    if format_ == "json":
        for finding in found.findings:
            click.echo(json.dumps(_record(finding), ensure_ascii=False))
    elif format_ == "github":
        for finding in found.findings:
            click.echo(_annotation(finding))
    else:
        colour = sys.stdout.isatty() and not no_color
        for file, findings in groupby(found.findings, attrgetter("file")):
            lines = _lines(text.get(file, b""))
            for finding in findings:
                click.echo(_paragraph(finding, lines, colour=colour))
        click.echo(_result(found))
    sys.exit(1 if found.failed else 0)


@dataclass(frozen=True, slots=True)
class _Given:
    """All files of both folders, and which of them are to be checked."""

    migrations: Files
    backfills: Files
    changed: frozenset[str]
    newest: str = ""
    """The newest version before a range."""
    removed: frozenset[str] = frozenset()
    """Files that a range takes away."""


def _check(given: _Given, database: str | None, *, trial: bool) -> "Check":
    from bot.adapters.squawk import started_squawk
    from bot.core.migrations.squawk import SquawkError

    judged = [one for one in given.migrations if one[0] in given.changed]
    try:
        with started_squawk(judged) as squawk, _uncollected():
            # Not before: it works while these are imported.
            from bot.core.migrations.lint import check_of
            from bot.core.migrations.model import Version
            from bot.core.migrations.trial import with_trial

            catalog, around = _known(database)
            if given.newest:
                around = replace(around, newest=Version(given.newest))
            found = check_of(
                given.changed,
                given.migrations,
                given.backfills,
                catalog,
                around,
                squawk,
                given.removed,
            )
    except SquawkError as error:
        raise CommandError(str(error), "install lockgate again: squawk comes with it") from error
    return with_trial(found, _observed(given, around, database)) if trial else found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Trees of many files are kept until the end, and to look for garbage among them again and
    again takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _known(database: str | None) -> "tuple[Catalog | None, Surroundings]":
    from bot.core.migrations.rules.rule import Surroundings

    if database is None:
        return None, Surroundings()
    import asyncio

    from bot.adapters.database.known import fetch_known
    from bot.ports.database import DatabaseError

    try:
        return asyncio.run(fetch_known(database))
    except DatabaseError as error:
        raise CommandError(str(error), error.remedy) from error


def _observed(given: _Given, around: "Surroundings", database: str | None) -> "Sequence[Observed]":
    from bot.adapters.database.shadow import ShadowError, run_trial
    from bot.core.migrations.files import read_folder
    from bot.core.migrations.versions import version_in
    from bot.logs import configure_logging

    configure_logging(level="error", json=False)  # standard output is for findings alone
    others = [path for path, _ in given.migrations if path not in given.changed]
    folder = read_folder(given.migrations, applied={version_in(one) for one in others})
    pending = [one for one in folder.migrations if one.version not in around.ledger]
    before = [one for one in pending if one.path not in given.changed]
    tried = [one for one in pending if one.path in given.changed]
    try:
        return run_trial(before, tried, database)
    except ShadowError as error:
        raise CommandError(str(error), error.remedy) from error


def _on_disk(path: str | None) -> _Given:
    place = Path(path or _FOLDER)
    folder = place.parent if place.is_file() else place
    if not folder.is_dir():
        raise CommandError(
            f"{visible(str(place))} is not there",
            "name a folder of migrations, or one of its files",
        )
    if place.is_file() and place.suffix != ".sql":
        raise CommandError(
            f"{visible(str(place))} is no .sql file", "name a migration, or the folder of them"
        )
    try:
        migrations = _read(folder)
        backfills = _read(folder.parent / "backfills")
    except OSError as error:
        raise CommandError(
            f"{visible(str(error.filename))} cannot be read: {error.strerror}",
            "see its permissions",
        ) from error
    names = {name for name, _ in (*migrations, *backfills)}
    if not names:
        click.echo(f"{visible(str(folder))} has no .sql file", err=True)
    return _Given(
        migrations, backfills, frozenset({place.as_posix()} if place.is_file() else names)
    )


def _read(folder: Path) -> Files:
    if not folder.is_dir():
        return []
    return [(file.as_posix(), file.read_bytes()) for file in sorted(folder.glob("*.sql"))]


def _in_range(range_: str, path: str | None) -> _Given:
    from bot.core.migrations.versions import version_in

    first, dots, last = range_.partition("..")
    if not dots or last.startswith("."):
        raise CommandError(f"{plain(range_)} is no range", "write A..B, such as origin/main..HEAD")
    folder = Path(path or _FOLDER).as_posix()
    backfills = (Path(folder).parent / "backfills").as_posix()
    before, after = (_tree(name or "HEAD", folder, backfills) for name in (first, last))
    changed = frozenset(name for name, blob in after.items() if before.get(name) != blob)
    fork = _fork(first or "HEAD", last or "HEAD")
    contents = _blobs([after[name] for name in sorted(after)])
    files = list(zip(sorted(after), contents, strict=True))
    kept = [one for one in files if Path(one[0]).parent.as_posix() == folder]
    versions = [version_in(name) for name in before if Path(name).parent.as_posix() == folder]
    return _Given(
        kept,
        [one for one in files if one not in kept],
        changed,
        max(versions, default=""),
        frozenset(_tree(fork, folder, backfills).keys() - after.keys()) if fork else frozenset(),
    )


def _fork(first: str, last: str) -> str:
    """The newest commit that both are built on: what the first has got since, nobody took away.
    Empty where there is none."""
    done = subprocess.run(
        ["git", "merge-base", "--end-of-options", first, last], capture_output=True, check=False
    )
    return done.stdout.decode().strip()


def _tree(commit: str, *folders: str) -> dict[str, str]:
    """Path to blob of the folders' SQL files."""
    arguments = ["ls-tree", "-z", "--full-tree", "--end-of-options", commit, "--"]
    listed = _git(*arguments, *(f"{folder}/" for folder in folders))
    found = {}
    for entry in filter(None, listed.split(b"\0")):
        facts, _, name = entry.partition(b"\t")
        mode, kind, blob = facts.split()
        if kind == b"blob" and mode.startswith(b"100") and name.endswith(b".sql"):
            found[name.decode(errors="replace")] = blob.decode()
    return found


def _blobs(ids: Sequence[str]) -> list[bytes]:
    """Their contents, by one process."""
    answer = _git("cat-file", "--batch", given="\n".join(ids).encode() + b"\n") if ids else b""
    contents, at = [], 0
    for _ in ids:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        contents.append(answer[end + 1 : end + 1 + size])
        at = end + size + 2
    return contents


def _git(*arguments: str, given: bytes | None = None) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], input=given, capture_output=True, check=False)
    except OSError as error:
        raise CommandError("git cannot be run", "install git and try again") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise CommandError(
            f"git rejects the range: {plain(''.join(said).removeprefix('fatal: '))}",
            "give a range of commits that this repository has, e.g. origin/main..HEAD",
        )
    return done.stdout


def _record(finding: "Finding") -> dict[str, object]:
    """The keys and their order are fixed: others read them."""
    return {
        "file": finding.file,
        "line": finding.line,
        "statement": finding.statement,
        "rule": finding.rule,
        "phase": finding.phase,
        "lock": finding.lock,
        "rewrite": finding.rewrite,
        "severity": finding.severity.value,
        "message": finding.message,
        "rewrite_sql": finding.rewrite_sql,
        "url": finding.url,
    }


def _annotation(finding: "Finding") -> str:
    said = finding.message
    if finding.rewrite_sql:
        said = "\n".join([said, "", "Instead:", "", *_cut(finding.rewrite_sql)])
    facts = {"file": finding.file, "line": finding.line, "col": finding.column}
    facts["title"] = finding.rule
    written = ",".join(f"{name}={_property(str(value))}" for name, value in facts.items())
    return f"::{_COMMANDS[finding.severity.value]} {written}::{_data(said)}"


def _data(text: str) -> str:
    lines = [visible(line) if line.strip() else "" for line in text.split("\n")]
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")


def _paragraph(finding: "Finding", lines: Sequence[str], *, colour: bool) -> str:
    severity = finding.severity.value
    if colour:
        severity = click.style(severity, fg=_COLOURS[severity], bold=True)
    phase = f" ({finding.phase})" if finding.phase else ""
    place = f"{visible(finding.file)}:{finding.line}:{finding.column}"
    out = [f"{place}: {severity} {finding.rule}{phase}"]
    if 0 < finding.line <= len(lines) and (line := lines[finding.line - 1]).strip():
        number = f"{finding.line:>5}"
        out.append(f"{number} | {_shown(line)}")
        out.append(f"      | {' ' * len(_shown(line[: finding.column - 1]))}^")
    out.append(f"  {visible(finding.message)}")
    if finding.rewrite_sql:
        out.append("  instead:")
        out.extend(f"    {_shown(line)}" for line in _cut(finding.rewrite_sql))
    return "\n".join(out) + "\n"


def _cut(sql: str) -> list[str]:
    lines = sql.split("\n")
    if len(lines) <= _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"-- … and {len(lines) - _SHOWN} more lines: --format json has them"]


def _shown(line: str) -> str:
    """A line with its indentation, in which nothing steers the terminal; cut."""
    line = line.replace("\t", "    ")
    if len(line) > 300:
        line = f"{line[:299]}…"
    return "".join(char if char.isprintable() else "�" for char in line)


def _result(found: "Check") -> str:
    files = f"{found.files} {'file' if found.files == 1 else 'files'}"
    counts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for word, severity in (("error", "error"), ("warning", "warning"), ("notice", "info"))
        if (number := sum(one.severity.value == severity for one in found.findings))
    ]
    return f"{', '.join(counts)} in {files}" if counts else f"{files} in order"
