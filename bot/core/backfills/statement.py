"""A backfill's statement → what is run for a batch, and the query that counts what is left.

``:batch`` becomes a condition on the key, ``("id") > $1 AND ("id") <= $2``, on the table or alias
that the statement reads it by. What is left is counted by the statement's own WHERE without
``:batch``, with the same tables joined; for INSERT … SELECT by its SELECT, from which ON CONFLICT
(…) DO NOTHING takes what is there already. A DELETE whose WHERE has nothing besides ``:batch`` is
counted by the rows up to where it ends. Another statement of that kind has no such query: what is
done cannot be told from what is not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

from bot.core.migrations.sql import Node, inner, parse_statements, scan_tokens

_MARK = "lockgate_batch_placeholder"
_READERS = {"update_stmt", "delete_stmt", "select_stmt"}


class StatementError(Exception):
    """A backfill's statement that cannot be run in batches; ``remedy`` says how it could."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class BatchStatement:
    """A statement cut around its placeholder."""

    before: str
    after: str
    source: str
    """What the key's columns are named by, quoted as needed: an alias or the table's own name."""
    relation: str
    """The table as the statement names it, quoted."""
    count: str
    """The query that counts what is left; empty where there is none, or the bound is part of it."""
    count_to_bound: str = ""
    """The same with the placeholder's mark, for ``counted_to``; empty where it is not needed."""

    @property
    def countable(self) -> bool:
        return bool(self.count or self.count_to_bound)

    def counted_to(self, condition: str) -> str:
        """The query that counts what is left; ``condition`` as in ``text``, of keys up to the
        bound."""
        before, _, after = self.count_to_bound.replace("%", "%%").partition(f"{_MARK}()")
        return f"{before}({condition}){after}"

    def text(self, condition: str) -> str:
        """``condition`` has psycopg's placeholders; what else looks like one is doubled."""
        before, after = self.before.replace("%", "%%"), self.after.replace("%", "%%")
        return f"{before}({condition}){after}"


@dataclass(frozen=True, slots=True)
class KeyColumn:
    name: str
    type: str
    """As PostgreSQL's ``format_type`` writes it; it is used in casts as it is."""


def parse_batch_statement(statement: str, table: Sequence[str]) -> BatchStatement:
    """``table`` is the header's, as one or two names without quotation marks.

    Raises:
        StatementError: there is no ``:batch``, more than one, or not where rows are chosen.
        SqlError: it is no SQL.
    """
    raw = statement.strip().rstrip(";").encode()
    start, end = _placeholder(raw.decode())
    before, after = raw[:start].decode(), raw[end:].decode()
    (parsed,) = parse_statements(f"{before}{_MARK}(){after}")
    scopes = [scope for scope in _scopes(parsed.kind, parsed.node) if _holds_mark(scope[1])]
    if not scopes:
        raise StatementError(
            "`:batch` does not stand in a WHERE", "write WHERE :batch AND … in the statement"
        )
    kind, scope = scopes[-1]
    relation = _relation(kind, scope, tuple(table))
    source = quote(relation.alias.aliasname or relation.relname)
    count = _count(parsed.kind, parsed.node)
    to_bound = ""
    if parsed.kind == "delete_stmt" and not count:
        to_bound = _counted(_chosen(parsed.kind, parsed.node))
    return BatchStatement(
        before, after, source, _written(relation), count.replace(f"{_MARK}()", "true"), to_bound
    )


def range_condition(source: str, columns: Sequence[KeyColumn], *, has_lower: bool) -> str:
    """``(r."id") > %s::bigint AND (r."id") <= %s::bigint``; with ``has_lower`` False only the
    second half. What psycopg would take for a placeholder is doubled.

    For more than one column it is a comparison of rows, which a B-tree of the same columns serves:
    https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON
    """
    names = ", ".join(f"{source}.{quote(column.name)}" for column in columns).replace("%", "%%")
    values = ", ".join(f"%s::{column.type}" for column in columns)
    upper = f"({names}) <= ({values})"
    return f"({names}) > ({values}) AND {upper}" if has_lower else upper


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _placeholder(text: str) -> tuple[int, int]:
    """Where ``:batch`` stands, in bytes."""
    tokens = list(scan_tokens(text))
    raw = text.encode()
    found = [
        (first.start, second.end)
        for first, second in pairwise(tokens)
        if first.name == "ASCII_58"
        and second.start == first.end
        and raw[second.start : second.end].lower() == b"batch"
    ]
    if len(found) != 1:
        raise StatementError(
            "it has no `:batch`" if not found else "it has `:batch` more than once",
            "write `:batch` once, as a condition of the WHERE that chooses the rows",
        )
    return found[0]


