"""What is known of a database: read from it, or gathered from the migrations before.

Everything may be unknown (None): what nobody knows proves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType
from typing import NamedTuple

from bot.core.migrations.changes import Change, Relation, definition, relation_of
from bot.core.migrations.domains import constrained_by
from bot.core.migrations.expressions import columns_of, expression_sql
from bot.core.migrations.rewrites import or_nothing
from bot.core.migrations.script import DYNAMIC
from bot.core.migrations.sql import Node, copied, inner, names_of, word

_SERIALS = {"serial": "int4", "bigserial": "int8", "smallserial": "int2"}
_REQUIRING = frozenset({"CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_IDENTITY"})
_FILLING = frozenset({"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"})
"""Constraints of a column that give it a value where none is named."""
_SMALL_ROWS = 10_000
_SMALL_BYTES = 8 * 2**20


class Type(NamedTuple):
    """``varchar(40)`` is ``("varchar", (40,))``; names are those of ``pg_type``."""

    name: str
    modifiers: tuple[int, ...] = ()

    def __str__(self) -> str:
        inside = ",".join(map(str, self.modifiers))
        return f"{self.name}({inside})" if inside else self.name


class Column(NamedTuple):
    type: Type
    not_null: bool = False
    filled: bool = False
    """Whether it is known to get a value in rows that do not name it."""


class Check(NamedTuple):
    """A CHECK constraint. Few are asked for more than whether they are validated."""

    validated: bool
    node: Node | None = None
    """Its expression; None where nobody can read it."""
    written: str = ""
    """Its expression in the database's own words, where those are known."""

    @property
    def requires(self) -> frozenset[str]:
        """The columns that it does not let be NULL."""
        return required_columns(self.node) if self.node is not None else frozenset()

    @property
    def columns(self) -> frozenset[str]:
        """All that it speaks of."""
        return columns_of(self.node) if self.node is not None else frozenset()

    @property
    def expression(self) -> str:
        """As SQL; empty where it cannot be written."""
        if self.written or self.node is None:
            return self.written
        return or_nothing(expression_sql)(self.node)


class ForeignKey(NamedTuple):
    to: Relation
    columns: tuple[str, ...]
    """Those that point there."""


class Table(NamedTuple):
    """A tuple, of which a changed copy is quickly made: each change of a file makes one."""

    rows: int | None = None
    bytes: int | None = None
    """With its indexes and TOAST."""
    writes_per_second: float | None = None
    """Rows inserted, updated or deleted, on average since the statistics began."""
    columns: Mapping[str, Column] = MappingProxyType({})
    checks: Mapping[str, Check] = MappingProxyType({})
    foreign_keys: Mapping[str, ForeignKey] = MappingProxyType({})
    """By the names of their constraints; of those that a file gives none, by any other."""
    key: tuple[str, ...] = ()
    """The primary key's columns."""
    unique: frozenset[tuple[str, ...]] = frozenset()
    partition_key: tuple[str, ...] = ()
    row_security: bool = False
    policies: frozenset[str] = frozenset()
    fresh: bool = False
    """Made in the same transaction: nobody else sees it."""
    fresh_columns: frozenset[str] = frozenset()
    known: bool = False
    """Whether its columns and row security are known."""

    @property
    def small(self) -> bool:
        """Whether to read it whole takes no time that anybody would notice."""
        if self.rows is None or self.bytes is None:
            return False
        return self.rows <= _SMALL_ROWS and self.bytes <= _SMALL_BYTES

    def requires(self, column: str) -> bool:
        """Whether a validated CHECK proves that it holds no NULL."""
        return any(check.validated and column in check.requires for check in self.checks.values())


_UNKNOWN = Table()


@dataclass(frozen=True, slots=True)
class Catalog:
    tables: Mapping[Relation, Table] = field(default_factory=dict)
    """As everybody sees them."""
    indexes: Mapping[Relation, Relation] = field(default_factory=dict)
    """Index to its table."""
    exposed: frozenset[str] = frozenset()
    """Schemas that people reach through an API."""
    complete: bool = False
    """Whether it was read from a database."""
    touched: Mapping[Relation, Table | None] = field(default_factory=dict)
    """Those that the transaction has changed so far; None for one that it dropped. They are apart
    because they are few: each change gives a new catalog."""
    domains: frozenset[Relation] = frozenset()
    """Those that have constraints: for another column of one a table is written anew."""

    def find(self, relation: Relation) -> Table | None:
        """None for one that nothing is known of, or that was dropped."""
        if relation in self.touched:
            return self.touched[relation]
        return self.tables.get(relation)

    def table(self, relation: Relation | None) -> Table:
        return (self.find(relation) if relation else None) or _UNKNOWN

    def pointing_at(self, relation: Relation) -> list[Relation]:
        """The tables with a foreign key to it, itself left out."""
        names = sorted({*self.tables, *self.touched} - {relation})
        keys = {name: self.table(name).foreign_keys.values() for name in names}
        return [name for name in names if any(key.to == relation for key in keys[name])]

    def settled(self) -> "Catalog":
        """After a transaction's end: what it made is seen by everybody."""
        if not self.touched:
            return self
        tables = dict(self.tables)
        for name, table in self.touched.items():
            if table is None:
                tables.pop(name, None)
            else:
                tables[name] = _settled(table)
        return replace(self, tables=tables, touched={})

    def after(self, changes: Iterable[Change]) -> "Catalog":
        """What is known when they are done."""
        told = [change for change in changes if _tells(change)]
        if not told:
            return self
        touched, indexes, domains = dict(self.touched), self.indexes, self.domains
        for change in told:
            if change.kind == DYNAMIC:  # it may have dropped any of them
                for name, table in {**self.tables, **touched}.items():
                    touched[name] = table._replace(checks={}) if table else None
            elif change.kind in _OF_INDEXES:
                indexes = _indexed(change, indexes)
            elif change.kind in _OF_DOMAINS:
                domains |= constrained_by(change, domains)
            elif (relation := change.relation) is not None:
                known = touched[relation] if relation in touched else self.tables.get(relation)
                touched.update(_applied(change, relation, known))
        return Catalog(self.tables, indexes, self.exposed, self.complete, touched, domains)


