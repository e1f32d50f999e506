"""A database of a user's with all that a page can tell of it, and what the bot remembers of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
from backfilling import EXPAND, Told, backfill, make_recipes
from served_pages import BAD, GOOD, NOW, SHOP, shipped_build

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.store import PostgresStore
from bot.core.hosting import Origin
from bot.core.migrations.builds import BuildSchema, KnownMigration, Taken
from bot.core.migrations.model import Phase, Version
from bot.core.migrations.runs import Part, PartKind, PartState, Run, RunKind, RunState, ended
from bot.core.model import Actor
from bot.core.schema.snapshot import MeantSchema

LATER, DROP = Version("20260105000000"), Version("20260301000000")
TO_COME = Version("20260104000000")
ROWS = 400
POISON = 137
KNOWN = (
    KnownMigration(EXPAND, "add_title_norm", Phase.EXPAND),
    KnownMigration(LATER, "add_rating", Phase.EXPAND),
    KnownMigration(DROP, "drop_title", Phase.CONTRACT, BAD, (Taken("recipes.title"),)),
)
FAILING = backfill(
    "UPDATE recipes SET title_norm = lower(title) WHERE :batch AND title_norm IS NULL",
    version=Version("20260102000000"),
    batch=100,
)
MOVING = backfill(
    "UPDATE recipes SET seen = true WHERE :batch AND seen IS NULL",
    version=Version("20260103000000"),
    name="seen",
    batch=100,
)


def run_of(kind: RunKind = RunKind.MIGRATE, **given: object) -> Run:
    """One that was asked for four minutes ago."""
    values = {
        "id": 0,
        "repo": SHOP,
        "environment": "production",
        "kind": kind,
        "sha": BAD,
        "actor": Actor(5, "maria"),
        "requested_at": NOW - timedelta(minutes=4),
        "pull_number": 12,
        "comment_id": 501,
        "parts": (
            Part(
                PartKind.MIGRATION,
                EXPAND,
                "add_title_norm",
                PartState.DONE,
                "applied in 0.4 s",
                started_at=NOW - timedelta(minutes=4),
                ended_at=NOW - timedelta(minutes=4) + timedelta(seconds=0.5),
            ),
            Part(
                PartKind.BACKFILL,
                FAILING.version,
                FAILING.name,
                PartState.RUNNING,
                "120 of about 400 rows, 900 rows/s",
                done=0.3,
                started_at=NOW - timedelta(minutes=3),
            ),
        ),
    }
    return Run(**{**values, **given})  # type: ignore[arg-type]


async def bind(store: PostgresStore) -> PostgresSchemas:
    """The database of production is the shop's."""
    schemas = PostgresSchemas(store.pool)
    await schemas.bind_database("production", SHOP.id)
    return schemas


async def go_live(store: PostgresStore) -> None:
    """``v1.5.0`` is live and has what the contract asks for, ``v1.4.2`` was before it and has
    not."""
    operations, schemas = PostgresOperations(store.pool), PostgresSchemas(store.pool)
    for build, age in ((shipped_build(GOOD, "v1.4.2"), 3), (shipped_build(BAD), 1)):
        await operations.record_live(
            SHOP.id, "production", build, origin=Origin.PROMOTION, actor="maria",
            at=NOW - timedelta(days=age), verified=True, operation_id=None, fence=None,
        )  # fmt: skip
        needed = {TO_COME: "to_come"} if build.sha == BAD else {}
        known = {one.version: one for one in KNOWN}
        contains = {BAD: build.sha == BAD}
        await schemas.save_build(
            SHOP.id, BuildSchema(build.sha, build.called, known, needed, contains)
        )


async def tell_changes(store: PostgresStore, url: str) -> None:
    """A failed backfill with its poison row, one that a person paused half way, one to come; an
    expand and a contract that wait; drift; and a run that failed."""
    with psycopg.connect(url, autocommit=True) as sql:
        make_recipes(sql, ROWS)
        sql.execute(
            "ALTER TABLE recipes ADD COLUMN seen boolean, ADD CONSTRAINT no_poison "
            f"CHECK (title_norm <> 'title {POISON}')"
        )
        sql.execute("ANALYZE recipes")
    database = PostgresDatabase(url)
    try:
        await database.run_backfill_for(FAILING, timedelta(seconds=20))
        told = Told(batches=2)
        await database.run_backfill(MOVING, until=told.until, progress=told)
        await database.pause_backfill(MOVING, by="ada", reason="the sale begins")
        schema = await database.fetch_schema()
    finally:
        await database.close()
    schemas = await bind(store)
    await schemas.save_known(SHOP.id, KNOWN)
    await go_live(store)
    await schemas.save_meant(
        SHOP.id,
        "production",
        MeantSchema(
            "0" * 64,
            {name: digest for name, digest in schema.objects.items() if "no_poison" not in name},
            frozenset(),
            "run 1 by maria",
            NOW - timedelta(minutes=3),
        ),
    )
    run = await schemas.add_run(run_of())
    assert run is not None
    parts = (run.parts[0], replace(run.parts[1], state=PartState.FAILED, found="one row fails"))
    failed = ended(
        replace(run, parts=parts), RunState.FAILED, NOW - timedelta(minutes=2),
        "backfill `title_norm` failed", "mend that row",
    )  # fmt: skip
    assert await schemas.save_run(failed)


@asynccontextmanager
async def opened_database(url: str) -> AsyncIterator[dict[str, PostgresDatabase]]:
    """As the pages are given it."""
    database = PostgresDatabase(url)
    try:
        yield {"production": database}
    finally:
        await database.close()
