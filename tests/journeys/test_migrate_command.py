"""A column is renamed in three steps while the shop runs: expand, backfill, contract, with
promotions and rollbacks in between, each refused where the database says no."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from databases import create_database, drop_database
from journey import SQUASH_WITH_TITLE
from kitchen import (
    ADD_COLUMN,
    BACKFILLS,
    CONTRACT,
    EXPAND,
    FILL,
    FILL_COLUMN,
    FOLDER,
    POLICY,
    SLOW_FILL,
    Kitchen,
    opened_kitchen,
)
from psycopg.conninfo import make_conninfo

from bot.adapters.postgres.embedded import EmbeddedServer
from bot.core.migrations.runs import RunState
from bot.core.work.schemas import SweepSchemas


async def test_a_column_is_renamed_in_three_steps(kitchen: Kitchen) -> None:
    production = kitchen.production
    before = kitchen.merged("feat: show titles")
    await kitchen.say(before, "/promote")
    assert await production.served() == before.merge_commit_sha

    expanding = kitchen.merged(
        "feat: search titles",
        {
            f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN,
            f"{BACKFILLS}/{FILL}_title_norm.sql": FILL_COLUMN,
        },
    )
    said = await kitchen.say(expanding, "/promote")
    assert "1 migration of this build is not applied" in said
    assert "/migrate production" in said
    assert await production.served() == before.merge_commit_sha

    said = await kitchen.say(expanding, "/migrate --dry-run")
    assert f"1. migration `{EXPAND}_title_norm`" in said
    assert f"2. backfill `{FILL}_title_norm`" in said
    assert kitchen.rows("SELECT to_regclass('supabase_migrations.schema_migrations')") == [(None,)]

    schema_before = await kitchen.schema()
    said = await kitchen.say(expanding, "/migrate")
    assert "**Migrated: production" in said, said
    schema_after = await kitchen.schema()
    assert schema_after != schema_before
    audit = production.journey.bot.audit
    (ran,) = await audit.fetch_entries(kind="migrate")
    assert ran.entry.detail["schema_before"] == schema_before
    assert ran.entry.schema_hash == schema_after
    applied, _ = await audit.fetch_entries(kind="migration")
    assert applied.entry.subject == f"production: {EXPAND}_title_norm applied"
    assert applied.entry.schema_hash == schema_after
    assert kitchen.noticed("migrate") == [("/migrate on octo/shop production: succeeded", "info")]
    assert "2,500 rows changed, none left" in said
    assert production.reactions == ["eyes", "rocket"]
    assert kitchen.rows("SELECT count(*) FROM recipes WHERE title_norm IS NULL") == [(0,)]
    told = [comment.body for comment in production.github.comments_of(expanding)]
    await production.job_runs_again("run_command")
    assert [comment.body for comment in production.github.comments_of(expanding)] == told
    said = await kitchen.say(expanding, "/migrate")
    assert "Nothing to do" in said

    production.github.tag(production.repository, "v1.5.0")
    await kitchen.say(expanding, "/promote")
    assert await production.served() == expanding.merge_commit_sha
    (entry, _) = await production.ledger()
    assert entry.build.schema_hash == schema_after
    promotions = [one.entry for one in await audit.fetch_entries(kind="promotion")]
    assert [
        (one.build_sha, one.schema_hash, one.release_tag, one.pull_number)
        for one in reversed(promotions)
    ] == [
        (before.merge_commit_sha, schema_before, "", before.number),
        (expanding.merge_commit_sha, "", "", expanding.number),  # refused
        (expanding.merge_commit_sha, schema_after, "v1.5.0", expanding.number),
    ]

    using = kitchen.merged("feat: read the new titles only")
    await kitchen.say(using, "/promote")
    contracting = kitchen.merged(
        "refactor: drop the old titles",
        {
            f"{FOLDER}/{CONTRACT}_drop_title.contract.sql": (
                f"-- requires: backfill {FILL}\n-- requires-build: {using.merge_commit_sha}\n"
                "ALTER TABLE recipes DROP COLUMN title;\n"
            )
        },
    )
    said = await kitchen.say(contracting, f"/contract {CONTRACT}")
    assert "refused" in said
    assert "`v1.5.0`" in said, "a rollback could still put that back"
    assert kitchen.rows("SELECT count(title) FROM recipes") == [(2500,)]


async def test_a_rollback_goes_to_what_fits_the_schema_alone(kitchen: Kitchen) -> None:
    production = kitchen.production
    reading = kitchen.merged("feat: read titles")
    await kitchen.say(reading, "/promote")
    using = kitchen.merged("feat: read no titles")
    await kitchen.say(using, "/promote")
    newest = kitchen.merged("feat: more")
    await kitchen.say(newest, "/promote")
    path = f"{FOLDER}/{CONTRACT}_drop_title.contract.sql"
    text = f"-- requires-build: {using.merge_commit_sha}\nALTER TABLE recipes DROP COLUMN title;\n"
    change_policy = POLICY + "migrations:\n  rollback_window: {builds: 1, age: 1s}\n"
    contracting = kitchen.merged(
        "refactor: drop titles", {path: text, ".github/lockgate.yml": change_policy}
    )
    await kitchen.say(contracting, "/migrations")
    said = await kitchen.say(contracting, f"/contract {CONTRACT}")
    assert "The contract is applied to production" in said, said
    said = await kitchen.say(newest, f"/rollback {reading.merge_commit_sha[:7]}")
    assert "recipes.title" in said
    assert CONTRACT in said
    assert f"/rollback {using.merge_commit_sha[:7]}" in said
    assert await production.served() == newest.merge_commit_sha
    said = await kitchen.say(newest, "/rollback")
    assert await production.served() == using.merge_commit_sha, said


@pytest.mark.slow
async def test_a_promotion_waits_for_no_failed_backfill(kitchen: Kitchen) -> None:
    kitchen.rows("ALTER TABLE recipes ADD COLUMN title_norm text CHECK (title_norm <> 'soup 7')")
    await kitchen.say(kitchen.merged("feat: show titles"), "/promote")
    filling = kitchen.merged(
        "feat: search titles",
        {
            f"{FOLDER}/{EXPAND}_nothing.expand.sql": "SET lock_timeout = '2s';\n"
            "CREATE TABLE notes (id bigint PRIMARY KEY);\n",
            f"{BACKFILLS}/{FILL}_title_norm.sql": FILL_COLUMN,
        },
    )
    said = await kitchen.say(filling, "/migrate")
    assert "Not all was migrated" in said
    assert "id = 7" in said
    assert kitchen.production.reactions == ["eyes", "-1"]
    (run,) = await kitchen.production.journey.bot.engine.shipping.schema_store.fetch_runs(
        kitchen.production.repository.id, "production"
    )
    assert run.state is RunState.FAILED
    assert kitchen.noticed("migrate") == [("/migrate on octo/shop production: failed", "warning")]
    said = await kitchen.say(filling, "/promote")
    assert "backfill `title_norm`" in said
    assert "past Lockgate" not in said, "what a run applied is meant, however it ended"


@pytest.mark.slow
async def test_a_backfill_that_nobody_can_count_has_a_way_out(kitchen: Kitchen) -> None:
    text = FILL_COLUMN.replace("title_norm IS NULL AND ", "")
    file = f"{BACKFILLS}/{FILL}_title_norm.sql"
    files = {f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN, file: text}
    filling = kitchen.merged("feat: search titles", files)
    said = await kitchen.say(filling, "/migrate")
    assert "nobody can prove that no row is left" in said
    assert "Next: write `-- needed: no`" in said
    said = await kitchen.say(filling, "/promote")
    assert "has nothing to count by" in said
    assert "`-- needed: no`" in said
    later = f"{BACKFILLS}/20260401120000_again.sql"
    mending = kitchen.merged(
        "fix: wait for no backfill",
        {file: f"-- needed: no\n{text}", later: f"-- needed: no\n{text}"},
    )
    said = await kitchen.say(mending, "/migrate")
    assert "**Migrated: production" in said, said
    assert f"{FILL}_title_norm" not in said
    assert "2,500 rows changed, not counted" in said


@pytest.mark.slow
async def test_a_change_by_hand_is_noticed_and_accepted(kitchen: Kitchen) -> None:
    production = kitchen.production
    journey, bot = production.journey, production.journey.bot
    first = kitchen.merged("feat: show titles")
    await kitchen.say(first, "/promote")
    kitchen.rows("CREATE INDEX by_title ON recipes (title)")
    for _ in range(2):
        await bot.store.enqueue(SweepSchemas())
        await journey.rest()
    (drift,) = await bot.audit.fetch_entries(kind="schema")
    assert drift.entry.subject == "production: drift"
    assert "by_title" in str(drift.entry.detail)
    assert drift.entry.schema_hash == await kitchen.schema()
    title = "octo/shop production: the schema was changed past Lockgate"
    assert kitchen.noticed("schema") == [(title, "warning")], "it is told once"
    assert "by_title" in next(one.text for one in kitchen.notices if one.title == title)
    second = kitchen.merged("feat: sort titles")
    said = await kitchen.say(second, "/promote")
    assert "public.by_title" in said
    assert "--accept-schema" in said
    assert await production.served() == first.merge_commit_sha
    second = kitchen.merged(
        "feat: search titles",
        {
            f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN,
            f"{BACKFILLS}/{FILL}_title_norm.sql": FILL_COLUMN,
        },
    )
    assert "**Migrated: production" in await kitchen.say(second, "/migrate")
    said = await kitchen.say(second, "/promote")
    assert "is not as run 1 by ada left it" in said
    assert "added `index public.by_title`. " in said, "and no more: the column is meant"
    assert await production.served() == first.merge_commit_sha
    said = await kitchen.say(second, "/migrate --accept-schema")
    assert "is the one that is meant" in said
    await kitchen.say(second, "/promote")
    assert await production.served() == second.merge_commit_sha


@pytest.mark.slow
async def test_migrations_that_another_tool_applied_are_meant(kitchen: Kitchen) -> None:
    production = kitchen.production
    journey, bot = production.journey, production.journey.bot
    await kitchen.say(kitchen.merged("feat: show titles"), "/promote")
    pull = kitchen.merged(
        "feat: search titles", {f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN}
    )
    kitchen.rows(
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations"
        " (version text PRIMARY KEY, statements text[], name text);"
        f" INSERT INTO supabase_migrations.schema_migrations VALUES ('{EXPAND}', '{{}}', 'x');"
        + ADD_COLUMN
    )
    await bot.store.enqueue(SweepSchemas())
    await journey.rest()
    (taken,) = await bot.audit.fetch_entries(kind="schema")
    assert taken.entry.subject == "production: applied past Lockgate"
    await kitchen.say(pull, "/promote")
    assert await production.served() == pull.merge_commit_sha


async def test_a_database_serves_one_repository(kitchen: Kitchen) -> None:
    github = kitchen.production.github
    await kitchen.say(kitchen.merged("feat: show titles"), "/migrations")
    other = github.create_repository(
        "octo/other", files={".github/lockgate.yml": POLICY}, **SQUASH_WITH_TITLE
    )
    github.set_role(other, github.user("ada"), "admin")
    pull = github.open_pull(other, "feat: steal", by=github.user("ada"))
    said = await kitchen.say(pull, "/migrate")
    assert "another repository's" in said
    assert "LOCKGATE_DB_PRODUCTION" in said


@pytest.mark.slow
async def test_a_run_is_cancelled_between_two_batches(kitchen: Kitchen) -> None:
    pull = kitchen.merged(
        "feat: search titles",
        {
            f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN,
            f"{BACKFILLS}/{FILL}_title_norm.sql": SLOW_FILL,
        },
    )
    journey = kitchen.production.journey
    await kitchen.filling(pull, rows=30)
    kitchen.production.comment(pull, "/promote")

    def refusals() -> list[str]:
        return [one.body for one in journey.comments_of(pull) if "refused" in one.body]

    await journey.until(refusals, "a promotion is not refused while rows are filled")
    (said,) = refusals()
    assert re.search(r"backfill `title_norm` is at [1-9][0-9]? %", said), said
    said = await kitchen.say(pull, "/cancel")
    ended = [one.body for one in journey.comments_of(pull) if "schema-run" in one.body]
    assert "being cancelled" in said or "Cancelled" in ended[0]
    assert "ada cancelled it" in ended[0]
    ((left,),) = kitchen.rows("SELECT count(*) FROM recipes WHERE title_norm IS NULL")
    assert 0 < left < 2500


ELSEWHERE = """\
environments:
  staging:
    vercel: {project: shop-staging, domain: staging.example.com}
    requires: [source, deployment, freeze, lock, migrations]
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [source, deployment, freeze, lock, migrations]
migrations: {path: db/changes, backfills: db/fills}
"""


@pytest.fixture
def staging_url(postgres_server: EmbeddedServer) -> Iterator[str]:
    name = create_database(postgres_server, "template0")
    yield make_conninfo(postgres_server.conninfo, dbname=name)
    drop_database(postgres_server, name)


@pytest.fixture
async def two_kitchens(
    database_url: str, empty_database_url: str, staging_url: str, tmp_path: Path
) -> AsyncIterator[Kitchen]:
    """Staging has a database of its own, and the files are in folders that the policy names."""
    with psycopg.connect(staging_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE recipes (id bigserial PRIMARY KEY, title text)")
    others = {"staging": staging_url}
    async with (
        opened_kitchen(database_url, empty_database_url, tmp_path, 10, ELSEWHERE, others) as opened,
        opened.production.journey.working(),
    ):
        yield opened


@pytest.mark.slow
async def test_each_environment_has_its_own_database(
    two_kitchens: Kitchen, staging_url: str
) -> None:
    kitchen = two_kitchens
    files = {
        f"db/changes/{EXPAND}_title_norm.expand.sql": ADD_COLUMN,
        f"db/fills/{FILL}_title_norm.sql": FILL_COLUMN,
        f"{FOLDER}/{CONTRACT}_not_here.expand.sql": "SELEC 1;\n",
    }
    pull = kitchen.merged("feat: search titles", files)
    said = await kitchen.say(pull, "/migrate staging")
    assert "**Migrated: staging" in said, said
    column = "SELECT count(*) FROM pg_attribute WHERE attname = 'title_norm'"
    with psycopg.connect(staging_url) as staging:
        assert staging.execute(column).fetchone() == (1,)
    assert kitchen.rows(column) == [(0,)]
    said = await kitchen.say(pull, "/promote production")
    assert f"1 migration of this build is not applied: `{EXPAND}_title_norm`" in said
    said = await kitchen.say(pull, "/migrations")
    assert "**staging: 1 migration applied.**" in said
    assert f"- ✅ backfill `{FILL}_title_norm`: proven complete" in said
    assert "**production: 0 migrations applied, 1 not yet.**" in said
    assert f"- ⬜ backfill `{FILL}_title_norm`: has not begun" in said
