"""Grants to everybody: ``PUBLIC``, and ``anon``, which is who calls an API without signing in."""

from collections.abc import Iterator

from bot.core.migrations.changes import relation_of
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, word

_EVERYBODY = ("anon", "PUBLIC")


def _check(reading: Reading) -> Iterator[Fault]:
    told = set()
    last = reading.afterwards
    for one in reading.seen:
        node, statement = one.change.node, one.change.statement
        if one.change.kind == "alter_default_privileges_stmt":
            grant = node.action
        elif one.change.kind == "grant_stmt":
            grant = node
        else:
            continue
        who = [name for name in map(_name, grant.grantees) if name in _EVERYBODY]
        if not grant.is_grant or not who or statement.start in told:
            continue
        told.add(statement.start)
        tables = [relation_of(item.range_var) for item in grant.objects if _is_table(item)]
        if tables and word(grant, "objtype") == "OBJECT_TABLE":
            guarded = [last.table(table) for table in tables]
            reads = {item.access_priv.priv_name for item in grant.privileges} == {"select"}
            if reads and all(table.row_security and table.policies for table in guarded):
                continue
        yield Fault(_message(one, grant, who), one)


def _message(one: Seen, grant: Node, who: list[str]) -> str:
    rights = [item.access_priv.priv_name.upper() for item in grant.privileges] or ["ALL"]
    on = one.change.relation or word(grant, "objtype").removeprefix("OBJECT_").lower()
    if one.change.kind == "alter_default_privileges_stmt":
        on = f"every {on} made from now on"
    return (
        f"{', '.join(rights)} on {on} is granted to {' and '.join(who)}, which is everybody; grant "
        "it to `authenticated`, or guard the table by row level security and a policy first"
    )


def _name(role: Node) -> str:
    spec = role.role_spec
    return "PUBLIC" if word(spec, "roletype") == "ROLESPEC_PUBLIC" else str(spec.rolename)


def _is_table(item: Node) -> bool:
    return bool(item.WhichOneof("node") == "range_var")


GRANT_TO_PUBLIC = Rule(
    name="grant-to-public",
    requirement="Nothing is granted to `anon` or `PUBLIC` but reading a table that policies guard.",
    check=_check,
    bad="GRANT INSERT ON recipes TO anon;",
    good="GRANT INSERT ON recipes TO authenticated;",
)
