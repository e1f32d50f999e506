"""Move a column to another table whose rows belong to this one's, one to one at most."""

from bot.core.migrations.drafts.facts import (
    Place,
    RecipeError,
    Table,
    key_of,
    refuse_domain,
    refuse_heirs,
)
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.pairs import Pair, write_guard
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import (
    by_hand,
    column_list,
    comment_on,
    differ,
    drop_trigger,
    equal_keys,
    given,
    indented,
    object_name,
    raise_error,
    row_trigger,
    trigger_function,
)
from bot.core.migrations.names import quoted


def _write(asked: Asked, writer: DraftWriter) -> None:
    old, new = asked.places
    home, other = asked.table(old.table), asked.table(new.table)
    refuse_heirs(other)
    pair = _pair(asked, home, other)
    column = home.column(old)
    refuse_domain(old, column)
    fetch = object_name("lockgate_fetch", new.table.name, new.column)
    store = object_name("lockgate_store", new.table.name, new.column)
    push = object_name("lockgate_push", old.table.name, old.column)
    what = f"{old} is to become {new}"

    writer.expand(
        f"Expand: {what}, in steps. Adds the column. The triggers that keep both "
        "equal follow, a file for each table, so that no transaction locks both. Whoever writes "
        "either table must be allowed to read and update both.",
        f"ALTER TABLE {other.name} ADD COLUMN {new.sql} {column.declared};",
        *given(comment_on(new, column.comment)),
        suffix="column",
    )
    writer.expand(
        f"Expand, second part: {what}. This trigger must be there before the other "
        "two: they copy a value once, and from then on it has to follow.",
        # First, because it takes the strongest lock: one that is made stronger later can deadlock.
        *given(
            "-- Builds that use the new column leave this one out.\n"
            f"ALTER TABLE {home.name} ALTER COLUMN {old.sql} DROP NOT NULL;"
            if column.not_null or not home.known
            else "",
        ),
        trigger_function(
            home.name.schema,
            push,
            _push_body(old, new, pair),
            about="What is written to the old column goes to the new one too.",
        ),
        row_trigger("AFTER INSERT OR UPDATE", home.name, push),
        suffix="from",
    )
    writer.expand(
        f"Expand, third part: {what}. Apply it before a build that uses the new column goes live.",
        trigger_function(
            other.name.schema,
            fetch,
            _fetch_body(old, new, pair),
            about="A row that is not filled yet takes the old value. It locks that one's row, so "
            "that nobody changes it before this is committed.",
        ),
        trigger_function(
            other.name.schema,
            store,
            _store_body(old, new, pair),
            about="What is written to the new column goes to the old one too.",
        ),
        row_trigger("BEFORE INSERT OR UPDATE", other.name, fetch),
        row_trigger("AFTER INSERT OR UPDATE", other.name, store),
        suffix="to",
    )
    joined = equal_keys("source", "target", pair.columns)
    writer.backfill(
        f"Backfill: fills {new} where it is empty. It locks the rows that it reads, so that no "
        "build changes them in between. Run it after the expands.",
        f"UPDATE {other.name} AS target\n"  # noqa: S608 (text of a file)
        f"SET {new.sql} = (\n"
        f"  SELECT source.{old.sql} FROM {home.name} AS source\n"
        f"  WHERE {joined} FOR NO KEY UPDATE\n"
        ")\n"
        f"WHERE :batch AND target.{new.sql} IS NULL AND EXISTS (\n"
        f"  SELECT FROM {home.name} AS source\n"
        f"  WHERE {joined} AND source.{old.sql} IS NOT NULL\n"
        ");",
        table=other.name,
        key=other.key or tuple(theirs for _, theirs in pair.columns),
    )
    writer.contract(
        f"Contract, first part: looks whether each value of {old} stands in {new}, "
        "and takes away what wrote it back. Apply it when no build that is live, or that could be "
        "rolled back to, uses the old column.",
        write_guard(pair, [(old.column, new.column)], orphans_may_be_null=True),
        drop_trigger(other.name, store),
        drop_trigger(other.name, fetch),
        suffix="to",
    )
    notes = [*column.by_hand, *given(home.unknown)]
    if column.not_null or column.default:
        notes.append(f"NOT NULL and defaults of {new}: see add-not-null")
    notes += [
        f"the like of index {quoted(each.name)}, on {other.name}"
        for each in home.indexes
        if old.column in each.columns
    ] + [
        f"the like of foreign key {quoted(each.name)}, on {other.name}"
        for each in home.foreign_keys
        if old.column in each.columns
    ]
    for note in notes:
        writer.note(f"{old}: {note}")
    writer.contract(
        f"Contract: drops {old} and its trigger.",
        *given(
            drop_trigger(home.name, push),
            by_hand(old, notes),
            f"ALTER TABLE {home.name} DROP COLUMN {old.sql};",
        ),
        suffix="from",
    )


