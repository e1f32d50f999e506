"""``/migrations``"""

from bot.core.commands.command import Argument, Command, Example, Permission, one_or_all
from bot.core.commands.requests import MigrationsRequest

_NAME = "migrations"

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
    parse=one_or_all(_NAME, MigrationsRequest),
)
