"""The scope: present where it must be, known, in its case, well formed.

Several scopes may be given, parted by ``/``, ``\\`` or ``,`` as commitlint reads them.
"""

import re
from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.cases import is_case
from bot.core.commits.rules.rule import Level, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig

_DELIMITER = re.compile(r"[/\\]|, ?")


def is_known_scope(scope: str, config: "CommitsConfig") -> bool:
    """Whether a scope, or each of several, is listed or matches a pattern as a whole."""
    if config.matches_scope(scope):
        return True
    parts = _DELIMITER.split(scope)
    return len(parts) > 1 and all(map(config.matches_scope, parts))


def _missing(message: Message, config: "CommitsConfig") -> str:
    if message.type is None or message.scope:
        return ""
    known = f", one of {', '.join(config.scopes)}" if config.scopes else ""
    return f"a scope is required after the type{known}"


def _unknown(message: Message, config: "CommitsConfig") -> str:
    if not message.scope or not (config.scopes or config.scope_patterns):
        return ""
    if is_known_scope(message.scope, config):
        return ""
    known = [*config.scopes, *(f"/{pattern}/" for pattern in config.scope_patterns)]
    return f"the scope “{message.scope}” is none of {', '.join(known)}"


def _in_wrong_case(message: Message, config: "CommitsConfig") -> str:
    if not message.scope or message.scope in config.scopes:
        return ""
    if all(is_case(part, config.scope_case) for part in _DELIMITER.split(message.scope)):
        return ""
    return f"the scope “{message.scope}” is not in {config.scope_case.value}"


def _ill_formed(message: Message, config: "CommitsConfig") -> str:
    if message.scope is None or message.scope.strip() == message.scope != "":
        return ""
    return (
        "white space stands around the scope"
        if message.scope.strip()
        else "the brackets of the scope are empty"
    )


SCOPE_EMPTY = Rule(
    name="scope-empty",
    requirement="The header names a scope. `scope_required: true` turns it on.",
    fault="needs a scope",
    check=_missing,
    bad="feat: add search",
    good="feat(api): add search",
    level=Level.DISABLED,
    enabled_by="scope_required",
)

SCOPE_ENUM = Rule(
    name="scope-enum",
    requirement="The scope is one of `scopes` or matches one of `scope_patterns`; without either, "
    "every scope will do.",
    fault="has an unknown scope",
    check=_unknown,
    bad="feat(apo): add search",
    good="feat(api): add search",
    settings={"scopes": ["api", "web"]},
)

SCOPE_CASE = Rule(
    name="scope-case",
    requirement="The scope is written in `scope_case`, or exactly as in `scopes`.",
    fault="has a scope in the wrong case",
    check=_in_wrong_case,
    bad="feat(API): add search",
    good="feat(api): add search",
    level=Level.DISABLED,
)

SCOPE_TRIM = Rule(
    name="scope-trim",
    requirement="The brackets of a scope hold a name, without white space around it.",
    fault="has an ill-formed scope",
    check=_ill_formed,
    bad="feat( api ): add search",
    good="feat(api): add search",
)
