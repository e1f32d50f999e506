"""One spelling for a view's query in all versions of PostgreSQL. Pure.

Up to version 15 every column is written with its table; since then those of the outermost query are
not, where it reads from one table alone.
"""

from collections.abc import Iterator

from bot.core.migrations.sql import Node, SqlError, parse_statements


def unqualified(definition: str) -> str:
    """The query as newer versions write it; one that cannot be read stays as it is."""
    try:
        (statement,) = parse_statements(definition)
    except (SqlError, ValueError):
        return definition
    query = statement.node
    if statement.kind != "select_stmt" or len(query.from_clause) != 1:
        return definition
    source = _called(query.from_clause[0])
    if not source:
        return definition
    # Places count bytes.
    raw = definition.encode()
    for place in sorted(_qualified(query, source), reverse=True):
        dot = raw.index(b".", place + len(source.encode()))
        raw = raw[:place] + raw[dot + 1 :]
    return raw.decode()


def _called(source: Node) -> str:
    """What columns of the one source are written with; empty for a join, which is several."""
    kind = source.WhichOneof("node")
    if kind not in ("range_var", "range_subselect", "range_function"):
        return ""
    node = getattr(source, kind)
    if node.HasField("alias"):
        return str(node.alias.aliasname)
    return str(node.relname) if kind == "range_var" else ""


def _qualified(query: Node, source: str) -> Iterator[int]:
    """Where columns of the outermost query begin that are written with their source."""
    stack = [query]
    while stack:
        message = stack.pop()
        if message.DESCRIPTOR.name == "ColumnRef":
            words = [field.string.sval for field in message.fields]
            if len(words) == 2 and words[0] == source and words[1]:
                yield message.location
            continue
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            for below in value if field.is_repeated else (value,):
                if below.DESCRIPTOR.name != "SelectStmt":
                    stack.append(below)
