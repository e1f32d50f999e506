"""``lockgate worker``: a worker alone."""

import asyncio

import click
import structlog

from bot.cli.environment import settings_or_exit
from bot.cli.running import running_bot, until_signalled
from bot.logs import configure_logging
from bot.settings import Settings
from bot.wiring.bot import Bot

log = structlog.get_logger()


@click.command()
def worker() -> None:
    """Run a worker alone, beside `lockgate serve --no-worker`.

    Any number of workers may share one database, on as many machines as wanted.

    \b
    Examples:
      lockgate worker
      LOCKGATE_CONCURRENCY=16 lockgate worker

    \b
    Exit codes:
      0  stopped by a signal, after finishing what ran
      1  the database cannot be used
      2  usage or configuration
    """
    configure_logging()
    asyncio.run(_work(settings_or_exit()))


async def _work(settings: Settings) -> None:
    async with running_bot(settings) as bot:
        log.info("working", concurrency=settings.concurrency)
        await until_signalled(_run(bot))


async def _run(bot: Bot) -> None:
    await bot.migrate()
    await bot.work()
