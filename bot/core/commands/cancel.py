"""``/cancel``"""

from bot.core.commands.command import ENVIRONMENT, Command, Example, Permission, one_environment
from bot.core.commands.requests import CancelRequest

_NAME = "cancel"

CANCEL = Command(
    name=_NAME,
    summary="Stop a promotion or rollback that has not yet asked the host to move anything.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/cancel", "production"), Example("/cancel staging", "staging")),
    parse=one_environment(_NAME, CancelRequest),
)