def type_of(node: Node) -> Type:
    """Of a ``TypeName``; modifiers that are no numbers are left out."""
    name = names_of(node.names)[-1] if node.names else ""
    if node.array_bounds:
        name = f"_{name}"
    modifiers = [inner(one)[1] for one in node.typmods]
    numbers = tuple(one.ival.ival for one in modifiers if hasattr(one, "ival"))
    return Type(name, numbers)


def column_of(node: Node) -> Column:
    """Of a column's definition."""
    type_ = type_of(node.type_name)
    if serial := _SERIALS.get(type_.name):
        return Column(Type(serial), not_null=True, filled=True)
    kinds = {word(one.constraint, "contype") for one in node.constraints}
    return Column(type_, not kinds.isdisjoint(_REQUIRING), not kinds.isdisjoint(_FILLING))


def required_columns(expression: Node) -> frozenset[str]:
    """The columns that ``c IS NOT NULL``, alone or joined by AND, does not let be NULL."""
    kind, node = inner(expression)
    if kind == "null_test" and word(node, "nulltesttype") == "IS_NOT_NULL":
        argument_kind, argument = inner(node.arg)
        names = names_of(argument.fields) if argument_kind == "column_ref" else ()
        return frozenset(names[-1:])
    if kind == "bool_expr" and word(node, "boolop") == "AND_EXPR":
        return frozenset().union(*map(required_columns, node.args))
    return frozenset()


_TELLING = frozenset(
    {"create_stmt", "create_table_as_stmt", "index_stmt", "create_policy_stmt", "rename_TABLE"}
    | {"rename_COLUMN", "drop_TABLE", "drop_INDEX", "drop_POLICY"}
)
_OF_DOMAINS = frozenset({"create_domain_stmt", "alter_domain_stmt"})
_OF_INDEXES = frozenset({"index_stmt", "drop_INDEX"})


def _tells(change: Change) -> bool:
    if change.kind == DYNAMIC or change.kind in _OF_DOMAINS:
        return True
    told = change.kind in _TELLING or change.kind.startswith("AT_")
    return told and change.relation is not None


def _indexed(change: Change, indexes: Mapping[Relation, Relation]) -> Mapping[Relation, Relation]:
    relation = change.relation
    if relation is None:
        return indexes
    if change.kind == "drop_INDEX":
        return {name: table for name, table in indexes.items() if name != relation}
    name = change.node.idxname
    return {**indexes, Relation(relation.schema, name): relation} if name else indexes


def _settled(table: Table) -> Table:
    if not (table.fresh or table.fresh_columns):
        return table
    return table._replace(
        fresh=False,
        fresh_columns=frozenset(),
        rows=None if table.fresh else table.rows,
        bytes=None if table.fresh else table.bytes,
    )


def _applied(
    change: Change, relation: Relation, before: Table | None
) -> Mapping[Relation, Table | None]:
    """The tables that are others now; None for one that is gone."""
    node, table = change.node, before or _UNKNOWN
    match change.kind:
        case "create_stmt":
            # One that is there stays as it is: by IF NOT EXISTS, or by a condition around it.
            return {} if before is not None else {relation: _created(node)}
        case "create_table_as_stmt":
            return {relation: Table(fresh=True, rows=0, bytes=0)}
        case "drop_TABLE":
            return {relation: None}
        case "rename_TABLE":
            return {relation: None, Relation(relation.schema, node.newname): table}
        case "rename_COLUMN":
            columns = {
                node.newname if name == change.column else name: column
                for name, column in table.columns.items()
            }
            return {relation: table._replace(columns=columns)}
        case "create_policy_stmt":
            return {relation: table._replace(policies=table.policies | {node.policy_name})}
        case "drop_POLICY":
            return {relation: table._replace(policies=table.policies - {change.column})}
        case kind if kind.startswith("AT_"):
            return {relation: _altered(table, change)}
    return {}


