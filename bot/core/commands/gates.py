"""``/gates``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import GatesRequest

_NAME = "gates"


def _parse(rest: str, surroundings: Surroundings) -> GatesRequest:
    return GatesRequest(only_environment(rest, surroundings, _NAME))


GATES = Command(
    name=_NAME,
    summary="Ask every gate now whether this pull request could be promoted.",
    permission=Permission.READ,
    changes=False,
    arguments=(ENVIRONMENT,),
    examples=(
        Example("/gates", "the gates of production"),
        Example("/gates staging", "the gates of staging"),
    ),
    parse=_parse,
)
