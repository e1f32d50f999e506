"""Domains that have constraints: another column of one is held to them row by row.

PostgreSQL writes the table anew for it: ``ATExecAddColumn`` in
https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/tablecmds.c
"""

from bot.core.migrations.changes import Change, Relation, relation_named
from bot.core.migrations.sql import Node, names_of, word


def domain_of(node: Node) -> Relation | None:
    """The domain that a ``TypeName`` is, if it is one; an array's elements are not looked at."""
    names = () if node.array_bounds else names_of(node.names)
    return relation_named(names) if names else None


def constrained_by(change: Change, known: frozenset[Relation]) -> set[Relation]:
    """The domain, where it has constraints from then on. One that loses some may have others."""
    node = change.node
    if change.kind == "alter_domain_stmt":
        names, has = names_of(node.type_name), node.subtype in ("C", "O")
    else:
        names = names_of(node.domainname)
        kinds = {word(one.constraint, "contype") for one in node.constraints}
        has = bool(kinds & {"CONSTR_CHECK", "CONSTR_NOTNULL"}) or (
            domain_of(node.type_name) in known
        )
    return {relation_named(names)} if has else set()
