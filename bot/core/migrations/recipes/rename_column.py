"""Rename a column while builds use either name."""

from bot.core.migrations.drafts.facts import RecipeError, refuse_domain
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.successor import write_successor


def _write(asked: Asked, writer: DraftWriter) -> None:
    old, new = asked.places
    if old.table != new.table:
        raise RecipeError(
            f"{old} and {new} are of two tables", "use `move-column` to move it to the other"
        )
    table = asked.table(old.table)
    column = table.column(old)
    if column.identity:
        raise RecipeError(
            f"{old} is an identity column", "give the new one its own numbers by hand"
        )
    refuse_domain(old, column)
    write_successor(writer, table, old, new, column.declared)


RENAME_COLUMN = Recipe(
    name="rename-column",
    summary="Give a column another name.",
    places="TABLE.COLUMN TABLE.NEW",
    count=(2, 2),
    options=("type",),
    examples=("recipes.title recipes.title_norm --type text --key id",),
    write=_write,
)
