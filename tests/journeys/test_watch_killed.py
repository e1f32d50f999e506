"""A worker is killed by SIGKILL while it watches, decides, or takes a build back. Another one goes
on: the build is taken back once, told once, and written down once."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from killing import Killer, its_heart_has_stopped, killer
from production import Production
from test_watch_journeys import DOWN, Watched, policy, watched_shop

from bot.core.operations.machine import Kind, State
from bot.core.slo.watching import WatchState
from bot.core.work.watches import AdvanceWatch
from bot.ports.operations import Notice
from bot.sandbox.model import Pull

AMID = ("watches.py:_look:", "watches.py:_take_back:")


async def bad_build(shop: Watched) -> Pull:
    """Live, and known to be bad: nobody has looked at what its probe found."""
    async with shop.working():
        await shop.was_fine()
        pull = await shop.promoted("feat: break the shop", broken=True)
    watch = await shop.watch_of(pull)
    await shop.found(DOWN, 10, shop.clock.now(), timedelta(milliseconds=1))
    await shop.journey.bot.store.enqueue(AdvanceWatch(watch.id))
    return pull


async def is_whole(shop: Watched, pull: Pull, place: str) -> None:
    production: Production = shop.production
    watch = await shop.watch_of(pull)
    assert (watch.state, watch.concluded) == (WatchState.WORSE, True), place
    operations = await production.operations()
    rollbacks = [one for one in operations if one.follows == watch.operation_id]
    assert [(one.plan.kind, one.state) for one in rollbacks] == [
        (Kind.ROLLBACK, State.SUCCEEDED)
    ], place
    assert watch.rollback_id == rollbacks[0].id, place
    assert await production.served() == shop.good.merge_commit_sha, place
    assert await shop.audited(pull) == [("begun", None), ("decided", "worse")], place
    assert "**Rolled back after " in await shop.told(pull), place
    await production.nothing_left()


async def killed_at(shop: Watched, kill: Killer, last: int | str) -> list[str]:
    """What a worker ran until then; another one has finished since."""
    pull = await bad_build(shop)
    ended = await kill.run(last)
    place = f"killed at {last}: {ended['places'][-1:]}"
    if last:
        assert ended["ended"] == -signal.SIGKILL, place
        await its_heart_has_stopped(shop.journey)
    async with shop.working():
        await shop.journey.rest()
    await is_whole(shop, pull, place)
    return ended["places"]


@pytest.fixture
def notices() -> list[Notice]:
    return []


@pytest.mark.slow
async def test_a_worker_is_killed_while_it_watches(
    database_url: str, tmp_path: Path, notices: list[Notice]
):
    async with watched_shop(database_url, tmp_path, notices) as shop:
        # Each bad build is part of the time before the next one.
        shop.write(policy("{compare: budget}"))
        async with shop.working():
            await shop.good_build()
        async with killer(shop.journey) as kill:
            places = await killed_at(shop, kill, 0)
            for amid in AMID:
                place = next(one for one in places if one.startswith(amid))
                await killed_at(shop, kill, f"{place}#1")


@pytest.mark.long
async def test_a_worker_is_killed_at_every_statement_of_a_watch(
    database_url: str, tmp_path: Path, notices: list[Notice]
):
    async with watched_shop(database_url, tmp_path, notices) as shop:
        # More promotions than GitHub's hour has requests for: the bot would put off what can wait.
        shop.production.github.limits.limit = 100_000
        # Each bad build is part of the time before the next one.
        shop.write(policy("{compare: budget}"))
        async with shop.working():
            await shop.good_build()
        async with killer(shop.journey) as kill:
            places = await killed_at(shop, kill, 0)
            for place in dict.fromkeys(one for one in places if one.startswith("watches.py:")):
                await killed_at(shop, kill, f"{place}#1")
