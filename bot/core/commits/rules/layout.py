"""The blank lines that part header, body and footers."""

from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.rule import Level, Part, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig


def _body_unparted(message: Message, config: "CommitsConfig") -> str:
    return "" if message.body_leading_blank else "no blank line stands between header and body"


def _footer_unparted(message: Message, config: "CommitsConfig") -> str:
    return "" if message.footer_leading_blank else "no blank line stands before the footers"


BODY_LEADING_BLANK = Rule(
    name="body-leading-blank",
    requirement="A blank line stands between the header and the body.",
    fault="needs a blank line before the body",
    check=_body_unparted,
    bad="feat: add search\nIt covers recipes.",
    good="feat: add search\n\nIt covers recipes.",
    level=Level.WARNING,
    part=Part.BODY,
)

FOOTER_LEADING_BLANK = Rule(
    name="footer-leading-blank",
    requirement="A blank line stands before the footers.",
    fault="needs a blank line before the footers",
    check=_footer_unparted,
    bad="feat: add search\n\nIt covers recipes.\nCloses #12",
    good="feat: add search\n\nIt covers recipes.\n\nCloses #12",
    level=Level.WARNING,
    part=Part.BODY,
)
