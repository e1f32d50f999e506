"""``/status``"""

from bot.core.commands.command import Argument, Command, Example, Permission, one_or_all
from bot.core.commands.requests import StatusRequest

_NAME = "status"

STATUS = Command(
    name=_NAME,
    summary="Tell what is live where, since when and by whom, and what is locked.",
    permission=Permission.READ,
    changes=False,
    arguments=(Argument("[environment]", "Which environment; without it all of them."),),
    examples=(
        Example("/status", "all environments"),
        Example("/status staging", "staging alone"),
    ),
    parse=one_or_all(_NAME, StatusRequest),
)
