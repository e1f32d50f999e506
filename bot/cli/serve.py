"""``lockgate serve``: the web server, with a worker beside it or without."""

import asyncio

import click
import structlog
import uvloop

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.cli.running import running_bot, until_signalled
from bot.logs import configure_logging
from bot.settings import Settings
from bot.web.bot_app import bot_app
from bot.web.server import bind, listening, spare_the_collector
from bot.wiring.bot import Bot

log = structlog.get_logger()


@click.command()
@click.option("--no-worker", is_flag=True, help="Web alone; run `lockgate worker` beside it.")
def serve(no_worker: bool) -> None:
    """Run the web server and a worker, in one process.

    Listens on HOST and PORT. Several may run on one database, on as many machines as wanted.

    \b
    Examples:
      lockgate serve
      HOST=0.0.0.0 PORT=8080 lockgate serve --no-worker

    \b
    Exit codes:
      0  stopped by a signal, after finishing what ran
      1  the database cannot be used, or the address is taken
      2  usage or configuration
    """
    configure_logging()
    settings = settings_or_exit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, with_worker=not no_worker))


async def _serve(settings: Settings, *, with_worker: bool) -> None:
    try:
        bound = bind(settings.host, settings.port)
    except OSError as error:
        raise CommandError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}",
            "set HOST and PORT to an address that is free",
            exit_code=1,
        ) from error
    async with running_bot(settings) as bot, listening(bot_app(bot), bound) as address:
        spare_the_collector()
        log.info("serving", address=address, worker=with_worker)
        await until_signalled(_run(bot, with_worker=with_worker))


async def _run(bot: Bot, *, with_worker: bool) -> None:
    await bot.migrate()
    if with_worker:
        await bot.work()
    else:
        await asyncio.Event().wait()
