"""Drop a column that no build uses any more."""

from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import by_hand, check_expression, given
from bot.core.migrations.names import quoted


def _write(asked: Asked, writer: DraftWriter) -> None:
    place = asked.place
    table = asked.table(place.table)
    column = table.column(place) if table.known else None
    if asked.value:
        check_expression(asked.value, "--value")
        writer.expand(
            f"Expand: {place} is to be dropped. Builds that leave it out write this value, and old "
            "builds read it.",
            f"ALTER TABLE {table.name} ALTER COLUMN {place.sql} SET DEFAULT {asked.value};",
        )
    elif column is None or (column.not_null and not column.default and not column.identity):
        writer.expand(
            f"Expand: {place} is to be dropped. Builds that leave it out may write then. What they "
            "write has NULL there: give `--value` instead if an old build could not read that.",
            f"ALTER TABLE {table.name} ALTER COLUMN {place.sql} DROP NOT NULL;",
        )
    by_hand_too = [*(column.by_hand if column else ()), *given(table.unknown)]
    for index in table.indexes:
        if place.column in index.columns and len(index.columns) > 1:
            by_hand_too.append(
                f"index {quoted(index.name)} is dropped with it, of other columns too"
            )
    for note in by_hand_too:
        writer.note(f"{place}: {note}")
    writer.contract(
        f"Contract: drops {place}, and what it holds. Apply it when no build that is live, or that "
        "could be rolled back to, reads or writes it. Nothing brings it back but a backup.",
        *given(
            by_hand(place, by_hand_too),
            f"ALTER TABLE {table.name} DROP COLUMN {place.sql};",
        ),
    )


DROP_COLUMN = Recipe(
    name="drop-column",
    summary="Drop a column.",
    places="TABLE.COLUMN",
    count=(1, 1),
    options=("value",),
    examples=("recipes.legacy", "recipes.legacy --value 0"),
    write=_write,
)
