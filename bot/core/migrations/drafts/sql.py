"""Pieces of SQL that recipes share. Names that come in are real names: they are quoted here."""

import hashlib
import textwrap
from collections.abc import Sequence

from bot.core.migrations.drafts.facts import Place, RecipeError, TableName
from bot.core.migrations.names import dotted, quoted
from bot.core.migrations.sql import Node, SqlError, inner, names_of, parse_statements, walk

_LONGEST_NAME = 63
"""Bytes. https://www.postgresql.org/docs/18/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS"""
_DIGEST = 8
_TEXTS = {("text",), ("varchar",), ("bpchar",)}


def object_name(*words: str) -> str:
    """A name of our own, the same for the same words; with a digest where it would be too long."""
    name = "_".join(words)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:_DIGEST]
    kept = name.encode()[: _LONGEST_NAME - _DIGEST - 1].decode("utf-8", "ignore")
    return f"{kept}_{digest}"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comment_on(place: Place, said: str) -> str:
    """A statement; empty where nothing is said."""
    written = literal(said)
    if not said.isprintable():  # nothing in a file may steer a terminal
        plain = written.replace("\\", "\\\\").replace("\n", "\\n")
        written = "E" + "".join(
            char if char.isprintable() else f"\\U{ord(char):08x}" for char in plain
        )
    return f"COMMENT ON COLUMN {place} IS {written};" if said else ""


def column_list(names: Sequence[str], alias: str = "") -> str:
    return ", ".join(f"{alias}.{quoted(name)}" if alias else quoted(name) for name in names)


def equal_keys(left: str, right: str, names: Sequence[tuple[str, str]]) -> str:
    """``left.a = right.b AND …`` of pairs of columns."""
    return " AND ".join(f"{left}.{quoted(a)} = {right}.{quoted(b)}" for a, b in names)


def differ(left: Sequence[str], right: Sequence[str]) -> str:
    """Whether two lists of expressions differ, byte by byte.

    ``=`` would ask the type: json has none, and to others a month is 30 days and 1.0 is 1.00.
    https://www.postgresql.org/docs/18/functions-comparisons.html#COMPOSITE-TYPE-COMPARISON
    """
    return f"ROW({', '.join(left)})::record *<> ROW({', '.join(right)})::record"


def trigger_function(schema: str, name: str, body: str, *, about: str, declare: str = "") -> str:
    """A function for a trigger: it runs as whoever writes, and finds no name by a search path."""
    tag = "$sync$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    declared = f"DECLARE\n  {declare}\n" if declare else ""
    return (
        f"{comment(about)}\n"
        f"CREATE FUNCTION {dotted(schema, name)}() RETURNS trigger\n"
        f"LANGUAGE plpgsql SECURITY INVOKER SET search_path = '' AS {tag}\n"
        f"{declared}BEGIN\n{indented(body)}\nEND\n{tag};"
    )


def row_trigger(when: str, table: TableName, function: str, *, guard: str = "") -> str:
    """``when`` as in ``BEFORE INSERT OR UPDATE``. The function is in the table's schema."""
    condition = f"\nWHEN ({guard})" if guard else ""
    return (
        "-- Its name is the last: it fires after all triggers that may change the row.\n"
        f"CREATE TRIGGER {quoted(trigger_name(function))} {when} ON {table.sql}\n"
        f"FOR EACH ROW{condition} EXECUTE FUNCTION {dotted(table.schema, function)}();"
    )


def trigger_name(function: str) -> str:
    """Triggers fire in the order of their names."""
    return object_name("zz", function)


def drop_trigger(table: TableName, function: str) -> str:
    return (
        f"DROP TRIGGER {quoted(trigger_name(function))} ON {table.sql};\n"
        f"DROP FUNCTION {dotted(table.schema, function)}();"
    )


def of_new_row(expression: str, table: TableName) -> str:
    """The value of an expression that has the columns' bare names, in a trigger's function."""
    return f"(SELECT {expression} FROM (SELECT NEW.*) AS {quoted(table.name)})"  # noqa: S608 (text of a file)


