"""What is live, locks and freezes, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from operation_kit import NOW, build, operation

from bot.adapters.postgres.operations import PostgresOperations
from bot.core.hosting import Build, Freeze, Lock, Origin
from bot.ports.operations import StaleFence


async def record(
    operations: PostgresOperations, what: Build, at: datetime = NOW, **changes: Any
) -> None:
    environment = changes.pop("environment", "production")
    given: dict[str, Any] = {
        "origin": Origin.PROMOTION,
        "actor": "maria",
        "at": at,
        "verified": True,
        "operation_id": None,
        "fence": None,
    }
    await operations.record_live(42, environment, what, **(given | changes))


async def test_ledger_says_what_was_live_from_when_to_when(operations: PostgresOperations) -> None:
    added, _ = await operations.add_operation(operation())
    fence = await operations.take_environment(42, "production", added.id)
    later = NOW + timedelta(hours=1)
    await record(operations, build("a"), origin=Origin.OUTSIDE, actor="", verified=False)
    await record(operations, build("b"), later, operation_id=added.id, fence=fence)
    await record(operations, build("c"), environment="staging")
    newest, oldest = await operations.fetch_ledger(42, "production")
    assert (oldest.build, oldest.live_from, oldest.live_until) == (build("a"), NOW, later)
    assert (oldest.origin, oldest.actor, oldest.verified_at) == (Origin.OUTSIDE, "", None)
    assert (newest.build, newest.live_from, newest.live_until) == (build("b"), later, None)
    assert (newest.verified_at, newest.operation_id, newest.actor) == (later, added.id, "maria")
    live = await operations.fetch_live(42)
    assert live["production"] == newest
    assert live["staging"].build == build("c")
    assert await operations.fetch_live(43) == {}
    assert await operations.fetch_ledger(42, "production", limit=1) == [newest]


async def test_what_is_live_already_is_only_verified(operations: PostgresOperations) -> None:
    await record(operations, build("a"), verified=False)
    first = (await operations.fetch_live(42))["production"]
    seen = NOW + timedelta(minutes=1)
    bare = Build(build("a").sha, build("a").deployment_id)
    await record(operations, bare, seen, origin=Origin.OUTSIDE, actor="")
    verified = replace(first, verified_at=seen)
    assert (await operations.fetch_live(42))["production"] == verified
    await record(operations, bare, seen + timedelta(minutes=1))
    await record(operations, Build(build("a").sha), seen, verified=False)
    assert await operations.fetch_ledger(42, "production") == [verified]
    await record(operations, replace(build("a"), deployment_id="dpl_again"))
    assert len(await operations.fetch_ledger(42, "production")) == 2, "a commit built anew"


async def test_what_is_put_back_before_anything_else_was_recorded_counts_as_rolled_back(
    operations: PostgresOperations,
) -> None:
    """And no longer once it was promoted."""
    origins = (
        Origin.PROMOTION, Origin.ROLLBACK, Origin.ROLLBACK, Origin.OUTSIDE,
        Origin.PROMOTION, Origin.PROMOTION,
    )  # fmt: skip
    held = []
    for minute, origin in enumerate(origins):
        await record(operations, build("a"), NOW + timedelta(minutes=minute), origin=origin)
        held.append((await operations.fetch_live(42))["production"].holds_releases)
    assert held == [False, True, True, True, False, False]
    ledger = await operations.fetch_ledger(42, "production")
    assert [entry.origin for entry in ledger] == [
        Origin.PROMOTION,
        Origin.ROLLBACK,
        Origin.PROMOTION,
    ]
    assert {entry.build for entry in ledger} == {build("a")}
    assert [entry.live_from for entry in ledger] == [
        NOW + timedelta(minutes=minute) for minute in (4, 1, 0)
    ]


async def test_older_fence_is_refused(operations: PostgresOperations) -> None:
    one, two = [(await operations.add_operation(operation()))[0].id for _ in range(2)]
    old = await operations.take_environment(42, "production", one)
    await operations.release_environment(42, "production", one)
    new = await operations.take_environment(42, "production", two)
    await record(operations, build("b"), fence=new, operation_id=two)
    with pytest.raises(StaleFence):
        await record(operations, build("a"), fence=old, operation_id=one)
    await operations.release_environment(42, "production", two)
    await record(operations, build("b"), fence=new, operation_id=two)  # once more after a crash
    assert [entry.build for entry in await operations.fetch_ledger(42, "production")] == [
        build("b")
    ]


async def test_entry_does_not_begin_before_the_one_that_it_ends(
    operations: PostgresOperations,
) -> None:
    await record(operations, build("a"))
    await record(operations, build("b"), NOW - timedelta(seconds=3))
    newest, oldest = await operations.fetch_ledger(42, "production")
    assert (oldest.live_until, newest.live_from, newest.verified_at) == (NOW, NOW, NOW)


async def test_one_entry_is_open_however_many_write(operations: PostgresOperations) -> None:
    builds = [build(letter) for letter in "abcdefgh"]
    await asyncio.gather(*(record(operations, what) for what in builds * 5))
    ledger = await operations.fetch_ledger(42, "production", limit=100)
    assert [entry.live_until is None for entry in ledger].count(True) == 1
    assert ledger[0].live_until is None
    for newer, older in pairwise(ledger):
        assert older.live_until == newer.live_from
        assert older.build != newer.build


async def test_lock_stays_until_it_is_taken_off(operations: PostgresOperations) -> None:
    lock = Lock("production", "maria", "the sale\0", NOW)
    await operations.set_lock(42, lock)
    assert await operations.fetch_lock(42, "production") == replace(lock, reason="the sale")
    assert await operations.fetch_lock(42, "staging") is None
    newer = Lock("production", "tom", "still", NOW + timedelta(hours=1))
    await operations.set_lock(42, newer)
    assert await operations.fetch_lock(42, "production") == newer
    assert await operations.clear_lock(42, "staging") is False
    assert await operations.clear_lock(42, "production") is True
    assert await operations.clear_lock(42, "production") is False
    assert await operations.fetch_lock(42, "production") is None


async def test_freezes_end_by_themselves_or_by_hand(operations: PostgresOperations) -> None:
    now = datetime.now(NOW.tzinfo)
    holidays = Freeze("production", "maria", "holidays", now, now + timedelta(days=9))
    tonight = Freeze("production", "tom", "the sale", now, now + timedelta(hours=9))
    over = Freeze("production", "tom", "over", now - timedelta(days=2), now - timedelta(days=1))
    for freeze in (tonight, holidays, over, tonight):
        await operations.add_freeze(42, freeze)
    await operations.add_freeze(42, replace(holidays, environment="staging"))
    assert await operations.fetch_freezes(42, "production") == (holidays, tonight)
    assert await operations.end_freezes(42, "production") == 2
    assert await operations.fetch_freezes(42, "production") == ()
    assert len(await operations.fetch_freezes(42, "staging")) == 1
    assert await operations.end_freezes(42, "production") == 0
