"""UPDATE and DELETE of a table in use belong in a backfill."""

from collections.abc import Iterator

from bot.core.migrations.catalog import Table
from bot.core.migrations.changes import relation_of
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost, Hold, Lock
from bot.core.migrations.rewrites import backfill, files, or_nothing
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, inner, names_of, scan_tokens, walk
from bot.core.migrations.undone import undone

_WRITES = {"update_stmt": "UPDATE", "delete_stmt": "DELETE", "merge_stmt": "MERGE"}


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of(*_WRITES):
        node = one.change.node
        if one.change.kind != "merge_stmt" and _names_its_rows(node.where_clause, one.table):
            continue
        hold = one.hold
        words = impact_of(hold, one.table) if hold else ""
        message = (
            f"{_WRITES[one.change.kind]} of {one.change.relation} is one long transaction: "
            f"{words}; run it batch by batch, as a backfill"
        )
        yield Fault(message, one, _rewrite(one, reading))
    yield from _within_queries(reading)


def _within_queries(reading: Reading) -> Iterator[Fault]:
    """Those of ``WITH`` clauses, which no backfill can take over as they are."""
    for one in reading.seen:
        if one.change.kind not in ("select_stmt", "insert_stmt", *_WRITES):
            continue
        if "with" not in one.change.statement.text.lower():  # to walk a tree takes far longer
            continue
        for kind, node in walk(one.change.node):
            if kind not in ("UpdateStmt", "DeleteStmt") or node == one.change.node:
                continue
            table = one.before.table(relation := relation_of(node.relation))
            if not table.fresh and not _names_its_rows(node.where_clause, table):
                hold = Hold(relation, Lock.ROW_EXCLUSIVE, Cost.WRITE)
                yield Fault(f"a WITH clause writes: {impact_of(hold, table)}", one)


def _names_its_rows(where: Node, table: Table) -> bool:
    """Whether it can only be few: ``id = 5``, ``id IN (5, 6)``, alone or with AND."""
    kind, node = inner(where)
    if kind == "bool_expr":
        both = node.boolop == 1
        return both and any(_names_its_rows(one, table) for one in node.args)
    if kind != "a_expr" or names_of(node.name) != ("=",):
        return False
    left_kind, left = inner(node.lexpr)
    right_kind, right = inner(node.rexpr)
    if left_kind != "column_ref" or right_kind not in ("a_const", "list", "type_cast"):
        return False
    if right_kind == "list" and len(right.items) > 100:
        return False
    column = names_of(left.fields)[-1:]
    return column in table.unique or (not table.known and column == ("id",))


@or_nothing
def _rewrite(one: Seen, reading: Reading) -> str:
    text, node = one.change.statement.text, one.change.node
    if one.change.kind == "merge_stmt" or one.change.statement.kind != one.change.kind:
        return ""
    if node.returning_clause.ByteSize() or node.HasField("with_clause"):
        return ""
    undone_yet = undone(node, one.table) if one.change.kind == "update_stmt" else ""
    if undone_yet is None and node.HasField("where_clause"):
        return ""  # its end would never be proven: the WHERE finds the same rows ever again
    import postgast

    # The placeholder is no SQL: a parameter stands for it until the text is made.
    tree = postgast.parse(text)
    statement = getattr(tree.stmts[0].stmt, one.change.kind)
    own = ["true"] if node.HasField("where_clause") else []
    conditions = " AND ".join(["$1", *own, *filter(None, [undone_yet])])
    batch = postgast.parse(f"SELECT 1 WHERE {conditions}").stmts[0].stmt.select_stmt.where_clause
    if own:
        batch.bool_expr.args[1].CopyFrom(node.where_clause)
    statement.where_clause.CopyFrom(batch)
    sql = str(postgast.deparse(tree))
    raw = sql.encode()
    at = next(token for token in scan_tokens(sql) if token.name == "PARAM")
    sql = (raw[: at.start] + b":batch" + raw[at.end :]).decode()
    after, needed = reading.migration.version, undone_yet is not None
    return files(backfill(one.change.written, one.table.key, after, sql, needed=needed))


UNBATCHED_WRITE = Rule(
    name="unbatched-write",
    requirement="Rows of a table in use are updated and deleted by a backfill, batch by batch.",
    check=_check,
    bad="UPDATE recipes SET servings = 4 WHERE servings IS NULL;",
    good="UPDATE recipes SET servings = 4 WHERE id = 17;",
    by_size=True,
)
