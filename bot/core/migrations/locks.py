"""Which lock a change takes on which relation, and what it does while it holds it.

The levels are those of https://www.postgresql.org/docs/18/explicit-locking.html; what each command
costs was observed in ``pg_locks`` and by relfilenodes, and a trial observes it again.
"""

from enum import Enum, IntEnum
from typing import NamedTuple

from bot.core.migrations.catalog import (
    Catalog,
    Column,
    Table,
    Type,
    dropped_keys,
    foreign_tables,
    type_of,
)
from bot.core.migrations.changes import Change, Relation, definition, relation_of
from bot.core.migrations.domains import domain_of
from bot.core.migrations.expressions import is_volatile
from bot.core.migrations.sql import Node, word


class Lock(IntEnum):
    """In the order of strength."""

    NONE = 0
    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    def __str__(self) -> str:
        return self.name.replace("_", " ")

    @property
    def blocks(self) -> str:
        """Whom it keeps waiting, for people."""
        if self is Lock.ACCESS_EXCLUSIVE:
            return "every read and write"
        if self >= Lock.SHARE:
            return "every write"
        return "no read and no write"


class Cost(Enum):
    INSTANT = "instant"
    SCAN = "scan"
    """The whole table is read."""
    BUILD = "build"
    """An index is built."""
    REWRITE = "rewrite"
    """The table and its indexes are written anew."""
    UNKNOWN = "unknown"
    """It depends on what is not known, such as the type that a column has."""
    WRITE = "write"
    """Rows are written, and stay locked to the transaction's end."""


class Hold(NamedTuple):
    relation: Relation
    lock: Lock
    cost: Cost


_SHARE_UPDATE = frozenset(
    {"AT_ValidateConstraint", "AT_SetStatistics", "AT_SetRelOptions", "AT_ResetRelOptions"}
    | {"AT_SetOptions", "AT_ResetOptions", "AT_ClusterOn", "AT_DropCluster"}
    | {"AT_DetachPartitionFinalize"}
)
_TRIGGERS = frozenset(
    {"AT_EnableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig", "AT_DisableTrig"}
    | {"AT_EnableTrigAll", "AT_DisableTrigAll", "AT_EnableTrigUser", "AT_DisableTrigUser"}
)
_REWRITES = frozenset(
    {"AT_SetLogged", "AT_SetUnLogged", "AT_SetAccessMethod", "AT_SetTableSpace"}
    | {"AT_SetExpression"}
)
_SCANS = {"AT_ValidateConstraint": Cost.SCAN}
_LOCK_MODES = {mode.value: mode for mode in Lock}


def holds_of(change: Change, catalog: Catalog) -> tuple[Hold, ...]:
    """The locks on relations that others see, strongest first. Reads are left out."""
    holds = [hold for hold in _holds(change, catalog) if not catalog.table(hold.relation).fresh]
    if len(holds) > 1:
        holds.sort(key=lambda hold: -hold.lock)
    return tuple(holds)


def type_change(old: Column | None, new: Type) -> Cost:
    """What ``ALTER COLUMN … TYPE`` without a USING of its own costs.

    https://www.postgresql.org/docs/18/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """
    if old is None:
        return Cost.UNKNOWN
    was = old.type
    if was == new:
        return Cost.INSTANT
    texts = ("varchar", "text")
    if was.name in texts and new.name in texts:
        if not new.modifiers:
            return Cost.INSTANT
        wider = was.name == "varchar" and was.modifiers and new.modifiers >= was.modifiers
        return Cost.INSTANT if wider else Cost.REWRITE
    if was.name != new.name:
        return Cost.INSTANT if (was.name, new.name) == ("cidr", "inet") else Cost.REWRITE
    if not new.modifiers and new.name in ("numeric", "varbit", "timestamp", "timestamptz", "time"):
        return Cost.INSTANT
    if not was.modifiers:
        return Cost.REWRITE
    if new.name == "numeric":
        scales = [(*one, 0)[1] for one in (was.modifiers, new.modifiers)]
        wider = new.modifiers[0] >= was.modifiers[0] and scales[0] == scales[1]
        return Cost.INSTANT if wider else Cost.REWRITE
    if new.name in ("varbit", "timestamp", "timestamptz", "time", "timetz"):
        return Cost.INSTANT if new.modifiers >= was.modifiers else Cost.REWRITE
    return Cost.REWRITE


