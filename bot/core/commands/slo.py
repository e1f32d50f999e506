"""``/slo``"""

from bot.core.commands.command import Argument, Command, Example, Permission, one_or_all
from bot.core.commands.requests import SloRequest

_NAME = "slo"

SLO = Command(
    name=_NAME,
    summary="Tell how the objectives stand, and what is left of their error budgets.",
    permission=Permission.READ,
    changes=False,
    arguments=(Argument("[environment]", "Which environment; without it every objective."),),
    examples=(
        Example("/slo", "every objective of the repository"),
        Example("/slo staging", "those that are for staging"),
    ),
    parse=one_or_all(_NAME, SloRequest),
)
