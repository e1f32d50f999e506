"""``lockgate migrate``: bring the bot's own database up to date before a release starts."""

import asyncio

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.logs import configure_logging
from bot.ports import StoreUnavailable
from bot.wiring.store import EmbeddedError, MigrationError, migrate_store


@click.command()
def migrate() -> None:
    """Bring the bot's own database up to date.

    `lockgate serve` and `worker` do so too when they start. Run it by itself where a release is
    to stop before any of them is replaced. The release before goes on working; running it twice,
    or on many machines at once, does no harm. An environment's database is changed by `lockgate
    emc run`, and by `/migrate`.

    \b
    Examples:
      lockgate migrate
      DATABASE_URL=postgresql:///lockgate lockgate migrate

    \b
    Exit codes:
      0  it is up to date
      1  it cannot be reached or brought up to date
      2  usage or configuration
    """
    configure_logging(level="error", json=False)
    settings = settings_or_exit(app_needed=False)
    try:
        applied = asyncio.run(migrate_store(settings))
    except (EmbeddedError, MigrationError, StoreUnavailable) as error:
        raise CommandError(
            f"the database cannot be brought up to date: {error}",
            "docs/how-to/recover.md says what to do",
            exit_code=1,
        ) from error
    for name in applied:
        click.echo(f"applied {name}")
    click.echo(f"{len(applied)} applied; the database is up to date")
