"""Watches in the store: one for an operation, with its job, and never two words on one of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import psycopg
import pytest

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.postgres.watches import PostgresWatches
from bot.core.hosting import Build
from bot.core.model import RepoRef, Sha
from bot.core.policy.slo import OnFail
from bot.core.slo.model import Sample
from bot.core.slo.watch import Compare, FailOn, Judged, Outcome
from bot.core.slo.watching import Series, Watch, WatchState

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WATCH = Watch(
    id=0,
    repo=RepoRef(1, 42, "octo", "shop"),
    environment="production",
    operation_id=1,
    build=Build(Sha("a" * 40), "dpl_a", "v1"),
    pull_number=7,
    moved_at=AT,
    begun=AT + timedelta(seconds=4),
    policy_lasts=timedelta(minutes=15),
    every=timedelta(seconds=15),
    compare=Compare.BEFORE,
    fail_on=FailOn.BURN,
    on_fail=OnFail.NOTIFY,
    doubt=Fraction(1, 1000),
    require=("api",),
    files={"slo/api.yml": "a: \u0000b"},
    series=(Series("api", (Sample(AT, Fraction(1, 3), 2),), True, (), AT, 0.25),),
    took=timedelta(seconds=74),
    judged=(Judged("api", Outcome.WORSE, AT, None, 0.25, None, 0.1, None),),
    back_to=Build(Sha("b" * 40)),
)


@pytest.fixture
async def watches(store: PostgresStore, database_url: str) -> PostgresWatches:
    for kind in ("promote", "rollback"):
        run(
            database_url,
            "INSERT INTO operations (request, repository_id, environment, kind, state, comment_id,"
            f" concluded, requested_at, content) VALUES (gen_random_uuid(), 42, 'production',"
            f" '{kind}', 'succeeded', 0, true, now(), '{{}}')",
        )
    return PostgresWatches(store.pool)


def run(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(connection_string(url), autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


async def test_a_watch_is_kept_as_it_is_with_the_job_that_advances_it(
    watches: PostgresWatches, database_url: str
):
    added = await watches.add_watch(WATCH)
    assert await watches.fetch_watch(added.id) == added
    assert await watches.fetch_watch_of(1) == added
    kept = {"slo/api.yml": "a: b"}  # no database takes a NUL
    assert added == replace(WATCH, id=added.id, files=kept)
    jobs = "SELECT task_name, args ->> 'watch_id' FROM procrastinate_jobs"
    assert run(database_url, jobs) == [("advance_watch", str(added.id))]


async def test_an_operation_leads_to_one_watch(watches: PostgresWatches):
    first = await watches.add_watch(WATCH)
    again = await watches.add_watch(replace(WATCH, environment="staging"))
    assert again == first
    assert (await watches.add_watch(replace(WATCH, operation_id=2))).id != first.id


async def test_two_words_on_a_watch_are_not_both_taken(watches: PostgresWatches):
    added = await watches.add_watch(WATCH)
    saved = await watches.save_watch(replace(added, state=WatchState.ENDED))
    assert saved is not None
    assert (saved.state, saved.revision) == (WatchState.ENDED, added.revision + 1)
    assert await watches.save_watch(replace(added, state=WatchState.WORSE)) is None
    assert await watches.fetch_watch(added.id) == saved


async def test_those_that_are_not_concluded_are_open(watches: PostgresWatches):
    first = await watches.add_watch(WATCH)
    second = await watches.add_watch(replace(WATCH, operation_id=2, environment="staging"))
    assert [one.id for one in await watches.fetch_open_watches()] == [second.id, first.id]
    assert [one.id for one in await watches.fetch_open_watches(42, "production")] == [first.id]
    assert await watches.fetch_open_watches(43) == []
    await watches.save_watch(replace(first, concluded=True))
    assert [one.id for one in await watches.fetch_open_watches(42)] == [second.id]
