"""ADD UNIQUE and ADD PRIMARY KEY build their index under the strongest lock."""

from collections.abc import Iterator

from bot.core.migrations.changes import definition
from bot.core.migrations.impact import impact_of
from bot.core.migrations.names import quoted
from bot.core.migrations.rewrites import (
    command,
    expand,
    files,
    or_nothing,
    others,
    required_in_steps,
)
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, names_of, word

_WORDS = {
    "CONSTR_UNIQUE": "ADD UNIQUE",
    "CONSTR_PRIMARY": "ADD PRIMARY KEY",
    "CONSTR_EXCLUSION": "ADD EXCLUDE",
}


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AddConstraint"):
        node = definition(one.change.node)
        kind = word(node, "contype")
        if kind not in _WORDS or node.indexname or one.hold is None:
            continue
        message = f"{_WORDS[kind]} builds an index: {impact_of(one.hold, one.table)}"
        if kind == "CONSTR_EXCLUSION":
            yield Fault(f"{message}; no smaller step can do it", one)
        else:
            message += "; build a unique index CONCURRENTLY, and add the constraint USING INDEX"
            yield Fault(message, one, _rewrite(one, node, kind))


@or_nothing
def _rewrite(one: Seen, node: Node, kind: str) -> str:
    if node.nulls_not_distinct or node.including or node.without_overlaps:
        return ""
    relation, table = one.change.relation, one.change.written
    columns = names_of(node.keys)
    primary = kind == "CONSTR_PRIMARY"
    middle = "" if primary else "_" + "_".join(columns)
    ending = "pkey" if primary else "key"
    name = node.conname or f"{relation.name if relation else ''}{middle}_{ending}"[:63]

    def edit(alter: Node) -> None:
        constraint = definition(alter)
        constraint.conname = constraint.indexname = name
        del constraint.keys[:]

    listed = ", ".join(map(quoted, columns))
    index = f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {table} ({listed})"
    nullable = [
        column
        for column in columns
        if primary and not getattr(one.table.columns.get(column), "not_null", False)
    ]
    required = [file for column in nullable for file in required_in_steps(one.change, column)]
    rest = others(one.change)
    return files(
        expand(rest) if rest else [],
        *required,
        [f"{index};"],
        expand(command(one.change, edit)),
    )


UNIQUE_USING_INDEX = Rule(
    name="unique-using-index",
    requirement="UNIQUE and PRIMARY KEY take an index that was built CONCURRENTLY.",
    check=_check,
    bad="-- lockgate: expand\nSET lock_timeout = '4s';\nALTER TABLE recipes ADD UNIQUE (title);",
    good="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD CONSTRAINT titles UNIQUE USING INDEX titles;",
    by_size=True,
)
