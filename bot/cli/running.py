"""How the long-running commands run: until a signal says stop, with faults said as errors."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from bot.cli.errors import CommandError
from bot.settings import Settings
from bot.wiring.bot import Bot, open_bot
from bot.wiring.store import AuditKeyError, EmbeddedError, MigrationError

log = structlog.get_logger()

_CANCEL_AGAIN = 1.0
"""Seconds."""


async def until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work``; SIGINT or SIGTERM cancels it, and it is awaited to its end."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    signalled = False

    def stop(number: signal.Signals) -> None:
        nonlocal signalled
        signalled = True
        log.info("stopping", signal=number.name)
        cancel()

    def cancel() -> None:
        # Again and again: before Python 3.12 a cancellation that meets an answer of the database
        # may be lost. What is stopping already takes no notice.
        if not task.done():
            task.cancel()
            loop.call_later(_CANCEL_AGAIN, cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not signalled:
            raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def running_bot(settings: Settings) -> AsyncIterator[Bot]:
    """
    Raises:
        CommandError: the database cannot be started or brought up to date.
    """
    for warning in settings.warnings:
        log.warning("configuration", problem=warning)
    try:
        async with open_bot(settings) as bot:
            yield bot
    except EmbeddedError as error:
        raise CommandError(
            f"the embedded PostgreSQL cannot be started: {error}",
            "mend that, or set DATABASE_URL to a PostgreSQL of your own",
            exit_code=1,
        ) from error
    except AuditKeyError as error:
        raise CommandError(str(error), "then start again", exit_code=1) from error
    except MigrationError as error:
        raise CommandError(
            f"the database cannot be brought up to date: {error}",
            "docs/how-to/recover.md says what to do",
            exit_code=1,
        ) from error
