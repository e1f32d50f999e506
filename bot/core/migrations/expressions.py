"""Expressions: written out, and what they may be taken for by their names alone."""

from bot.core.migrations.sql import Node, names_of, walk

_STEADY = frozenset(
    {"now", "transaction_timestamp", "statement_timestamp", "current_setting", "current_schema"}
    | {"lower", "upper", "length", "trim", "btrim", "ltrim", "rtrim", "concat", "coalesce", "md5"}
    | {
        "abs",
        "round",
        "floor",
        "ceil",
        "to_timestamp",
        "to_date",
        "date_trunc",
        "jsonb_build_object",
    }
    | {"jsonb_build_array", "json_build_object", "json_build_array", "array_fill", "make_interval"}
    | {"timezone", "uuid_nil", "to_jsonb", "date_part", "make_date", "repeat", "replace"}
)
"""PostgreSQL's own functions that are immutable or stable. Others are taken for volatile: a
default is evaluated once for all rows only where PostgreSQL knows that it may."""


def columns_of(expression: Node) -> frozenset[str]:
    found = (names_of(node.fields)[-1:] for kind, node in walk(expression) if kind == "ColumnRef")
    return frozenset(name for names in found for name in names)


def is_volatile(expression: Node) -> bool:
    """Whether it may have another value for each row."""
    for kind, node in walk(expression):
        if kind == "FuncCall":
            *schema, name = names_of(node.funcname) or ("",)
            if name not in _STEADY or (schema and schema != ["pg_catalog"]):
                return True
        elif kind in ("SubLink", "ColumnRef"):
            return True
    return False


def expression_sql(expression: Node) -> str:
    """As PostgreSQL's own deparser writes it."""
    import postgast

    tree = postgast.parse("SELECT 1")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(expression)
    return str(postgast.deparse(tree)).removeprefix("SELECT ")