def _pair(asked: Asked, home: Table, other: Table) -> Pair:
    old, new = asked.places
    if old.table == new.table:
        raise RecipeError(
            f"{old} and {new} are of the same table", "use `rename-column` to rename it"
        )
    if new.column in other.columns:
        raise RecipeError(f"there is a column {new} already", "name one that is not there yet")
    key = key_of(home)
    if len(key) != len(asked.on):
        raise RecipeError(
            f"`--on` names {len(asked.on)} columns, and the key of {home.name} has {len(key)}",
            f"name those of {other.name} that hold ({column_list(key)}), in this order",
        )
    if other.known:
        for name in asked.on:
            if not other.column(Place(other.name, name)).not_null:
                raise RecipeError(
                    f"{Place(other.name, name)} may be NULL",
                    "give it NOT NULL first, with `add-not-null`",
                )
        uniques = [set(other.primary_key), *(set(i.columns) for i in other.indexes if i.unique)]
        if not any(unique and unique <= set(asked.on) for unique in uniques):
            raise RecipeError(
                f"several rows of {other.name} may belong to one of {home.name}",
                "make the columns of `--on` unique first, with `add-unique`",
            )
    return Pair(home.name, other.name, tuple(zip(key, asked.on, strict=True)))


def _fetch_body(old: Place, new: Place, pair: Pair) -> str:
    select = (
        f"SELECT source.{old.sql} INTO NEW.{new.sql} FROM {pair.home} AS source\n"  # noqa: S608 (text of a file)
        f"WHERE {equal_keys('source', 'NEW', pair.columns)} FOR NO KEY UPDATE;"
    )
    links = [theirs for _, theirs in pair.columns]
    relinked = differ(
        [f"NEW.{quoted(name)}" for name in links], [f"OLD.{quoted(name)}" for name in links]
    )
    unchanged = f"NOT {differ([f'NEW.{new.sql}'], [f'OLD.{new.sql}'])}"
    return (
        "IF TG_OP = 'INSERT' THEN\n"
        f"  IF NEW.{new.sql} IS NULL THEN\n"
        f"{indented(select, 4)}\n"
        "  END IF;\n"
        f"ELSIF {unchanged}\n"
        f"  AND (NEW.{new.sql} IS NULL OR {relinked}) THEN\n"
        f"{indented(select)}\n"
        "END IF;\n"
        "RETURN NEW;"
    )


def _store_body(old: Place, new: Place, pair: Pair) -> str:
    joined = equal_keys("source", "NEW", pair.columns)
    error = raise_error(
        f"the value of {new} cannot be written to {old} too",
        f"until the contract, there must be a row of {pair.home} for it, which whoever writes may "
        "update",
        code="'integrity_constraint_violation'",
    )
    return (
        "IF TG_OP = 'INSERT' THEN\n"
        f"  IF NEW.{new.sql} IS NULL THEN\n"
        "    RETURN NULL;\n"
        "  END IF;\n"
        f"ELSIF NOT {differ([f'NEW.{new.sql}'], [f'OLD.{new.sql}'])} THEN\n"
        "  RETURN NULL;\n"
        "END IF;\n"
        "-- Without the lock a write to the old column could pass by unseen.\n"
        f"PERFORM FROM {pair.home} AS source WHERE {joined} FOR NO KEY UPDATE;\n"
        "IF NOT FOUND THEN\n"
        f"{indented(error)}\n"
        "END IF;\n"
        f"UPDATE {pair.home} AS source SET {old.sql} = NEW.{new.sql}\n"
        f"WHERE {joined} AND {differ([f'source.{old.sql}'], [f'NEW.{new.sql}'])};\n"
        "RETURN NULL;"
    )


def _push_body(old: Place, new: Place, pair: Pair) -> str:
    return (
        "IF TG_OP = 'UPDATE' THEN\n"
        f"  IF NOT {differ([f'NEW.{old.sql}'], [f'OLD.{old.sql}'])} THEN\n"
        "    RETURN NULL;\n"
        "  END IF;\n"
        "END IF;\n"
        f"UPDATE {pair.other} AS target SET {new.sql} = NEW.{old.sql}\n"
        f"WHERE {equal_keys('NEW', 'target', pair.columns)}\n"
        f"  AND {differ([f'target.{new.sql}'], [f'NEW.{old.sql}'])};\n"
        "RETURN NULL;"
    )


MOVE_COLUMN = Recipe(
    name="move-column",
    summary="Move a column to another table.",
    places="TABLE.COLUMN OTHER.COLUMN",
    count=(2, 2),
    options=("on", "type"),
    examples=("recipes.calories nutrition.calories --on recipe_id --type int --key id",),
    write=_write,
    needs={"on": "the columns of the other table that hold this one's key"},
)
