"""Commands that write a table anew, and that no small step replaces."""

from collections.abc import Iterator

from bot.core.migrations.changes import definition
from bot.core.migrations.domains import domain_of
from bot.core.migrations.impact import impact_of
from bot.core.migrations.rewrites import edited, ended, or_nothing
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node

_WORDS = {
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_SetAccessMethod": "SET ACCESS METHOD",
    "AT_SetTableSpace": "SET TABLESPACE",
    "AT_SetExpression": "SET EXPRESSION",
    "cluster_stmt": "CLUSTER",
    "vacuum_stmt": "VACUUM FULL",
}
_ANOTHER_TABLE = "make a new table, fill it by a backfill, and let the contract drop the old one"
_INSTEAD = {
    "vacuum_stmt": "VACUUM alone lets new rows have the space, while all read and write",
    "cluster_stmt": "an index that has the columns which are read with it needs no order of rows",
}


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of(*_WORDS):
        hold = one.hold
        if hold is None or hold.lock.name != "ACCESS_EXCLUSIVE":
            continue
        message = (
            f"{_WORDS[one.change.kind]} writes the table anew: {impact_of(hold, one.table)}; "
            f"{_INSTEAD.get(one.change.kind, _ANOTHER_TABLE)}"
        )
        yield Fault(message, one, _rewrite(one))
    for one in reading.of("AT_AddColumn"):
        domain = domain_of(definition(one.change.node).type_name)
        if one.own is None or domain not in one.before.domains:
            continue
        yield Fault(
            f"{domain} is a domain with constraints, and a new column of it writes the table anew: "
            f"{impact_of(one.own, one.table)}; give {one.change.column} the type below the domain, "
            "and its constraints as a CHECK that is NOT VALID first",
            one,
        )


@or_nothing
def _rewrite(one: Seen) -> str:
    """A plain VACUUM. For what the others do there are no smaller steps."""
    return ended(edited(one.change, _not_full)) if one.change.kind == "vacuum_stmt" else ""


def _not_full(vacuum: Node) -> None:
    kept = [option for option in vacuum.options if option.def_elem.defname != "full"]
    del vacuum.options[:]
    vacuum.options.extend(kept)


TABLE_REWRITE = Rule(
    name="table-rewrite",
    requirement="No table in use is written anew by one statement.",
    check=_check,
    bad="ALTER TABLE recipes SET UNLOGGED;",
    good="CREATE UNLOGGED TABLE drafts (id bigint PRIMARY KEY);",
    by_size=True,
)
