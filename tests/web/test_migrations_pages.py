"""What the page of database changes says, on a real store and a real database of a user's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest
from backfilling import EXPAND, Told, backfill, make_recipes
from changes_kit import (
    DROP,
    FAILING,
    KNOWN,
    LATER,
    MOVING,
    POISON,
    bind,
    go_live,
    opened_database,
    run_of,
    tell_changes,
)
from served_pages import NOW, SHOP, FixedClock, build, evaluation, serve
from test_pages import Document, read

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.store import PostgresStore
from bot.core.backfills.model import BackfillStatus
from bot.core.decision import Verdict
from bot.core.hosting import Lock
from bot.core.migrations.builds import BackfillState, KnownBackfill
from bot.core.migrations.model import Version
from bot.core.migrations.runs import RunKind
from bot.core.schema.snapshot import MeantSchema, SchemaDigests
from bot.web.pages.backfills import BackfillView
from bot.web.pages.databases import WAITS, Answer, Shared
from bot.web.viewer import Everything, PublicOnly, Viewer

LONG_AGO = NOW - timedelta(days=1)
"""Whatever the clocks of those say that change databases."""
PATH = "/repos/octo/shop/migrations"


@asynccontextmanager
async def opened(
    store: PostgresStore,
    databases: dict[str, PostgresDatabase],
    viewer: Viewer | None = None,
    clock: FixedClock | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    app = build(store, viewer or Everything(), clock or FixedClock(NOW), databases=databases)
    async with serve(app) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


async def page_of(store: PostgresStore, url: str) -> Document:
    async with opened_database(url) as databases, opened(store, databases) as client:
        return read(await client.get(PATH))


def prepare(url: str) -> None:
    """A table, and an empty ledger of nothing but it."""
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute("CREATE TABLE recipes (id bigint PRIMARY KEY, title text)")


async def test_the_whole_of_a_database_with_trouble(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    await tell_changes(store, empty_database_url)
    document = await page_of(store, empty_database_url)
    text = document.text
    assert f"Backfill {FAILING.version}_title_norm failed at" in text
    # What waits, each with its command, and who needs what a contract drops.
    assert f"to apply {LATER}_add_rating expand To apply it, comment /migrate production" in text
    assert f"{DROP}_drop_title contract: recipes.title dropped" in text
    assert "v1.4.2, a rollback target of production , still needs recipes.title" in text
    assert "that ends when 5 more builds have gone live, and not before" in text
    assert f"/contract {DROP} production --dry-run" in text
    assert f"to apply {EXPAND}" not in text
    # Backfills: one failed of a row, one that a person paused, one that nobody has begun.
    failed = text[text.index(f"failed {FAILING.version}") :]
    assert f"poison row key {POISON} , SQLSTATE 23514 , constraint no_poison" in failed
    resume = f"lockgate emc resume {FAILING.version} --environment production"
    assert f"To do: mend or remove that row; then {resume} goes on with it" in failed
    paused = text[text.index(f"pauses {MOVING.version}_seen") :]
    assert "of about 400" in paused
    assert "Batches 2, now of 200 rows" in paused
    assert "the sale begins, asked for by ada" in paused
    resume = f"lockgate emc resume {MOVING.version} --environment production"
    assert f"To do: run {resume}" in paused
    assert "to come 20260104000000_to_come it has not begun" in text
    # Drift names what differs, and what went past Lockgate.
    assert "drift" in text
    assert "added constraint" in text
    assert "no_poison" in text
    assert "or comment /migrate production --accept-schema if it is to stay" in text
    assert "Applied past Lockgate: 20260101000000" in text
    # The run that failed, with its parts.
    assert "failed /migrate, run 1: 1 of 2 parts done" in text
    assert "backfill title_norm failed. Next: mend that row." in text
    assert "done migration 20260101000000_add_title_norm applied in 0.4 s 0.5 s" in text
    bars = [attrs for tag, attrs in document.tags if tag == "progress"]
    assert {attrs["max"] for attrs in bars} == {"100"}
    assert all(0 < int(attrs["value"] or 0) < 100 for attrs in bars)
    assert len(bars) == 2


CUT = BackfillStatus(
    MOVING.version, "seen", "recipes", BackfillState.WAITING, visited=200, total=400, batches=2,
    working=timedelta(seconds=2), started_at=NOW,
)  # fmt: skip
ENDED = replace(CUT, state=BackfillState.FINISHED, visited=400, why="it cannot be counted")
STANDING = "nobody works on it at this moment; it goes on where it was"
UNCOUNTED = "what is left cannot be counted, and its file says that nothing waits for it"


@pytest.mark.parametrize(
    ("status", "facts", "said"),
    [
        (CUT, {"under_way": True}, (Verdict.WAIT, "running", "", "about 2 s", "")),
        (CUT, {}, (Verdict.WAIT, "stands still", STANDING, "", "/migrate production")),
        (
            replace(CUT, started_at=None, batches=0, visited=0),
            {"under_way": True},
            (Verdict.SKIP, "to come", "it has not begun", "", ""),
        ),
        (ENDED, {"needed": False}, (Verdict.SKIP, "done, not counted", UNCOUNTED, "", "")),
        (ENDED, {}, (Verdict.ERROR, "not proven", "it cannot be counted", "", "")),
        (
            replace(ENDED, proof="SELECT 1", proven_at=NOW, why=""),
            {"needed": False},
            (Verdict.PASS, "proven", "", "", ""),
        ),
    ],
)
def test_what_is_said_of_a_backfill_that_nobody_works_on(
    status: BackfillStatus, facts: dict[str, bool], said: tuple[Verdict, str, str, str, str]
) -> None:
    view = BackfillView(status, "production", **facts)
    assert (view.verdict, view.state, view.why, view.left, view.command) == said
    assert view.settled is (status.state is BackfillState.FINISHED and view.state != "not proven")
    assert bool(view.remedy) is (view.state == "not proven")


async def test_what_nothing_waits_for_and_nobody_can_count_is_not_open(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    with psycopg.connect(empty_database_url, autocommit=True) as sql:
        make_recipes(sql, 20)
    counted_by_nothing = backfill("UPDATE recipes SET title_norm = title WHERE :batch", batch=10)
    schemas = await bind(store)
    async with opened_database(empty_database_url) as databases:
        await databases["production"].run_backfill_for(counted_by_nothing, timedelta(seconds=20))
    told = KnownBackfill(counted_by_nothing.version, "title_norm")
    await schemas.save_trunk(SHOP.id, [], [told], [])
    text = (await page_of(store, empty_database_url)).text
    assert "1 open 0 proven" in text
    assert f"not proven {told.version}_title_norm" in text
    later = KnownBackfill(Version("20260109000000"), "later", needed=False)
    await schemas.save_trunk(SHOP.id, [], [replace(told, needed=False), later], [])
    text = (await page_of(store, empty_database_url)).text
    assert "1 open 0 proven" in text, "the other"
    assert f"done, not counted {told.version}_title_norm" in text
    assert f"to come {later.version}_later it has not begun" in text


async def test_between_two_turns_of_a_run_it_is_running(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    with psycopg.connect(empty_database_url, autocommit=True) as sql:
        make_recipes(sql, 400)
    schemas, told = await bind(store), Told(batches=1)
    async with opened_database(empty_database_url) as databases:
        await databases["production"].run_backfill(FAILING, until=told.until, progress=told)
    text = (await page_of(store, empty_database_url)).text
    assert f"stands still {FAILING.version}_title_norm" in text
    assert "To run it, comment /migrate production" in text
    assert await schemas.add_run(run_of())
    text = (await page_of(store, empty_database_url)).text
    assert f"running {FAILING.version}_title_norm" in text
    assert "To run it" not in text


async def test_a_bar_moves_with_the_backfill(store: PostgresStore, empty_database_url: str) -> None:
    await store.save_evaluation(evaluation())
    await tell_changes(store, empty_database_url)
    clock = FixedClock(NOW)

    async def shown(client: httpx.AsyncClient) -> tuple[str | None, str]:
        answer = await client.get(PATH)
        values = [attrs["value"] for tag, attrs in read(answer).tags if tag == "progress"]
        return values[1], answer.headers["etag"]

    async with (
        opened_database(empty_database_url) as databases,
        opened(store, databases, clock=clock) as client,
    ):
        _, tag = await shown(client)
        held = {"If-None-Match": tag}
        assert (await client.get(PATH, headers=held)).status_code == 304
        with psycopg.connect(empty_database_url, autocommit=True) as sql:
            sql.execute(
                "UPDATE lockgate_emc.backfills SET visited = 371 WHERE version = %s",
                [MOVING.version],
            )
        # Within two seconds nobody asks the database again, however many read.
        assert (await client.get(PATH, headers=held)).status_code == 304
        clock.at += timedelta(seconds=2)
        value, newer = await shown(client)
        assert value == "92"
        assert newer != tag


async def test_a_database_that_has_it_all(store: PostgresStore, empty_database_url: str) -> None:
    await store.save_evaluation(evaluation())
    prepare(empty_database_url)
    schemas = await bind(store)
    async with opened_database(empty_database_url) as databases:
        schema = await databases["production"].fetch_schema()
    meant = MeantSchema(schema.root, schema.objects, frozenset(), "run 4 by ada", NOW)
    await schemas.save_meant(SHOP.id, "production", meant)
    text = (await page_of(store, empty_database_url)).text
    assert "skip No migration is applied, and none is known to wait." in text
    assert "as meant" in text
    assert "It is the one recorded at" in text
    assert "(run 4 by ada)." in text
    assert schema.root[:12] in text


async def test_a_schema_is_read_anew_once_another_is_meant(
    store: PostgresStore, empty_database_url: str
) -> None:
    """Else a run that has just ended would look like drift for a while."""
    await store.save_evaluation(evaluation())
    prepare(empty_database_url)
    schemas = await bind(store)
    clock = FixedClock(NOW)
    async with opened_database(empty_database_url) as databases:
        before = await databases["production"].fetch_schema()
        with psycopg.connect(empty_database_url, autocommit=True) as sql:
            sql.execute("ALTER TABLE recipes ADD COLUMN rating int")
        after = await databases["production"].fetch_schema()
        meant = MeantSchema(before.root, before.objects, frozenset(), "run 1", NOW)
        await schemas.save_meant(SHOP.id, "production", meant)
        async with opened(store, databases, clock=clock) as client:
            assert "drift" in read(await client.get(PATH)).text
            with psycopg.connect(empty_database_url, autocommit=True) as sql:
                sql.execute("ALTER TABLE recipes DROP COLUMN rating")
            clock.at += timedelta(seconds=3)
            assert "drift" in read(await client.get(PATH)).text, "it is not read that often"
            await schemas.save_meant(
                SHOP.id, "production", replace(meant, cause="run 2", at=LONG_AGO)
            )
            assert "as meant" in read(await client.get(PATH)).text
    assert after.root != before.root


async def test_a_contract_that_nothing_needs_may_be_applied(
    store: PostgresStore, empty_database_url: str
) -> None:
    """With what the live build's tree was; while none is known nobody can tell."""
    await store.save_evaluation(evaluation())
    prepare(empty_database_url)
    schemas = await bind(store)
    await schemas.save_known(SHOP.id, [KNOWN[2]])
    text = (await page_of(store, empty_database_url)).text
    assert "nothing is known to be live in production" in text
    assert f"/contract {DROP} production --dry-run" in text
    await go_live(store)
    no_build = replace(KNOWN[2], requires_build=None)
    await schemas.save_known(SHOP.id, [no_build])
    text = (await page_of(store, empty_database_url)).text
    assert "may go" in text
    assert "nothing that is live or could be put back needs it any more" in text
    assert f"To apply it, comment /contract {DROP} production" in text


