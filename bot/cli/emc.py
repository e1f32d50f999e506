"""``lockgate emc``: changes of a schema that go out in steps: expand, migrate, contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bot.cli.emc_new import new
from bot.cli.groups import Group

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group)
def emc() -> None:
    """Change a schema in steps: expand, migrate, contract."""


emc.add_command(new)


def _options(command: F) -> F:
    """What all have that look at a database."""
    for option in (
        click.option(
            "--format",
            "output",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="For people, or JSON, one object a line.",
        ),
        click.option(
            "--dir",
            "folder",
            default="supabase",
            show_default=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="It has `migrations` and `backfills`.",
        ),
        click.option(
            "--database",
            metavar="URL",
            default="",
            help="The database's URL. Others on the machine can see it: prefer --environment.",
        ),
        click.option(
            "--environment",
            metavar="NAME",
            default="",
            help="The environment whose LOCKGATE_DB_<NAME> has the URL.",
        ),
    ):
        command = option(command)
    return command


_versions = click.argument("versions", metavar="[VERSION]...", nargs=-1)
_version = click.argument("version")


@emc.command()
@_options
def plan(environment: str, database: str, folder: Path, output: str) -> None:
    """Show what would be applied, in order, and what waits for what. Changes nothing.

    \b
    Examples:
      lockgate emc plan --environment production
      lockgate emc plan --database postgresql:///shop --format json

    \b
    Exit codes:
      0  shown
      1  files are at fault, or the database refuses: it is named
      2  the database cannot be asked, or usage
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import show_plan

    raise SystemExit(show_plan(Place(environment, database, folder, output == "json")))


@emc.command()
@_versions
@_options
@click.option("--dry-run", is_flag=True, help="Show every statement that would be sent.")
@click.option(
    "--no-build-needs-it",
    is_flag=True,
    help="You made sure that no build in use, or to go back to, needs what a contract drops.",
)
@click.option(
    "--allow-unknown", is_flag=True, help="Go on where the ledger has versions without a file."
)
def run(
    versions: tuple[str, ...],
    environment: str,
    database: str,
    folder: Path,
    output: str,
    dry_run: bool,
    no_build_needs_it: bool,
    allow_unknown: bool,
) -> None:
    """Apply the expands that are pending, and run the backfills; with VERSIONs these alone.

    Contracts are applied only where they are named, and once their backfills are proven. Which
    builds still run is known to the bot and not to this command: prefer `/contract`, or say
    --no-build-needs-it.

    Ctrl-C ends it after the batch that is under way. However it ends, it goes on where it was.

    \b
    Examples:
      lockgate emc run --environment staging
      lockgate emc run 20260301120000 --environment production
      lockgate emc run --dry-run --database postgresql:///shop

    \b
    Exit codes:
      0  all of it is done, and the backfills' end is proven
      1  something failed or was refused: it is named, with the remedy
      2  the database cannot be asked, or usage
      3  not through: stopped, paused by somebody, or another runner is at it
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import Wanted, run_all

    place = Place(environment, database, folder, output == "json")
    wanted = Wanted(versions, dry_run, no_build_needs_it, allow_unknown)
    raise SystemExit(run_all(place, wanted))


@emc.command()
@_versions
@_options
def status(
    versions: tuple[str, ...], environment: str, database: str, folder: Path, output: str
) -> None:
    """Tell how far each backfill is, and why one pauses or failed.

    \b
    Examples:
      lockgate emc status --environment production

    \b
    Exit codes:
      0  shown
      1  the database refuses
      2  the database cannot be asked, or usage
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import show_status

    raise SystemExit(show_status(Place(environment, database, folder, output == "json"), versions))


@emc.command()
@_version
@_options
@click.option("--reason", default="", help="Why: it is shown to whoever looks.")
def pause(
    version: str, environment: str, database: str, folder: Path, output: str, reason: str
) -> None:
    """Have a backfill stop after the batch that is under way, wherever it runs.

    \b
    Examples:
      lockgate emc pause 20260302090000 --environment production --reason "sale until Monday"

    \b
    Exit codes:
      0  it is paused
      1  it is not: it has ended, or the database refuses
      2  the database cannot be asked, or usage
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import Act, act_on

    place = Place(environment, database, folder, output == "json")
    raise SystemExit(act_on(place, Act.PAUSE, version, reason))


@emc.command()
@_version
@_options
def resume(version: str, environment: str, database: str, folder: Path, output: str) -> None:
    """Let a backfill go on that was paused, failed or was canceled; `run` then runs it.

    One that failed on a row goes on with that row. One that came to its end and left rows, or whose
    end cannot be proven, or that was canceled, begins from the start.

    \b
    Examples:
      lockgate emc resume 20260302090000 --environment production

    \b
    Exit codes:
      0  it can be run again
      1  the database refuses
      2  the database cannot be asked, or usage
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import Act, act_on

    place = Place(environment, database, folder, output == "json")
    raise SystemExit(act_on(place, Act.RESUME, version, ""))


@emc.command()
@_version
@_options
def cancel(version: str, environment: str, database: str, folder: Path, output: str) -> None:
    """Stop a backfill for good. What is done stays done.

    \b
    Examples:
      lockgate emc cancel 20260302090000 --environment production

    \b
    Exit codes:
      0  it is canceled
      1  it is not: its end is proven, or the database refuses
      2  the database cannot be asked, or usage
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import Act, act_on

    place = Place(environment, database, folder, output == "json")
    raise SystemExit(act_on(place, Act.CANCEL, version, ""))


@emc.command()
@_versions
@_options
def verify(
    versions: tuple[str, ...], environment: str, database: str, folder: Path, output: str
) -> None:
    """Count again what backfills have left, and record it; without VERSIONs of all that began.

    \b
    Examples:
      lockgate emc verify --environment production

    \b
    Exit codes:
      0  no row is left
      1  rows are left, or they cannot be counted: it is named
      2  the database cannot be asked, or usage
    """
    from bot.cli.emc_place import Place
    from bot.cli.emc_runs import verify_all

    raise SystemExit(verify_all(Place(environment, database, folder, output == "json"), versions))
