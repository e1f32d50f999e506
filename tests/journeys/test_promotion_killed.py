"""A worker is killed by SIGKILL in the middle of a promotion or a rollback. Another one finishes:
nothing is lost, nothing is done twice, and the environment is free."""

import random
import signal
from collections import Counter
from dataclasses import dataclass

import pytest
from killing import Killer, its_heart_has_stopped, killer
from production import Production

from bot.core.operations.machine import State
from bot.sandbox.model import Comment, Pull

PARTS = 4
"""Of the whole campaign: each has a database of its own, and they may run side by side."""
RANDOM_KILLS = 200
SEED = 20261122
ADVANCE = "operate.py:_advance:"
"""Its statements are between one step and the next, and around what a step does."""
EFFECTS = (
    "switching.py:switch:",
    "steps.py:_record:",
    "steps.py:_confirm:",
    "operate.py:_conclude:",
    "command_hub.py:post_deployment:",
)


@dataclass
class Told:
    """Promotions and rollbacks in turn, each by a comment that nobody has worked on yet."""

    production: Production
    kill: Killer

    async def comes(self, line: str) -> tuple[Pull, Comment]:
        production = self.production
        if line == "/promote":
            pull = production.merged("feat: sort by price")
            async with production.journey.working():
                await production.journey.rest()
        else:
            pull = next(reversed(production.repository.pulls.values()))
        production.switches()
        comment = production.comment(pull, line)
        await production.github.hooks.settled()
        return pull, comment

    async def places(self, line: str) -> list[str]:
        """The statements that run when nobody interferes."""
        pull, comment = await self.comes(line)
        ended = await self.kill.run(0)
        assert ended["ended"] == 0
        await self.is_whole(line, pull, comment, "undisturbed")
        return ended["places"]

    async def killed_at(self, line: str, last: int | str, *, surely: bool = True) -> str:
        pull, comment = await self.comes(line)
        ended = await self.kill.run(last)
        place = f"{line} killed at {last}: {ended['places'][-1:]}"
        if surely:
            assert ended["ended"] == -signal.SIGKILL, place
        await its_heart_has_stopped(self.production.journey)
        async with self.production.journey.working():
            await self.production.journey.rest()
        await self.is_whole(line, pull, comment, place)
        return place

    async def is_whole(self, line: str, pull: Pull, comment: Comment, place: str) -> None:
        production = self.production
        try:
            await production.nothing_left()
        except AssertionError as error:
            raise AssertionError(f"{place}: {error}") from error
        operation = await production.newest()
        assert operation.comment_id == comment.id, place
        assert operation.state is State.SUCCEEDED, (place, operation.outcome)
        wanted = operation.plan.build
        assert await production.served() == wanted.sha, place
        if line == "/promote":
            assert wanted.sha == pull.merge_commit_sha, place
        kind = operation.plan.kind.value
        assert production.switches() == [f"{kind}/{wanted.deployment_id}"], place
        production.answer_to(pull, comment)
        assert production.reactions == ["eyes", "rocket"], place
        ledger = await production.journey.bot.operations.fetch_ledger(
            production.repository.id, "production"
        )
        assert [entry.operation_id for entry in ledger].count(operation.id) == 1, place
        assert ledger[0].build.sha == wanted.sha, place
        assert ledger[0].live_until is None, place
        deployments = [
            deployment
            for deployment in production.repository.deployments.values()
            if deployment.payload == {"lockgate": f"lockgate-{operation.id}"}
        ]
        assert len(deployments) == 1, place


def boundaries(places: list[str]) -> list[str]:
    """Every pass over a statement between two steps, as the program wants it."""
    seen: Counter[str] = Counter()
    found = []
    for place in places:
        seen[place] += 1
        if place.startswith(ADVANCE):
            found.append(f"{place}#{seen[place]}")
    return found


def spread(places: list[str]) -> list[str]:
    """Some between steps, and one amid each effect."""
    between = boundaries(places)
    points = [between[round((len(between) - 1) * part / 6)] for part in range(1, 6)]
    for effect in EFFECTS:
        its = [place for place in places if place.startswith(effect)]
        points.append(f"{its[-1]}#1")
    return points


async def telling(production: Production, kill: Killer) -> Told:
    """One build is live, and the repository has been dealt with."""
    async with production.journey.working():
        await production.journey.rest()
        await production.live_build("feat: add search")
    return Told(production, kill)


@pytest.mark.parametrize("part", range(2))
async def test_a_worker_is_killed_between_steps_and_amid_effects(
    idle_production: Production, part: int
):
    async with killer(idle_production.journey) as kill:
        told = await telling(idle_production, kill)
        promotion, rollback = [await told.places(line) for line in ("/promote", "/rollback")]
        points = list(zip(spread(promotion), spread(rollback), strict=True))
        for promoting, rolling in points[part::2]:
            await told.killed_at("/promote", promoting)
            await told.killed_at("/rollback", rolling)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_is_killed_at_every_boundary(idle_production: Production, part: int):
    async with killer(idle_production.journey) as kill:
        told = await telling(idle_production, kill)
        promotion, rollback = [
            boundaries(await told.places(line)) for line in ("/promote", "/rollback")
        ]
        assert min(len(promotion), len(rollback)) > 8 * 6
        for number in range(part, max(len(promotion), len(rollback)), PARTS):
            await told.killed_at("/promote", promotion[number % len(promotion)])
            await told.killed_at("/rollback", rollback[number % len(rollback)])


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_is_killed_at_random(idle_production: Production, part: int):
    chance = random.Random(SEED + part)
    async with killer(idle_production.journey) as kill:
        told = await telling(idle_production, kill)
        sizes = {line: len(await told.places(line)) for line in ("/promote", "/rollback")}
        for _ in range(RANDOM_KILLS // PARTS // 2):
            for line, size in sizes.items():
                # a little less may run than did before: then it ends by itself
                await told.killed_at(line, chance.randint(1, size), surely=False)
