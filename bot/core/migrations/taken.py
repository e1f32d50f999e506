"""What a migration takes away from the builds that use it, read from its statements. Pure."""

from collections.abc import Iterator, Sequence

from bot.core.migrations.builds import Taken
from bot.core.migrations.sql import Node, SqlError, Statement, parse_statements

_DROPS = frozenset(
    f"OBJECT_{kind}"
    for kind in (
        "AGGREGATE", "DOMAIN", "EXTENSION", "FOREIGN_TABLE", "FUNCTION", "MATVIEW", "PROCEDURE",
        "ROUTINE", "SCHEMA", "SEQUENCE", "TABLE", "TYPE", "VIEW",
    )
)  # fmt: skip
"""Kinds that an application names. It names no index, trigger, policy or constraint."""
_PARTS = frozenset(("OBJECT_COLUMN", "OBJECT_ATTRIBUTE"))
_COLUMN_CHANGES = {"AT_DropColumn": "dropped", "AT_AlterColumnType": "changed"}


def taken_by(text: str) -> tuple[Taken, ...]:
    """What the statements drop, rename, move or give another type, in their order, once each.

    Nothing for text that is no SQL. What a function or a ``DO`` block takes away is not seen, and
    what recipes made to keep columns equal is used by no build.
    """
    try:
        statements = parse_statements(text)
    except SqlError:
        return ()
    found = (taken for statement in statements for taken in _taken(statement))
    return tuple(dict.fromkeys(one for one in found if not _is_ours(one.name)))


def _is_ours(name: str) -> bool:
    return name.rpartition(".")[2].startswith("lockgate_")


def _taken(statement: Statement) -> Iterator[Taken]:
    node = statement.node
    match statement.kind:
        case "drop_stmt" if _named(node, "remove_type") in _DROPS:
            yield from (Taken(name) for name in map(_object, node.objects) if name)
        case "alter_table_stmt":
            table = _relation(node.relation)
            for command in (each.alter_table_cmd for each in node.cmds):
                how = _COLUMN_CHANGES.get(_named(command, "subtype"))
                if how:
                    yield Taken(f"{table}.{_quoted(command.name)}", how)
        case "rename_stmt":
            kind = _named(node, "rename_type")
            if kind in _PARTS:
                yield Taken(f"{_relation(node.relation)}.{_quoted(node.subname)}", "renamed")
            elif kind in _DROPS:
                yield from _whole(node, "renamed")
        case "alter_object_schema_stmt" if _named(node, "object_type") in _DROPS:
            yield from _whole(node, "moved")
        case "alter_enum_stmt" if node.old_val:
            yield Taken(f"{_dotted(node.type_name)}: '{node.old_val}'", "renamed")


def _whole(node: Node, how: str) -> Iterator[Taken]:
    name = _relation(node.relation) if node.HasField("relation") else _object(node.object)
    name = name or (_quoted(node.subname) if node.DESCRIPTOR.name == "RenameStmt" else "")
    if name:
        yield Taken(name, how)


def _object(node: Node) -> str:
    match node.WhichOneof("node"):
        case "list":
            return _dotted(node.list.items)
        case "type_name":
            return _dotted(node.type_name.names)
        case "object_with_args":
            return f"{_dotted(node.object_with_args.objname)}()"
        case "string":
            return _quoted(node.string.sval)
    return ""


def _relation(node: Node) -> str:
    return ".".join(_quoted(part) for part in (node.schemaname, node.relname) if part)


def _dotted(parts: Sequence[Node]) -> str:
    return ".".join(_quoted(part.string.sval) for part in parts)


def _quoted(name: str) -> str:
    plain = name.isascii() and name == name.lower() and name.isidentifier()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _named(node: Node, field: str) -> str:
    """The name of an enumeration's value."""
    kind = node.DESCRIPTOR.fields_by_name[field].enum_type
    return str(kind.values_by_number[getattr(node, field)].name)
