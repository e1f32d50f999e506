"""How long the lines of body and footers may be."""

import re
from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.rule import Part, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig

_LINK = re.compile(r"\bhttps?://\S")
_WORDS = (
    "It says what was wrong before, what is different now, and why it was done in this way and "
    "in no other."
)


def _first_long_line(text: str, limit: int) -> str:
    """What is wrong with the first line that is too long and holds no link; empty if none is."""
    for line in text.split("\n"):
        if len(line) > limit and not _LINK.search(line):
            return f"a line has {len(line)} characters, {limit} are allowed: “{line[:40]}…”"
    return ""


def _body_too_wide(message: Message, config: "CommitsConfig") -> str:
    limit = config.body_max_line_length
    if len(message.body) <= limit:
        return ""
    problem = _first_long_line(message.body, limit)
    return f"in the body, {problem}" if problem else ""


def _footers_too_wide(message: Message, config: "CommitsConfig") -> str:
    limit = config.footer_max_line_length
    for footer in message.footers:
        if len(footer.value) + len(footer.token) + 3 > limit and (
            problem := _first_long_line(footer.text, limit)
        ):
            return f"in the footer “{footer.token[:40]}”, {problem}"
    return ""


BODY_MAX_LINE_LENGTH = Rule(
    name="body-max-line-length",
    requirement="No line of the body is longer than `body_max_line_length`, but for lines with a "
    "link; messages of bots and dependency updates are left alone.",
    fault="has too long a line",
    check=_body_too_wide,
    bad=f"feat: add search\n\n{_WORDS}",
    good="feat: add search\n\n" + _WORDS.replace("now, ", "now,\n"),
    part=Part.BODY,
    spares_bots=True,
)

FOOTER_MAX_LINE_LENGTH = Rule(
    name="footer-max-line-length",
    requirement="No line of a footer is longer than `footer_max_line_length`, but for lines with "
    "a link; messages of bots and dependency updates are left alone.",
    fault="has too long a line",
    check=_footers_too_wide,
    bad=f"feat: add search\n\nNote: {_WORDS}",
    good="feat: add search\n\nNote: " + _WORDS.replace("now, ", "now,\n "),
    part=Part.BODY,
    spares_bots=True,
)
