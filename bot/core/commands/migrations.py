"""``/migrations``"""

from bot.core.commands.command import (
    Argument,
    Command,
    Example,
    Permission,
    Surroundings,
    only_environment,
)
from bot.core.commands.requests import MigrationsRequest

_NAME = "migrations"


def _parse(rest: str, surroundings: Surroundings) -> MigrationsRequest:
    return MigrationsRequest(only_environment(rest, surroundings, _NAME) if rest else "")


MIGRATIONS = Command(
    name=_NAME,
    summary="Tell which migrations are applied where, how far the backfills are, and what waits.",
    permission=Permission.READ,
    changes=False,
    arguments=(Argument("[environment]", "Which environment; without it all with a database."),),
    examples=(
        Example("/migrations", "all environments that have a database"),
        Example("/migrations staging", "staging alone"),
    ),
    parse=_parse,
)
