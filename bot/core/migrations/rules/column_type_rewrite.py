"""Another type writes the table anew, unless PostgreSQL knows the old values for good ones."""

from collections.abc import Iterator

from bot.core.migrations.catalog import type_of
from bot.core.migrations.changes import definition
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost
from bot.core.migrations.retyping import Retyped
from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AlterColumnType"):
        if one.hold is None or one.hold.cost is Cost.INSTANT:
            continue
        new = type_of(definition(one.change.node).type_name)
        old = one.table.columns.get(one.change.column)
        retyped = Retyped(one.change, one.table)
        message = (
            f"{one.change.column} becomes {new}{f' from {old.type}' if old else ''}: "
            f"{impact_of(one.hold, one.table)}; {_advice(retyped)}"
        )
        yield Fault(message, one, retyped.rewrite(reading.migration.version))


def _advice(retyped: Retyped) -> str:
    if retyped.in_a_key:
        return "rows are told apart by it, so give the table another key first"
    return (
        f"`{retyped.command}` writes the column beside it, its trigger, the backfill and the "
        "contract"
    )


COLUMN_TYPE_REWRITE = Rule(
    name="column-type-rewrite",
    requirement="A column gets another type without its table being written anew.",
    check=_check,
    bad="-- lockgate: contract\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ALTER COLUMN servings TYPE bigint;",
    good="SET lock_timeout = '4s';\nALTER TABLE recipes ALTER COLUMN title TYPE varchar(80);",
    by_size=True,
)
