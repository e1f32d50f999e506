"""``/rollback``"""

from bot.core.commands.command import (
    DRY_RUN,
    ENVIRONMENT,
    PLAN,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    read_count,
    read_named,
    take_environment,
    take_flags,
    take_plan,
    take_target,
)
from bot.core.commands.requests import RollbackRequest, RollbackTo, StepsBack

_NAME = "rollback"
_DRY_RUN = "--dry-run"
_MOST = 20
"""How many builds one can go back by counting: as many as the ledger is read for."""


def _parse(rest: str, surroundings: Surroundings) -> RollbackRequest:
    words, plan = take_plan(rest.split(), _NAME)
    words, flags = take_flags(words, (_DRY_RUN,), _NAME)
    environment, left = take_environment(" ".join(words), surroundings, _NAME)
    word = take_target(left.split(), surroundings, _NAME)
    target = _target(word, environment) if word else None
    return RollbackRequest(environment, target, _DRY_RUN in flags, plan)


def _target(word: str, environment: str) -> RollbackTo:
    count = read_count(word)
    if count is not None:
        if not 1 <= count <= _MOST:
            raise Misuse(
                f"One can go back 1 to {_MOST} builds by counting, not {count}.",
                f"/{_NAME} {environment} 1",
            )
        return StepsBack(count)
    named = read_named(word)
    if named is None:
        raise Misuse(
            f"`{word}` is no tag, no commit's id of 7 to 40 hexadecimal digits and no number.",
            f"/{_NAME} {environment}",
        )
    return named


ROLLBACK = Command(
    name=_NAME,
    summary="Put a build back that was live before and was seen to work.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(
        ENVIRONMENT,
        Argument(
            "[tag|sha|count]",
            f"Which build, by its tag, its commit's id or how many builds to go back (1 to {_MOST}"
            "); without it the good build before what is live. It must have been live there, and "
            "verified.",
        ),
        DRY_RUN,
        PLAN,
    ),
    examples=(
        Example("/rollback", "the good build before what is live"),
        Example("/rollback v1.4.0", "the build of that tag"),
        Example("/rollback staging 2", "two builds back, on staging"),
        Example("/rollback --dry-run", "the plan and its digest, nothing else"),
    ),
    parse=_parse,
)
