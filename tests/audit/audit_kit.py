"""An audit log to tamper with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bot.adapters.postgres.connection import connection_string
from bot.core.audit.checkpoint import AuditKey
from bot.core.audit.entry import AuditEntry

KEY = AuditKey(bytes(range(32)))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A second later each time that it is looked at."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def entry(number: int = 1, **changes: Any) -> AuditEntry:
    given = AuditEntry(
        kind="promotion",
        actor="maria",
        repository="Octo/Shop",
        subject=f"production: operation {number}",
        detail={"state": "succeeded"},
        build_sha="b" * 40,
        schema_hash="sh1",
        release_tag="v1.4.0",
        pull_number=12,
    )
    return replace(given, **changes)


async def tamper(url: str, *statements: str) -> None:
    """As a superuser who puts the triggers out of action first, and back at the end."""
    tables = ("audit_entries", "audit_places", "audit_checkpoints")
    async with await psycopg.AsyncConnection.connect(connection_string(url)) as admin:
        for table in tables:
            await admin.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # type: ignore[arg-type]
        for statement in statements:
            await admin.execute(statement)  # type: ignore[arg-type]
        for table in tables:
            await admin.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_append_only")  # type: ignore[arg-type]


async def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(
        connection_string(url), autocommit=True
    ) as connection:
        cursor = await connection.execute(query)  # type: ignore[arg-type]
        return await cursor.fetchall()
