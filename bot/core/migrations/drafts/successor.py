"""A new column beside the one that it follows, of the same row: rename and change of type.

The rule of the trigger: until a row is filled, the old column is the truth. After that, what a
write changed wins, and the new column where it changed both.
"""

from bot.core.migrations.drafts.facts import Column, Index, Place, RecipeError, Table, key_of
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.sql import (
    by_hand,
    column_list,
    comment_on,
    differ,
    drop_trigger,
    given,
    indented,
    object_name,
    of_new_row,
    one_line,
    raise_error,
    resolve,
    row_trigger,
    trigger_function,
)
from bot.core.migrations.names import dotted, quoted


def write_successor(
    writer: DraftWriter,
    table: Table,
    old: Place,
    new: Place,
    declared: str,
    *,
    using: str = "",
    back: str = "",
    converts: bool = False,
) -> None:
    """``declared``: the new column's type. ``converts``: it is not the old one's.

    Raises:
        RecipeError: the new column is there already, or batches could not be made.
    """
    if new.column in table.columns:
        raise RecipeError(f"there is a column {new} already", "name one that is not there yet")
    key = key_of(table)
    column = table.columns.get(old.column, Column(""))
    function = object_name("lockgate_sync", table.name.name, old.column, new.column)
    not_null = object_name(table.name.name, new.column, "not_null")
    what = f"{old} is to become {new.sql}{f', of type {declared}' if converts else ''}, in steps"

    checks = []
    if column.not_null:
        checks.append(
            f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(not_null)}\n"
            f"CHECK ({new.sql} IS NOT NULL) NOT VALID;"
        )
    writer.expand(
        f"Expand: {what}. Adds the column, "
        "and a trigger that keeps both equal, whichever a build writes: old builds notice nothing. "
        "Apply it before a build that uses the new column goes live.",
        f"ALTER TABLE {table.name} ADD COLUMN {new.sql} {declared};",
        *given(comment_on(new, column.comment)),
        trigger_function(
            table.name.schema,
            function,
            _sync_body(table, old, new, using=using, back=back, converts=converts),
            about="A row that is not filled yet follows the old column. What a write changed wins.",
        ),
        row_trigger("BEFORE INSERT OR UPDATE", table.name, function),
        *checks,
        *given(resolve(table.name, using, back) if using else ""),
    )
    for number, (name, definition) in enumerate(_foreign_keys(table, old, new), 1):
        writer.expand(
            "Expand: the foreign key, for the new column. For a moment it holds up who writes "
            "either table: so it is in a file of its own.",
            f"ALTER TABLE {table.name} ADD CONSTRAINT {name}\n{definition} NOT VALID;",
            suffix=f"foreign_key_{number}",
        )
    indexes = [each for each in table.indexes if old.column in each.columns]
    made = [(each, _successor_index(writer, table, each, old, new)) for each in indexes]
    _write_backfill(writer, table, key, old, new, using=using, converts=converts)
    proofs = [
        f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {quoted(not_null)};"
    ] * column.not_null + [
        f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {name};"
        for name, _ in _foreign_keys(table, old, new)
    ]
    if proofs:
        writer.prove(
            "Contract, first part: proves what the new column must keep to, while all builds read "
            "and write. It takes nothing away.",
            *proofs,
        )
    proven = (
        "-- The constraint proves it, so that nothing is scanned.\n"
        f"ALTER TABLE {table.name} ALTER COLUMN {new.sql} SET NOT NULL;\n"
        f"ALTER TABLE {table.name} DROP CONSTRAINT {quoted(not_null)};"
    )
    left = [*column.by_hand, *given(table.unknown)]
    for note in left:
        writer.note(f"{old}: {note}")
    writer.contract(
        f"Contract: {what}. Drops the old column and the trigger. Apply it when no build "
        "that is live, or that could be rolled back to, uses the old one.",
        *given(
            proven if column.not_null else "",
            *(_constraint(table, each, name) for each, name in made if each.constraint),
            _default(table, column, new, declared, using=using, converts=converts),
            drop_trigger(table.name, function),
            by_hand(old, left),
            f"ALTER TABLE {table.name} DROP COLUMN {old.sql};",
        ),
    )