def _created(node: Node) -> Table:
    columns: dict[str, Column] = {}
    constraints: list[tuple[Node, str]] = []
    for item in node.table_elts:
        kind, element = inner(item)
        own, column = _constraints(kind, element), ""
        if kind == "column_def":
            column = element.colname
            columns[column] = column_of(element)
        constraints += [(constraint, column) for constraint in own]
    names = tuple(one.partition_elem.name for one in node.partspec.part_params)
    key = names if all(names) else ()
    table = Table(rows=0, bytes=0, columns=columns, partition_key=key, fresh=True, known=True)
    for constraint, column in constraints:
        table = _with_constraint(table, constraint, column)
    return table


def _altered(table: Table, change: Change) -> Table:
    column = table.columns.get(change.column)
    match change.kind:
        case "AT_AddColumn":
            if change.node.missing_ok and column is not None:
                return table
            node = definition(change.node)
            own = _constraints("column_def", node)
            added = table._replace(
                columns={**table.columns, change.column: column_of(node)},
                fresh_columns=table.fresh_columns | {change.column},
            )
            for constraint in own:
                added = _with_constraint(added, constraint, change.column)
            return added
        case "AT_DropColumn":
            left = {name: one for name, one in table.columns.items() if name != change.column}
            return _without_keys(table._replace(columns=left), change)
        case "AT_AlterColumnType":
            new = type_of(definition(change.node).type_name)
            changed = column._replace(type=new) if column else Column(new)
            return table._replace(columns={**table.columns, change.column: changed})
        case "AT_ColumnDefault" if column:
            changed = column._replace(filled=change.node.HasField("def"))
            return table._replace(columns={**table.columns, change.column: changed})
        case "AT_SetNotNull" | "AT_DropNotNull" if column:
            not_null = change.kind == "AT_SetNotNull"
            changed = column._replace(not_null=not_null)
            return table._replace(columns={**table.columns, change.column: changed})
        case "AT_AddConstraint":
            return _with_constraint(table, definition(change.node))
        case "AT_ValidateConstraint":
            name = change.node.name
            if name in table.checks:
                valid = table.checks[name]._replace(validated=True)
                return table._replace(checks={**table.checks, name: valid})
        case "AT_DropConstraint":
            checks = {name: one for name, one in table.checks.items() if name != change.node.name}
            return _without_keys(table._replace(checks=checks), change)
        case "AT_EnableRowSecurity" | "AT_DisableRowSecurity":
            return table._replace(row_security=change.kind == "AT_EnableRowSecurity")
    return table


def _constraints(kind: str, element: Node) -> list[Node]:
    """Those of a column, or the one that is an element of the table by itself."""
    if kind == "column_def":
        return [one.constraint for one in element.constraints]
    return [element] if kind == "constraint" else []


def _with_constraint(table: Table, node: Node, column: str = "") -> Table:
    kind = word(node, "contype")
    if kind == "CONSTR_CHECK":
        name = node.conname or _unnamed(table.checks)
        check = Check(not node.skip_validation, copied(node.raw_expr))
        return table._replace(checks={**table.checks, name: check})
    if kind == "CONSTR_FOREIGN":
        name = node.conname or _unnamed(table.foreign_keys)
        key = ForeignKey(relation_of(node.pktable), names_of(node.fk_attrs) or (column,))
        return table._replace(foreign_keys={**table.foreign_keys, name: key})
    if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
        columns = names_of(node.keys) or ((column,) if column else ())
        if columns:
            primary = columns if kind == "CONSTR_PRIMARY" else table.key
            return table._replace(key=primary, unique=table.unique | {columns})
    return table


def _unnamed(known: Mapping[str, object]) -> str:
    """What no constraint is called, nor another one that has no name."""
    return next(name for number in count() if (name := f"?{number}") not in known)


def _without_keys(table: Table, change: Change) -> Table:
    gone = dropped_keys(table, change)
    left = {name: key for name, key in table.foreign_keys.items() if name not in gone}
    return table._replace(foreign_keys=left)


def dropped_keys(table: Table, change: Change) -> Mapping[str, ForeignKey]:
    """The foreign keys that go with a constraint or a column of the table, or with all of it."""
    match change.kind:
        case "AT_DropConstraint":
            named = change.node.name
            table_name = change.relation.name if change.relation else ""
            return {
                name: key
                for name, key in table.foreign_keys.items()
                # The name that PostgreSQL gives one that has none.
                if name == named or named == "_".join((table_name, *key.columns, "fkey"))
            }
        case "AT_DropColumn":
            return {
                name: key
                for name, key in table.foreign_keys.items()
                if change.column in key.columns
            }
        case "drop_TABLE":
            return table.foreign_keys
    return {}


def foreign_tables(change: Change) -> tuple[Relation, ...]:
    """The tables that a new table's, column's or constraint's foreign keys point at."""
    match change.kind:
        case "create_stmt":
            elements = change.node.table_elts
        case "AT_AddColumn" | "AT_AddConstraint":
            elements = [getattr(change.node, "def")]
        case _:
            return ()
    constraints = [one for element in elements for one in _constraints(*inner(element))]
    found = [relation_of(one.pktable) for one in constraints if one.pktable.relname]
    return tuple(dict.fromkeys(found))
