"""``/retry``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import RetryRequest

_NAME = "retry"


def _parse(rest: str, surroundings: Surroundings) -> RetryRequest:
    return RetryRequest(only_environment(rest, surroundings, _NAME))


RETRY = Command(
    name=_NAME,
    summary="Try the newest promotion or rollback again, if it was refused, failed or cancelled.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/retry", "production"), Example("/retry staging", "staging")),
    parse=_parse,
)
