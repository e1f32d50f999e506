"""The store on a real PostgreSQL."""

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.store import PostgresStore, open_store
from bot.core.model import RepoRef, Sha
from bot.core.work.deliveries import RouteDeliveries, SweepDeliveries
from bot.core.work.pulls import ReconcilePullRequest, RerunPullRequest
from bot.ports import (
    Delivery,
    EffectRecord,
    Evaluation,
    JobStatus,
    StoreUnavailable,
)

REPO = RepoRef(installation_id=7, id=42, owner="Octo", name="Shop")
PULL = ReconcilePullRequest(7, 42, "Octo", "Shop", 12)
RERUN = RerunPullRequest(7, 42, "Octo", "Shop", 12)


def delivery(guid: str = "", **changes: object) -> Delivery:
    given = Delivery(
        guid=guid or str(uuid.uuid4()),
        event="pull_request",
        action="opened",
        installation_id=7,
        repository_id=42,
        repository="Octo/Shop",
        payload=json.dumps({"text": "å" * 5000}).encode(),
        routed=True,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


async def execute(url: str, query: str, *args: object) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(
        connection_string(url), autocommit=True
    ) as connection:
        cursor = await connection.execute(query, args or None)  # type: ignore[arg-type]
        return await cursor.fetchall() if cursor.description else []


async def test_delivery_comes_back_as_it_was(store: PostgresStore) -> None:
    given = delivery(installation_id=None, repository_id=2**63 - 1)
    await store.add_deliveries([given])
    found = await store.fetch_delivery(given.guid)
    assert found is not None
    assert found.received_at is not None
    assert replace(found, received_at=None) == given
    assert await store.fetch_delivery("unknown") is None


async def test_routed_delivery_has_one_job_and_ignored_one_has_none(store: PostgresStore) -> None:
    routed, ignored = delivery(), delivery(routed=False)
    await store.add_deliveries([routed, ignored, routed])
    await store.add_deliveries([ignored, routed])
    (job,) = await store.fetch_jobs()
    assert (job.kind, job.key) == ("route_deliveries", f"deliveries:{routed.guid}")
    assert job.args == {"guids": [routed.guid]}
    assert job.status is JobStatus.WAITING
    assert abs(job.queued_at - datetime.now(UTC)) < timedelta(seconds=30)
    outcomes = {one.guid: one.outcome for one in await store.fetch_recent_deliveries()}
    assert outcomes == {routed.guid: "waiting", ignored.guid: "ignored"}


async def test_five_hundred_duplicates_at_once_are_one_row_and_one_job(
    database_url: str, store: PostgresStore
) -> None:
    given = delivery()
    async with open_store(database_url) as second:
        stores = (store, second)
        await asyncio.gather(*(stores[n % 2].add_deliveries([given]) for n in range(500)))
    assert len(await store.fetch_recent_deliveries(limit=1000)) == 1
    assert len(await store.fetch_jobs(limit=1000)) == 1


async def test_batches_that_overlap_do_not_deadlock(store: PostgresStore) -> None:
    guids = [str(uuid.uuid4()) for _ in range(40)]
    forwards = [delivery(guid) for guid in guids]
    await asyncio.gather(
        *(store.add_deliveries(forwards[:: 1 if n % 2 else -1]) for n in range(20))
    )
    jobs = await store.fetch_jobs(limit=1000)
    assert sorted(guid for job in jobs for guid in job.args["guids"]) == sorted(guids)


async def test_text_that_postgresql_cannot_hold_is_stored_without_it(store: PostgresStore) -> None:
    given = delivery(action="a\0b\ud800", repository="x\0y/z")
    await store.add_deliveries([given])
    found = await store.fetch_delivery(given.guid)
    assert found is not None
    assert (found.action, found.repository) == ("ab?", "xy/z")


async def test_payload_is_stored_compressed_and_out_of_line(
    database_url: str, store: PostgresStore
) -> None:
    given = delivery(payload=json.dumps([f"line {n}" for n in range(20_000)]).encode())
    await store.add_deliveries([given])
    ((stored, storage),) = await execute(
        database_url,
        "SELECT pg_column_size(payload), (SELECT attstorage FROM pg_attribute"
        " WHERE attrelid = 'deliveries'::regclass AND attname = 'payload') FROM deliveries",
    )
    assert int(str(stored)) < len(given.payload) / 3
    assert storage in ("e", b"e")


async def test_finishing_a_delivery_queues_its_work_and_notes_the_outcome(
    store: PostgresStore,
) -> None:
    given = delivery()
    await store.add_deliveries([given])
    await store.finish_delivery(given.guid, "routed", [PULL, PULL, SweepDeliveries()])
    kinds = [job.kind for job in await store.fetch_jobs()]
    assert sorted(kinds) == ["reconcile_pull_request", "route_deliveries", "sweep_deliveries"]
    (summary,) = await store.fetch_recent_deliveries()
    assert summary.outcome == "routed"


async def test_outcome_with_a_secret_is_masked(store: PostgresStore) -> None:
    given = delivery()
    await store.add_deliveries([given])
    await store.finish_delivery(given.guid, "failed: Bearer ghs_abcdefghijklmnop1234", [])
    (summary,) = await store.fetch_recent_deliveries()
    assert "ghs_" not in summary.outcome


async def test_work_that_waits_is_not_queued_again(store: PostgresStore) -> None:
    await asyncio.gather(*(store.enqueue(PULL) for _ in range(30)))
    await store.enqueue(RERUN)
    jobs = await store.fetch_jobs()
    assert sorted(job.kind for job in jobs) == ["reconcile_pull_request", "rerun_pull_request"]
    assert {job.key for job in jobs} == {"pull:42#12"}


async def test_work_asked_for_sooner_is_due_sooner(store: PostgresStore) -> None:
    await store.enqueue(PULL, delay=timedelta(hours=1))
    (later,) = await store.fetch_jobs()
    assert later.due_at is not None
    await store.enqueue(PULL, delay=timedelta(minutes=1))
    (sooner,) = await store.fetch_jobs()
    assert sooner.due_at is not None
    assert timedelta(minutes=58) < later.due_at - sooner.due_at < timedelta(minutes=60)
    await store.enqueue(PULL, delay=timedelta(hours=2))
    assert (await store.fetch_jobs())[0].due_at == sooner.due_at
    await store.enqueue(PULL)
    (now,) = await store.fetch_jobs()
    assert now.due_at is None
    assert now.queued_at == later.queued_at, "asked for first when it was first asked for"


async def test_work_is_not_held_back_by_other_work_of_its_key_that_waits_for_later(
    store: PostgresStore,
) -> None:
    await store.enqueue(PULL, delay=timedelta(hours=1))
    await store.enqueue(RERUN)
    assert {job.due_at for job in await store.fetch_jobs()} == {None}


async def test_queue_health(database_url: str, store: PostgresStore) -> None:
    assert (await store.queue_health()).oldest_due_seconds == 0
    await store.enqueue(PULL, delay=timedelta(hours=1))
    assert (await store.queue_health()).oldest_due_seconds == 0
    await store.enqueue(SweepDeliveries())
    await store.enqueue(RouteDeliveries(["dead"]))
    await execute(
        database_url,
        "UPDATE procrastinate_jobs SET args = jsonb_set(args, '{_queued_at}',"
        " to_jsonb(extract(epoch FROM now()) - 60)) WHERE task_name = 'sweep_deliveries'",
    )
    await execute(
        database_url,
        "UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = 'route_deliveries'",
    )
    health = await store.queue_health()
    assert (health.waiting, health.running, health.dead) == (2, 0, 1)
    assert 59 < health.oldest_due_seconds < 90


async def test_dead_job_is_retried_once(database_url: str, store: PostgresStore) -> None:
    await store.enqueue(PULL)
    (job,) = await store.fetch_jobs()
    assert not await store.retry_job(job.id), "it is not dead"
    await execute(database_url, "UPDATE procrastinate_jobs SET status = 'failed', attempts = 9")
    assert [dead.id for dead in await store.fetch_jobs(JobStatus.DEAD)] == [job.id]
    assert await store.retry_job(job.id)
    (job,) = await store.fetch_jobs(JobStatus.WAITING)
    assert job.attempts == 0
    assert not await store.retry_job(job.id)


async def test_dead_job_whose_work_waits_again_gives_way_to_it(
    database_url: str, store: PostgresStore
) -> None:
    await store.enqueue(PULL)
    await execute(database_url, "UPDATE procrastinate_jobs SET status = 'failed'")
    await store.enqueue(PULL)
    (dead,) = await store.fetch_jobs(JobStatus.DEAD)
    assert await store.retry_job(dead.id)
    assert not await store.fetch_jobs(JobStatus.DEAD)
    assert len(await store.fetch_jobs(JobStatus.WAITING)) == 1


def evaluation(number: int = 12, **changes: object) -> Evaluation:
    given = Evaluation(
        repo=REPO,
        private=True,
        number=number,
        title="feat: search\0",
        author="octo",
        state="open",
        head_sha=Sha("a" * 40),
        base_ref="main",
        verdict="pass",
        result={"gates": [{"name": "commits", "text": "\0 \ud800 ok"}]},
        evaluated_at=datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=number),
    )
    return replace(given, **changes)  # type: ignore[arg-type]


