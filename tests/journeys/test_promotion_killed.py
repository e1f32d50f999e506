"""A worker is killed by SIGKILL amid a promotion or a rollback, or while one is taken back that
failed. Another one finishes: nothing is lost, nothing is done twice, and the environment is free.
"""

import random
import signal
from collections import Counter
from dataclasses import dataclass

import pytest
from killing import Killer, its_heart_has_stopped, killer
from production import DOMAIN, Production

from bot.core.operations.machine import Kind, Operation, State, StepName
from bot.sandbox.model import Comment, Pull

PARTS = 4
"""Of the whole campaign: each has a database of its own, and they may run side by side."""
RANDOM_KILLS = 200
SEED = 20261122
TAKEN_BACK = "/promote that fails"
"""No line to type: a promotion that leaves a domain behind, so that the bot rolls back."""
LEFT_BEHIND = f"www.{DOMAIN}"
ADVANCE = "operate.py:_advance:"
"""Its statements are between one step and the next, and around what a step does."""
EFFECTS = (
    "switching.py:switch:",
    "steps.py:_record:",
    "steps.py:_confirm:",
    "operate.py:_conclude:",
    "command_hub.py:post_deployment:",
)
WAY_BACK = "operate.py:_take_back:"


@dataclass
class Told:
    """Promotions and rollbacks in turn, each by a comment that nobody has worked on yet."""

    production: Production
    kill: Killer

    async def comes(self, line: str) -> tuple[Pull, Comment]:
        production = self.production
        if line != "/rollback":
            pull = production.merged("feat: sort by price")
            async with production.journey.working():
                await production.journey.rest()
        else:
            pull = next(reversed(production.repository.pulls.values()))
        production.switches()
        if line == TAKEN_BACK:
            production.vercel.plan_job(production.project, left_behind=[LEFT_BEHIND])
        comment = production.comment(pull, "/rollback" if line == "/rollback" else "/promote")
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
        began, operation = reversed((await production.operations())[:2])
        wanted, kind = operation.plan.build, operation.plan.kind.value
        asked, reaction = [f"{kind}/{wanted.deployment_id}"], "rocket"
        if line == TAKEN_BACK:
            assert began.state is State.FAILED, (place, began.outcome)
            assert began.plan.build.sha == pull.merge_commit_sha, place
            assert (operation.follows, wanted) == (began.id, began.plan.replaces), place
            asked, reaction = [f"promote/{began.plan.build.deployment_id}", *asked], "-1"
            self.is_announced_once(began, place)
        else:
            began = operation
        assert began.comment_id == comment.id, place
        assert operation.state is State.SUCCEEDED, (place, operation.outcome)
        assert await production.served() == wanted.sha, place
        assert {each.sha for each in production.project.domains.values()} == {wanted.sha}, place
        if line == "/promote":
            assert wanted.sha == pull.merge_commit_sha, place
        assert production.switches() == asked, place
        production.answer_to(pull, comment)
        assert production.reactions == ["eyes", reaction], place
        ledger = await production.journey.bot.operations.fetch_ledger(
            production.repository.id, "production"
        )
        noted = [entry.operation_id for entry in ledger].count(operation.id)
        # What a way back puts in place was live all along, by the ledger, since the first of them.
        assert noted == 1 or (line == TAKEN_BACK and noted == 0), place
        assert ledger[0].build.sha == wanted.sha, place
        assert ledger[0].live_until is None, place
        self.is_announced_once(operation, place)

    def is_announced_once(self, operation: Operation, place: str) -> None:
        deployments = [
            deployment
            for deployment in self.production.repository.deployments.values()
            if deployment.payload == {"lockgate": f"lockgate-{operation.id}"}
        ]
        found = operation.step(StepName.ANNOUNCE).found
        late = operation.plan.kind is Kind.ROLLBACK and "did not answer within" in found
        assert len(deployments) == 1 or (late and not deployments), (place, found)


def passes(places: list[str], *beginnings: str) -> list[str]:
    """Every pass over a statement whose name begins so, as the program wants it."""
    seen: Counter[str] = Counter()
    found = []
    for place in places:
        seen[place] += 1
        if place.startswith(beginnings):
            found.append(f"{place}#{seen[place]}")
    return found


def boundaries(places: list[str]) -> list[str]:
    """Every pass over a statement between two steps."""
    return passes(places, ADVANCE)


def on_the_way_back(places: list[str]) -> list[str]:
    """Those from where the rollback is written down, that statement first; amid effects too."""
    found = passes(places, WAY_BACK, ADVANCE, *EFFECTS)
    begins = next(number for number, place in enumerate(found) if place.startswith(WAY_BACK))
    return found[begins:]


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
    production.project.domains[LEFT_BEHIND] = None
    async with production.journey.working():
        await production.journey.rest()
        await production.live_build("feat: add search")
    return Told(production, kill)


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.slow)])
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


@pytest.mark.slow
async def test_a_worker_is_killed_while_a_failed_promotion_is_taken_back(
    idle_production: Production,
):
    async with killer(idle_production.journey) as kill:
        told = await telling(idle_production, kill)
        points = on_the_way_back(await told.places(TAKEN_BACK))
        written = max(n for n, point in enumerate(points) if point.startswith(WAY_BACK))
        asked = [point for point in points if point.startswith(EFFECTS[0])]
        for point in (points[written + 1], asked[-1], points[-1]):
            await told.killed_at(TAKEN_BACK, point)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_is_killed_at_any_point_of_the_way_back(
    idle_production: Production, part: int
):
    async with killer(idle_production.journey) as kill:
        told = await telling(idle_production, kill)
        points = on_the_way_back(await told.places(TAKEN_BACK))
        assert len(points) > 8 * 6
        for point in points[part :: PARTS * 2]:
            await told.killed_at(TAKEN_BACK, point)


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
