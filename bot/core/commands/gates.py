"""``/gates``"""

from bot.core.commands.command import ENVIRONMENT, Command, Example, Permission, one_environment
from bot.core.commands.requests import GatesRequest

_NAME = "gates"

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
    parse=one_environment(_NAME, GatesRequest),
)
