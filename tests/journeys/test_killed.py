"""A worker is killed by SIGKILL between any two statements, and nobody can tell afterwards."""

import signal

import pytest
from journey import Journey
from killing import Killer, its_heart_has_stopped, killer

from bot.sandbox.model import Pull, Repository

PARTS = 4
"""Of the whole campaign: each has a database of its own, and they may run side by side."""


async def opened(journey: Journey, repository: Repository, number: int) -> Pull:
    """A pull request of which a delivery is stored, and nothing more."""
    pull = journey.github.open_pull(repository, "Add search", f"wip {number}")
    await journey.github.hooks.settled()
    return pull


async def quiet_repository(journey: Journey) -> Repository:
    """Its installation has been dealt with, and it is known by an event of its own."""
    repository = journey.shop()
    await opened(journey, repository, -1)
    async with journey.working():
        await journey.rest()
    return repository


def outcome_of(journey: Journey, pull: Pull) -> dict[str, object]:
    runs = journey.github.checks_of(pull.repository, pull.head_sha)
    comments = journey.comments_of(pull)
    return {
        "runs": [(run.name, run.status, run.conclusion, run.title) for run in runs],
        "comments": ["feat: add search" in comment.body for comment in comments],
        "title": pull.title,
    }


ONE_OF_EACH = {
    "runs": [("lockgate/commits", "completed", "failure", "the title needs a type")],
    "comments": [True],
    "title": "Add search",
}


async def killed_at(journey: Journey, kill: Killer, repository: Repository, last: int) -> str:
    """Kill a worker before its statement ``last``, let another one finish, and look."""
    pull = await opened(journey, repository, last)
    ended = await kill.run(last)
    place = f"killed before statement {last}, {ended['places'][-1]}"
    assert ended["ended"] == -signal.SIGKILL, place
    await its_heart_has_stopped(journey)
    async with journey.working():
        await journey.rest()
    assert outcome_of(journey, pull) == ONE_OF_EACH, place
    evaluation = await journey.bot.store.fetch_evaluation("octo", "shop", pull.number)
    assert evaluation is not None, place
    assert (evaluation.verdict, evaluation.head_sha) == ("fail", pull.head_sha), place
    health = await journey.bot.store.queue_health()
    assert health.dead == 0, place
    return place


async def statements(journey: Journey, kill: Killer, repository: Repository) -> list[str]:
    """Those that run from a stored delivery to a finished reconcile, when nobody interferes."""
    pull = await opened(journey, repository, 0)
    ended = await kill.run(0)
    assert ended["ended"] == 0
    assert outcome_of(journey, pull) == ONE_OF_EACH
    return ended["places"]


def spread(places: list[str]) -> list[int]:
    """Statements, counted from 1: the first and the last, some between, and for each write to
    GitHub those before it, with the request made up, with the answer in hand, and after it."""
    total = len(places)
    points = {1, total, *(round(total * part / 4) for part in range(1, 4))}
    for write in ("post_check", "post_comment"):
        its = [(n, place) for n, place in enumerate(places, 1) if place.split(":")[1] == write]
        names = [place for _, place in its]
        # the call of several lines is come back to once its arguments are made
        sends = max(n for n, place in its if names.count(place) > 1)
        points |= {its[0][0], sends, sends + 1, its[-1][0] + 1}
    return sorted(points)


async def test_a_worker_is_killed_around_each_write(idle_journey: Journey):
    journey = idle_journey
    repository = await quiet_repository(journey)
    async with killer(journey) as kill:
        places = await statements(journey, kill, repository)
        points = spread(places)
        assert len(points) >= 12
        for last in points:
            await killed_at(journey, kill, repository, last)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_is_killed_between_any_two_statements(idle_journey: Journey, part: int):
    journey = idle_journey
    repository = await quiet_repository(journey)
    async with killer(journey) as kill:
        places = await statements(journey, kill, repository)
        for last in range(1 + part, len(places) + 1, PARTS):
            await killed_at(journey, kill, repository, last)
