"""ATTACH PARTITION reads the whole child, unless a validated CHECK proves its bounds."""

from collections.abc import Iterable, Iterator

from bot.core.migrations.catalog import Check
from bot.core.migrations.changes import definition, relation_of, written_as
from bot.core.migrations.expressions import expression_sql
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost, Hold, Lock
from bot.core.migrations.names import quoted
from bot.core.migrations.rewrites import expand, files, or_nothing
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, inner


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AttachPartition"):
        partition = definition(one.change.node)
        relation = relation_of(partition.name)
        child = one.before.table(relation)
        if child.fresh or partition.bound.is_default:
            continue
        column = one.table.partition_key[0] if len(one.table.partition_key) == 1 else ""
        if column and child.requires(column) and _bounded(child.checks.values(), column):
            continue
        hold = Hold(relation, Lock.ACCESS_EXCLUSIVE, Cost.SCAN)
        message = (
            f"ATTACH PARTITION reads the whole of {relation} to see that its rows belong there: "
            f"{impact_of(hold, child)}; a validated CHECK on its bounds makes that needless"
        )
        yield Fault(message, one, _rewrite(one, partition, column))


def _bounded(checks: Iterable[Check], column: str) -> bool:
    marks = (f"{column} >=", f"{column} <", f"{column} =")
    return any(
        check.validated and any(mark in check.expression.replace('"', "") for mark in marks)
        for check in checks
    )


@or_nothing
def _rewrite(one: Seen, partition: Node, column: str) -> str:
    """Of a range or a list on one column, whose name must be known."""
    bound = partition.bound
    name = quoted(column)
    conditions = [f"{name} IS NOT NULL"]
    if not column:
        return ""
    if bound.strategy == "r":
        for datums, sign in ((bound.lowerdatums, ">="), (bound.upperdatums, "<")):
            if len(datums) != 1 or inner(datums[0])[0] != "a_const":
                return ""
            conditions.append(f"{name} {sign} {expression_sql(datums[0])}")
    elif bound.strategy == "l" and bound.listdatums:
        listed = ", ".join(map(expression_sql, bound.listdatums))
        conditions.append(f"{name} IN ({listed})")
    else:
        return ""
    child = written_as(partition.name)
    proof = " AND ".join(conditions)
    check = quoted(f"{partition.name.relname[:48]}_bounds")
    return files(
        expand(f"ALTER TABLE {child} ADD CONSTRAINT {check} CHECK ({proof}) NOT VALID"),
        expand(f"ALTER TABLE {child} VALIDATE CONSTRAINT {check}", timeout=False),
        expand(one.change.statement.text),
        expand(f"ALTER TABLE {child} DROP CONSTRAINT {check}"),
    )


ATTACH_PARTITION_SCAN = Rule(
    name="attach-partition-scan",
    requirement="A partition is attached when a validated CHECK proves that its rows belong there.",
    check=_check,
    bad="SET lock_timeout = '4s';\nALTER TABLE visits ATTACH PARTITION visits_2026 "
    "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
    good="SET lock_timeout = '4s';\nCREATE TABLE visits_2027 PARTITION OF visits "
    "FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    by_size=True,
)
