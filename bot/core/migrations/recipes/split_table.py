"""Move columns into a table of their own, which has a row for each row of the first."""

from bot.core.migrations.drafts.facts import Column, Place, RecipeError, Table, key_of
from bot.core.migrations.drafts.files import DraftWriter
from bot.core.migrations.drafts.pairs import Pair, write_guard
from bot.core.migrations.drafts.recipe import Asked, Recipe
from bot.core.migrations.drafts.sql import (
    by_hand,
    column_list,
    comment,
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
    trigger_name,
)
from bot.core.migrations.names import dotted, quoted

_WRITES = frozenset({"INSERT", "UPDATE"})
_SYNC_NEEDS = frozenset({"SELECT", "INSERT", "UPDATE"})
"""What the triggers do on the new table as whoever writes the old one."""
_SHARED_ROLES = frozenset({"PUBLIC", "anon"})
"""Roles that everybody is: what they may do is for a person to say."""


def _write(asked: Asked, writer: DraftWriter) -> None:
    home = asked.table(asked.place.table)
    other = asked.to
    assert other is not None  # noqa: S101 (`needs` has it)
    moved = tuple(place.column for place in asked.places)
    key = _checked_key(asked, home, moved)
    pair = Pair(home.name, other, tuple((name, name) for name in key))
    columns = {name: home.column(Place(home.name, name)) for name in (*key, *moved)}
    push = object_name("lockgate_push", home.name.name, other.name)
    follow = object_name("lockgate_follow", home.name.name, other.name)
    store = object_name("lockgate_store", other.name, home.name.name)
    what = f"({column_list(moved)}) of {home.name} are to become {other}"

    writer.expand(
        f"Expand: {what}, in steps. Makes the table, and triggers that "
        "keep both equal, whichever a build writes. Whoever writes either table must be allowed to "
        "read and write both. A build that uses the new table inserts its row in the transaction "
        "that inserts the other one, or later with ON CONFLICT DO UPDATE. Apply it before such a "
        "build goes live.",
        # First, because it takes the strongest lock: one that is made stronger later can deadlock.
        *(
            "-- Builds that use the new table leave this one out.\n"
            f"ALTER TABLE {home.name} ALTER COLUMN {quoted(name)} DROP NOT NULL;"
            for name in moved
            if columns[name].not_null or not home.known
        ),
        _create_table(pair, columns, moved),
        *given(*(comment_on(Place(other, name), columns[name].comment) for name in moved)),
        *_row_security(pair),
        *_grants(home, pair, writer),
        trigger_function(
            home.name.schema,
            follow,
            _follow_body(pair, moved),
            about="At the end of a transaction each of its new rows has one in the new table.",
        ),
        trigger_function(
            home.name.schema,
            push,
            _push_body(pair, moved),
            about="What is changed in the old columns goes to the new table too.",
        ),
        trigger_function(
            other.schema,
            store,
            _store_body(pair, moved),
            about="What is written to the new table goes to the old columns too.",
        ),
        row_trigger("AFTER INSERT OR UPDATE", other, store),
        row_trigger("AFTER UPDATE", home.name, push),
        f"CREATE CONSTRAINT TRIGGER {quoted(trigger_name(follow))} AFTER INSERT ON {home.name}\n"
        "DEFERRABLE INITIALLY DEFERRED\n"
        f"FOR EACH ROW EXECUTE FUNCTION {dotted(home.name.schema, follow)}();",
    )
    both = (*key, *moved)
    writer.backfill(
        f"Backfill: makes the rows of {other} that are not there yet. Run it after the expand.",
        f"INSERT INTO {other} ({column_list(both)})\n"
        f"SELECT {column_list(both, 'source')}\n"
        f"FROM {home.name} AS source\n"
        "WHERE :batch AND NOT EXISTS (\n"
        f"  SELECT FROM {other} AS target WHERE {equal_keys('source', 'target', pair.columns)}\n"
        ")\n"
        "FOR KEY SHARE OF source\n"
        f"ON CONFLICT ({column_list(key)}) DO NOTHING;",
        table=home.name,
        key=key,
    )
    writer.contract(
        f"Contract, first part: looks whether each row of {home.name} is in {other}, "
        "and takes away what wrote back. Apply it when no build that is live, or that could be "
        "rolled back to, uses the old columns.",
        write_guard(pair, [(name, name) for name in moved], orphans_may_be_null=False),
        drop_trigger(other, store),
        comment(f"Say now who may see and write {other}: so far its policy leans on {home.name}."),
        suffix="to",
    )
    notes = [f"{Place(home.name, n)}: {note}" for n in moved for note in columns[n].by_hand]
    notes += given(home.unknown)
    notes += [
        f"the like of index {quoted(each.name)}, on {other}"
        for each in home.indexes
        if set(moved) & set(each.columns)
    ] + [
        f"the like of foreign key {quoted(each.name)}, on {other}"
        for each in home.foreign_keys
        if set(moved) & set(each.columns)
    ]
    for note in notes:
        writer.note(note)
    drops = ",\n".join(f"  DROP COLUMN {quoted(name)}" for name in moved)
    writer.contract(
        f"Contract: drops the old columns of {home.name} and their triggers.",
        *given(
            drop_trigger(home.name, follow),
            drop_trigger(home.name, push),
            by_hand(asked.place, notes),
            f"ALTER TABLE {home.name}\n{drops};",
        ),
        suffix="from",
    )


