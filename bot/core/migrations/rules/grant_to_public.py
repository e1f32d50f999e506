"""Grants to everybody: ``PUBLIC``, and ``anon``, which is who calls an API without signing in."""

from collections.abc import Iterator

from bot.core.migrations.changes import object_names, relation_of
from bot.core.migrations.names import dotted
from bot.core.migrations.rewrites import ended
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node, inner, parse_statements, scan_tokens, word

_EVERYBODY = ("anon", "PUBLIC")
_SIGNED_IN = "authenticated"
_BY_DEFAULT = "alter_default_privileges_stmt"
_GUARD = ", or guard the table by row level security and a policy first"
_GRANTS = ("grant_stmt", _BY_DEFAULT)


def _check(reading: Reading) -> Iterator[Fault]:
    told = set()
    last = reading.afterwards
    for one in reading.seen:
        node, statement = one.change.node, one.change.statement
        if one.change.kind not in _GRANTS:
            continue
        grant = _grant(one.change.kind, node)
        who = [name for name in map(_name, grant.grantees) if name in _EVERYBODY]
        if not grant.is_grant or not who or statement.start in told:
            continue
        told.add(statement.start)
        tables = [relation_of(item.range_var) for item in grant.objects if _is_table(item)]
        other = ""
        if _opens_an_api(one, grant):
            continue
        if tables and word(grant, "objtype") == "OBJECT_TABLE":
            found = [last.table(table) for table in tables]
            guarded = all(table.row_security and table.policies for table in found)
            reads = {item.access_priv.priv_name for item in grant.privileges} == {"select"}
            if reads and guarded:
                continue
            other = ", or SELECT alone, which policies guard" if guarded else _GUARD
        yield Fault(_message(one, grant, who, other), one, _rewrite(one, who))


def _grant(kind: str, node: Node) -> Node:
    return node.action if kind == _BY_DEFAULT else node


def _rewrite(one: Seen, who: list[str]) -> str:
    """To who has signed in, in the user's own spelling. Only Supabase has that role for certain."""
    kind, text = one.change.kind, one.change.statement.text
    if one.change.statement.kind != kind or not ("anon" in who or one.before.exposed):
        return ""
    (parsed,) = parse_statements(text)
    ends = {token.start: token.end for token in scan_tokens(text)}
    roles = _grant(kind, parsed.node).grantees
    spans = [(role.role_spec.location, ends[role.role_spec.location]) for role in roles]
    raw = text.encode()
    kept = [
        raw[start:end].decode()
        for role, (start, end) in zip(roles, spans, strict=True)
        if _name(role) not in _EVERYBODY
    ]
    named = ", ".join(kept if _SIGNED_IN in map(_name, roles) else [*kept, _SIGNED_IN])
    return ended(f"{raw[: spans[0][0]].decode()}{named}{raw[spans[-1][1] :].decode()}")


def _message(one: Seen, grant: Node, who: list[str], other: str) -> str:
    """``other``: what could be done but to grant it to who has signed in."""
    rights = [item.access_priv.priv_name.upper() for item in grant.privileges] or ["ALL"]
    what = word(grant, "objtype").removeprefix("OBJECT_").lower().replace("_", " ")
    on = str(one.change.relation or f"{what} {_objects(grant)}")
    if one.change.kind == _BY_DEFAULT:
        on = f"every {what} made from now on"
    elif word(grant, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        on = f"every {what} in {_objects(grant)}"
    return (
        f"{', '.join(rights)} on {on} is granted to {' and '.join(who)}, which is everybody; grant "
        f"it to `authenticated`{other}"
    )


def _objects(grant: Node) -> str:
    """The names of those that are no tables."""
    names = []
    for item in grant.objects:
        match inner(item):
            case "integer", node:
                names.append(str(node.ival))
            case "float", node:  # a number that needs more than 31 bits
                names.append(node.fval)
            case _:
                names.append(dotted(*object_names(item)))
    return ", ".join(names)


def _opens_an_api(one: Seen, grant: Node) -> bool:
    """USAGE of a schema that is exposed shows nothing by itself: without it nobody reads a table
    that policies guard."""
    if word(grant, "objtype") != "OBJECT_SCHEMA":
        return False
    rights = {item.access_priv.priv_name for item in grant.privileges}
    schemas = {item.string.sval for item in grant.objects}
    return rights == {"usage"} and schemas <= one.before.exposed


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
