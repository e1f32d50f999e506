"""The type: present, known, in its case."""

import re
from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.cases import is_case
from bot.core.commits.rules.rule import Level, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig

_NO_SPACE = re.compile(r"\w[\w-]*(?:\([^()]*\))?!?:(?=[^\s:/])")
_SPACE_BEFORE = re.compile(r"\w[\w-]*(?:\s+\([^()]*\)\s*!?|(?:\([^()]*\))?!?\s+):\s")


def _empty(message: Message, config: "CommitsConfig") -> str:
    if message.type is not None:
        return ""
    header = message.header.strip()
    if not header:
        return "the message is empty"
    if (match := _NO_SPACE.match(header)) and _known(match[0], config):
        return "a space is missing after the colon, so the header has no type"
    if (match := _SPACE_BEFORE.match(header)) and _known(match[0], config):
        return "a space stands between the type and its colon, so the header has no type"
    return "the header has no type: it should read “type: description”"


def _known(start: str, config: "CommitsConfig") -> bool:
    word = re.split(r"\W", start, maxsplit=1)[0]
    return word.lower() in {type_.lower() for type_ in config.types}


def _in_wrong_case(message: Message, config: "CommitsConfig") -> str:
    type_ = message.type
    if type_ is None or type_ in config.type_set or is_case(type_, config.type_case):
        return ""
    return f"the type “{type_}” is not in {config.type_case.value}"


def _unknown(message: Message, config: "CommitsConfig") -> str:
    type_ = message.type
    if type_ is None or type_ in config.type_set or not config.types:
        return ""
    # A known type in the wrong case is type-case's to tell: one fault, one problem.
    if (
        type_.lower() in {known.lower() for known in config.types}
        and config.level(TYPE_CASE) is not Level.DISABLED
        and _in_wrong_case(message, config)
    ):
        return ""
    return f"the type “{type_}” is none of {', '.join(config.types)}"


TYPE_EMPTY = Rule(
    name="type-empty",
    requirement="The header begins with a type, an optional scope, a colon and a space.",
    fault="needs a type",
    check=_empty,
    bad="Add search",
    good="feat: add search",
)

TYPE_CASE = Rule(
    name="type-case",
    requirement="The type is written in `type_case`, or exactly as in `types`.",
    fault="has a type in the wrong case",
    check=_in_wrong_case,
    bad="Feat: add search",
    good="feat: add search",
)

TYPE_ENUM = Rule(
    name="type-enum",
    requirement="The type is one of `types`.",
    fault="has an unknown type",
    check=_unknown,
    bad="feature: add search",
    good="feat: add search",
)
