"""What the bot remembers of environments' databases, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.store import PostgresStore
from bot.core.migrations.builds import BuildSchema, KnownBackfill, KnownMigration, Taken
from bot.core.migrations.model import Phase, Version
from bot.core.migrations.runs import Part, PartKind, PartState, Run, RunKind, RunState, begun, ended
from bot.core.model import Actor, RepoRef, Sha
from bot.core.schema.snapshot import MeantSchema

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADD, DROP = Version("20260101000000"), Version("20260301000000")
KNOWN = KnownMigration(
    DROP, "drop_title", Phase.CONTRACT, Sha("b" * 40), (Taken("recipes.title", "dropped"),)
)
RUN = Run(
    id=0,
    repo=RepoRef(7, 1, "octo", "shop"),
    environment="production",
    kind=RunKind.MIGRATE,
    sha=Sha("a" * 40),
    actor=Actor(5, "ada"),
    requested_at=NOW,
    pull_number=3,
    comment_id=11,
    parts=(Part(PartKind.MIGRATION, ADD, "add"), Part(PartKind.BACKFILL, DROP, "fill\0")),
)


@pytest.fixture
def schemas(store: PostgresStore) -> PostgresSchemas:
    return PostgresSchemas(store.pool)


async def test_a_database_belongs_to_the_first_that_asks(schemas: PostgresSchemas) -> None:
    owners = await asyncio.gather(*(schemas.bind_database("production", n) for n in (1, 2, 3, 4)))
    assert len(set(owners)) == 1
    assert await schemas.bind_database("production", 9) == owners[0]
    assert await schemas.fetch_bindings() == {"production": owners[0]}


async def test_what_is_known_of_migrations_comes_back(schemas: PostgresSchemas) -> None:
    await schemas.save_known(1, [KNOWN, KnownMigration(ADD, "add")])
    await schemas.save_known(1, [KnownMigration(ADD, "add", Phase.EXPAND)])
    assert await schemas.fetch_known(1) == {
        DROP: KNOWN,
        ADD: KnownMigration(ADD, "add", Phase.EXPAND),
    }
    assert await schemas.fetch_known(2) == {}


async def test_what_the_trunk_has_no_more_is_forgotten_unless_a_database_has_it(
    schemas: PostgresSchemas,
) -> None:
    gone, elsewhere = Version("20260102000000"), Version("20260103000000")
    await schemas.save_known(1, [KNOWN, *(KnownMigration(one) for one in (ADD, gone, elsewhere))])
    await schemas.save_known(2, [KnownMigration(gone)])
    meant = MeantSchema("r1", {}, frozenset({elsewhere}), "applied", NOW)
    await schemas.save_meant(1, "staging", meant)
    await schemas.save_trunk(1, [KnownMigration(ADD, "add")], [], [DROP])
    assert (await schemas.fetch_known(1)).keys() == {ADD, DROP, elsewhere}
    assert (await schemas.fetch_known(1))[ADD].name == "add"
    assert (await schemas.fetch_known(2)).keys() == {gone}


async def test_backfills_are_those_of_the_trunk_now(schemas: PostgresSchemas) -> None:
    fill, other = KnownBackfill(ADD, "fill"), KnownBackfill(DROP, "tidy up", needed=False)
    await schemas.save_trunk(1, [], [fill, other], [])
    await schemas.save_trunk(2, [], [fill], [])
    assert await schemas.fetch_known_backfills(1) == {ADD: fill, DROP: other}
    later = replace(fill, name="fill again", needed=False)
    await schemas.save_trunk(1, [], [later], [])
    assert await schemas.fetch_known_backfills(1) == {ADD: later}
    assert await schemas.fetch_known_backfills(2) == {ADD: fill}


async def test_what_a_build_contains_adds_up(schemas: PostgresSchemas) -> None:
    build = BuildSchema(Sha("a" * 40), "v1", {DROP: KNOWN}, {ADD: "fill"}, {Sha("b" * 40): True})
    await schemas.save_build(1, build)
    await schemas.save_build(1, replace(build, contains={Sha("c" * 40): False}))
    found = await schemas.fetch_builds(1, [build.sha, Sha("f" * 40)])
    both = {Sha("b" * 40): True, Sha("c" * 40): False}
    assert found == {build.sha: replace(build, contains=both)}


async def test_one_run_of_an_environment_at_a_time(schemas: PostgresSchemas) -> None:
    first = await schemas.add_run(RUN)
    assert first is not None
    assert await schemas.add_run(RUN) == first, "the same comment is the same run"
    assert await schemas.add_run(replace(RUN, comment_id=12)) is None
    other = await schemas.add_run(replace(RUN, comment_id=12, environment="staging"))
    assert other is not None
    done = await schemas.save_run(ended(first, RunState.SUCCEEDED, NOW, "All is applied."))
    assert done is not None
    again = await schemas.add_run(replace(RUN, comment_id=13))
    assert again is not None
    assert await schemas.fetch_open_runs() == [other.id, again.id]
    assert await schemas.fetch_runs(1, "production") == [again, done]
    assert await schemas.fetch_runs(1, "production", open_only=True) == [again]


async def test_nobody_writes_over_what_another_wrote(schemas: PostgresSchemas) -> None:
    run = await schemas.add_run(RUN)
    assert run is not None
    mine = await schemas.save_run(begun(run, run.parts[0], NOW))
    assert mine is not None
    assert await schemas.save_run(ended(run, RunState.CANCELLED, NOW, "")) is None
    found = await schemas.fetch_run(run.id)
    assert found == mine
    assert found.parts[0] == replace(RUN.parts[0], state=PartState.RUNNING, started_at=NOW)
    assert found.parts[1].name == "fill"


async def test_the_schema_that_is_meant(schemas: PostgresSchemas) -> None:
    assert await schemas.fetch_meant(1, "production") is None
    meant = MeantSchema("r1", {"table a": "d"}, frozenset({ADD}), "applied add", NOW)
    await schemas.save_meant(1, "production", meant)
    newer = replace(meant, root="r2")
    await schemas.save_meant(1, "production", newer)
    assert await schemas.fetch_meant(1, "production") == newer
