"""Forbid duplicates, after those that are there were told apart."""

from bot.core.migrations.drafts.facts import RecipeError, key_of
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import (
    check_expression,
    column_list,
    equal_keys,
    object_name,
)
from bot.core.migrations.names import quoted


def _write(asked: Asked, writer: DraftWriter) -> None:
    place = asked.places[-1]
    table = asked.table(place.table)
    columns = tuple(each.column for each in asked.places)
    if {each.table for each in asked.places} != {place.table} or len(set(columns)) < len(columns):
        raise RecipeError("the columns are not several of one table", "name each of them once")
    if table.known:
        for each in asked.places:
            table.column(each)
        if any(one.unique and set(one.columns) <= set(columns) for one in table.indexes):
            raise RecipeError(f"{place} is unique already", "there is nothing to do")
    if table.partitioned:
        raise RecipeError(
            f"{table.name} is partitioned: no index of all of it is built while builds write",
            "make the unique index on each partition, and attach them by hand",
        )
    key = key_of(table)
    check_expression(asked.value, "--value")
    search = quoted(object_name(table.name.name, *columns, "lockgate_search"))
    name = quoted(object_name(table.name.name, *columns, "key"))
    listed = column_list(columns)
    writer.expand_alone(
        f"Expand: ({listed}) of {table.name} is to be unique. This index is for the backfill, that "
        "it may find duplicates; it forbids none. It is built while builds write, and must be in a "
        "file of its own.",
        f"CREATE INDEX CONCURRENTLY {search}\nON {table.name} ({listed});",
        "search",
    )
    same = equal_keys("earlier", "row_", [(each, each) for each in columns])
    before = f"({column_list(key, 'earlier')}) < ({column_list(key, 'row_')})"
    writer.backfill(
        "Backfill: of rows that are alike, all but the one with the lowest key get another value. "
        "Put the build live first that writes no more duplicates, and run it after that: it is why "
        "promotions do not wait for it.",
        f"UPDATE {table.name} AS row_\n"
        f"SET {place.sql} = {asked.value}\n"
        "WHERE :batch AND EXISTS (\n"
        f"  SELECT FROM {table.name} AS earlier\n"
        f"  WHERE {same} AND {before}\n"
        ");",
        table=table.name,
        key=key,
        needed=False,
    )
    writer.contract_alone(
        "Contract, first part: proves that there are none, and forbids them from here on, while "
        "builds write. Apply it when no build that is live, or could be rolled back to, writes "
        "any. If it names a duplicate, run the backfill again and then this.",
        f"CREATE UNIQUE INDEX CONCURRENTLY {name}\nON {table.name} ({listed});",
        "index",
    )
    writer.contract(
        "Contract: makes a constraint of the index.",
        f"ALTER TABLE {table.name} ADD CONSTRAINT {name}\nUNIQUE USING INDEX {name};",
    )
    writer.contract_alone(
        "Contract, last part: the index that found duplicates has done its work.",
        f"DROP INDEX CONCURRENTLY {quoted(table.name.schema)}.{search};",
        "search",
    )


ADD_UNIQUE = Recipe(
    name="add-unique",
    summary="Forbid duplicates in one column or in several together.",
    places="TABLE.COLUMN...",
    count=(1, 16),
    options=("value",),
    examples=("recipes.slug --value \"slug || '-' || id\" --key id",),
    write=_write,
    needs={"value": "what a duplicate is to become, as SQL: `slug || '-' || id`"},
)
