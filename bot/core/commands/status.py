"""``/status``"""

from bot.core.commands.command import (
    Argument,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import StatusRequest

_NAME = "status"


def _parse(rest: str, surroundings: Surroundings) -> StatusRequest:
    return StatusRequest(only_environment(rest, surroundings, _NAME) if rest else "")


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
    parse=_parse,
)
