"""``/unlock``"""

from bot.core.commands.command import ENVIRONMENT, Command, Example, Permission, one_environment
from bot.core.commands.requests import UnlockRequest

_NAME = "unlock"

UNLOCK = Command(
    name=_NAME,
    summary="Take an environment's lock away, whoever set it.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/unlock", "production"), Example("/unlock staging", "staging")),
    parse=one_environment(_NAME, UnlockRequest),
)
