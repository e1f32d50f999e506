"""Reads a database's schema from its catalogs: see ``bot.core.schema``."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from bot.adapters.database.connection import Connection, fetch_scalar, named_errors, session
from bot.adapters.postgres.statements import load_queries
from bot.core.decision import Json
from bot.core.schema.snapshot import Snapshot
from bot.core.schema.spelling import spelled
from bot.core.schema.views import unqualified
from bot.ports.database import DatabaseUnavailable

OURS = ("lockgate", "lockgate_emc", "supabase_migrations")
"""What records changes is no part of the schema."""
_SUPABASE = (
    "_analytics", "_realtime", "_supavisor", "auth", "cron", "dbdev", "etl", "extensions",
    "graphql", "graphql_public", "net", "pgbouncer", "pgmq", "pgsodium", "pgsodium_masks", "pgtle",
    "realtime", "repack", "storage", "supabase_functions", "tiger", "tiger_data", "topology",
    "vault",
)  # fmt: skip
"""Schemas that Supabase keeps, and changes when it likes: its own CLI leaves them out of dumps."""
_KINDS = (
    "namespaces", "extensions", "tables", "views", "sequences", "indexes", "constraints",
    "triggers", "policies", "rules", "functions", "types", "statistics", "event_triggers",
    "default_privileges", "publications",
)  # fmt: skip
_SQL = load_queries("catalogs")
_TRIES = 10


class _Torn(Exception):
    """An object went away while it was read."""


async def read_schema(connection: Connection, *, left_out: Collection[str] = ()) -> Snapshot:
    """All objects, as one moment has them.

    Left out are ``left_out``, what records changes, on Supabase the schemas that it keeps itself,
    and what belongs to extensions. Works within a transaction of the caller's, which then has to
    be one that sees a single moment by itself.

    Raises:
        psycopg.Error: it cannot be read.
        DatabaseUnavailable: somebody changes it all the time.
    """
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        return await _read(connection, left_out)
    for _ in range(_TRIES):
        # Definitions are written from what is there now, whatever moment the transaction sees: what
        # somebody drops meanwhile gives an error, or nothing.
        with suppress(psycopg.errors.InternalError_, _Torn):
            return await _read(connection, left_out)
    raise DatabaseUnavailable(
        "its schema is being changed while it is read", "try again when that is done"
    )


async def _read(connection: Connection, left_out: Collection[str]) -> Snapshot:
    names = {*OURS, *left_out}
    async with _qualified(connection):
        if await fetch_scalar(connection, _SQL["is_supabase"].decode()):
            names |= set(_SUPABASE)
        schemas = await _fetch(connection, "schemas", {"left_out": sorted(names)})
        looked_at = {row["oid"]: row["nspname"] for row in schemas if row["looked_at"]}
        asked = {"schemas": list(looked_at)}
        rows = [(kind, row) for kind in _KINDS for row in await _fetch(connection, kind, asked)]
        members = {(row["catalog"], row["oid"]) for row in await _fetch(connection, "members", {})}
        owned = {
            (row["catalog"], row["oid"]): row for row in await _fetch(connection, "owned", asked)
        }
        comments = {
            (row["catalog"], row["oid"]): row["description"]
            for row in await _fetch(connection, "comments", {})
        }
    objects: dict[str, dict[str, Json]] = {}
    for kind, row in rows:
        key = (row["catalog"], row["oid"])
        if key in members:
            continue
        if row["record"].get("definition", "") is None:
            raise _Torn(row["name"])
        record = _plain(kind, row["record"])
        if row["schema"]:
            record["schema"] = looked_at[row["schema"]]
        if key in owned:
            record["owner"] = owned[key]["owner"]
            record["acl"] = owned[key]["acl"] or {}
        if key in comments:
            record["comment"] = comments[key]
        objects[row["name"]] = record
    out = {row["nspname"] for row in schemas if not row["looked_at"]}
    return Snapshot(objects, frozenset(out))


async def read_schema_hash(connection: Connection) -> str:
    """The root digest.

    Raises:
        psycopg.Error, DatabaseUnavailable: as of ``read_schema``.
    """
    return (await read_schema(connection)).digests.root


@asynccontextmanager
async def _qualified(connection: Connection) -> AsyncIterator[None]:
    """Every name is written with its schema, whatever the session's own settings are."""
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    async with connection.transaction():
        if idle:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        names = ("search_path", "quote_all_identifiers", "extra_float_digits")
        before = [
            await fetch_scalar(connection, f"SELECT current_setting('{name}')") for name in names
        ]
        await _settle(connection, names, ("", "off", "1"))
        yield
        # Of use to a caller whose transaction goes on.
        await _settle(connection, names, before)


async def _settle(connection: Connection, names: Collection[str], values: Collection[str]) -> None:
    for name, value in zip(names, values, strict=True):
        await connection.execute("SELECT set_config(%s, %s, true)", [name, value])


async def _fetch(connection: Connection, name: str, arguments: dict[str, Any]) -> list[DictRow]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[name], arguments)
        return await cursor.fetchall()


def _plain(kind: str, record: dict[str, Json]) -> dict[str, Json]:
    """Without what is not there, and with expressions spelled in one way."""
    plain = spelled(record)
    if kind == "views" and isinstance(query := plain.get("definition"), str):
        plain["definition"] = unqualified(query)
    return plain


async def fetch_snapshot(url: str, *, left_out: Collection[str] = ()) -> Snapshot:
    """``read_schema`` in a session of its own.

    Raises:
        DatabaseUnavailable, DatabaseRefused: it could not be read.
    """
    async with session(url, purpose="lockgate schema") as connection:
        with named_errors():
            return await read_schema(connection, left_out=left_out)
