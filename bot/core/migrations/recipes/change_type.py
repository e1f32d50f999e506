"""Give a column another type, as a new column: what rewrites the table at once locks it."""

from bot.core.migrations.drafts.facts import RecipeError
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import takes_collation
from bot.core.migrations.drafts.successor import write_successor


def _write(asked: Asked, writer: DraftWriter) -> None:
    old, new = asked.places
    if old.table != new.table:
        raise RecipeError(
            f"{old} and {new} are of two tables", "name a new column of the same table"
        )
    table = asked.table(old.table)
    if table.known and table.column(old).identity:
        raise RecipeError(
            f"{old} is an identity column", "give the new one its own numbers by hand"
        )
    if bool(asked.using) != bool(asked.back):
        raise RecipeError(
            "a conversion of your own goes both ways",
            "give `--using` for what old builds write, and `--back` for what new ones write",
        )
    declared = asked.type
    collation = table.column(old).collation if table.known else ""
    if collation and takes_collation(declared):
        declared = f"{declared} COLLATE {collation}"
    write_successor(
        writer, table, old, new, declared, using=asked.using, back=asked.back, converts=True
    )


CHANGE_TYPE = Recipe(
    name="change-type",
    summary="Give a column another type, under another name.",
    places="TABLE.COLUMN TABLE.NEW",
    count=(2, 2),
    options=("type", "using", "back"),
    examples=(
        "recipes.servings recipes.servings_big --type bigint --key id",
        "recipes.price recipes.cents --type bigint --using 'price * 100' --back 'cents / 100.0'",
    ),
    write=_write,
    needs={"type": "the new type, such as `bigint`"},
)
