"""Tables of a schema that an API exposes need row level security."""

from collections.abc import Iterator

from bot.core.migrations.rewrites import ended, files
from bot.core.migrations.rules.rule import Fault, Reading, Rule
from bot.core.migrations.sql import Node


def _check(reading: Reading) -> Iterator[Fault]:
    last = reading.afterwards
    for one in reading.seen:
        relation, kind = one.change.relation, one.change.kind
        if relation is None or relation.schema not in one.before.exposed:
            continue
        made = kind in ("create_stmt", "create_table_as_stmt")
        if made and one.change.node.DESCRIPTOR.name == "CreateTableAsStmt":
            made = one.change.node.objtype == 42
        if not made and kind != "AT_DisableRowSecurity":
            continue
        if made and _is_temporary(one.change.node):
            continue
        table = last.find(relation)
        if table is None or table.row_security or _is_partition(one.change.node):
            continue
        message = (
            f"{relation} is in the schema {relation.schema}, which the API exposes, without row "
            "level security: everybody who has the API's key can read and write it"
        )
        written = one.change.written
        kept = one.change.statement.text if made else ""
        security = f"ALTER TABLE {written} ENABLE ROW LEVEL SECURITY;"
        policy = f"CREATE POLICY nobody ON {written} USING (false);"
        rewrite = files([ended(kept), security, policy]) if made else ""
        yield Fault(message, one, rewrite)


def _is_temporary(node: Node) -> bool:
    """Of one session, and in a schema of its own, whatever is written."""
    made = node.into.rel if node.DESCRIPTOR.name == "CreateTableAsStmt" else node.relation
    return bool(made.relpersistence == "t")


def _is_partition(node: object) -> bool:
    bound = getattr(node, "partbound", None)
    return bool(bound is not None and bound.strategy)


TABLE_WITHOUT_RLS = Rule(
    name="table-without-rls",
    requirement="A table in a schema that the API exposes has row level security.",
    check=_check,
    bad="CREATE TABLE drafts (id bigint PRIMARY KEY);",
    good=(
        "CREATE TABLE drafts (id bigint PRIMARY KEY);\n"
        "ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;\n"
        "CREATE POLICY own ON drafts USING (true);"
    ),
)
