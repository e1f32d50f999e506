"""The header as a whole: its length and the space around it."""

from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.rule import Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig

_SUFFIX = " (#{})"


def header_length(message: Message) -> int:
    """In characters, without the suffix that GitHub adds when it squashes: its author cannot know
    the number's length, and the title was judged without it."""
    length = len(message.header.strip())
    if message.pull_number is not None:
        suffix = _SUFFIX.format(message.pull_number)
        if message.header.rstrip().endswith(suffix):
            length -= len(suffix)
    return length


def _too_long(message: Message, config: "CommitsConfig") -> str:
    if len(message.header) <= config.header_max_length:
        return ""
    length = header_length(message)
    if length <= config.header_max_length:
        return ""
    return f"the header has {length} characters, {config.header_max_length} are allowed"


def _untrimmed(message: Message, config: "CommitsConfig") -> str:
    header = message.header
    if header == header.strip():
        return ""
    ends = [
        name
        for name, trimmed in (("starts", header.lstrip()), ("ends", header.rstrip()))
        if trimmed != header
    ]
    return f"the header {' and '.join(ends)} with white space"


HEADER_MAX_LENGTH = Rule(
    name="header-max-length",
    requirement="The header has at most `header_max_length` characters. The suffix `(#123)` that "
    "GitHub adds to a squashed commit is not counted.",
    fault="has too long a header",
    check=_too_long,
    bad="feat: let people search every recipe, ingredient and author at once from each page of the "
    "whole web site",
    good="feat: let people search recipes, ingredients and authors from every page",
)

HEADER_TRIM = Rule(
    name="header-trim",
    requirement="No white space stands before or after the header.",
    fault="has white space around the header",
    check=_untrimmed,
    bad=" feat: add search",
    good="feat: add search",
)
