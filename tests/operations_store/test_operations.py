"""Operations as rows, and the jobs that advance them, on a real PostgreSQL."""

import asyncio
import json
import sys
from dataclasses import fields, replace
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from operation_kit import NOW, REPO, any_fields, any_operation, operation

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.operations import PostgresOperations, open_operations
from bot.adapters.postgres.plain import to_plain
from bot.adapters.postgres.statements import load_queries
from bot.adapters.postgres.store import PostgresStore, open_store
from bot.core.model import Sha
from bot.core.operations.machine import (
    Done,
    Operation,
    State,
    StepName,
    StepState,
    attempt,
    record,
)
from bot.ports import StoreUnavailable


@given(given_operation=any_operation)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_operation_comes_back_to_the_letter(database_url: str, given_operation: Operation) -> None:
    async def round_trip() -> None:
        async with open_operations(database_url) as operations:
            added, new = await operations.add_operation(given_operation)
            assert new
            assert added == replace(given_operation, id=added.id)
            assert await operations.fetch_operation(added.id) == added
            changed = replace(added, outcome=added.outcome + "\0x", state=State.FAILED)
            saved = await operations.save_operation(changed)
            assert saved == replace(changed, version=1)
            assert await operations.fetch_operation(added.id) == saved
            assert (await operations.fetch_operations(limit=1)) == [saved]

    asyncio.run(round_trip())


async def test_row_of_another_release_is_read(
    database_url: str, operations: PostgresOperations
) -> None:
    added, _ = await operations.add_operation(operation(take_back=False))
    content = to_plain(added)
    del content["take_back"]  # the release before had none
    content["later"] = 1
    async with await psycopg.AsyncConnection.connect(
        connection_string(database_url), autocommit=True
    ) as admin:
        await admin.execute("UPDATE operations SET content = %s", [json.dumps(content)])
    assert await operations.fetch_operation(added.id) == replace(added, take_back=True)


def test_every_field_of_an_operation_is_tried() -> None:
    assert set(any_fields) == {field.name for field in fields(Operation)}


async def test_operation_is_stored_with_the_job_that_advances_it(
    operations: PostgresOperations, store: PostgresStore
) -> None:
    added, new = await operations.add_operation(operation(comment_id=9))
    assert new
    again, new = await operations.add_operation(operation(comment_id=9, pull_number=1))
    assert (again, new) == (added, False)
    jobs = await store.fetch_jobs()
    assert [(job.kind, job.key, job.args) for job in jobs] == [
        (
            "advance_environment",
            "environment:42/production",
            {"repository_id": 42, "environment": "production"},
        )
    ]


async def test_what_fails_after_the_row_was_added_leaves_no_operation_without_a_job(
    database_url: str, operations: PostgresOperations
) -> None:
    async with await psycopg.AsyncConnection.connect(
        connection_string(database_url), autocommit=True
    ) as admin:
        await admin.execute("ALTER TABLE procrastinate_jobs RENAME TO hidden")
        with pytest.raises(StoreUnavailable):
            await operations.add_operation(operation())
        await admin.execute("ALTER TABLE hidden RENAME TO procrastinate_jobs")
    assert await operations.fetch_operations() == []


async def test_comments_of_two_repositories_do_not_meet(operations: PostgresOperations) -> None:
    one, _ = await operations.add_operation(operation(comment_id=9))
    other = replace(REPO, id=43)
    two, new = await operations.add_operation(operation(comment_id=9, repo=other))
    assert new
    assert one.id != two.id
    free = [await operations.add_operation(operation()) for _ in range(2)]
    assert all(new for _, new in free), "without a comment each is one of its own"


async def test_what_a_comment_led_to_is_found(operations: PostgresOperations) -> None:
    added, _ = await operations.add_operation(operation(comment_id=9))
    await operations.add_operation(operation())
    assert await operations.fetch_begun(42, 9) == added
    assert await operations.fetch_begun(42, 8) is None
    assert await operations.fetch_begun(43, 9) is None
    assert await operations.fetch_begun(42, 0) is None


async def test_progress_of_a_machine_is_kept(operations: PostgresOperations) -> None:
    added, _ = await operations.add_operation(operation())
    moved = record(
        attempt(added, StepName.GATES, NOW), StepName.GATES, Done("all green", {"n": 1.0}), NOW
    )
    saved = await operations.save_operation(moved)
    found = await operations.fetch_operation(added.id)
    assert found is not None
    assert found == saved == replace(moved, version=1)
    assert found.step(StepName.GATES).state is StepState.DONE
    assert await operations.save_operation(replace(moved, outcome="read too early")) is None
    assert await operations.fetch_operation(added.id) == found
    assert await operations.save_operation(replace(moved, id=added.id + 1)) is None
    assert await operations.fetch_operation(added.id + 1) is None


