"""Safe SQL in place of unsafe SQL, with the user's own names.

One text may be for several files: ``-- in the next file`` begins another migration,
``-- in a backfill's file`` one of the backfills' folder.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

from bot.core.migrations.changes import Change, definition
from bot.core.migrations.names import quoted
from bot.core.migrations.sql import Node

NEXT_FILE = "-- in the next file"
BACKFILL_FILE = "-- in a backfill's file"
TIMEOUT = "SET lock_timeout = '4s';"
EXPAND = "-- lockgate: expand"
CONTRACT = "-- lockgate: contract"

_Asked = ParamSpec("_Asked")
Edit = Callable[[Node], None]


def or_nothing(rewrite: Callable[_Asked, str]) -> Callable[_Asked, str]:
    """Empty where the deparser has no words for what the parser read."""

    @wraps(rewrite)
    def written(*args: _Asked.args, **kwargs: _Asked.kwargs) -> str:
        import postgast

        try:
            return rewrite(*args, **kwargs)
        except postgast.PgQueryError:
            return ""

    return written


def files(*contents: Sequence[str]) -> str:
    """Each a file's lines; empty lines and files are left out."""
    kept = ["\n".join(filter(None, lines)) for lines in contents if any(lines)]
    return f"\n{NEXT_FILE}\n".join(kept).replace(f"{NEXT_FILE}\n{BACKFILL_FILE}", BACKFILL_FILE)


def expand(*statements: str, timeout: bool = True) -> list[str]:
    """A file that is an expand."""
    return [EXPAND, TIMEOUT if timeout else "", *map(ended, statements)]


def backfill(
    table: str, key: Sequence[str], after: str, statement: str, *, needed: bool = True
) -> list[str]:
    """``needed``: False where what it leaves cannot be counted, so that nothing may wait for it."""
    columns = ", ".join(map(quoted, key or ("id",)))
    header = [f"-- table: {table}", f"-- key: {columns}", f"-- after: {after}"]
    return [BACKFILL_FILE, *header, "" if needed else "-- needed: no", ended(statement)]


def ended(statement: str) -> str:
    return f"{statement};" if statement and not statement.endswith(";") else statement


def command(change: Change, edit: Edit | None = None) -> str:
    """The statement with this command of ``ALTER TABLE`` alone, edited."""
    return _deparsed(change, lambda kept: kept == change.node, edit)


def others(change: Change) -> str:
    """The statement without this command of ``ALTER TABLE``; empty where it has no other."""
    if len(change.statement.node.cmds) == 1:
        return ""
    return _deparsed(change, lambda kept: kept != change.node, None)


def edited(change: Change, edit: Edit) -> str:
    """The whole statement, edited."""
    import postgast

    tree = postgast.parse(change.statement.text)
    edit(getattr(tree.stmts[0].stmt, change.statement.kind))
    return str(postgast.deparse(tree))


def _deparsed(change: Change, keeps: Callable[[Node], bool], edit: Edit | None) -> str:
    import postgast

    tree = postgast.parse(f"ALTER TABLE {change.written} ADD COLUMN a int")
    statement = tree.stmts[0].stmt.alter_table_stmt
    source = change.statement.node
    statement.CopyFrom(source)
    del statement.cmds[:]
    for item in source.cmds:
        if keeps(item.alter_table_cmd):
            statement.cmds.add().CopyFrom(item)
            if edit is not None:
                edit(statement.cmds[-1].alter_table_cmd)
    return str(postgast.deparse(tree))


def validated_later(change: Change, name: str) -> str:
    """A constraint of that name, added NOT VALID and validated in the next file."""

    def edit(alter: Node) -> None:
        constraint = definition(alter)
        constraint.conname = name
        constraint.skip_validation = True

    return files(
        expand(others(change), command(change, edit)),
        expand(f"ALTER TABLE {change.written} VALIDATE CONSTRAINT {quoted(name)}", timeout=False),
    )


def required_in_steps(change: Change, column: str) -> list[list[str]]:
    """The files that make a column NOT NULL without reading the table under a strong lock."""
    table, name = change.written, quoted(column)
    relation = change.relation.name if change.relation else ""
    check = quoted(f"{relation[:24]}_{column[:24]}_given")  # PostgreSQL has … _not_null for its own
    return [
        expand(f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID"),
        expand(f"ALTER TABLE {table} VALIDATE CONSTRAINT {check}", timeout=False),
        expand(
            f"ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL",
            f"ALTER TABLE {table} DROP CONSTRAINT {check}",
        ),
    ]
