"""``/help``"""

from bot.core.commands.command import (
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    first_word,
)
from bot.core.commands.requests import HelpRequest

_NAME = "help"


def _parse(rest: str, surroundings: Surroundings) -> HelpRequest:
    word, left = first_word(rest)
    if left:
        raise Misuse(f"One command can be asked about, and `{rest}` stands there.", f"/{_NAME}")
    return HelpRequest(word.removeprefix("/"))


HELP = Command(
    name=_NAME,
    summary="Tell which commands there are, and which of them you may run here.",
    permission=Permission.READ,
    changes=False,
    arguments=(Argument("[command]", "Which command; without it all of them."),),
    examples=(Example("/help", "all commands"), Example("/help rollback", "one of them")),
    parse=_parse,
)
