"""Users' databases: those of environments, one alone, and the demo's."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.database.playground import Playground, make_playground
from bot.ports.database import Database
from bot.settings import Settings
from bot.wiring.store import hold_server

__all__ = ["Playground", "PostgresDatabase", "open_database", "open_databases", "open_playground"]


@asynccontextmanager
async def open_databases(settings: Settings) -> AsyncIterator[Mapping[str, Database]]:
    """Those of environments, by the environments' names. None is connected to before it is asked
    something."""
    databases = {name: PostgresDatabase(url.reveal()) for name, url in settings.databases.items()}
    try:
        yield databases
    finally:
        for database in databases.values():
            await database.close()


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[PostgresDatabase]:
    """A users' database alone, for commands that work on it."""
    database = PostgresDatabase(url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_playground(settings: Settings, *, rows: int) -> AsyncIterator[Playground]:
    """A shop's database beside the bot's own, for the demo.

    Raises:
        EmbeddedError: the embedded server cannot be started.
    """
    async with hold_server(settings) as database:
        yield await make_playground(database, rows=rows)
