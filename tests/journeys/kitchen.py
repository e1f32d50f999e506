"""A shop with a database of its own, whose migrations the bot runs."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from production import Production, opened_production
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bot.core.migrations.runs import Run
from bot.ports.operations import Notice
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull
from bot.settings import Secret
from bot.wiring.databases import open_database

POLICY = """\
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, deployment, freeze, lock, migrations, backfills, schema]
"""
FOLDER, BACKFILLS = "supabase/migrations", "supabase/backfills"
EXPAND = "20260101000000"
FILL = "20260101000001"
CONTRACT = "20260301000000"
ADD_COLUMN = "SET lock_timeout = '2s';\nALTER TABLE recipes ADD COLUMN title_norm text;\n"
FILL_COLUMN = f"""\
-- table: recipes
-- key: id
-- after: {EXPAND}
UPDATE recipes SET title_norm = lower(title) WHERE title_norm IS NULL AND :batch;
"""
SLOW_FILL = FILL_COLUMN.replace("UPDATE", "-- batch: 1\n-- target-ms: 1\nUPDATE", 1).replace(
    "lower(title)", "lower(title) || pg_sleep(0.02)"
)


@dataclass
class Kitchen:
    """A shop with a database of its own."""

    production: Production
    database: str
    notices: list[Notice]
    """What people were notified of."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def noticed(self, words: str) -> list[tuple[str, str]]:
        """Titles that have the words, each with how bad it is."""
        return [(one.title, one.severity) for one in self.notices if words in one.title]

    async def schema(self) -> str:
        """The root digest of the database's schema."""
        async with open_database(self.database) as database:
            return (await database.fetch_schema()).root

    def merged(self, title: str, files: dict[str, str] | None = None) -> Pull:
        production = self.production
        spec = CommitSpec(title, files or {f"{title}.txt": title})
        pull = production.github.open_pull(
            production.repository, title, spec, by=production.github.user("mona")
        )
        production.github.merge(pull, "squash", by=production.github.user("ada"))
        production.green(pull)
        return pull

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody gets into the database, and whoever was in it is out."""
        name = conninfo_to_dict(self.database)["dbname"]
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(self.production.journey.bot.database, autocommit=True) as aside:
            aside.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
            leave = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            aside.execute(f"{leave} WHERE datname = %s", [name])
            yield
            aside.execute(allow.format(sql.Identifier(name), sql.SQL("true")))

    async def filling(self, pull: Pull, rows: int = 1) -> None:
        """Type ``/migrate``, and return once its backfill has filled so many rows."""
        self.production.comment(pull, "/migrate")

        async def begun() -> bool:
            done = "SELECT count(title_norm) FROM recipes"
            try:
                # Aside: the bot, on this very loop, may hold the lock that this waits for.
                return (await asyncio.to_thread(self.rows, done))[0][0] >= rows
            except psycopg.errors.UndefinedColumn:
                return False

        await self.production.journey.until(begun, "the backfill does not begin")

    async def runs(self) -> list[Run]:
        """Newest first."""
        store = self.production.journey.bot.engine.shipping.schema_store
        return await store.fetch_runs(self.production.repository.id, "production")

    async def say(self, pull: Pull, line: str) -> str:
        return await self.production.say(pull, line)


@asynccontextmanager
async def opened_kitchen(
    database_url: str,
    shop_url: str,
    home: Path,
    rows: int = 2500,
    policy: str = POLICY,
    others: Mapping[str, str] | None = None,
) -> AsyncIterator[Kitchen]:
    """No worker runs. ``shop_url`` is the shop's own database, with ``rows`` recipes; ``others``
    are those of other environments."""
    with psycopg.connect(shop_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE recipes (id bigserial PRIMARY KEY, title text NOT NULL)")
        connection.execute(
            "INSERT INTO recipes (title) SELECT 'Soup ' || n FROM generate_series(1, %s) n", [rows]
        )
    urls = {"production": shop_url, **(others or {})}
    databases = {name: Secret(url) for name, url in urls.items()}
    async with opened_production(database_url, home, policy, databases=databases) as opened:
        yield Kitchen(opened, shop_url, opened.journey.hear())
