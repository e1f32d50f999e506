"""Footers that must be there."""

from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.rule import Level, Part, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig


def _missing(message: Message, config: "CommitsConfig") -> str:
    present = {footer.token.lower() for footer in message.footers}
    missing = [token for token in config.required_footers if token.lower() not in present]
    return f"the footer “{'”, “'.join(missing)}” is missing" if missing else ""


def _not_signed_off(message: Message, config: "CommitsConfig") -> str:
    signed = any(footer.token == "Signed-off-by" and footer.value for footer in message.footers)
    return "" if signed else "the footer “Signed-off-by” is missing"


TRAILER_EXISTS = Rule(
    name="trailer-exists",
    requirement="Every footer of `required_footers` is there; naming one turns it on.",
    fault="needs a footer",
    check=_missing,
    bad="feat: add search",
    good="feat: add search\n\nRefs: #12",
    level=Level.DISABLED,
    part=Part.BODY,
    enabled_by="required_footers",
    settings={"required_footers": ["Refs"]},
)

SIGNED_OFF_BY = Rule(
    name="signed-off-by",
    requirement="The message is signed off, as `git commit --signoff` does.",
    fault="needs a sign-off",
    check=_not_signed_off,
    bad="feat: add search",
    good="feat: add search\n\nSigned-off-by: Ada Lovelace <ada@example.com>",
    level=Level.DISABLED,
    part=Part.BODY,
)