async def test_operations_are_listed_newest_first(operations: PostgresOperations) -> None:
    staging, _ = await operations.add_operation(operation("staging"))
    first, _ = await operations.add_operation(operation())
    elsewhere, _ = await operations.add_operation(operation(repo=replace(REPO, id=43)))
    last, _ = await operations.add_operation(operation())
    over = await operations.save_operation(replace(first, state=State.SUCCEEDED, concluded=True))
    ended = await operations.save_operation(replace(staging, state=State.FAILED))
    assert await operations.fetch_operations() == [last, elsewhere, over, ended]
    assert await operations.fetch_operations(42) == [last, over, ended]
    assert await operations.fetch_operations(42, limit=1) == [last]
    assert await operations.fetch_operations(42, environment="production") == [last, over]
    assert await operations.fetch_operations(42, open_only=True) == [last, ended]
    assert await operations.fetch_operations(open_only=True) == [last, elsewhere, ended]


# --- the environment ---------------------------------------------------------------------------


async def test_environments_whose_job_died_are_stranded_while_an_operation_is_open(
    database_url: str, operations: PostgresOperations, store: PostgresStore
) -> None:
    async with await psycopg.AsyncConnection.connect(
        connection_string(database_url), autocommit=True
    ) as admin:

        async def set_jobs(status: str, environment: str) -> None:
            await admin.execute(
                "UPDATE procrastinate_jobs SET status = %s WHERE args ->> 'environment' = %s",
                [status, environment],
            )

        await operations.add_operation(operation())
        await operations.add_operation(operation())
        await operations.add_operation(operation("prod/eu"))
        over, _ = await operations.add_operation(operation("done"))
        await operations.save_operation(replace(over, concluded=True))
        for environment in ("production", "prod/eu", "done"):
            await set_jobs("failed", environment)
        found = await operations.fetch_stranded()
        assert sorted(work.environment for work in found) == ["prod/eu", "production"]
        assert {work.repository_id for work in found} == {REPO.id}
        for status in ("todo", "doing"):
            await set_jobs(status, "prod/eu")
            assert [work.environment for work in await operations.fetch_stranded()] == [
                "production"
            ]
        for work in await operations.fetch_stranded():
            await store.enqueue(work)
        assert await operations.fetch_stranded() == []


async def test_fence_grows_with_every_holder(operations: PostgresOperations) -> None:
    one, two = [(await operations.add_operation(operation()))[0].id for _ in range(2)]
    assert await operations.fetch_holder(42, "production") is None
    assert await operations.take_environment(42, "production", one) == 1
    assert await operations.take_environment(42, "production", one) == 1
    assert await operations.take_environment(42, "production", two) is None
    assert await operations.fetch_holder(42, "production") == one
    assert await operations.take_environment(42, "staging", two) == 1
    await operations.release_environment(42, "production", two)
    assert await operations.fetch_holder(42, "production") == one, "it is not two's to give back"
    await operations.release_environment(42, "production", one)
    await operations.release_environment(42, "production", one)
    assert await operations.fetch_holder(42, "production") is None
    assert await operations.take_environment(42, "production", two) == 2
    await operations.release_environment(42, "production", two)
    assert await operations.take_environment(42, "production", one) == 3


RACE = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from operation_kit import NOW, REPO, any_fields, any_operation, operation
from bot.adapters.postgres.operations import open_operations

async def main():
    async with open_operations(sys.argv[1]) as operations:
        held = []
        for turn in range(40):
            # Both add the same operation and then fight for the environment with one of their own.
            shared, new = await operations.add_operation(operation(comment_id=turn + 1))
            mine, _ = await operations.add_operation(operation())
            fence = await operations.take_environment(42, "production", mine.id)
            if fence is not None:
                assert await operations.fetch_holder(42, "production") == mine.id
                await operations.release_environment(42, "production", mine.id)
            print(shared.id, int(new), fence or 0)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_two_processes_add_each_operation_once_and_never_hold_at_once(
    database_url: str, operations: PostgresOperations
) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            RACE,
            database_url,
            __file__.rpartition("/")[0],
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert {process.returncode for process in processes} == {0}
    one, two = (
        [tuple(map(int, line.split())) for line in out.decode().splitlines()] for out, _ in outputs
    )
    assert [shared for shared, _, _ in one] == [shared for shared, _, _ in two]
    assert [
        new_one + new_two for (_, new_one, _), (_, new_two, _) in zip(one, two, strict=True)
    ] == [1] * 40
    fences = [fence for _, _, fence in one + two if fence]
    assert len(set(fences)) == len(fences), "no fence is given twice"
    assert sorted(fences) == list(range(1, len(fences) + 1))
    for mine in (one, two):
        got = [fence for _, _, fence in mine if fence]
        assert got == sorted(got)
    assert await operations.fetch_holder(42, "production") is None


