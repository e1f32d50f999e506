"""``/lock``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Argument,
    Command,
    Example,
    Permission,
    Surroundings,
    take_environment,
    take_reason,
)
from bot.core.commands.requests import LockRequest

_NAME = "lock"


def _parse(rest: str, surroundings: Surroundings) -> LockRequest:
    environment, left = take_environment(rest, surroundings, _NAME)
    return LockRequest(environment, take_reason(left, f"/{_NAME} {environment}"))


LOCK = Command(
    name=_NAME,
    summary="Hold every promotion to an environment until it is unlocked.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(
        ENVIRONMENT,
        Argument("<reason>", "Why: it is shown to whoever is held by the lock.", free_text=True),
    ),
    examples=(
        Example("/lock checking a slow query", "production, until `/unlock`"),
        Example("/lock staging load test until tonight", "staging; the reason lifts nothing"),
    ),
    parse=_parse,
)