def _scopes(kind: str, node: Node) -> Iterator[tuple[str, Node]]:
    """The statement and all within it that have a WHERE, from the outside in."""
    if kind in _READERS:
        yield kind, node
    for field, value in node.ListFields():
        if field.message_type is None:
            continue
        for each in value if field.is_repeated else (value,):
            if each.DESCRIPTOR.name == "Node":
                yield from _scopes(*inner(each))
            else:
                # Halves of a UNION, and what stands in lists, are no Nodes of their own.
                named = {"SelectStmt": "select_stmt"}.get(each.DESCRIPTOR.name, "")
                yield from _scopes(named, each)


def _holds_mark(scope: Node) -> bool:
    """Whether the mark is a condition of this WHERE itself, and not of a query within it."""
    return scope.HasField("where_clause") and any(
        _is_mark(part) for part in _conditions(scope.where_clause)
    )


def _conditions(where: Node) -> Iterator[Node]:
    """What AND joins at the top of a WHERE."""
    kind, value = inner(where)
    if kind == "bool_expr" and value.boolop == _pb().AND_EXPR:
        for argument in value.args:
            yield from _conditions(argument)
    else:
        yield where


def _is_mark(condition: Node) -> bool:
    kind, value = inner(condition)
    return kind == "func_call" and [name.string.sval for name in value.funcname] == [_MARK]


def _relation(kind: str, scope: Node, table: tuple[str, ...]) -> Node:
    """The one that the header means, as far as names tell; the catalog tells for certain."""
    relations = []
    if kind != "select_stmt":
        relations.append(scope.relation)
    lists = {"select_stmt": "from_clause", "update_stmt": "from_clause"}
    for node in getattr(scope, lists.get(kind, "using_clause")):
        relations.extend(_relations(node))
    for relation in relations:
        schemas = {relation.schemaname, "" if len(table) == 1 else table[0]}
        if relation.relname == table[-1] and (len(schemas) == 1 or "" in schemas):
            return relation
    raise StatementError(
        f"the query with `:batch` does not read {'.'.join(table)}",
        "name in the header the table whose rows `:batch` chooses, or read it there",
    )


def _relations(node: Node) -> Iterator[Node]:
    kind, value = inner(node)
    if kind == "range_var":
        yield value
    elif kind == "join_expr":
        yield from _relations(value.larg)
        yield from _relations(value.rarg)


def _written(relation: Node) -> str:
    return ".".join(quote(name) for name in (relation.schemaname, relation.relname) if name)


def _count(kind: str, statement: Node) -> str:
    if kind == "insert_stmt":
        return _count_inserted(statement)
    return _counted(_chosen(kind, statement)) if _has_own_condition(statement.where_clause) else ""


def _chosen(kind: str, statement: Node) -> Node:
    """A SELECT of the rows that an UPDATE or DELETE chooses."""
    select = _pb().SelectStmt()
    select.from_clause.add().range_var.CopyFrom(statement.relation)
    joined = "from_clause" if kind == "update_stmt" else "using_clause"
    for node in getattr(statement, joined):
        select.from_clause.add().CopyFrom(node)
    select.where_clause.CopyFrom(statement.where_clause)
    if statement.HasField("with_clause"):
        select.with_clause.CopyFrom(statement.with_clause)
    select.target_list.add().res_target.val.CopyFrom(_one())
    return select


def _count_inserted(statement: Node) -> str:
    select = _pb().SelectStmt()
    select.CopyFrom(statement.select_stmt.select_stmt)
    if statement.HasField("with_clause"):
        select.with_clause.CopyFrom(statement.with_clause)
    columns = [column.res_target.name for column in statement.cols]
    inferred = [
        element.index_elem.name for element in statement.on_conflict_clause.infer.index_elems
    ]
    if inferred and all(name in columns for name in inferred):
        same = " AND ".join(f"there.{quote(name)} = chosen.{quote(name)}" for name in inferred)
        return (
            f"SELECT count(*) FROM ({_deparsed(select)}) AS chosen"  # noqa: S608 (deparsed)
            f"({', '.join(map(quote, columns))}) WHERE NOT EXISTS "
            f"(SELECT FROM {_written(statement.relation)} AS there WHERE {same})"
        )
    if not _has_own_condition(select.where_clause):
        return ""
    return _counted(select)


def _counted(select: Node) -> str:
    return f"SELECT count(*) FROM ({_deparsed(select)}) AS left_over"  # noqa: S608 (deparsed)


def _has_own_condition(where: Node) -> bool:
    return any(not _is_mark(part) for part in _conditions(where))


def _one() -> Node:
    one = _pb().Node()
    one.a_const.ival.ival = 1
    return one


def _deparsed(select: Node) -> str:
    result = _pb().ParseResult()
    result.stmts.add().stmt.select_stmt.CopyFrom(select)
    text: str = import_module("postgast").deparse(result)
    return text


def _pb() -> Any:
    return import_module("postgast").pg_query_pb2
