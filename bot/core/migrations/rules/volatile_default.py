"""ADD COLUMN with a value of its own for each row writes the table anew."""

from collections.abc import Iterator

from bot.core.migrations.catalog import type_of
from bot.core.migrations.changes import definition
from bot.core.migrations.domains import domain_of
from bot.core.migrations.expressions import expression_sql
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost
from bot.core.migrations.names import quoted
from bot.core.migrations.rewrites import (
    backfill,
    command,
    expand,
    files,
    or_nothing,
    others,
    required_in_steps,
)
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, word


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AddColumn"):
        if one.hold is None:
            continue
        own = one.own or one.hold
        of_domain = domain_of(definition(one.change.node).type_name) in one.before.domains
        if own.cost is not Cost.REWRITE or of_domain:  # table-rewrite tells of that
            continue
        message = (
            f"each row gets a value of its own in the new column {one.change.column}: "
            f"{impact_of(own, one.table)}; add the column, set its default for new rows, and fill "
            "the others by a backfill"
        )
        yield Fault(message, one, _rewrite(one, reading))


@or_nothing
def _rewrite(one: Seen, reading: Reading) -> str:
    """Of a default; nothing smaller makes a generated or identity column."""
    node = definition(one.change.node)
    kinds = [word(item.constraint, "contype") for item in node.constraints]
    unfit = {
        "CONSTR_GENERATED",
        "CONSTR_IDENTITY",
        "CONSTR_UNIQUE",
        "CONSTR_PRIMARY",
        "CONSTR_CHECK",
    }
    if unfit & set(kinds) or type_of(node.type_name).name.endswith("serial"):
        return ""

    defaults = [item.constraint for item in node.constraints]
    default = next(each for each in defaults if word(each, "contype") == "CONSTR_DEFAULT")
    table, column = one.change.written, quoted(one.change.column)
    value = expression_sql(default.raw_expr)

    def plain(alter: Node) -> None:
        kept = list(definition(alter).constraints)
        del definition(alter).constraints[:]
        for item in kept:
            if word(item.constraint, "contype") not in ("CONSTR_DEFAULT", "CONSTR_NOTNULL"):
                definition(alter).constraints.add().CopyFrom(item)

    rest = others(one.change)
    first = expand(
        rest,
        command(one.change, plain),
        f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {value}",
    )
    version = reading.migration.version
    fill = f"UPDATE {table} SET {column} = {value} WHERE :batch AND {column} IS NULL"  # noqa: S608
    filling = backfill(table, one.table.key, version, fill)
    required = required_in_steps(one.change, one.change.column) if "CONSTR_NOTNULL" in kinds else []
    return files(first, filling, *required)


VOLATILE_DEFAULT = Rule(
    name="volatile-default",
    requirement="A new column has no default that is another for each row.",
    check=_check,
    bad="SET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();",
    good="SET lock_timeout = '4s';\nALTER TABLE recipes ADD COLUMN seen timestamptz DEFAULT now();",
    by_size=True,
)