def _sync_body(
    table: Table, old: Place, new: Place, *, using: str, back: str, converts: bool
) -> str:
    # An assignment converts by itself, and refuses what a cast would cut off.
    forward = f"NEW.{old.sql}" if not using else of_new_row(using, table.name)
    backward = f"NEW.{new.sql}" if not back else of_new_row(back, table.name)
    forward, backward = f"NEW.{new.sql} := {forward};", f"NEW.{old.sql} := {backward};"
    new_changed = differ([f"NEW.{new.sql}"], [f"OLD.{new.sql}"])
    old_changed = differ([f"NEW.{old.sql}"], [f"OLD.{old.sql}"])
    body = (
        "IF TG_OP = 'INSERT' THEN\n"
        f"  IF NEW.{new.sql} IS NULL THEN\n"
        f"    {forward}\n"
        "  ELSE\n"
        f"    {backward}\n"
        "  END IF;\n"
        f"ELSIF {new_changed} THEN\n"
        f"  {backward}\n"
        f"ELSIF NEW.{new.sql} IS NULL OR {old_changed} THEN\n"
        f"  {forward}\n"
        "END IF;\n"
        "RETURN NEW;"
    )
    if not converts:
        return body
    error = raise_error(
        f"a value does not convert between {old} and {new.sql}",
        f"until the contract drops {old.sql}, both columns must hold it",
        code="SQLSTATE",
        detail="SQLERRM",
    )
    return (
        f"{body}\n"
        "EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN\n" + indented(error)
    )


def _write_backfill(
    writer: DraftWriter,
    table: Table,
    key: tuple[str, ...],
    old: Place,
    new: Place,
    *,
    using: str,
    converts: bool,
) -> None:
    if not converts:
        about = f"Backfill: fills {new.sql} where it is empty. Run it after the expand."
        value, source = old.sql, old.sql
    else:
        about = (
            f"Backfill: touches the rows in which {new.sql} is empty, and the trigger fills it: so "
            "there is one conversion, and the old value stays as it is. Run it after the expand."
        )
        value, source = "NULL", f"({using})" if using else old.sql
    writer.backfill(
        about,
        f"UPDATE {table.name}\n"
        f"SET {new.sql} = {value}\n"
        f"WHERE :batch AND {new.sql} IS NULL AND {source} IS NOT NULL;",
        table=table.name,
        key=key,
    )


def _successor_index(
    writer: DraftWriter, table: Table, index: Index, old: Place, new: Place
) -> str:
    columns = _renamed(index.columns, old, new)
    name = object_name(table.name.name, *columns, "key" if index.unique else "idx")
    unique = "UNIQUE " if index.unique else ""
    if table.partitioned:
        writer.note(f"make the like of index {quoted(index.name)} with {new.sql}, by partitions")
        return name
    writer.expand_alone(
        f"Expand: the index {quoted(index.name)}, for the new column. It is built while builds "
        "write, and must be in a file of its own.",
        f"CREATE {unique}INDEX CONCURRENTLY {quoted(name)}\n"
        f"ON {table.name} ({column_list(columns)});",
        f"index_{len(writer.files)}",
    )
    return name


def _constraint(table: Table, index: Index, name: str) -> str:
    if table.partitioned:
        return ""
    return (
        f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)}\n"
        f"UNIQUE USING INDEX {quoted(name)};"
    )


def _foreign_keys(table: Table, old: Place, new: Place) -> list[tuple[str, str]]:
    found = []
    for each in table.foreign_keys:
        if old.column in each.columns:
            columns = _renamed(each.columns, old, new)
            name = quoted(object_name(table.name.name, *columns, "fkey"))
            found.append((name, f"FOREIGN KEY ({column_list(columns)}) {each.references}"))
    return found


def _default(
    table: Table, column: Column, new: Place, declared: str, *, using: str, converts: bool
) -> str:
    written = []
    if column.sequence:
        written.append(
            "-- Else the old column would take it along.\n"
            f"ALTER SEQUENCE {column.sequence} OWNED BY "
            f"{dotted(table.name.schema, table.name.name, new.column)};"
        )
    if column.default:
        default = f"({column.default})::{declared}" if converts else column.default
        line = f"ALTER TABLE {table.name} ALTER COLUMN {new.sql} SET DEFAULT {default};"
        written.append(f"-- Make it the new type's:\n-- {one_line(line)}" if using else line)
    return "\n".join(written)


def _renamed(columns: tuple[str, ...], old: Place, new: Place) -> tuple[str, ...]:
    return tuple(new.column if name == old.column else name for name in columns)