def resolve(table: TableName, *expressions: str) -> str:
    """A statement that fails where a trigger's function would, at a build's first write."""
    about = comment(
        "Fails here, and not in a build's write, where a function or a type has no schema before "
        "its name: the trigger finds none by a search path."
    )
    written = ", ".join(f"({expression})" for expression in expressions)
    return f"{about}\nSET LOCAL search_path = '';\nSELECT {written} FROM {table} WHERE false;"


def raise_error(message: str, hint: str, *, code: str = "", detail: str = "") -> str:
    """In PL/pgSQL. Texts go in as literals, because names may have a ``%``."""
    parts = [f"MESSAGE = {literal(message)}", f"HINT = {literal(hint)}"]
    if detail:
        parts.insert(1, f"DETAIL = {detail}")
    if code:
        parts.append(f"ERRCODE = {code}")
    return "RAISE EXCEPTION USING\n" + ",\n".join(f"  {part}" for part in parts) + ";"


def check_expression(written: str, option: str) -> bool:
    """Whether it reads a column.

    Raises:
        RecipeError: it is not one expression of SQL.
    """
    # Alone it must be one value, and in brackets it must not close them.
    tried = [_one_value(sql) for sql in (f"SELECT {written}", f"SELECT ({written})")]
    node = tried[1] if written.isprintable() and all(tried) else None
    if node is None:
        raise RecipeError(
            f"{option} “{written}” is no expression of SQL",
            "write one on one line, without comments, such as `lower(title)`",
        )
    return any(name == "ColumnRef" for name, _ in walk(node))


def check_type(written: str) -> None:
    """A collation may stand behind it.

    Raises:
        RecipeError: it is no type's name.
    """
    node = _one_value(f"SELECT (NULL::{written})")
    names = [name for name, _ in walk(node)] if node is not None and written.isprintable() else []
    if names[1:2] == ["CollateClause"]:
        del names[1]
    if names[:3] != ["ResTarget", "TypeCast", "A_Const"] or "TypeName" not in names:
        raise RecipeError(
            f"“{written}” names no type", "write it as in SQL, such as `bigint` or `varchar(80)`"
        )


def takes_collation(written: str) -> bool:
    """Whether it is a type of texts, and no collation stands behind it."""
    value = _one_value(f"SELECT (NULL::{written})")
    if value is None:
        return False
    kind, node = inner(value.val)
    return kind == "type_cast" and names_of(node.type_name.names)[-1:] in _TEXTS


def by_hand(place: Place, what: Sequence[str]) -> str:
    """A comment that lists what the file does not do; empty where there is nothing."""
    lines = [f"-- By hand, because it rests on {place}:"]
    lines += [f"--   {one_line(one)}" for one in what]
    return "\n".join(lines) if what else ""


def comment(text: str) -> str:
    """One paragraph. A line end in it would begin SQL of its own."""
    return "\n".join(f"-- {line}" for line in _wrap(one_line(text)))


def one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def given(*statements: str) -> tuple[str, ...]:
    """Those that are not empty."""
    return tuple(statement for statement in statements if statement)


def _one_value(sql: str) -> Node | None:
    """The only target of a SELECT that has nothing else; None where it is something else."""
    try:
        statements = parse_statements(sql)
    except SqlError:
        return None
    if len(statements) != 1 or statements[0].kind != "select_stmt":
        return None
    fields = {field.name for field, _ in statements[0].node.ListFields()}
    targets = statements[0].node.target_list
    if fields - {"target_list", "limit_option", "op"} or len(targets) != 1:
        return None
    target = targets[0].res_target
    return None if target.name else target


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, 96, break_long_words=False, break_on_hyphens=False)


def indented(text: str, by: int = 2) -> str:
    return "\n".join(f"{' ' * by}{line}" if line else "" for line in text.split("\n"))
