"""``/cancel``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import CancelRequest

_NAME = "cancel"


def _parse(rest: str, surroundings: Surroundings) -> CancelRequest:
    return CancelRequest(only_environment(rest, surroundings, _NAME))


CANCEL = Command(
    name=_NAME,
    summary="Stop a promotion or rollback that has not yet asked the host to move anything.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/cancel", "production"), Example("/cancel staging", "staging")),
    parse=_parse,
)
