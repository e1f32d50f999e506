"""What tests of backfills share: a table, its expand in the ledger, the value of a file."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from bot.core.backfills.model import BackfillStatus
from bot.core.migrations.model import Backfill, Migration, Phase, Version

EXPAND = Version("20260101000000")
STATEMENT = "UPDATE recipes SET title_norm = lower(title) WHERE :batch AND title_norm IS NULL"


def backfill(statement: str = STATEMENT, **given: Any) -> Backfill:
    values: dict[str, Any] = {
        "version": Version("20260102000000"),
        "name": "title_norm",
        "path": "supabase/backfills/20260102000000_title_norm.sql",
        "text": statement,
        "table": "recipes",
        "key": ("id",),
        "after": EXPAND,
        "statement": statement,
        # So that no batch shrinks, however busy the machine is.
        "target_ms": 2_000,
    }
    return Backfill(**(values | given))


def migration(text: str, **given: Any) -> Migration:
    values: dict[str, Any] = {
        "version": EXPAND,
        "name": "add_title_norm",
        "path": "supabase/migrations/20260101000000_add_title_norm.sql",
        "text": text,
        "marked": Phase.EXPAND,
    }
    return Migration(**(values | given))


def make_ledger(sql: psycopg.Connection, *versions: str) -> None:
    sql.execute(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations "
        "(version text PRIMARY KEY, statements text[], name text)"
    )
    for version in versions or (EXPAND,):
        sql.execute(
            "INSERT INTO supabase_migrations.schema_migrations VALUES (%s, '{}', 'x')", [version]
        )


def make_recipes(sql: psycopg.Connection, rows: int) -> None:
    make_ledger(sql)
    sql.execute("CREATE TABLE recipes (id bigint PRIMARY KEY, title text, title_norm text)")
    sql.execute(
        "INSERT INTO recipes SELECT n, 'Title ' || n FROM generate_series(1, %s) AS n", [rows]
    )


@dataclass
class Told:
    """Collects a run's progress, and ends it after so many batches."""

    batches: int | None = None
    seen: list[BackfillStatus] = field(default_factory=list)

    def __call__(self, status: BackfillStatus) -> None:
        self.seen.append(status)

    def until(self) -> bool:
        return (
            self.batches is not None and bool(self.seen) and (self.seen[-1].batches >= self.batches)
        )
