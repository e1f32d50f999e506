"""``/thaw``"""

from bot.core.commands.command import ENVIRONMENT, Command, Example, Permission, one_environment
from bot.core.commands.requests import ThawRequest

_NAME = "thaw"

THAW = Command(
    name=_NAME,
    summary="End every freeze of an environment that a command began; those of the policy stay.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT,),
    examples=(Example("/thaw", "production"), Example("/thaw staging", "staging")),
    parse=one_environment(_NAME, ThawRequest),
)
