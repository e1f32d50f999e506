"""``lockgate schema``: the digest of a database's schema, and what differs from another's."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.groups import Group
from bot.core.migrations.gating import database_variable
from bot.core.render.escape import visible
from bot.core.schema.difference import Change, Detail, Difference, differences
from bot.core.schema.saved import NotSaved, parse_saved, render_saved
from bot.core.schema.snapshot import Snapshot
from bot.ports.database import DatabaseError

_SIGNS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}
_URL = ("postgres://", "postgresql://")
_NAMED = "name a file that is there, an environment or a postgresql:// URL"

Command = Callable[..., Any]


def _options(command: Command) -> Command:
    for option in (
        click.option(
            "--format",
            "output",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="For people, or one JSON object.",
        ),
        click.option(
            "--leave-out",
            "left_out",
            metavar="SCHEMA",
            multiple=True,
            help="A schema that is not looked at; may be given more than once.",
        ),
        click.option(
            "--environment",
            metavar="NAME",
            help="The database of LOCKGATE_DB_<NAME>.",
        ),
        click.option("--database", metavar="URL", help="The database to read."),
    ):
        command = option(command)
    return command


@click.group(cls=Group)
def schema() -> None:
    """Tell what a database's schema is, in one digest, and what differs from another's."""


@schema.command()
@_options
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the whole schema in a file, to be compared with later.",
)
def hash(  # noqa: A001 (what is typed)
    database: str | None,
    environment: str | None,
    left_out: tuple[str, ...],
    save: Path | None,
    output: str,
) -> None:
    """Print the digest of a database's schema.

    It is the same for the same schema, whatever its data, and after a dump and a restore.

    \b
    Examples:
      lockgate schema hash --environment production
      lockgate schema hash --database postgresql:///shop --save before.json

    \b
    Exit codes:
      0  printed
      2  the database cannot be read, or usage
    """
    snapshot = _read(_one_database(database, environment), left_out)
    if save:
        try:
            save.write_text(render_saved(snapshot), "utf-8")
        except OSError as error:
            raise CommandError(
                f"{save} cannot be written: {error.strerror}", "name another file"
            ) from error
    digests = snapshot.digests
    if output == "json":
        fields = {
            "root": digests.root,
            "objects": dict(digests.objects),
            "left_out": sorted(snapshot.left_out),
        }
        click.echo(json.dumps(fields))
    else:
        click.echo(digests.root)


@schema.command()
@click.argument("before")
@click.argument("after", required=False)
@_options
def diff(
    before: str,
    after: str | None,
    database: str | None,
    environment: str | None,
    left_out: tuple[str, ...],
    output: str,
) -> None:
    """Name the objects in which two schemas differ, and what of them.

    BEFORE and AFTER are each a file of `lockgate schema hash --save`, the URL of a database, or the
    name of an environment; AFTER may be told by an option instead. Schemas that were left out of
    either are looked at in none.

    \b
    Examples:
      lockgate schema diff before.json --environment production
      lockgate schema diff staging production
      lockgate schema diff before.json after.json

    \b
    Exit codes:
      0  they are the same
      1  they differ
      2  one cannot be read, or usage
    """
    if after is not None and (database or environment):
        raise CommandError(
            "AFTER is told twice", "leave AFTER away, or --database and --environment"
        )
    url = "" if after else _one_database(database, environment)
    one = _side(before, left_out)
    two = _side(after, left_out) if after else _read(url, left_out)
    found = differences(one, two)
    if output == "json":
        click.echo(json.dumps({"same": not found, "differences": [*map(_as_json, found)]}))
    else:
        for difference in found:
            click.echo(f"{_SIGNS[difference.change]} {visible(difference.name)}")
            for detail in difference.details:
                click.echo(f"    {_told(detail)}")
        if not found:
            click.echo("The schemas are the same.")
    if found:
        sys.exit(1)


def _one_database(database: str | None, environment: str | None) -> str:
    """The URL that the options tell."""
    if bool(database) == bool(environment):
        raise CommandError(
            "which database is to be read is told twice" if database else "no database is named",
            "give --database URL or --environment NAME",
        )
    return database or _of_environment(str(environment))


def _of_environment(name: str, remedy: str = "") -> str:
    databases = settings_or_exit(app_needed=False).databases
    if name not in databases:
        variable = database_variable(visible(name))
        raise CommandError(
            f"no database of {visible(name)} is known", remedy or f"set {variable} to its URL"
        )
    return databases[name].reveal()


def _side(word: str, left_out: tuple[str, ...]) -> Snapshot:
    """What a file, a URL or an environment's name leads to."""
    if word.startswith(_URL):
        return _read(word, left_out)
    path = Path(word)
    if not path.exists():
        return _read(_of_environment(word, _NAMED), left_out)
    try:
        saved = parse_saved(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{visible(word)} cannot be read", "name a readable file") from error
    except NotSaved as error:
        raise CommandError(
            f"{visible(word)} cannot be compared with: {error}",
            "make one with `lockgate schema hash --save FILE`",
        ) from error
    return Snapshot(saved.objects, saved.left_out | set(left_out))


def _read(url: str, left_out: tuple[str, ...]) -> Snapshot:
    # Files are compared without it, and `--help` must not wait for it.
    from bot.adapters.database.schema import fetch_snapshot

    try:
        return asyncio.run(fetch_snapshot(url, left_out=left_out))
    except DatabaseError as error:
        raise CommandError(str(error), error.remedy) from error


def _told(detail: Detail) -> str:
    where = visible(" ".join(detail.path))
    if detail.before is None:
        return f"{where}: added {visible(detail.after or '')}"
    if detail.after is None:
        return f"{where}: removed, was {visible(detail.before)}"
    return f"{where}: {visible(detail.before)} → {visible(detail.after)}"


def _as_json(difference: Difference) -> dict[str, object]:
    return {
        "change": difference.change.value,
        "name": difference.name,
        "details": [
            {"path": list(each.path), "before": each.before, "after": each.after}
            for each in difference.details
        ],
    }