def _holds(change: Change, catalog: Catalog) -> list[Hold]:
    relation, kind = change.relation, change.kind
    if kind == "drop_INDEX" and relation is not None:
        concurrent = Lock.SHARE_UPDATE_EXCLUSIVE if change.node.concurrent else None
        owner = catalog.indexes.get(relation, relation)
        return [Hold(owner, concurrent or Lock.ACCESS_EXCLUSIVE, Cost.INSTANT)]
    if relation is None:
        return []
    parents = [
        Hold(parent, Lock.SHARE_ROW_EXCLUSIVE, Cost.INSTANT)
        for parent in foreign_tables(change)
        if parent != relation
    ]
    # Its triggers on the other table go with a foreign key, in front of which nobody may read it.
    gone = {key.to for key in dropped_keys(catalog.table(relation), change).values()} - {relation}
    parents += [Hold(parent, Lock.ACCESS_EXCLUSIVE, Cost.INSTANT) for parent in sorted(gone)]
    if kind in ("drop_TABLE", "truncate_stmt") and word(change.node, "behavior") == "DROP_CASCADE":
        lock = Lock.ACCESS_EXCLUSIVE
        parents += [Hold(child, lock, Cost.INSTANT) for child in catalog.pointing_at(relation)]
    if kind == "create_stmt":
        partition = bool(change.node.partbound.strategy)
        lock = Lock.ACCESS_EXCLUSIVE if partition else Lock.SHARE_UPDATE_EXCLUSIVE
        for item in change.node.inh_relations:
            parents.append(Hold(relation_of(item.range_var), lock, Cost.INSTANT))
    elif kind == "AT_AttachPartition":
        child = relation_of(definition(change.node).name)
        parents.append(Hold(child, Lock.ACCESS_EXCLUSIVE, Cost.SCAN))
    elif kind == "AT_DetachPartition":
        child = relation_of(definition(change.node).name)
        parents.append(Hold(child, Lock.ACCESS_EXCLUSIVE, Cost.INSTANT))
    own = _own(change, relation, catalog)
    return [own, *parents] if own is not None else parents


def _own(change: Change, relation: Relation, catalog: Catalog) -> Hold | None:
    kind, node = change.kind, change.node
    table = catalog.table(relation)
    if table.fresh:  # nobody else sees it
        return None
    exclusive, write = Lock.ACCESS_EXCLUSIVE, Lock.SHARE_ROW_EXCLUSIVE
    if kind.startswith("AT_"):
        return _alter(change, relation, table, catalog.domains)
    match kind:
        case "index_stmt":
            lock = Lock.SHARE_UPDATE_EXCLUSIVE if node.concurrent else Lock.SHARE
            return Hold(relation, lock, Cost.BUILD)
        case "reindex_stmt":
            concurrent = any(one.def_elem.defname == "concurrently" for one in node.params)
            on = catalog.indexes.get(relation, relation)
            lock = Lock.SHARE_UPDATE_EXCLUSIVE if concurrent else Lock.SHARE
            return Hold(on, lock, Cost.BUILD)
        case "comment_stmt" | "create_publication_stmt" | "alter_publication_stmt":
            return Hold(relation, Lock.SHARE_UPDATE_EXCLUSIVE, Cost.INSTANT)
        case "create_trig_stmt":
            return Hold(relation, write, Cost.INSTANT)
        case "create_policy_stmt" | "alter_policy_stmt" | "rule_stmt" | "truncate_stmt":
            return Hold(relation, exclusive, Cost.INSTANT)
        case "cluster_stmt":
            return Hold(relation, exclusive, Cost.REWRITE)
        case "vacuum_stmt":
            full = any(one.def_elem.defname == "full" for one in node.options)
            if full:
                return Hold(relation, exclusive, Cost.REWRITE)
            return Hold(relation, Lock.SHARE_UPDATE_EXCLUSIVE, Cost.SCAN)
        case "refresh_mat_view_stmt":
            if node.concurrent:
                return Hold(relation, Lock.EXCLUSIVE, Cost.SCAN)
            return Hold(relation, exclusive, Cost.REWRITE)
        case "lock_stmt":
            return Hold(relation, _LOCK_MODES.get(node.mode, exclusive), Cost.INSTANT)
        case "update_stmt" | "delete_stmt" | "merge_stmt":
            return Hold(relation, Lock.ROW_EXCLUSIVE, Cost.WRITE)
        case "insert_stmt":
            return Hold(relation, Lock.ROW_EXCLUSIVE, Cost.INSTANT)
        case (
            "grant_stmt" | "create_stmt" | "view_stmt" | "create_table_as_stmt" | "create_seq_stmt"
        ):
            return None
    if kind.startswith(("drop_", "rename_", "alter_object_schema_stmt")):
        return Hold(relation, exclusive, Cost.INSTANT)
    return None


