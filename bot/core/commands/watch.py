"""``/watch``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    first_word,
    only_environment,
)
from bot.core.commands.requests import WatchCancelRequest

_NAME = "watch"
_CANCEL = "cancel"


def _parse(rest: str, surroundings: Surroundings) -> WatchCancelRequest:
    word, left = first_word(rest)
    if word != _CANCEL:
        found = f"`{word}` stands there" if word else "nothing stands there"
        raise Misuse(
            f"What is to become of the watch is missing: {found}. It begins by itself, after a "
            "promotion, and can be ended.",
            f"/{_NAME} {_CANCEL}",
        )
    return WatchCancelRequest(only_environment(left, surroundings, f"{_NAME} {_CANCEL}"))


WATCH = Command(
    name=_NAME,
    summary="End the watch over what was promoted; it stays live.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(Argument(_CANCEL, "End it; nothing is taken back by itself any more."), ENVIRONMENT),
    examples=(
        Example("/watch cancel", "of production"),
        Example("/watch cancel staging", "of staging"),
    ),
    parse=_parse,
)
