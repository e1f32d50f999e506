"""``/override``"""

from bot.core.commands.command import (
    ENVIRONMENT,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    first_word,
    listed,
    take_environment,
    take_reason,
)
from bot.core.commands.near import nearest
from bot.core.commands.requests import OverrideRequest

_NAME = "override"


def _parse(rest: str, surroundings: Surroundings) -> OverrideRequest:
    environment, left = take_environment(rest, surroundings, _NAME)
    gates = surroundings.environments[environment].gates
    gate, left = first_word(left)
    if gate not in gates:
        what = f"`{gate}` is no gate of {environment}" if gate else "The gate is missing"
        meant = nearest(gate, gates)
        raise Misuse(
            f"{what}; it has {listed(gates) or 'none'}.",
            f"/{_NAME} {environment} {meant} {left}".rstrip() if meant else "",
        )
    reason = take_reason(left, f"/{_NAME} {environment} {gate}")
    return OverrideRequest(environment, gate, reason)


OVERRIDE = Command(
    name=_NAME,
    summary="Set one gate aside, for one promotion, in plain sight of everybody.",
    permission=Permission.OVERRIDE,
    changes=True,
    arguments=(
        ENVIRONMENT,
        Argument("<gate>", "One of the gates that the environment requires."),
        Argument("<reason>", "Why: it is shown, notified and kept for good.", free_text=True),
    ),
    examples=(
        Example("/override checks the runner is down, tests pass locally", "for one promotion"),
        Example("/override staging order the fix is needed there first", "on staging"),
    ),
    parse=_parse,
)