async def test_a_run_under_way_tells_its_parts_and_is_no_drift(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    prepare(empty_database_url)
    schemas = await bind(store)
    assert await schemas.add_run(run_of())
    meant = MeantSchema("0" * 64, {}, frozenset(), "run 1", NOW)
    await schemas.save_meant(SHOP.id, "production", meant)
    document = await page_of(store, empty_database_url)
    assert "wait It migrates: 1 of 2 parts done." in document.text
    assert "under way backfill 20260102000000_title_norm 30 % 30 %" in document.text
    assert "120 of about 400 rows, 900 rows/s" in document.text
    assert "to come 20260102000000_title_norm it has not begun" in document.text
    assert "changing" in document.text
    assert "drift" not in document.text


async def test_a_run_that_begins_while_the_page_is_made_is_no_drift(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    prepare(empty_database_url)
    schemas = await bind(store)

    class Moved(PostgresDatabase):
        async def fetch_schema(self) -> SchemaDigests:
            assert await schemas.add_run(run_of())
            with psycopg.connect(empty_database_url, autocommit=True) as sql:
                sql.execute("ALTER TABLE recipes ADD COLUMN rating int")
            return await super().fetch_schema()

    async with opened_database(empty_database_url) as databases:
        schema = await databases["production"].fetch_schema()
    meant = MeantSchema(schema.root, schema.objects, frozenset(), "run 0", NOW)
    await schemas.save_meant(SHOP.id, "production", meant)
    moved = Moved(empty_database_url)
    async with opened(store, {"production": moved}) as client:
        text = read(await client.get(PATH)).text
    await moved.close()
    assert "changing" in text
    assert "drift" not in text


async def test_a_phase_that_nobody_can_tell(store: PostgresStore, empty_database_url: str) -> None:
    await store.save_evaluation(evaluation())
    prepare(empty_database_url)
    schemas = await bind(store)
    await schemas.save_known(SHOP.id, [replace(KNOWN[1], phase=None)])
    text = (await page_of(store, empty_database_url)).text
    assert f"unknown Nobody can tell the phase of {LATER}_add_rating ." in text
    assert "phase unknown" in text
    assert "/migrate production" not in text


async def test_a_database_that_does_not_answer_is_waited_for_no_longer_than_told(
    store: PostgresStore, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before stands in for it for a while; runs are told from the bot's own store."""
    monkeypatch.setattr("bot.web.pages.databases.WAITS", 0.2)
    await store.save_evaluation(evaluation())
    await tell_changes(store, empty_database_url)
    clock = FixedClock(NOW)
    async with opened_database(empty_database_url) as databases:
        with psycopg.connect(empty_database_url) as sql:
            sql.execute("LOCK TABLE supabase_migrations.schema_migrations")
            async with opened(store, databases, clock=clock) as client:
                text = read(await client.get(PATH)).text
                assert "unknown Its database could not be read" in text
                assert "it did not answer within" in text
                assert "run 1: 1 of 2 parts done" in text
                assert "drop_title" not in text
                sql.rollback()
                assert "drop_title" in read(await _until_read(client, "drop_title")).text
                sql.execute("LOCK TABLE supabase_migrations.schema_migrations")
                clock.at += timedelta(seconds=20)
                text = read(await client.get(PATH)).text
                assert "The database answers slowly: this is as it was 20 s ago" in text
                assert "drop_title" in text
                clock.at += timedelta(minutes=1)
                assert "it did not answer within" in read(await client.get(PATH)).text
                clock.at -= timedelta(minutes=1)
                assert "this is as it was" in read(await client.get(PATH)).text
                changed = MeantSchema("1" * 64, {}, frozenset(), "run 2", NOW)
                await PostgresSchemas(store.pool).save_meant(SHOP.id, "production", changed)
                text = read(await client.get(PATH)).text
                assert "it did not answer within" in text, "it was before the change"
                sql.rollback()
    assert WAITS < 5, "the page is asked for again every five seconds"


async def _until_read(client: httpx.AsyncClient, words: str) -> httpx.Response:
    """The page once it has the words: each asking waits for the question that is under way."""
    for _ in range(50):
        answer = await client.get(PATH)
        if words in answer.text:
            return answer
    raise AssertionError(words)


async def test_an_answer_from_before_a_change_is_not_taken_for_one_after_it() -> None:
    """Whoever knows of the change waits for the question that was under way, and asks again."""
    answers = [asyncio.get_running_loop().create_future() for _ in range(2)]
    asked = [asyncio.Event() for _ in answers]
    left = iter(range(2))

    async def ask() -> str:
        number = next(left)
        asked[number].set()
        return str(await answers[number])

    clock = FixedClock(NOW)
    shared = Shared(ask, timedelta(minutes=1), clock)
    async with asyncio.timeout(10):
        early = asyncio.create_task(shared.answer("before"))
        await asked[0].wait()
        clock.at += timedelta(hours=1)
        same = asyncio.create_task(shared.answer("before"))
        late = asyncio.create_task(shared.answer("after"))
        also = asyncio.create_task(shared.answer("after"))
        await asyncio.sleep(0)
        assert not asked[1].is_set(), "one question at a time"
        answers[0].set_result("old")
        assert (await early, await same) == (Answer("old"), Answer("old"))
        await asked[1].wait()
        answers[1].set_result("new")
        assert (await late, await also) == (Answer("new"), Answer("new"))
        assert await shared.answer("after") == Answer("new"), "a third question has no answer"


async def test_a_database_that_is_gone_says_so_without_its_password(
    store: PostgresStore,
) -> None:
    await store.save_evaluation(evaluation())
    await bind(store)
    url = "postgresql://lockgate:hush-hush@127.0.0.1:1/shop"
    document = await page_of(store, url)
    assert "unknown Its database could not be read" in document.text
    assert "hush-hush" not in document.text


async def test_a_database_whose_url_is_gone(store: PostgresStore) -> None:
    await store.save_evaluation(evaluation())
    schemas = await bind(store)
    assert await schemas.add_run(run_of(RunKind.CONTRACT))
    async with opened(store, {}) as client:
        text = read(await client.get(PATH)).text
    assert "this server knows no URL of it" in text
    assert "LOCKGATE_DB_PRODUCTION" in text
    assert "/contract, run 1: 1 of 2 parts done" in text


async def test_a_database_of_another_repository_is_not_shown(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    await go_live(store)
    prepare(empty_database_url)
    schemas = await bind(store)
    async with opened_database(empty_database_url) as databases:
        databases = {"production": databases["production"], "staging": databases["production"]}
        await schemas.bind_database("staging", SHOP.id + 1)
        lock = Lock("staging", "ada", "so that the environment is known", NOW)
        await PostgresOperations(store.pool).set_lock(SHOP.id, lock)
        async with opened(store, databases) as client:
            text = read(await client.get(PATH)).text
            assert "production" in text
            assert "staging" not in text


async def test_a_database_that_no_command_asked_for(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    await go_live(store)
    text = (await page_of(store, empty_database_url)).text
    assert await PostgresSchemas(store.pool).fetch_bindings() == {}, "to look makes it nobody's"
    assert "skip No command has asked for its database yet. Next: /migrations production" in text
    async with opened(store, {}) as client:
        text = read(await client.get(PATH)).text
    assert "No environment of this repository has a database here." in text
    assert "LOCKGATE_DB_PRODUCTION" in text


async def test_pages_lead_to_it_where_there_is_a_database(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation())
    await go_live(store)
    around = ("/repos/octo/shop", "/repos/octo/shop/environments/production")

    async def links(databases: dict[str, PostgresDatabase]) -> list[str]:
        async with opened(store, databases) as client:
            return [
                attrs["href"] or ""
                for path in around
                for tag, attrs in read(await client.get(path)).tags
                if tag == "a" and "/migrations" in (attrs.get("href") or "")
            ]

    # The head of each page has one, which says how to get a database where there is none.
    assert await links({}) == [PATH, PATH]
    async with opened_database(empty_database_url) as databases:
        assert await links(databases) == [PATH, PATH, PATH, f"{PATH}#database-production"]


async def test_who_may_not_see_the_repository_gets_the_answer_of_what_is_not_there(
    store: PostgresStore, empty_database_url: str
) -> None:
    await store.save_evaluation(evaluation(private=True))
    await tell_changes(store, empty_database_url)
    async with (
        opened_database(empty_database_url) as databases,
        opened(store, databases, PublicOnly()) as client,
    ):
        hidden = await client.get(PATH)
        absent = await client.get("/repos/octo/none/migrations")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert read(hidden, 404).text.replace("octo/shop", "X") == read(absent, 404).text.replace(
        "octo/none", "X"
    )


async def test_hostile_names_stay_text(store: PostgresStore, empty_database_url: str) -> None:
    await store.save_evaluation(evaluation())
    with psycopg.connect(empty_database_url, autocommit=True) as sql:
        sql.execute("CREATE SCHEMA supabase_migrations")
        sql.execute(
            "CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, "
            "statements text[], name text)"
        )
        sql.execute(
            "INSERT INTO supabase_migrations.schema_migrations VALUES (%s, '{}', %s)",
            ["20260101000000", "<script>alert(1)</script>\u202e"],
        )
        sql.execute('CREATE TABLE "<img src=x onerror=alert(1)>" (id int)')
    schemas = await bind(store)
    await schemas.save_meant(
        SHOP.id,
        "production",
        MeantSchema("0" * 64, {"table a": "d"}, frozenset(), "<b>me</b>", NOW),
    )
    document = await page_of(store, empty_database_url)
    assert "<script>alert(1)</script>" in document.text
    assert "<img src=x onerror=alert(1)>" in document.text
    assert not {"script", "img", "b"} & {
        tag for tag, attrs in document.tags if "src" not in attrs or tag != "script"
    }
    assert "\u202e" not in document.text
