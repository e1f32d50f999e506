"""``/promote``"""

from bot.core.commands.command import (
    DRY_RUN,
    ENVIRONMENT,
    PLAN,
    TARGET_DESCRIPTION,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    read_named,
    take_environment,
    take_flags,
    take_plan,
    take_target,
)
from bot.core.commands.requests import PromoteRequest

WHEN_READY = Argument(
    "[--when-ready]",
    "Wait for gates that may yet pass, up to 24 hours, and say who waits for what.",
)
_NAME = "promote"
_DRY_RUN, _WHEN_READY = "--dry-run", "--when-ready"


def _parse(rest: str, surroundings: Surroundings) -> PromoteRequest:
    words, plan = take_plan(rest.split(), _NAME)
    words, flags = take_flags(words, (_DRY_RUN, _WHEN_READY), _NAME)
    environment, left = take_environment(" ".join(words), surroundings, _NAME)
    word = take_target(left.split(), surroundings, _NAME)
    target = read_named(word) if word else None
    if word and target is None:
        raise Misuse(
            f"`{word}` is no tag and no commit's id of 7 to 40 hexadecimal digits.",
            f"/{_NAME} {environment}",
        )
    return PromoteRequest(environment, target, _DRY_RUN in flags, _WHEN_READY in flags, plan)


PROMOTE = Command(
    name=_NAME,
    summary="Put a build live, once every gate of the environment passes.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(
        ENVIRONMENT,
        Argument("[sha|tag]", TARGET_DESCRIPTION),
        DRY_RUN,
        WHEN_READY,
        PLAN,
    ),
    examples=(
        Example("/promote", "what the pull request was merged as, to production"),
        Example("/promote staging 3f2c1aa", "that commit, to staging"),
        Example("/promote v1.5.0 --dry-run", "the plan and its digest, nothing else"),
        Example("/promote --when-ready", "as soon as the gates that wait have passed"),
        Example("/promote --plan=127dc49a443b", "what a dry run showed, and nothing else"),
    ),
    parse=_parse,
)
