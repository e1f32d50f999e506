"""A file's SQL → steps: each statement with its changes, those within ``DO`` blocks among them."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from bot.core.migrations.changes import Change, changes_of
from bot.core.migrations.sql import SqlError, Statement, inner, parse_statements, scan_tokens

DYNAMIC = "dynamic_sql"
"""The kind of a change that nobody can read before it runs."""
_DEEPEST = 100
"""Blocks within blocks: the parser's own stack has an end."""
_OPENS = re.compile(r"\b(?:begin|if|loop|case)\b", re.IGNORECASE)


class Step(NamedTuple):
    """A statement of the file. A ``DO`` block is one step, with what it does as its changes."""

    statement: Statement
    changes: tuple[Change, ...]


def read_script(text: str) -> tuple[Step, ...]:
    """
    Raises:
        SqlError: it is no SQL.
    """
    return tuple(
        Step(statement, tuple(_changes(statement))) for statement in parse_statements(text)
    )


def _changes(statement: Statement) -> Iterator[Change]:
    if statement.kind != "do_stmt":
        yield from changes_of(statement)
        return
    for found in _block(statement):
        if found is None:
            yield Change(DYNAMIC, None, statement.node, statement)
        else:
            yield from changes_of(found)


def _block(statement: Statement) -> Iterator[Statement | None]:
    """The statements of a ``DO`` block; None for what is put together when it runs."""
    import postgast

    options = {one.def_elem.defname: inner(one.def_elem.arg)[1].sval for one in statement.node.args}
    if options.get("language", "plpgsql").lower() != "plpgsql":
        yield None
        return
    if len(_OPENS.findall(options.get("as", ""))) > _DEEPEST:
        yield None
        return
    try:
        scan_tokens(options.get("as", ""))
        tree = postgast.parse_plpgsql(statement.text)
    except (postgast.PgQueryError, SqlError, json.JSONDecodeError, RecursionError):
        yield None
        return
    for kind, node, line in _nodes(tree):
        if kind == "PLpgSQL_stmt_execsql":
            yield from _inside(statement, node["sqlstmt"]["PLpgSQL_expr"]["query"], line)
        elif kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
            literal = _literal(node["query"]["PLpgSQL_expr"]["query"])
            if literal is None:
                yield None
            else:
                yield from _inside(statement, literal, line)


def _nodes(tree: Any) -> Iterator[tuple[str, Any, int]]:
    """Each statement of PL/pgSQL with its line within the block, in the order they stand in."""
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            for key, value in item.items():
                if key.startswith("PLpgSQL_stmt") and isinstance(value, dict):
                    yield key, value, int(value.get("lineno", 1))
            stack.extend(reversed(list(item.values())))


def _literal(expression: str) -> str | None:
    try:
        (select,) = parse_statements(f"SELECT {expression}")
        (target,) = select.node.target_list
    except (SqlError, ValueError):
        return None
    kind, value = inner(target.res_target.val)
    if kind != "a_const" or not value.HasField("sval"):
        return None
    return str(value.sval.sval)


def _inside(block: Statement, text: str, line: int) -> Iterator[Statement | None]:
    try:
        statements = parse_statements(text)
    except SqlError:
        yield None
        return
    for one in statements:
        yield one._replace(line=block.line + line - 1, column=1, start=block.start)