def _alter(change: Change, relation: Relation, table: Table, domains: frozenset[Relation]) -> Hold:
    kind = change.kind
    if kind == "AT_AddConstraint":
        return _constraint(change, relation)
    if kind in _SHARE_UPDATE:
        return Hold(relation, Lock.SHARE_UPDATE_EXCLUSIVE, _SCANS.get(kind, Cost.INSTANT))
    if kind in _TRIGGERS:
        return Hold(relation, Lock.SHARE_ROW_EXCLUSIVE, Cost.INSTANT)
    if kind == "AT_AttachPartition":
        return Hold(relation, Lock.SHARE_UPDATE_EXCLUSIVE, Cost.INSTANT)
    if kind == "AT_DetachPartition" and definition(change.node).concurrent:
        return Hold(relation, Lock.SHARE_UPDATE_EXCLUSIVE, Cost.INSTANT)
    cost = Cost.INSTANT
    if kind in _REWRITES:
        cost = Cost.REWRITE
    elif kind == "AT_SetNotNull":
        column = table.columns.get(change.column)
        proven = table.requires(change.column) or (column is not None and column.not_null)
        fresh = change.column in table.fresh_columns
        cost = Cost.INSTANT if proven and not fresh else Cost.SCAN
    elif kind == "AT_AlterColumnType":
        new = definition(change.node)
        cost = type_change(table.columns.get(change.column), type_of(new.type_name))
        if new.HasField("raw_default") and cost is Cost.INSTANT:
            cost = Cost.REWRITE
        # Its indexes are in the order of the collation; which those are is not known.
        if new.HasField("coll_clause") and cost is Cost.INSTANT:
            cost = Cost.BUILD
        # A CHECK that speaks of the column is held to the new type, row by row.
        if cost is Cost.INSTANT and any(
            check.validated and change.column in check.columns for check in table.checks.values()
        ):
            cost = Cost.SCAN
    elif kind == "AT_AddColumn":
        cost = _column(definition(change.node), domains)
    return Hold(relation, Lock.ACCESS_EXCLUSIVE, cost)


def _column(node: Node, domains: frozenset[Relation]) -> Cost:
    """Of ADD COLUMN."""
    if type_of(node.type_name).name in ("serial", "bigserial", "smallserial"):
        return Cost.REWRITE
    if domain_of(node.type_name) in domains:
        return Cost.REWRITE
    cost = Cost.INSTANT
    for item in node.constraints:
        constraint = item.constraint
        kind = word(constraint, "contype")
        stored = kind == "CONSTR_GENERATED" and constraint.generated_kind != "v"
        default = kind == "CONSTR_DEFAULT" and is_volatile(constraint.raw_expr)
        if kind == "CONSTR_IDENTITY" or stored or default:
            return Cost.REWRITE
        if kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_CHECK"):
            cost = Cost.SCAN
    return cost


def _constraint(change: Change, relation: Relation) -> Hold:
    node = definition(change.node)
    kind = word(node, "contype")
    lock = Lock.ACCESS_EXCLUSIVE
    if kind == "CONSTR_FOREIGN":
        cost = Cost.INSTANT if node.skip_validation else Cost.SCAN
        return Hold(relation, Lock.SHARE_ROW_EXCLUSIVE, cost)
    if kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY"):
        return Hold(relation, lock, Cost.INSTANT if node.indexname else Cost.BUILD)
    if kind == "CONSTR_EXCLUSION":
        return Hold(relation, lock, Cost.BUILD)
    return Hold(relation, lock, Cost.INSTANT if node.skip_validation else Cost.SCAN)
