"""The condition that tells the rows that an UPDATE has yet to do from those that it has done.

A backfill is proven complete when its own WHERE finds no row any more, so that what an UPDATE sets
has to make it false. ``AND servings IS DISTINCT FROM 4`` does that where what is set is the same
whenever it is asked for, and where equal means the same: not for ``citext``, ``interval`` or
``json``, nor for what a column rounds (``real``, ``numeric(5,1)``).
"""

from collections.abc import Iterator

from bot.core.migrations.catalog import Column, Table
from bot.core.migrations.expressions import columns_of, expression_sql
from bot.core.migrations.names import quoted
from bot.core.migrations.sql import Node, inner, names_of, walk, word

_AGAIN = frozenset({"lower", "upper", "btrim", "ltrim", "rtrim"})
"""Functions that change nothing more of what they gave, in any order."""
_TEXT = _AGAIN | {"md5", "replace"}
"""Immutable functions of texts: https://www.postgresql.org/docs/current/functions-string.html"""
_TEXTS = frozenset({"text", "varchar"})
_INEXACT = frozenset(
    {"json", "xml", "citext", "interval", "float4", "float8", "bpchar", "money"}
    | {"point", "line", "lseg", "box", "path", "polygon", "circle"}
)
"""Types without equality, and those whose equal values are not always the same."""


def undone(update: Node, table: Table) -> str | None:
    """What to add by AND to the WHERE of an UPDATE of that table; empty where its own is enough,
    None where nobody can tell.

    Raises:
        postgast.PgQueryError: the deparser has no words for what it sets.
    """
    values = {target.res_target.name: target.res_target.val for target in update.target_list}
    if any(target.res_target.indirection for target in update.target_list):
        return None
    conditions = list(_conditions(update.where_clause))
    if all(_is_constant(value, table.columns.get(name)) for name, value in values.items()):
        made_false = any(_becomes_false(one, values) for one in conditions)
        return "" if made_false else _differs(update, values)
    if all(_is_steady(name, values, table) for name in values):
        return _differs(update, values)
    named = frozenset().union(*map(columns_of, conditions)) & values.keys()
    again = frozenset().union(*map(columns_of, values.values())) & values.keys()
    # Their WHERE names what they set, as `title_norm IS NULL` does: they mean it to become false.
    return "" if named and not again else None


def _conditions(where: Node) -> Iterator[Node]:
    """What AND joins at the top of a WHERE."""
    kind, node = inner(where)
    if kind == "bool_expr" and word(node, "boolop") == "AND_EXPR":
        for argument in node.args:
            yield from _conditions(argument)
    elif kind:
        yield where


def _becomes_false(condition: Node, values: dict[str, Node]) -> bool:
    """``c IS NULL`` of a column that gets a value."""
    kind, node = inner(condition)
    if kind != "null_test" or inner(node.arg)[0] != "column_ref":
        return False
    value = values.get(names_of(inner(node.arg)[1].fields)[-1])
    return value is not None and _is_null(value) == (word(node, "nulltesttype") == "IS_NOT_NULL")


def _is_null(value: Node) -> bool:
    kind, node = inner(value)
    return kind == "a_const" and bool(node.isnull)


def _is_constant(value: Node, column: Column | None) -> bool:
    kind, node = inner(value)
    if kind == "type_cast":
        kind, node = inner(node.arg)
    if kind != "a_const":
        return False
    if node.isnull or node.WhichOneof("val") == "boolval":
        return True
    if node.WhichOneof("val") == "fval":
        return column is not None and column.type == ("numeric", ())
    if node.WhichOneof("val") == "ival" and column is not None and column.type.name in _TEXTS:
        return False  # there is no text = integer
    return _is_exact(column)


def _is_exact(column: Column | None) -> bool:
    if column is None:
        return True
    name, modifiers = column.type
    return name not in _INEXACT and (not modifiers or name == "varchar")


def _is_steady(name: str, values: dict[str, Node], table: Table) -> bool:
    """Whether it comes to the same before and after the rows are done."""
    value, column = values[name], table.columns.get(name)
    if _is_constant(value, column):
        return True
    if not _is_exact(column) or not _is_text(value):
        return False
    again = columns_of(value) & values.keys()
    if again and (len(values) > 1 or not _is_text(value, _AGAIN)):
        return False
    if column is None or column.type.name in _TEXTS:
        return True
    kind, node = inner(value)
    other = table.columns.get(names_of(node.fields)[-1]) if kind == "column_ref" else None
    return other is not None and other.type == column.type


def _is_text(value: Node, functions: frozenset[str] = _TEXT) -> bool:
    """Whether it is made of columns and constants by these functions alone; with all of them, also
    by ``||`` and COALESCE."""
    joins = functions is _TEXT
    for kind, node in walk(value):
        if kind == "FuncCall":
            *schema, name = names_of(node.funcname) or ("",)
            if name not in functions or schema not in ([], ["pg_catalog"]):
                return False
        elif kind == "A_Expr":
            if not joins or names_of(node.name) != ("||",):
                return False
        elif kind == "CoalesceExpr":
            if not joins:
                return False
        elif kind not in ("ColumnRef", "A_Const", "String", "Integer"):
            return False
    return True


def _differs(update: Node, values: dict[str, Node]) -> str:
    table = f"{quoted(update.relation.alias.aliasname or update.relation.relname)}."
    prefix = table if update.from_clause else ""
    columns = [f"{prefix}{quoted(name)}" for name in values]
    texts = [expression_sql(value) for value in values.values()]
    if len(values) > 1:
        return f"({', '.join(columns)}) IS DISTINCT FROM ({', '.join(texts)})"
    if all(map(_is_null, values.values())):
        return f"{columns[0]} IS NOT NULL"
    return f"{columns[0]} IS DISTINCT FROM {texts[0]}"
