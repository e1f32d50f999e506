"""``lockgate emc new``: write the files of a change that goes out in steps."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.cli.errors import CommandError
from bot.cli.groups import Group
from bot.core.catalog import RECIPES
from bot.core.migrations.drafts.facts import (
    Column,
    Place,
    RecipeError,
    Table,
    TableName,
    parse_column,
    parse_place,
    parse_table,
)
from bot.core.migrations.drafts.files import Draft, Part
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import check_expression, check_type
from bot.core.migrations.model import Version
from bot.core.migrations.versions import STAMP, version_after
from bot.core.render.escape import visible
from bot.ports.database import DatabaseError

_FOLDERS = {Part.EXPAND: "migrations", Part.CONTRACT: "migrations", Part.BACKFILL: "backfills"}
_FILE = re.compile(r"(?P<version>[0-9]{14})_(?P<rest>.+\.sql)")
_NEXT = (
    "read them and edit what must be edited; then apply the expands, put the build live that uses "
    "the new shape, run the backfill, and apply the contracts when nothing needs the old one"
)


@click.group(cls=Group)
def new() -> None:
    """Write the files of a change: expand, backfill and contract.

    Names are written as in SQL: `recipes.title`, `shop.recipes.title`, and in double quotes where
    they must be. With --database the type, the key, indexes and constraints are read from its
    catalog; nothing is written there.

    \b
    Examples:
      lockgate emc new rename-column recipes.title recipes.title_norm --database postgresql:///shop
      lockgate emc new add-not-null recipes.slug --value "''" --key id
    """


_OPTIONS: dict[str, Callable[[Recipe], click.Option]] = {
    "to": lambda recipe: click.Option(["--to"], metavar="TABLE", help="The new table."),
    "on": lambda recipe: click.Option(
        ["--on"],
        metavar="COLUMN,...",
        help="The columns of the other table that hold this one's key, in its order.",
    ),
    "type": lambda recipe: (
        click.Option(
            ["--type", "type_"],
            metavar="COLUMN=TYPE",
            multiple=True,
            help="The type of a column, where no database is read; once for each.",
        )
        if recipe.count[1] > 2
        else click.Option(
            ["--type", "type_"],
            metavar="TYPE",
            multiple=True,
            help="The new type."
            if "type" in recipe.needs
            else "The column's type, where no database is read.",
        )
    ),
    "using": lambda recipe: click.Option(
        ["--using"], metavar="SQL", default="", help="The new value, by the row's columns."
    ),
    "back": lambda recipe: click.Option(
        ["--back"], metavar="SQL", default="", help="The old value, by the row's columns."
    ),
    "value": lambda recipe: click.Option(
        ["--value"],
        metavar="SQL",
        default="",
        help=f"{recipe.needs['value'][:1].upper()}{recipe.needs['value'][1:]}."
        if "value" in recipe.needs
        else "What builds that leave the column out write, for old ones to read.",
    ),
}


def _command(recipe: Recipe) -> click.Command:
    parameters: list[click.Parameter] = [
        click.Argument(["places"], nargs=-1, required=True, metavar=recipe.places),
        *(_OPTIONS[option](recipe) for option in recipe.options),
        click.Option(
            ["--database"], metavar="URL", help="Read types, keys and constraints from this one."
        ),
        click.Option(
            ["--key"],
            metavar="COLUMN,...",
            help="A unique key that is never NULL, where no database is read.",
        ),
        click.Option(
            ["--build"],
            metavar="SHA",
            default="",
            help="The commit that stopped using what the contract drops, where it is known.",
        ),
        click.Option(
            ["--dir", "folder"],
            default="supabase",
            show_default=True,
            type=click.Path(file_okay=False, path_type=Path),
            help="It has, or gets, `migrations` and `backfills`.",
        ),
        click.Option(
            ["--at"],
            metavar="VERSION",
            default="",
            help="The first file's 14 digits, in place of the time.",
        ),
        click.Option(
            ["--format", "output"],
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="For people, or one JSON object.",
        ),
    ]
    examples = "\n".join(f"  lockgate emc new {recipe.name} {each}" for each in recipe.examples)
    return click.Command(
        recipe.name,
        params=parameters,
        callback=lambda **given: _write(recipe, **given),
        short_help=recipe.summary,
        help=f"{recipe.summary}\n\n"
        f"What happens in each phase: docs/recipes/{recipe.name}.md.\n\n"
        f"\b\nExamples:\n{examples}\n\n"
        "\b\nExit codes:\n  0  written\n  2  nothing is written: usage, or it cannot be done so",
    )


for _recipe in RECIPES:
    new.add_command(_command(_recipe))


def _write(
    recipe: Recipe, places: tuple[str, ...], folder: Path, at: str, output: str, **given: object
) -> None:
    try:
        draft = recipe.draft(_asked(recipe, places, given), _versions(folder, at))
    except RecipeError as error:
        raise CommandError(visible(error.problem), visible(error.remedy)) from error
    except DatabaseError as error:
        raise CommandError(visible(str(error)), visible(error.remedy)) from error
    paths = _store(folder, draft)
    if output == "json":
        files = [
            {"phase": file.part.value, "version": file.version, "path": path.as_posix()}
            for file, path in zip(draft.files, paths, strict=True)
        ]
        click.echo(json.dumps({"recipe": recipe.name, "files": files, "notes": draft.notes}))
        return
    for file, path in zip(draft.files, paths, strict=True):
        click.echo(f"{file.part.value:<9} {path.as_posix()}")
    for note in draft.notes:
        click.echo(f"by hand   {visible(note)}")
    click.echo(f"Next: {_NEXT}.")


def _asked(recipe: Recipe, written: tuple[str, ...], given: dict[str, object]) -> Asked:
    least, most = recipe.count
    if not least <= len(written) <= most:
        raise RecipeError(
            f"{recipe.name} takes {recipe.places}, and {len(written)} were given",
            f"for example: lockgate emc new {recipe.name} {recipe.examples[0]}",
        )
    places = tuple(parse_place(each) for each in written)
    texts = {name: str(value or "") for name, value in given.items() if name != "type_"}
    build = texts["build"].lower()
    if build and not re.fullmatch("[0-9a-f]{40}", build):
        raise RecipeError("--build is no commit's id", "write all 40 digits of it")
    for option in ("using", "back", "value"):
        if texts.get(option):
            check_expression(texts[option], f"--{option}")
    to = parse_table(texts["to"]) if texts.get("to") else None
    types = tuple(map(str, given.get("type_") or ()))  # type: ignore[call-overload]
    new_type = _one_type(types) if "type" in recipe.needs and types else ""
    names = dict.fromkeys(place.table for place in places) | (dict.fromkeys([to]) if to else {})
    if texts["database"]:
        if texts["key"] or (types and not new_type):
            raise RecipeError(
                "the database says which key and types there are", "leave --key and --type away"
            )
        tables = _read(texts["database"], names, optional=to)
    else:
        tables = {name: Table(name) for name in names}
        columns = {} if new_type else _told(recipe, places[0], types)
        home = places[0].table
        tables[home] = Table(home, columns, _columns(texts["key"]))
    return Asked(
        places,
        tables,
        to=to,
        on=_columns(texts.get("on", "")),
        type=new_type,
        using=texts.get("using", ""),
        back=texts.get("back", ""),
        value=texts.get("value", ""),
        build=build,
    )


def _read(
    url: str, names: dict[TableName, None], *, optional: TableName | None
) -> dict[TableName, Table]:
    # Most that are written need no database, and must not wait for what speaks to one.
    from bot.adapters.database.catalog import fetch_tables

    found = dict(asyncio.run(fetch_tables(url, names)))
    for name in names:
        if name not in found and name != optional:
            raise RecipeError(f"the database has no table {name}", "write its schema before it")
    return found


def _told(recipe: Recipe, place: Place, types: tuple[str, ...]) -> dict[str, Column]:
    if recipe.count[1] <= 2:
        return {place.column: Column(_one_type(types))} if types else {}
    columns = {}
    for each in types:
        name, _, type_ = each.rpartition("=")
        if not name:
            raise RecipeError(f"“{each}” gives no column its type", "write `--type title=text`")
        check_type(type_)
        columns[parse_column(name)] = Column(type_)
    return columns


def _one_type(types: tuple[str, ...]) -> str:
    if len(types) > 1:
        raise RecipeError("--type is given more than once", "give one type")
    check_type(types[0])
    return types[0]


def _columns(written: str) -> tuple[str, ...]:
    parts = re.findall(r'(?:[^",]|"[^"]*")+', written)
    return tuple(parse_column(part.strip()) for part in parts)


def _versions(folder: Path, at: str) -> Iterator[Version]:
    """One a second, from now or from what the newest file has: later files are applied later."""
    if at and not re.fullmatch("[0-9]{14}", at):
        raise RecipeError(f"“{at}” is no version", "write 14 digits, such as 20260301120000")
    there = [match["version"] for match in map(_FILE.fullmatch, _names(folder)) if match]
    first = at or datetime.now(UTC).strftime(STAMP)
    if not at and there and max(there) >= first:
        first = _later(max(there))
    while True:
        yield Version(first)
        first = _later(first)


def _later(version: str) -> str:
    later = version_after(version)
    if later is None:
        raise RecipeError(f"no version is left after {version}", "give the first with --at")
    return later


def _names(folder: Path) -> list[str]:
    folders = [folder / name for name in sorted(set(_FOLDERS.values()))]
    try:
        return [path.name for each in folders if each.is_dir() for path in each.iterdir()]
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be read: {error.strerror}", "name another folder with --dir"
        ) from error


def _store(folder: Path, draft: Draft) -> list[Path]:
    """Writes all of them, or none where one is there already."""
    there = [match for match in map(_FILE.fullmatch, _names(folder)) if match]
    for file in draft.files:
        match = _FILE.fullmatch(file.name)
        for other in there:
            if match and (match["version"] == other["version"] or match["rest"] == other["rest"]):
                raise CommandError(
                    f"{visible(other[0])} is there already",
                    "delete what an earlier call has written, unless it is applied somewhere",
                )
    paths = [folder / _FOLDERS[file.part] / file.name for file in draft.files]
    written: list[Path] = []
    try:
        for file, path in zip(draft.files, paths, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                written.append(path)
                stream.write(file.text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise CommandError(
            f"{error.filename or folder} cannot be written: {error.strerror}",
            "name a folder with --dir that can be written",
        ) from error
    return paths