def _checked_key(asked: Asked, home: Table, moved: tuple[str, ...]) -> tuple[str, ...]:
    if {place.table for place in asked.places} != {home.name} or len(set(moved)) < len(moved):
        raise RecipeError("the columns are not several of one table", "name each of them once")
    taken = asked.to is not None and asked.to in asked.tables and asked.tables[asked.to].known
    if asked.to == home.name or taken:
        raise RecipeError(f"there is a table {asked.to} already", "name one that is not there yet")
    key = key_of(home)
    if both := set(key) & set(moved):
        raise RecipeError(
            f"{Place(home.name, min(both))} is part of the key", "the key stays in both tables"
        )
    return key


def _create_table(pair: Pair, columns: dict[str, Column], moved: tuple[str, ...]) -> str:
    key = [name for name, _ in pair.columns]
    lines = [f"{quoted(name)} {columns[name].declared} NOT NULL" for name in key]
    for name in moved:
        column = columns[name]
        line = f"{quoted(name)} {column.declared}"
        if column.default and not column.sequence:
            line += f" DEFAULT {column.default}"
        lines.append(f"{line} NOT NULL" if column.not_null else line)
    listed = column_list(key)
    lines.append(f"PRIMARY KEY ({listed})")
    lines.append(f"FOREIGN KEY ({listed}) REFERENCES {pair.home} ({listed}) ON DELETE CASCADE")
    inside = ",\n".join(f"  {line}" for line in lines)
    return f"CREATE TABLE {pair.other} (\n{inside}\n);"


def _row_security(pair: Pair) -> tuple[str, ...]:
    policy = quoted(object_name("lockgate_as", pair.home.name))
    joined = equal_keys("source", pair.other.sql, pair.columns)
    visible = f"EXISTS (SELECT FROM {pair.home} AS source WHERE {joined})"
    return (
        f"ALTER TABLE {pair.other} ENABLE ROW LEVEL SECURITY;",
        comment(
            f"Who sees a row of {pair.home} sees its other half, and the trigger below lets nobody "
            "write one half who may not write the other."
        )
        + f"\nCREATE POLICY {policy} ON {pair.other}\n"
        f"USING ({visible})\n"
        f"WITH CHECK ({visible});",
    )


def _grants(home: Table, pair: Pair, writer: DraftWriter) -> list[str]:
    if not home.known:
        writer.note(f"grant on {pair.other} what the roles that write {home.name} need")
    written = []
    for role, privileges in sorted(home.grants.items()):
        needed = set(privileges)
        if needed & _WRITES:
            if "SELECT" not in needed:
                raise RecipeError(
                    f"{role} writes {home.name} and may not read it: the triggers would fail",
                    f"`GRANT SELECT ON {home.name} TO {quoted(role)}` first",
                )
            needed |= _SYNC_NEEDS
        if role in _SHARED_ROLES:
            writer.note(f"{role} may use {home.name}: say whether it may use {pair.other} too")
        else:
            listed = ", ".join(sorted(needed))
            written.append(f"GRANT {listed} ON {pair.other} TO {quoted(role)};")
    return written


def _follow_body(pair: Pair, moved: tuple[str, ...]) -> str:
    both = (*(name for name, _ in pair.columns), *moved)
    return (
        f"INSERT INTO {pair.other} ({column_list(both)})\n"
        f"SELECT {column_list(both, 'source')} FROM {pair.home} AS source\n"
        f"WHERE {equal_keys('source', 'NEW', [(a, a) for a, _ in pair.columns])}\n"
        f"ON CONFLICT ({column_list([name for _, name in pair.columns])}) DO NOTHING;\n"
        "RETURN NULL;"
    )


def _push_body(pair: Pair, moved: tuple[str, ...]) -> str:
    key = [name for name, _ in pair.columns]
    both = (*key, *moved)
    sets = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in moved)
    changed = differ(
        [f"NEW.{quoted(name)}" for name in moved], [f"OLD.{quoted(name)}" for name in moved]
    )
    unequal = differ(
        [f"target.{quoted(name)}" for name in moved], [f"EXCLUDED.{quoted(name)}" for name in moved]
    )
    return (
        f"IF {changed} THEN\n"  # noqa: S608 (text of a file)
        f"  INSERT INTO {pair.other} AS target ({column_list(both)})\n"
        f"  VALUES ({', '.join(f'NEW.{quoted(name)}' for name in both)})\n"
        f"  ON CONFLICT ({column_list(key)}) DO UPDATE SET {sets}\n"
        f"  WHERE {unequal};\n"
        "END IF;\n"
        "RETURN NULL;"
    )


def _store_body(pair: Pair, moved: tuple[str, ...]) -> str:
    joined = equal_keys("source", "NEW", pair.columns)
    old = [f"source.{quoted(name)}" for name in moved]
    new = [f"NEW.{quoted(name)}" for name in moved]
    sets = ", ".join(f"{quoted(name)} = NEW.{quoted(name)}" for name in moved)
    unequal = differ(old, new)
    error = raise_error(
        f"what is written to {pair.other} cannot be written to {pair.home} too",
        f"until the contract, whoever writes must be allowed to see and update {pair.home}",
        code="'insufficient_privilege'",
    )
    return (
        f"UPDATE {pair.home} AS source SET {sets}\n"  # noqa: S608 (text of a file)
        f"WHERE {joined}\n  AND {unequal};\n"
        "IF NOT FOUND AND NOT EXISTS (\n"
        f"  SELECT FROM {pair.home} AS source\n  WHERE {joined}\n    AND NOT {unequal}\n"
        ") THEN\n"
        f"{indented(error)}\n"
        "END IF;\n"
        "RETURN NULL;"
    )


SPLIT_TABLE = Recipe(
    name="split-table",
    summary="Move columns into a table of their own.",
    places="TABLE.COLUMN...",
    count=(1, 100),
    options=("to", "type"),
    examples=("recipes.body recipes.notes --to recipe_texts --database postgresql:///shop",),
    write=_write,
    needs={"to": "the name of the new table"},
)
