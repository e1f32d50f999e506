"""Statements → single changes: an ``ALTER TABLE`` with three commands is three of them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.core.migrations.names import dotted
from bot.core.migrations.sql import Node, Statement, inner, names_of, word

DEFAULT_SCHEMA = "public"

_TABLES = frozenset({"OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"})
_OUTSIDE = frozenset({"vacuum_stmt", "createdb_stmt", "dropdb_stmt", "alter_system_stmt"})
_RELATIONS = frozenset({"TABLE", "VIEW", "MATVIEW", "INDEX", "SEQUENCE", "FOREIGN_TABLE"})
_COLUMN_COMMANDS = frozenset(
    {"AT_DropColumn", "AT_AlterColumnType", "AT_SetNotNull", "AT_DropNotNull", "AT_ColumnDefault"}
    | {"AT_AddIdentity", "AT_SetIdentity", "AT_DropIdentity", "AT_DropExpression"}
    | {"AT_SetExpression", "AT_SetStatistics", "AT_SetStorage", "AT_SetCompression"}
)


class Relation(NamedTuple):
    """A table, view or index. An unqualified name is taken for one of ``public``."""

    schema: str
    name: str

    def __str__(self) -> str:
        return self.name if self.schema == DEFAULT_SCHEMA else f"{self.schema}.{self.name}"


class Change(NamedTuple):
    """One thing that a statement does to one relation."""

    kind: str
    """The parser's name: ``AT_SetNotNull`` for a command of ``ALTER TABLE``, ``index_stmt`` for a
    statement. A rename is ``rename_`` and its object: ``rename_COLUMN``; a drop ``drop_TABLE``."""
    relation: Relation | None
    node: Node
    statement: Statement
    column: str = ""
    """Of the commands that name one."""
    names: tuple[str, ...] = ()
    """Of the relation, with a schema if the statement has one."""

    @property
    def written(self) -> str:
        """The relation as SQL must write it."""
        return dotted(*self.names)


def changes_of(statement: Statement) -> Iterator[Change]:
    node, kind = statement.node, statement.kind
    if kind == "alter_table_stmt":
        of_table = word(node, "objtype") in _TABLES
        for item in node.cmds:
            command = item.alter_table_cmd
            name = word(command, "subtype")
            column = command.name if name in _COLUMN_COMMANDS else ""
            if name == "AT_AddColumn":
                column = definition(command).colname
            if not of_table:
                name = f"other_{name}"
            yield _change(name, node.relation, command, statement, column)
    elif kind == "rename_stmt":
        what = _object(node, "rename_type")
        yield _change(f"rename_{what}", node.relation, node, statement, node.subname)
    elif kind == "drop_stmt":
        what = _object(node, "remove_type")
        for item in node.objects:
            names = object_names(item)
            of_table = what in ("POLICY", "TRIGGER", "RULE")
            dropped = "" if what in _RELATIONS else "".join(names[-1:])
            names = names[:-1] if of_table else names
            of_relation = of_table or what in _RELATIONS
            found = relation_named(names) if of_relation and names else None
            yield Change(f"drop_{what}", found, node, statement, dropped, tuple(names))
    elif kind == "truncate_stmt" or kind == "lock_stmt":
        for item in node.relations:
            yield _change(kind, item.range_var, node, statement)
    elif kind in ("create_publication_stmt", "alter_publication_stmt"):
        specs = [item.publication_obj_spec for item in node.pubobjects]
        tables = [spec.pubtable.relation for spec in specs if spec.HasField("pubtable")]
        for table in tables:
            yield _change(kind, table, node, statement)
        if not tables:
            yield Change(kind, None, node, statement)
    elif kind == "vacuum_stmt":
        for item in node.rels:
            yield _change(kind, item.vacuum_relation.relation, node, statement)
        if not node.rels:
            yield Change(kind, None, node, statement)
    elif kind in ("create_policy_stmt", "alter_policy_stmt"):
        yield _change(kind, node.table, node, statement, node.policy_name)
    elif kind == "create_table_as_stmt":
        yield _change(kind, node.into.rel, node, statement)
    elif kind == "view_stmt":
        yield _change(kind, node.view, node, statement)
    elif kind == "create_foreign_table_stmt":
        yield _change(kind, node.base_stmt.relation, node, statement)
    elif kind == "grant_stmt":
        tables = [item.range_var for item in node.objects if item.WhichOneof("node") == "range_var"]
        for table in tables:
            yield _change(kind, table, node, statement)
        if not tables:
            yield Change(kind, None, node, statement)
    elif kind == "comment_stmt" and word(node, "objtype") in ("OBJECT_TABLE", "OBJECT_COLUMN"):
        names = list(names_of(inner(node.object)[1].items))
        names = names[:-1] if word(node, "objtype") == "OBJECT_COLUMN" else names
        relation = relation_named(names) if names else None
        yield Change(kind, relation, node, statement, "", tuple(names))
    elif "relation" in node.DESCRIPTOR.fields_by_name and node.HasField("relation"):
        yield _change(kind, node.relation, node, statement)
    else:
        yield Change(kind, None, node, statement)


def needs_no_transaction(change: Change) -> bool:
    """Whether PostgreSQL refuses to run it in one."""
    node, kind = change.node, change.kind
    if kind in ("index_stmt", "drop_INDEX"):
        return bool(node.concurrent)
    if kind == "reindex_stmt":
        return any(item.def_elem.defname == "concurrently" for item in node.params)
    if kind == "AT_DetachPartition":
        return bool(definition(node).concurrent)
    return kind in _OUTSIDE


def definition(command: Node) -> Node:
    """What a command of ``ALTER TABLE`` defines: a column, a constraint, a partition."""
    return inner(getattr(command, "def"))[1]


def relation_of(range_var: Node) -> Relation:
    return Relation(range_var.schemaname or DEFAULT_SCHEMA, range_var.relname)


def object_names(item: Node) -> list[str]:
    """The name of what a statement drops or grants, with a schema if the statement has one."""
    kind, node = inner(item)
    if kind == "list":
        return list(names_of(node.items))
    if kind == "object_with_args":
        return list(names_of(node.objname))
    return list(names_of(node.names)) if kind == "type_name" else [node.sval]


def relation_named(names: Sequence[str]) -> Relation:
    return Relation(names[-2] if len(names) > 1 else DEFAULT_SCHEMA, names[-1])


def written_as(range_var: Node) -> str:
    return dotted(range_var.schemaname, range_var.relname)


def _change(
    kind: str, range_var: Node, node: Node, statement: Statement, column: str = ""
) -> Change:
    if not range_var.relname:
        return Change(kind, None, node, statement, column)
    names = (range_var.schemaname, range_var.relname)
    return Change(kind, relation_of(range_var), node, statement, column, names)


def _object(node: Node, field: str) -> str:
    return word(node, field).removeprefix("OBJECT_")
