"""Another type writes the table anew, unless PostgreSQL knows the old values for good ones."""

from collections.abc import Iterator

from bot.core.migrations.catalog import type_of
from bot.core.migrations.changes import definition
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost
from bot.core.migrations.names import quoted
from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_AlterColumnType"):
        if one.hold is None or one.hold.cost is Cost.INSTANT:
            continue
        new = type_of(definition(one.change.node).type_name)
        old = one.table.columns.get(one.change.column)
        name = f"{one.change.written}.{quoted(one.change.column)}"
        message = (
            f"{one.change.column} becomes {new}{f' from {old.type}' if old else ''}: "
            f"{impact_of(one.hold, one.table)}; `lockgate emc new change-type {name} {new}` writes "
            "the column beside it, its trigger, the backfill and the contract"
        )
        yield Fault(message, one)


COLUMN_TYPE_REWRITE = Rule(
    name="column-type-rewrite",
    requirement="A column gets another type without its table being written anew.",
    check=_check,
    bad="-- lockgate: contract\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ALTER COLUMN servings TYPE bigint;",
    good="SET lock_timeout = '4s';\nALTER TABLE recipes ALTER COLUMN title TYPE varchar(80);",
    by_size=True,
)
