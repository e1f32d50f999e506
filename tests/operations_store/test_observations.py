"""What was moved past the bot goes to the ledger, unless anything has happened meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from operation_kit import NOW, REPO, TARGET, build, operation

from bot.adapters.postgres.observations import PostgresObservations
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.store import PostgresStore
from bot.core.hosting import Build, HostTarget, LedgerEntry, Origin
from bot.core.model import Sha
from bot.core.operations.machine import Operation, State
from bot.core.operations.outside import Move
from bot.ports.observations import Place, Standing

LATER = NOW + timedelta(minutes=5)
OUTSIDE = Move(build("z"), went_back=True)


@pytest.fixture
def operations(store: PostgresStore) -> PostgresOperations:
    return PostgresOperations(store.pool)


@pytest.fixture
def observations(store: PostgresStore) -> PostgresObservations:
    return PostgresObservations(store.pool)


async def promoted(operations: PostgresOperations, what: Build) -> Operation:
    """By an operation that took the environment, recorded it, and is over."""
    added, _ = await operations.add_operation(operation())
    fence = await operations.take_environment(42, "production", added.id)
    await operations.record_live(
        42, "production", what, origin=Origin.PROMOTION, actor="maria", at=NOW, verified=True,
        operation_id=added.id, fence=fence,
    )  # fmt: skip
    await operations.release_environment(42, "production", added.id)
    ended = await operations.save_operation(replace(added, concluded=True, state=State.SUCCEEDED))
    assert ended is not None
    return ended


async def record(
    observations: PostgresObservations, standing: Standing, move: Move = OUTSIDE
) -> LedgerEntry | None:
    return await observations.record_move(REPO, "production", move, standing, LATER)


async def test_a_move_ends_what_was_live_and_is_told_by_a_job(
    operations: PostgresOperations, observations: PostgresObservations, store: PostgresStore
) -> None:
    await promoted(operations, build("b"))
    standing = await observations.fetch_standing(42, "production")
    assert standing.live is not None
    assert (standing.fence, standing.busy) == (1, False)
    entry = await record(observations, standing)
    assert entry is not None
    newest, before = await operations.fetch_ledger(42, "production")
    assert newest == entry
    assert (entry.build, entry.origin, entry.actor) == (build("z"), Origin.OUTSIDE, "")
    assert (entry.live_from, entry.verified_at, entry.went_back) == (LATER, None, True)
    assert (before.build, before.live_until) == (build("b"), LATER)
    assert await observations.fetch_move(42, entry.id) == (newest, before)
    told = [job for job in await store.fetch_jobs() if job.kind == "tell_move"]
    assert [job.args["entry_id"] for job in told] == [entry.id]


async def test_the_first_move_of_an_environment_ends_nothing(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    standing = await observations.fetch_standing(42, "production")
    assert standing == Standing(None, 0, False)
    unknown = Move(Build(Sha(""), "dpl_z"))
    entry = await record(observations, standing, unknown)
    assert entry is not None
    assert entry.build == unknown.build
    assert await operations.fetch_ledger(42, "production") == [entry]
    assert await observations.fetch_move(42, entry.id) == (entry, None)
    assert await observations.fetch_move(43, entry.id) is None


@pytest.mark.parametrize("meanwhile", ["taken", "came and went", "moved on", "asked for"])
async def test_nothing_is_recorded_once_an_operation_had_a_part_in_it(
    operations: PostgresOperations, observations: PostgresObservations, meanwhile: str
) -> None:
    await promoted(operations, build("b"))
    standing = await observations.fetch_standing(42, "production")
    if meanwhile == "moved on":
        await promoted(operations, build("c"))
    elif meanwhile == "came and went":
        await promoted(operations, build("b"))  # the ledger is as it was: only the fence tells
    else:
        added, _ = await operations.add_operation(operation())
        if meanwhile == "taken":
            await operations.save_operation(replace(added, concluded=True))
            await operations.take_environment(42, "production", added.id)
    before = await operations.fetch_ledger(42, "production")
    assert await record(observations, standing) is None
    assert await operations.fetch_ledger(42, "production") == before
    busy = (await observations.fetch_standing(42, "production")).busy
    assert busy is (meanwhile in ("taken", "asked for"))


async def test_a_promotion_that_waits_for_its_gates_is_not_under_way(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    await promoted(operations, build("b"))
    added, _ = await operations.add_operation(operation(when_ready=True))
    assert await operations.save_operation(replace(added, state=State.WAITING))
    standing = await observations.fetch_standing(42, "production")
    assert not standing.busy
    assert await record(observations, standing)


async def test_of_many_who_see_it_one_records_it(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    await promoted(operations, build("b"))
    standing = await observations.fetch_standing(42, "production")
    recorded = await asyncio.gather(*(record(observations, standing) for _ in range(8)))
    assert len([entry for entry in recorded if entry]) == 1
    assert len(await operations.fetch_ledger(42, "production")) == 2


async def test_a_move_and_an_operation_that_begins_at_once_come_one_after_the_other(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    for _ in range(8):
        await promoted(operations, build("b"))
        standing = await observations.fetch_standing(42, "production")
        added, _ = await operations.add_operation(operation())
        await operations.save_operation(replace(added, concluded=True))
        entry, fence = await asyncio.gather(
            record(observations, standing),
            operations.take_environment(42, "production", added.id),
        )
        assert fence == standing.fence + 1
        if entry is None:  # it came too late
            assert (await operations.fetch_live(42))["production"].build == build("b")
        await operations.release_environment(42, "production", added.id)


async def test_a_promotion_of_what_is_live_past_the_bot_is_a_new_entry(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    standing = await observations.fetch_standing(42, "production")
    await record(observations, standing)
    for _ in range(2):  # once more after a crash
        ended = await promoted(operations, OUTSIDE.build)
    newest, outside = (await operations.fetch_ledger(42, "production"))[:2]
    assert (outside.origin, outside.verified_at) == (Origin.OUTSIDE, None)
    assert (newest.origin, newest.operation_id) == (Origin.PROMOTION, ended.id - 1)
    assert (newest.verified_at is not None, newest.holds_releases) == (True, False)
    assert len(await operations.fetch_ledger(42, "production")) == 2


async def test_a_sighting_counts_from_when_it_was_first_seen_beside_the_same_ledger(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    async def seen(deployment_id: str, minutes: int) -> int:
        standing = await observations.fetch_standing(42, "production")
        since = await observations.note_sighting(
            42, "production", deployment_id, standing, NOW + timedelta(minutes=minutes)
        )
        return int((since - NOW).total_seconds() // 60)

    assert await seen("dpl_z", 1) == 1
    assert await seen("dpl_z", 2) == 1
    assert await seen("dpl_y", 3) == 3, "something else"
    assert await seen("dpl_z", 4) == 4
    await promoted(operations, build("b"))
    assert await seen("dpl_z", 5) == 5, "the bot moved it in between"
    await promoted(operations, build("b"))
    assert await seen("dpl_z", 6) == 6, "so it did, and the ledger is the same"
    assert await seen("dpl_z", 7) == 6
    await observations.forget_sighting(42, "production")
    assert await seen("dpl_z", 8) == 8
    assert await record(observations, await observations.fetch_standing(42, "production"))
    assert await seen("dpl_z", 9) == 9, "what was recorded is settled"


STAGING = HostTarget("vercel", "shop", "staging.shop.example")
WORKFLOW = HostTarget("github", "shop", "docs.shop.example")


async def test_environments_are_found_by_their_project_as_the_policy_has_it_now(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    await operations.add_operation(operation())  # by which the repository is known
    where = {"production": TARGET, "staging": STAGING, "docs": WORKFLOW}
    await operations.save_policy(42, "{}", where)
    await operations.save_policy(43, "{}", {"production": TARGET})
    both = [Place(REPO, "production", TARGET), Place(REPO, "staging", STAGING)]
    assert await observations.find_places("vercel", ["prj_1", "shop"]) == both
    assert await observations.find_places("vercel", ["prj_1", "x\0"]) == []
    assert await observations.find_places("vercel", []) == []
    assert await observations.fetch_names(42, "vercel") == ["production", "staging"]
    assert await observations.fetch_target(42, "docs") == WORKFLOW
    moved = replace(TARGET, project="prj_1")
    await operations.save_policy(42, "{}", {"production": moved})
    assert await observations.find_places("vercel", ["prj_1"]) == [Place(REPO, "production", moved)]
    assert await observations.find_places("vercel", ["shop"]) == []
    assert await observations.fetch_target(42, "docs") is None
    await operations.save_policy(42, "{}", {})
    assert await observations.find_places("vercel", ["prj_1"]) == []


async def test_what_is_polled_is_live_and_has_a_place(
    operations: PostgresOperations, observations: PostgresObservations
) -> None:
    await promoted(operations, build("b"))
    assert await observations.fetch_live_places() == []
    await operations.save_policy(42, "{}", {"production": TARGET, "staging": STAGING})
    assert await observations.fetch_live_places() == [Place(REPO, "production", TARGET)]
