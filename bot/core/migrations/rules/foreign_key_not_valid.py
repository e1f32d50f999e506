"""ADD FOREIGN KEY locks both tables; without NOT VALID while it reads the whole of one."""

from collections.abc import Iterator

from bot.core.migrations.catalog import foreign_tables
from bot.core.migrations.changes import definition
from bot.core.migrations.impact import impact_of
from bot.core.migrations.rewrites import or_nothing, validated_later
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, names_of, word


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AddConstraint"):
        node = definition(one.change.node)
        if word(node, "contype") != "CONSTR_FOREIGN" or node.skip_validation:
            continue
        if set(names_of(node.fk_attrs)) <= one.table.fresh_columns and one.hold:
            # A new column holds nothing but NULL: there is nothing to look up.
            continue
        parents = " and ".join(map(str, foreign_tables(one.change)))
        words = impact_of(one.own, one.table) if one.own else ""
        message = (
            f"ADD FOREIGN KEY locks {one.change.relation} and {parents} against every write: "
            f"{words}; add it NOT VALID, and validate it in the next file"
        )
        yield Fault(message, one, _rewrite(one, node))


@or_nothing
def _rewrite(one: Seen, node: Node) -> str:
    relation = one.change.relation
    columns = "_".join(names_of(node.fk_attrs))
    name = node.conname or f"{relation.name if relation else ''}_{columns}_fkey"[:63]
    return validated_later(one.change, name)


FOREIGN_KEY_NOT_VALID = Rule(
    name="foreign-key-not-valid",
    requirement="A foreign key is added NOT VALID and validated in a later file.",
    check=_check,
    bad="ALTER TABLE recipes ADD FOREIGN KEY (book_id) REFERENCES books (id);",
    good=(
        "-- lockgate: expand\nSET lock_timeout = '4s';\n"
        "ALTER TABLE recipes ADD CONSTRAINT book FOREIGN KEY (book_id) REFERENCES books NOT VALID;"
    ),
    by_size=True,
)
