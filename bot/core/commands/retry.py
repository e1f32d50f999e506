"""``/retry``"""

from bot.core.commands.command import ENVIRONMENT, Command, Example, Permission, one_environment
from bot.core.commands.requests import RetryRequest

_NAME = "retry"

RETRY = Command(
    name=_NAME,
    summary="Try the newest promotion or rollback again, if it was refused, failed or cancelled.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/retry", "production"), Example("/retry staging", "staging")),
    parse=one_environment(_NAME, RetryRequest),
)
