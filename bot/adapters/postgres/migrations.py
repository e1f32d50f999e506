"""Bring the store's schema up to date: once, in order, under a lock, without stopping anybody.

Each file of ``bot/sql/schema`` runs in one transaction together with its line in the ledger; one
that begins with ``-- no transaction`` runs statement by statement and must bear being run twice.
Every migration leaves the release before it working, since both run while a fleet is upgraded.
"""

import asyncio
import hashlib
import importlib.metadata
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

import psycopg
import structlog

from bot.adapters.postgres.connection import Connection, connection_string, unavailable_named
from bot.adapters.postgres.statements import load_migrations, load_queries

log = structlog.get_logger()

LIBRARY = "procrastinate"
OURS = "lockgate"
LOCK_KEY = 0x6C6F636B67617465
"""``lockgate`` in ASCII; an advisory lock of PostgreSQL."""
LOCK_TIMEOUT = "4s"
"""What a migration may wait for a table: all later queries on it would queue up behind."""
_LOCK_TRIES = 10
_SQL = load_queries("migrations")


class MigrationError(Exception):
    """The schema cannot be brought up to date. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run of ``migrate`` found and did, as ``component/name``."""

    applied: tuple[str, ...]
    ahead: tuple[str, ...]
    """In the database but unknown here: a newer release has migrated it. That is no fault."""


async def migrate(conninfo: str) -> Migrated:
    """Apply what is pending. Does nothing the second time; any number of processes may call it.

    Raises:
        MigrationError: an applied migration was edited, or a table stayed locked.
        StoreUnavailable: the database cannot be reached.
    """
    async with unavailable_named():
        connection = await psycopg.AsyncConnection.connect(
            connection_string(conninfo), autocommit=True
        )
        async with connection:
            await connection.execute("SET statement_timeout = 0")
            ledger = await _fetch_ledger(connection)
            if ledger is None or _pending(ledger):
                async with _migration_lock(connection):
                    applied = await _apply_pending(connection)
                ledger = await _fetch_ledger(connection) or {}
            else:
                applied = []
    known = {(OURS, name) for name in load_migrations()}
    known |= {(LIBRARY, name) for name in _library_files()}
    ahead = tuple(f"{part}/{name}" for part, name in ledger if (part, name) not in known)
    if ahead:
        log.warning("database_is_newer", migrations=ahead)
    for name in applied:
        log.info("migration_applied", migration=name)
    return Migrated(tuple(applied), ahead)


async def fetch_pending(conninfo: str) -> tuple[str, ...]:
    """What ``migrate`` would apply, as ``component/name``. Changes nothing.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    async with unavailable_named():
        connection = await psycopg.AsyncConnection.connect(
            connection_string(conninfo), autocommit=True
        )
        async with connection:
            ledger = await _fetch_ledger(connection) or {}
    return tuple(f"{component}/{name}" for component, name, _ in _pending(ledger))


@asynccontextmanager
async def _migration_lock(connection: Connection) -> AsyncIterator[None]:
    # Polled, not waited for: a session that waits in a query holds a snapshot, and building an
    # index concurrently would wait for that snapshot in turn.
    while not await _scalar(connection, _SQL["try_lock"], {"key": LOCK_KEY}):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        if not connection.closed:
            await connection.execute(_SQL["unlock"], {"key": LOCK_KEY})


async def _apply_pending(connection: Connection) -> list[str]:
    await connection.execute(_SQL["create_ledger"])
    await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    ledger = await _fetch_ledger(connection) or {}
    _refuse_edited(ledger)
    applied = []
    for component, name, body in _pending(ledger):
        for attempt in range(_LOCK_TRIES):
            try:
                await _apply(connection, component, name, body)
            except psycopg.errors.LockNotAvailable as error:
                if attempt == _LOCK_TRIES - 1:
                    raise MigrationError(
                        f"migration {name} waited {_LOCK_TRIES} times for a table that something "
                        "else holds; end the long transaction and run it again"
                    ) from error
                await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311 (jitter)
            else:
                break
        applied.append(f"{component}/{name}")
    return applied


def _pending(ledger: dict[tuple[str, str], str]) -> list[tuple[str, str, str]]:
    """Component, name and body of what is to be applied, in order: the library's upgrades first."""
    ours = load_migrations()
    pending = []
    if any(component == LIBRARY for component, _ in ledger):
        pending += [
            (LIBRARY, name, body)
            for name, body in _library_files().items()
            if (LIBRARY, name) not in ledger
        ]
    return pending + [
        (OURS, name, body) for name, body in ours.items() if (OURS, name) not in ledger
    ]


async def _apply(connection: Connection, component: str, name: str, body: str) -> None:
    if body.startswith("-- no transaction"):
        for statement in body.split(";\n"):
            if statement.strip():
                await connection.execute(statement.encode())
        await _record(connection, component, name, body)
        return
    async with connection.transaction():
        if body.startswith(f"-- library: {LIBRARY}"):
            schema = (files(LIBRARY) / "sql" / "schema.sql").read_text("utf-8")
            await connection.execute(schema.encode())
            for included, text in _library_files().items():
                await _record(connection, LIBRARY, included, text)
        else:
            await connection.execute(body.encode())
        await _record(connection, component, name, body)


async def _record(connection: Connection, component: str, name: str, body: str) -> None:
    version = importlib.metadata.version(LIBRARY) if component == LIBRARY else None
    await connection.execute(
        _SQL["record"],
        {
            "component": component,
            "name": name,
            "checksum": _checksum(body),
            "library_version": version,
        },
    )


async def _fetch_ledger(connection: Connection) -> dict[tuple[str, str], str] | None:
    if not await _scalar(connection, _SQL["ledger_exists"]):
        return None
    rows = await (await connection.execute(_SQL["fetch_ledger"])).fetchall()
    return {(component, name): checksum for component, name, checksum in rows}


def _refuse_edited(ledger: dict[tuple[str, str], str]) -> None:
    for name, body in load_migrations().items():
        if ledger.get((OURS, name), _checksum(body)) != _checksum(body):
            raise MigrationError(
                f"migration {name} is not the one that was applied to this database; restore the "
                "file as it was released and put the change into a new migration"
            )


def _library_files() -> dict[str, str]:
    folder = files(LIBRARY) / "sql" / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return {entry.name: entry.read_text("utf-8") for entry in sorted(found, key=lambda e: e.name)}


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


async def _scalar(
    connection: Connection, query: bytes, arguments: dict[str, object] | None = None
) -> object:
    row = await (await connection.execute(query, arguments)).fetchone()
    return row[0] if row else None
