"""The bot's own store, and the audit log in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.adapters.keyfile import AuditKeyError, load_audit_keys
from bot.adapters.postgres import embedded, migrations, store
from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.binaries import EmbeddedError
from bot.adapters.postgres.migrations import MigrationError
from bot.ports import Store
from bot.settings import Settings
from bot.wiring.clock import CLOCK

__all__ = [
    "AuditKeyError",
    "EmbeddedError",
    "MigrationError",
    "audit_anchor",
    "audit_log",
    "hold_server",
    "migrate_store",
    "open_audit",
    "open_store",
    "remove_server",
]


@asynccontextmanager
async def hold_server(settings: Settings) -> AsyncIterator[str]:
    """A connection string: the given database's, or the embedded one's while it is held here.

    Raises:
        EmbeddedError: there is no DATABASE_URL and the embedded server cannot be started.
    """
    if settings.database_url:
        yield settings.database_url.reveal()
        return
    holder = embedded.embedded_server(settings.home, bin_dir=settings.pg_bin)
    server = await asyncio.to_thread(holder.__enter__)
    try:
        yield server.conninfo
    finally:
        await asyncio.to_thread(holder.__exit__, None, None, None)


async def remove_server(home: Path) -> None:
    """Delete the embedded server of a home that is not kept, once it has shut down."""
    await asyncio.to_thread(embedded.remove_server, home)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store alone, for commands that look at it."""
    async with hold_server(settings) as database, store.open_store(database) as opened:
        yield opened


async def migrate_store(settings: Settings) -> tuple[str, ...]:
    """Bring the database up to date; the migrations applied, by name.

    Raises:
        MigrationError: it cannot be brought up to date.
        StoreUnavailable: it cannot be reached.
    """
    async with hold_server(settings) as database:
        return (await migrations.migrate(database)).applied


@asynccontextmanager
async def open_audit(settings: Settings) -> AsyncIterator[PostgresAudit]:
    """The audit log alone, for commands that read it.

    Raises:
        AuditKeyError: there is no key to check it with.
    """
    async with hold_server(settings) as database, store.open_store(database) as opened:
        yield audit_log(settings, opened)


def audit_log(settings: Settings, opened: store.PostgresStore) -> PostgresAudit:
    """
    Raises:
        AuditKeyError: there is no key to sign and check it with.
    """
    keys = load_audit_keys(settings.home, settings.audit_key.reveal())
    return PostgresAudit(opened.pool, keys, CLOCK, anchor=audit_anchor(settings))


def audit_anchor(settings: Settings) -> Path:
    """Where this machine keeps the newest checkpoint that it signed."""
    return settings.home / "audit.checkpoint"