async def test_evaluation_is_found_by_name_in_any_case(store: PostgresStore) -> None:
    await store.save_evaluation(evaluation())
    found = await store.fetch_evaluation("octo", "SHOP", 12)
    assert found == evaluation(title="feat: search")
    assert await store.fetch_evaluation("octo", "shop", 13) is None


async def test_newer_evaluation_stands(store: PostgresStore) -> None:
    newer = evaluation(verdict="fail", evaluated_at=datetime(2026, 3, 2, tzinfo=UTC))
    await store.save_evaluation(newer)
    await store.save_evaluation(evaluation())
    found = await store.fetch_evaluation("Octo", "Shop", 12)
    assert found is not None
    assert found.verdict == "fail"


async def test_renamed_repository_gives_its_old_name_to_another(store: PostgresStore) -> None:
    await store.save_evaluation(evaluation())
    newcomer = RepoRef(7, 43, "octo", "shop")
    later = datetime(2026, 4, 1, tzinfo=UTC)
    await store.save_evaluation(evaluation(repo=newcomer, evaluated_at=later))
    found = await store.fetch_evaluation("octo", "shop", 12)
    assert found is not None
    assert found.repo.id == 43


async def test_open_pull_requests_are_listed_last_evaluated_first(store: PostgresStore) -> None:
    for number in (1, 3, 2):
        await store.save_evaluation(evaluation(number))
    await store.save_evaluation(evaluation(4, state="merged"))
    other = RepoRef(7, 50, "octo", "blog")
    await store.save_evaluation(evaluation(5, repo=other))
    assert [e.number for e in await store.fetch_evaluations()] == [5, 3, 2, 1]
    assert [e.number for e in await store.fetch_evaluations(owner="octo", name="shop")] == [3, 2, 1]
    assert [e.number for e in await store.fetch_evaluations(owner="OCTO", limit=2)] == [5, 3]


