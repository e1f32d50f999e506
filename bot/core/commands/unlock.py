"""``/unlock``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import UnlockRequest

_NAME = "unlock"


def _parse(rest: str, surroundings: Surroundings) -> UnlockRequest:
    return UnlockRequest(only_environment(rest, surroundings, _NAME))


UNLOCK = Command(
    name=_NAME,
    summary="Take an environment's lock away, whoever set it.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/unlock", "production"), Example("/unlock staging", "staging")),
    parse=_parse,
)
