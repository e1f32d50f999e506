"""``/migrate``"""

from bot.core.commands.command import (
    DRY_RUN,
    ENVIRONMENT,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    only_environment,
    take_flags,
)
from bot.core.commands.requests import MigrateRequest

_NAME = "migrate"
_ACCEPT = "--accept-schema"


def _parse(rest: str, surroundings: Surroundings) -> MigrateRequest:
    words, flags = take_flags(rest.split(), ["--dry-run", _ACCEPT], _NAME)
    environment = only_environment(" ".join(words), surroundings, _NAME)
    if len(flags) > 1:
        raise Misuse(f"`--dry-run` and `{_ACCEPT}` do not go together.", f"/{_NAME} {environment}")
    return MigrateRequest(environment, dry_run="--dry-run" in flags, accept=_ACCEPT in flags)


MIGRATE = Command(
    name=_NAME,
    summary="Apply the expands of the trunk that are not applied yet, then run its backfills.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(
        ENVIRONMENT,
        DRY_RUN,
        Argument(
            f"[{_ACCEPT}]",
            "Apply nothing: record the schema in place as the one that is meant, whoever changed "
            "it past Lockgate.",
        ),
    ),
    examples=(
        Example("/migrate", "production"),
        Example("/migrate staging --dry-run", "what would be applied and run on staging"),
        Example("/migrate --accept-schema", "what somebody changed by hand is to stay"),
    ),
    parse=_parse,
)
