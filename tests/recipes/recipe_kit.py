"""Tables as their catalogs would tell of them, and files as a person would ask for them."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bot.core.catalog import RECIPES
from bot.core.migrations.drafts.facts import Column, Table, TableName, parse_place
from bot.core.migrations.drafts.files import Draft
from bot.core.migrations.drafts.recipe import Asked
from bot.core.migrations.files import Folder, read_folder
from bot.core.migrations.findings import Finding
from bot.core.migrations.lint import check_of
from bot.core.migrations.model import Version

BY_NAME = {recipe.name: recipe for recipe in RECIPES}
BUILD = "c0ffee" + "0" * 34
RECIPES_TABLE = TableName("public", "recipes")
NUTRITION = TableName("public", "nutrition")


def versions(first: int = 20260301120000) -> Iterator[Version]:
    return (Version(str(first + at)) for at in count())


def told(name: TableName, key: tuple[str, ...] = ("id",), **types: str) -> Table:
    """A table of which only this is known."""
    return Table(name, {column: Column(type_) for column, type_ in types.items()}, key)


def draft(recipe: str, *places: str, tables: tuple[Table, ...], **options: object) -> Draft:
    asked = Asked(
        tuple(parse_place(place) for place in places),
        {table.name: table for table in tables},
        **{"build": BUILD, **options},
    )
    return BY_NAME[recipe].draft(asked, versions())


def folder_of(made: Draft) -> Folder:
    """The files as the grammar of files reads them."""
    return read_folder(*_both(made))


def findings_of(made: Draft) -> tuple[Finding, ...]:
    """What our own rules find in the files, without a database."""
    migrations, backfills = _both(made)
    changed = [path for path, _ in (*migrations, *backfills)]
    return tuple(check_of(changed, migrations, backfills).findings)


def _both(made: Draft) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    migrations, backfills = [], []
    for file in made.files:
        folder, into = (
            ("backfills", backfills)
            if file.part.value == "backfill"
            else ("migrations", migrations)
        )
        into.append((f"supabase/{folder}/{file.name}", file.text.encode()))
    return migrations, backfills


def read_files(folder: Path) -> Folder:
    """What stands in its two folders."""

    def pairs(name: str) -> list[tuple[str, bytes]]:
        files = sorted((folder / name).iterdir()) if (folder / name).exists() else []
        return [(path.name, path.read_bytes()) for path in files]

    return read_folder(pairs("migrations"), pairs("backfills"))


def cases(table: str = "recipes", column: str = "title") -> dict[str, Draft]:
    """Each recipe once, nothing but names and types known; a name is as SQL writes it."""
    name = parse_place(f"{table}.{column}").table
    real = parse_place(f"{table}.{column}").column
    home = told(name, **{"id": "bigint", real: "text"})
    other = told(TableName(name.schema, "nutrition"), ("recipe_id",))
    place = f"{table}.{column}"
    return {
        "rename-column": draft("rename-column", place, f"{table}.title_norm", tables=(home,)),
        "change-type": draft(
            "change-type", place, f"{table}.number", tables=(home,), type="bigint"
        ),
        "change-type-using": draft(
            "change-type",
            place,
            f"{table}.number",
            tables=(home,),
            type="bigint",
            using=f"length({column})::bigint",
            back="repeat('x', number::int)",
        ),
        "add-not-null": draft("add-not-null", place, tables=(home,), value="''"),
        "add-unique": draft("add-unique", place, tables=(home,), value=f"{column} || '-' || id"),
        "move-column": draft(
            "move-column",
            place,
            "nutrition.title",
            tables=(home, other),
            on=("recipe_id",),
        ),
        "split-table": draft(
            "split-table", place, tables=(home,), to=TableName(name.schema, "texts")
        ),
        "drop-column": draft("drop-column", place, tables=(home,)),
    }