async def test_missing_deliveries_are_those_neither_stored_nor_asked_for(
    store: PostgresStore,
) -> None:
    stored = delivery()
    await store.add_deliveries([stored])
    await store.record_redelivery(2, "g-2")
    await store.record_redelivery(2, "g-2")
    missing = await store.select_missing({1: "g-1", 2: "g-2", 3: stored.guid, 4: "g-2"})
    assert missing == {1, 4}
    assert await store.select_missing({}) == set()


async def test_effect_is_recorded_before_and_after(database_url: str, store: PostgresStore) -> None:
    record = EffectRecord("post_check", REPO, "Octo/Shop#12", "d1", "job 3")
    effect_id = await store.record_effect(record)
    await store.finish_effect(effect_id, "done")
    assert await store.record_effect(record) != effect_id
    rows = await execute(database_url, "SELECT outcome, finished_at FROM effects ORDER BY id")
    assert rows[0][0] == "done"
    assert rows[0][1] is not None
    assert rows[1] == (None, None)


async def test_prune_deletes_what_is_past_its_retention(
    database_url: str, store: PostgresStore
) -> None:
    old, young = delivery(), delivery()
    await store.add_deliveries([old])
    await store.add_deliveries([young])
    await store.enqueue(PULL)
    await store.enqueue(SweepDeliveries())
    await execute(
        database_url,
        "UPDATE deliveries SET received_at = now() - interval '8 days' WHERE guid = %s",
        old.guid,
    )
    await execute(
        database_url,
        "UPDATE procrastinate_jobs SET status = 'succeeded'"
        " WHERE task_name IN ('reconcile_pull_request', 'sweep_deliveries')",
    )
    await execute(
        database_url,
        "UPDATE procrastinate_events SET at = now() - interval '8 days' WHERE job_id IN"
        " (SELECT id FROM procrastinate_jobs WHERE task_name = 'reconcile_pull_request')",
    )
    assert await store.prune(older_than=timedelta(days=7)) == 2
    assert [one.guid for one in await store.fetch_recent_deliveries()] == [young.guid]
    left = sorted(job.kind for job in await store.fetch_jobs())
    assert left == ["route_deliveries", "route_deliveries", "sweep_deliveries"]


