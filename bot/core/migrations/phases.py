"""The phase that a migration is by its content: what old builds notice of it.

*Additive*: nothing. *Tightening*: what they wrote so far may be refused. *Relaxing*: a promise is
taken back that they may rely on. *Breaking*: what they name is gone, or is something else.
"""

from collections.abc import Sequence
from enum import Enum

from bot.core.migrations.catalog import Catalog, Table, column_of, type_of
from bot.core.migrations.changes import Change, Relation, definition, relation_of
from bot.core.migrations.locks import Cost, type_change
from bot.core.migrations.model import Migration, Phase, Problem
from bot.core.migrations.script import DYNAMIC, read_script
from bot.core.migrations.sql import SqlError, inner, names_of, word


class Effect(Enum):
    ADDITIVE = "additive"
    TIGHTENING = "tightening"
    RELAXING = "relaxing"
    BREAKING = "breaking"
    UNKNOWN = "unknown"


_BREAKING = frozenset(
    {"AT_DropColumn", "AT_DropIdentity", "AT_DropExpression", "alter_object_schema_stmt"}
    | {"AT_DetachPartition", "AT_DropInherit", "drop_owned_stmt", "dropdb_stmt"}
    | {"drop_role_stmt", "other_AT_DropColumn"}
)
_BREAKING_DROPS = frozenset(
    {"TABLE", "VIEW", "MATVIEW", "FOREIGN_TABLE", "SEQUENCE", "TYPE", "DOMAIN", "FUNCTION"}
    | {"PROCEDURE", "ROUTINE", "AGGREGATE", "SCHEMA", "EXTENSION", "CAST", "OPERATOR", "COLLATION"}
)
_NOTICED_RENAMES = frozenset(
    {"TABLE", "COLUMN", "VIEW", "MATVIEW", "FOREIGN_TABLE", "SEQUENCE", "TYPE", "DOMAIN", "SCHEMA"}
    | {"FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "ATTRIBUTE", "ROLE"}
)
_TIGHTENING = frozenset({"AT_SetNotNull", "AT_EnableRowSecurity", "AT_ForceRowSecurity"})
_RELAXING = frozenset(
    {"AT_DropNotNull", "AT_DropConstraint", "AT_DisableRowSecurity", "AT_NoForceRowSecurity"}
    | {"AT_DisableTrig", "AT_DisableTrigAll", "AT_DisableTrigUser", "AT_DisableRule"}
    | {"AT_EnableReplicaTrig", "AT_EnableReplicaRule", "AT_AlterConstraint"}
    | {"rename_TABCONSTRAINT"}
)
_OF_DOMAIN = {
    "C": Effect.TIGHTENING,
    "O": Effect.TIGHTENING,
    "N": Effect.RELAXING,
    "X": Effect.RELAXING,
}
"""What ``ALTER DOMAIN`` does: adds a constraint, sets NOT NULL, drops NOT NULL or a constraint.
https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/nodes/parsenodes.h"""
_OF_NUMBERS = frozenset({"restart", "increment", "minvalue", "maxvalue", "as", "cycle"})
"""Options after which a sequence gives other numbers, such as those of rows that are there."""
_MADE_BY = {
    "create_policy_stmt": "policy_name",
    "create_trig_stmt": "trigname",
    "index_stmt": "idxname",
    "rule_stmt": "rulename",
}


_NAMED = frozenset(
    {"AT_DropConstraint", "AT_ValidateConstraint", "AT_DisableTrig", "AT_EnableReplicaTrig"}
    | {"AT_DisableRule", "AT_EnableReplicaRule"}
)
"""What these are of has a name."""


def phase_of(migration: Migration, catalog: Catalog | None = None) -> Phase | Problem:
    """The phase that its mark gives, else that its content does.

    ``catalog``: what is known before it, so that a wider type is known for one.
    """
    if migration.marked is not None:
        return migration.marked
    try:
        steps = read_script(migration.text)
    except SqlError as error:
        return Problem(migration.path, error.line, error.column, error.message, "mend the SQL")
    known: list[tuple[Change, Catalog]] = []
    before = catalog or Catalog()
    for change in (change for step in steps for change in step.changes):
        known.append((change, before))
        before = before.after([change])
    effects = effects_of(known)
    first = next((at for at, one in enumerate(effects) if one is not Effect.ADDITIVE), None)
    if first is None:
        return Phase.EXPAND
    (change, _), effect = known[first], effects[first]
    at = change.statement
    message = f"it is not purely additive ({describe(change)} is {effect.value}) and not marked"
    remedy = "begin the file with `-- lockgate: expand` or `-- lockgate: contract`"
    return Problem(migration.path, at.line, at.column, message, remedy)


def effects_of(known: Sequence[tuple[Change, Catalog]]) -> list[Effect]:
    """Of all changes of a file, each with what is known before it."""
    made = {name for change, _ in known for name in _made(change)}
    new = {_new(change) for change, _ in known} - {None}
    effects = []
    for change, catalog in known:
        effect = _effect(change, catalog)
        if change.kind.startswith("drop_") and _dropped(change) in made:
            effect = Effect.ADDITIVE  # it is made again
        if _touched(change) in new:
            effect = Effect.ADDITIVE
        effects.append(effect)
    return effects


def describe(change: Change) -> str:
    """In SQL's words, with the user's own names."""
    kind, column = change.kind, change.column
    verb, _, what = kind.partition("_")
    if verb in ("drop", "rename") and not kind.endswith("_stmt"):
        name = ".".join(filter(None, (change.written, column if change.relation else "")))
        what = "CONSTRAINT" if what == "TABCONSTRAINT" else what.replace("_", " ")
        return f"{verb.upper()} {what} {name}".strip()
    words = "".join(f" {one}" if one.isupper() else one for one in what).upper().split()
    column = change.node.name if kind in _NAMED else column
    if kind == "AT_ColumnDefault":
        words.insert(0, "SET" if change.node.HasField("def") else "DROP")
    words = ["TRIGGER" if one == "TRIG" else one for one in words]
    if verb == "AT":
        return " ".join(filter(None, (*words, f"{change.written}.{column}".strip("."))))
    first = change.statement.text.upper().split(None, 5)[:4]
    return " ".join([one for one in first if one not in ("OR", "REPLACE")][:2])


def _effect(change: Change, catalog: Catalog) -> Effect:
    kind, table = change.kind, catalog.table(change.relation)
    if kind == DYNAMIC:
        return Effect.UNKNOWN
    if table.fresh:
        return Effect.ADDITIVE
    if kind == "AT_AlterColumnType":
        return _type_effect(change, catalog)
    if kind == "AT_ColumnDefault":
        return Effect.ADDITIVE if change.node.HasField("def") else Effect.RELAXING
    if change.column and change.column in table.fresh_columns:
        required = kind == "AT_SetNotNull" and not _filled(table, change.column)
        return Effect.TIGHTENING if required else Effect.ADDITIVE
    if kind == "AT_AddConstraint":
        return _constraint_effect(change, table)
    if kind == "AT_AddColumn":
        return _column_effect(change)
    verb, _, what = kind.partition("_")
    if kind in _BREAKING or (verb == "drop" and what in _BREAKING_DROPS):
        return Effect.BREAKING
    if kind in _RELAXING:
        return Effect.RELAXING
    if verb == "rename":
        return Effect.BREAKING if what in _NOTICED_RENAMES else Effect.ADDITIVE
    if verb == "drop":
        return Effect.RELAXING
    if kind == "alter_enum_stmt" and change.node.old_val:
        return Effect.BREAKING
    if kind == "alter_publication_stmt":
        adds = word(change.node, "action") == "AP_AddObjects"
        return Effect.ADDITIVE if adds else Effect.RELAXING
    if kind == "alter_domain_stmt":
        return _OF_DOMAIN.get(change.node.subtype, Effect.ADDITIVE)
    revokes = kind in ("grant_stmt", "grant_role_stmt") and not change.node.is_grant
    if kind in _TIGHTENING or revokes or _refuses(change):
        return Effect.TIGHTENING
    return Effect.ADDITIVE


def _refuses(change: Change) -> bool:
    """Whether writes of old builds may be refused, or do something else, from then on."""
    node = change.node
    match change.kind:
        case "rule_stmt":
            return bool(node.instead)
        case "create_policy_stmt":
            return not node.permissive
        case "alter_seq_stmt":
            return any(item.def_elem.defname in _OF_NUMBERS for item in node.options)
        case "AT_AddIdentity":
            return bool(definition(node).generated_when == "a")
        case "AT_SetIdentity":
            options = [item.def_elem for item in definition(node).items]
            always = any(
                one.defname == "generated" and inner(one.arg)[1].ival == ord("a") for one in options
            )
            return always or any(one.defname in _OF_NUMBERS for one in options)
    return False


def _type_effect(change: Change, catalog: Catalog) -> Effect:
    new = definition(change.node)
    old = catalog.table(change.relation).columns.get(change.column)
    if new.HasField("raw_default"):
        return Effect.BREAKING
    wider = type_change(old, type_of(new.type_name)) is Cost.INSTANT
    return Effect.ADDITIVE if wider else Effect.BREAKING


def _constraint_effect(change: Change, table: Table) -> Effect:
    """Of a new column old builds leave NULL, which all but a primary key lets pass."""
    node = definition(change.node)
    columns = names_of(node.keys) or names_of(node.fk_attrs)
    if not columns or not set(columns) <= table.fresh_columns:
        return Effect.TIGHTENING
    required = word(node, "contype") == "CONSTR_PRIMARY"
    filled = all(_filled(table, name) for name in columns)
    return Effect.TIGHTENING if required and not filled else Effect.ADDITIVE


def _filled(table: Table, column: str) -> bool:
    return column in table.columns and table.columns[column].filled


def _column_effect(change: Change) -> Effect:
    """A required column without a value of its own is refused to builds that do not name it."""
    column = column_of(definition(change.node))
    return Effect.TIGHTENING if column.not_null and not column.filled else Effect.ADDITIVE


def _new(change: Change) -> Relation | None:
    """The view or sequence that it makes."""
    if change.kind == "create_seq_stmt":
        return relation_of(change.node.sequence)
    return change.relation if change.kind == "view_stmt" else None


def _touched(change: Change) -> Relation | None:
    """What it is of, where that may be one which ``_new`` names."""
    if change.kind == "alter_seq_stmt":
        return relation_of(change.node.sequence)
    return change.relation if change.kind == "rule_stmt" else None


def _made(change: Change) -> list[tuple[str, Relation | None, str]]:
    """What it makes, as ``_dropped`` names what another drops."""
    node = change.node
    if field := _MADE_BY.get(change.kind):
        what = {"policy_name": "POLICY", "trigname": "TRIGGER", "idxname": "INDEX"}.get(
            field, "RULE"
        )
        name = getattr(node, field)
        if what == "INDEX" and change.relation is not None:
            return [(what, Relation(change.relation.schema, name), "")]
        return [(what, change.relation, name)]
    if change.kind == "view_stmt":
        return [("VIEW", change.relation, "")]
    if change.kind == "create_function_stmt":
        return [("FUNCTION", None, names_of(node.funcname)[-1])]
    if change.kind == "AT_AddConstraint":
        return [("CONSTRAINT", change.relation, definition(node).conname)]
    return []


def _dropped(change: Change) -> tuple[str, Relation | None, str]:
    what = change.kind.removeprefix("drop_")
    return (what, change.relation, change.column)
