"""Breaking changes: marked so that a release cannot miss them, and explained.

https://www.conventionalcommits.org/en/v1.0.0/#specification, items 11 to 16
"""

import re
from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.rule import Level, Part, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig

_NEARLY = re.compile(
    r"^[ \t>*_#-]{0,8}breaking[ _-]changes?[*_]{0,4}[ \t]{0,4}:", re.IGNORECASE | re.MULTILINE
)


def _not_both(message: Message, config: "CommitsConfig") -> str:
    footer = bool(message.breaking_notes)
    if message.exclamation == footer:
        return ""
    missing = "“!” before the colon" if footer else "a BREAKING CHANGE footer"
    return f"the change is breaking, and {missing} is missing"


def _unexplained(message: Message, config: "CommitsConfig") -> str:
    if not message.breaking or any(message.breaking_notes):
        return ""
    return "the change is breaking, and no BREAKING CHANGE footer says what breaks"


def _unread(message: Message, config: "CommitsConfig") -> str:
    if message.breaking:
        return ""
    match = _nearly_breaking(message.body)
    for footer in message.footers:
        match = match or _nearly_breaking(footer.text)
    if not match:
        return ""
    return (
        f"“{match[0].strip()}” does not mark a breaking change: "
        "only a line that begins with “BREAKING CHANGE: ” does"
    )


def _nearly_breaking(text: str) -> re.Match[str] | None:
    if "reaking" not in text and "REAKING" not in text:  # spares most texts the slow search
        return None
    return _NEARLY.search(text)


BREAKING_CHANGE_EXCLAMATION_MARK = Rule(
    name="breaking-change-exclamation-mark",
    requirement="A breaking change has both `!` before the colon and a `BREAKING CHANGE` footer.",
    fault="marks a breaking change half",
    check=_not_both,
    bad="feat!: drop the old search",
    good="feat!: drop the old search\n\nBREAKING CHANGE: /search takes only POST.",
    level=Level.DISABLED,
    part=Part.BODY,
)

BREAKING_CHANGE_FOOTER = Rule(
    name="breaking-change-footer",
    requirement="A breaking change is explained in a `BREAKING CHANGE` footer. "
    "`breaking_footer_required: true` turns it on.",
    fault="needs a BREAKING CHANGE footer",
    check=_unexplained,
    bad="feat!: drop the old search",
    good="feat!: drop the old search\n\nBREAKING CHANGE: /search takes only POST.",
    level=Level.DISABLED,
    part=Part.BODY,
    enabled_by="breaking_footer_required",
)

BREAKING_CHANGE_SYNTAX = Rule(
    name="breaking-change-syntax",
    requirement="What reads like a breaking change's footer is written as one: `BREAKING CHANGE: ` "
    "in upper case, at the start of a line.",
    fault="has an unread breaking change",
    check=_unread,
    bad="feat: drop the old search\n\nBreaking change: /search takes only POST.",
    good="feat: drop the old search\n\nBREAKING CHANGE: /search takes only POST.",
    level=Level.WARNING,
    part=Part.BODY,
)