async def test_prune_works_through_more_than_a_batch(
    database_url: str, store: PostgresStore
) -> None:
    await execute(
        database_url,
        "INSERT INTO deliveries (guid, received_at, event, action, repository, routed, outcome,"
        " payload) SELECT 'g' || n, now() - interval '8 days', 'push', '', '', false, 'ignored',"
        " '' FROM generate_series(1, 4500) AS n",
    )
    assert await store.prune(older_than=timedelta(days=7)) == 4500


async def test_database_that_cannot_write_is_unavailable(
    database_url: str, store: PostgresStore
) -> None:
    await execute(
        database_url,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
        " current_database()); END $$",
    )
    async with open_store(database_url) as reader:
        with pytest.raises(StoreUnavailable, match="read-only"):
            await reader.queue_health()
        with pytest.raises(StoreUnavailable):
            await reader.add_deliveries([delivery()])


async def test_database_that_was_not_migrated_is_unavailable(empty_database_url: str) -> None:
    async with open_store(empty_database_url) as bare:
        with pytest.raises(StoreUnavailable):
            await bare.queue_health()


async def test_unreachable_database_is_said_without_its_password() -> None:
    url = "postgresql://lockgate:hunter2hunter2@127.0.0.1:1/none"
    async with open_store(url) as absent:
        with pytest.raises(StoreUnavailable) as caught:
            await absent.queue_health()
    assert "hunter2" not in str(caught.value)


async def test_every_query_of_the_intake_uses_an_index(
    database_url: str, store: PostgresStore
) -> None:
    """The fetch of a job asks for others of its lock: without an index that is a scan each."""
    await execute(
        database_url,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock) SELECT 'default', 'x',"
        " 'pull:' || n FROM generate_series(1, 5000) AS n",
    )
    await execute(database_url, "ANALYZE procrastinate_jobs")
    plan = await execute(
        database_url,
        "EXPLAIN SELECT FROM procrastinate_jobs WHERE lock = 'pull:9'"
        " AND status IN ('todo', 'doing')",
    )
    assert "lockgate_jobs_lock_idx" in str(plan)
