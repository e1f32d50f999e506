"""``/migrate``"""

from bot.core.commands.command import (
    DRY_RUN,
    ENVIRONMENT,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
    take_flags,
)
from bot.core.commands.requests import MigrateRequest

_NAME = "migrate"


def _parse(rest: str, surroundings: Surroundings) -> MigrateRequest:
    words, flags = take_flags(rest.split(), ["--dry-run"], _NAME)
    environment = only_environment(" ".join(words), surroundings, _NAME)
    return MigrateRequest(environment, dry_run="--dry-run" in flags)


MIGRATE = Command(
    name=_NAME,
    summary="Apply the expands of the trunk that are not applied yet, then run its backfills.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(ENVIRONMENT, DRY_RUN),
    examples=(
        Example("/migrate", "production"),
        Example("/migrate staging --dry-run", "what would be applied and run on staging"),
    ),
    parse=_parse,
)