# --- freezes, locks, heads: what is short of the ledger ----------------------------------------


async def test_heads_are_found_as_they_were(operations: PostgresOperations) -> None:
    def after(seconds: int) -> object:
        return NOW + timedelta(seconds=seconds)

    def sha(letter: str) -> Sha:
        return Sha(letter * 40)

    for letter, seconds in (("a", 0), ("c", 20), ("a", 30), ("b", 10), ("b", 10)):  # late, twice
        await operations.note_head(42, 1, sha(letter), after(seconds))  # type: ignore[arg-type]
    await operations.note_head(42, 2, sha("d"), NOW)
    found = [await operations.fetch_head_at(42, 1, after(at)) for at in (-1, 0, 9, 10, 25, 99)]  # type: ignore[arg-type]
    assert found == [None, sha("a"), sha("a"), sha("b"), sha("c"), sha("a")]


async def test_pruning_keeps_the_last_head_of_each_pull_request(
    database_url: str, operations: PostgresOperations
) -> None:
    for day in (30, 20, 10):
        await operations.note_head(42, 1, Sha(f"{day}"), NOW.now(NOW.tzinfo) - timedelta(days=day))
    async with open_store(database_url) as store:
        await store.prune(older_than=timedelta(days=15))
        now = NOW.now(NOW.tzinfo)
        assert await operations.fetch_head_at(42, 1, now - timedelta(days=25)) is None
        assert await operations.fetch_head_at(42, 1, now - timedelta(days=15)) == "20"
        await store.prune(older_than=timedelta(days=1))
        assert await operations.fetch_head_at(42, 1, now) == "10"


async def test_operations_of_a_pull_request_are_those_asked_on_it_and_those_of_its_build(
    operations: PostgresOperations,
):
    """The build of each came by pull request 12."""
    on_it, elsewhere, other = [
        (await operations.add_operation(given))[0].id
        for given in (
            operation(pull_number=12),
            operation("staging", pull_number=15),
            operation(repo=replace(REPO, id=43), pull_number=12),
        )
    ]

    async def found(repository_id: int, number: int, limit: int = 9) -> list[int]:
        return [
            one.id
            for one in await operations.fetch_operations_of_pull(repository_id, number, limit=limit)
        ]

    assert await found(REPO.id, 12) == [elsewhere, on_it]
    assert await found(REPO.id, 12, limit=1) == [elsewhere]
    assert await found(REPO.id, 15) == [elsewhere]
    assert await found(43, 12) == [other]
    assert await found(REPO.id, 13) == []


async def test_every_query_has_its_index(database_url: str) -> None:
    sample = {
        "request": "00000000-0000-0000-0000-000000000000",
        "repository_id": 42, "environment": "production", "comment_id": 9, "id": 1,
        "operation_id": 1, "limit": 20, "open_only": False, "number": 1, "at": NOW,
    }  # fmt: skip
    asked: list[tuple[str, dict[str, object]]] = [
        (name, sample)
        for name in (
            "fetch_standing", "fetch_begun", "fetch_operation", "fetch_operations", "fetch_holder",
            "fetch_operations_of_pull",
            "fetch_live", "fetch_ledger", "fetch_live_entry", "fetch_lock", "fetch_freezes",
            "fetch_head_at", "end_freezes", "release_environment", "fetch_stranded",
        )
    ]  # fmt: skip
    asked += [
        ("fetch_operations", {**sample, "environment": ""}),
        ("fetch_operations", {**sample, "open_only": True}),
        ("fetch_operations", {**sample, "repository_id": 0, "environment": "", "open_only": True}),
    ]
    sql = load_queries("operations")
    async with await psycopg.AsyncConnection.connect(
        connection_string(database_url), autocommit=True
    ) as connection:
        await connection.execute("SET enable_seqscan = off")
        await connection.execute("SET enable_sort = off")
        for name, arguments in asked:
            cursor = await connection.execute(b"EXPLAIN " + sql[name], arguments, prepare=False)
            plan = "\n".join(row[0] for row in await cursor.fetchall())
            assert "Seq Scan" not in plan, f"{name}: {plan}"
