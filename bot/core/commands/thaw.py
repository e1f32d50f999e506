"""``/thaw``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import ThawRequest

_NAME = "thaw"


def _parse(rest: str, surroundings: Surroundings) -> ThawRequest:
    return ThawRequest(only_environment(rest, surroundings, _NAME))


THAW = Command(
    name=_NAME,
    summary="End every freeze of an environment that a command began; those of the policy stay.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/thaw", "production"), Example("/thaw staging", "staging")),
    parse=_parse,
)
