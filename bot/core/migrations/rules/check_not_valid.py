"""ADD CHECK reads the whole table, unless it is NOT VALID."""

from collections.abc import Iterator

from bot.core.migrations.changes import definition
from bot.core.migrations.impact import impact_of
from bot.core.migrations.rewrites import or_nothing, validated_later
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, names_of, walk, word


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AddConstraint"):
        node = definition(one.change.node)
        kind = word(node, "contype")
        if kind not in ("CONSTR_CHECK", "CONSTR_NOTNULL") or node.skip_validation:
            continue
        if one.hold is None:
            continue
        message = (
            f"ADD CONSTRAINT reads the whole table: {impact_of(one.hold, one.table)}; add it NOT "
            "VALID, and validate it in the next file"
        )
        yield Fault(message, one, _rewrite(one, node) if kind == "CONSTR_CHECK" else "")


@or_nothing
def _rewrite(one: Seen, node: Node) -> str:
    columns = [
        names_of(ref.fields)[-1:] for kind, ref in walk(node.raw_expr) if kind == "ColumnRef"
    ]
    middle = "".join(f"_{column[0]}" for column in dict.fromkeys(columns[:1]) if column)
    if len(set(columns)) != 1:
        middle = ""
    relation = one.change.relation
    name = node.conname or f"{relation.name if relation else ''}{middle}_check"[:63]
    return validated_later(one.change, name)


CHECK_NOT_VALID = Rule(
    name="check-not-valid",
    requirement="A CHECK is added NOT VALID and validated in a later file.",
    check=_check,
    bad="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD CHECK (servings > 0);",
    good="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD CHECK (servings > 0) NOT VALID;",
    by_size=True,
)
