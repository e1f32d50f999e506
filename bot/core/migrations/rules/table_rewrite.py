"""Commands that write a table anew, and that no small step replaces."""

from collections.abc import Iterator

from bot.core.migrations.impact import impact_of
from bot.core.migrations.rules.rule import Fault, Reading, Rule

_WORDS = {
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_SetAccessMethod": "SET ACCESS METHOD",
    "AT_SetTableSpace": "SET TABLESPACE",
    "AT_SetExpression": "SET EXPRESSION",
    "cluster_stmt": "CLUSTER",
    "vacuum_stmt": "VACUUM FULL",
}


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of(*_WORDS):
        hold = one.hold
        if hold is None or hold.lock.name != "ACCESS_EXCLUSIVE":
            continue
        message = (
            f"{_WORDS[one.change.kind]} writes the table anew: {impact_of(hold, one.table)}; make "
            "a new table, fill it by a backfill, and let the contract drop the old one"
        )
        yield Fault(message, one)


TABLE_REWRITE = Rule(
    name="table-rewrite",
    requirement="No table in use is written anew by one statement.",
    check=_check,
    bad="ALTER TABLE recipes SET UNLOGGED;",
    good="CREATE UNLOGGED TABLE drafts (id bigint PRIMARY KEY);",
    by_size=True,
)
