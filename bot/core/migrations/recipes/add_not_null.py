"""Forbid NULL in a column while old builds may still write it."""

from bot.core.migrations.drafts.facts import RecipeError, key_of
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import (
    check_expression,
    drop_trigger,
    object_name,
    of_new_row,
    resolve,
    row_trigger,
    trigger_function,
)
from bot.core.migrations.names import quoted


def _write(asked: Asked, writer: DraftWriter) -> None:
    place = asked.place
    table = asked.table(place.table)
    if table.known and table.column(place).not_null:
        raise RecipeError(f"{place} is NOT NULL already", "there is nothing to do")
    key = key_of(table)
    function = object_name("lockgate_fill", table.name.name, place.column)
    constraint = quoted(object_name(table.name.name, place.column, "not_null"))
    value = asked.value
    if check_expression(value, "--value"):
        value = of_new_row(value, table.name)
    writer.expand(
        f"Expand: {place} is to be NOT NULL. From here on a trigger puts a value where a build "
        "leaves none, and a constraint keeps to it; rows from before are not looked at yet. "
        "Builds that read NULL and builds that never do may run side by side.",
        # First, because it takes the strongest lock: one that is made stronger later can deadlock.
        f"ALTER TABLE {table.name} ADD CONSTRAINT {constraint}\n"
        f"CHECK ({place.sql} IS NOT NULL) NOT VALID;",
        trigger_function(
            table.name.schema,
            function,
            f"NEW.{place.sql} := {value};\nRETURN NEW;",
            about="What stands for NULL until no build writes it any more.",
        ),
        row_trigger(
            "BEFORE INSERT OR UPDATE", table.name, function, guard=f"NEW.{place.sql} IS NULL"
        ),
        resolve(table.name, asked.value),
    )
    writer.backfill(
        "Backfill: gives the rows from before the same value. Run it after the expand.",
        f"UPDATE {table.name}\nSET {place.sql} = {asked.value}\n"
        f"WHERE :batch AND {place.sql} IS NULL;",
        table=table.name,
        key=key,
    )
    writer.prove(
        "Contract, first part: proves it of every row, while all builds read and write.",
        f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {constraint};",
    )
    writer.contract(
        f"Contract: makes {place} NOT NULL and takes the trigger away. Apply it when no build "
        "that is live, or that could be rolled back to, writes NULL or leaves the column out.",
        "-- The constraint proves it, so that nothing is scanned.\n"
        f"ALTER TABLE {table.name} ALTER COLUMN {place.sql} SET NOT NULL;\n"
        f"ALTER TABLE {table.name} DROP CONSTRAINT {constraint};",
        drop_trigger(table.name, function),
    )


ADD_NOT_NULL = Recipe(
    name="add-not-null",
    summary="Forbid NULL in a column, with a value in its place until no build writes it.",
    places="TABLE.COLUMN",
    count=(1, 1),
    options=("value",),
    examples=("recipes.title --value \"''\" --key id",),
    write=_write,
    needs={"value": "what is to stand for NULL, as SQL: `''` or `lower(name)`"},
)
