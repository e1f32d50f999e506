"""The files of objectives that a command is given: read whole, or refused with all faults told."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.errors import CommandError
from bot.cli.text_files import read_text
from bot.core.render.escape import visible

if TYPE_CHECKING:  # reading the files takes long to import, and --help needs none of it
    from bot.core.slo.model import Slo
    from bot.core.slo.openslo import SloFiles

FOLDER = "slo"
_MOST = 8 * 1024 * 1024
"""Bytes of one file: the parser refuses far shorter ones, and says so with the place."""
_ABSENT = "name a folder of objectives, or one of its files"


def valid_slos(path: str, environment: str | None) -> "list[Slo]":
    """Those for an environment, or all. Raises CommandError where anything is wrong."""
    files = read_files(path)
    if files.problems:
        print_problems(files, err=True)
        raise CommandError("the objectives are not in order", "mend what is told above")
    return [
        one
        for one in files.slos
        if environment is None or not one.environments or environment in one.environments
    ]


def read_files(path: str) -> "SloFiles":
    from bot.core.slo.openslo import parse_slos

    place = Path(path)
    try:
        inside = sorted(place.iterdir()) if place.is_dir() else None
    except OSError as error:
        raise CommandError(f"{visible(path)} cannot be read: {error.strerror}", _ABSENT) from None
    if inside is None:
        found = [place]
    else:
        found = [one for one in inside if one.suffix in (".yml", ".yaml")]
    if not found:
        raise CommandError(
            f"there is no .yml file in {visible(path)}", "name the folder of the objectives"
        )
    return parse_slos(
        [(one.as_posix(), read_text(str(one), _MOST, absent=_ABSENT)) for one in found]
    )


def print_problems(files: "SloFiles", *, err: bool = False) -> None:
    for one in files.problems:
        out = [f"{visible(one.file)}:{one.line}:{one.column}: {visible(one.message)}"]
        if one.excerpt.strip():
            out.append(f"  {one.line} | {visible(one.excerpt)}")
        if one.suggestion:
            out.append(f"  did you mean: {visible(one.suggestion)}")
        click.echo("\n".join(out) + "\n", err=err)
    if count := len(files.problems):
        click.echo(f"{count} problem{'' if count == 1 else 's'}", err=err)
