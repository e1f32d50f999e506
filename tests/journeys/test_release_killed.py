"""A worker is killed by SIGKILL while it publishes a release, or renews what is to be released.
Another one finishes: one tag, one release, one word to each pull request that is in it; one release
pull request that says what the trunk has."""

import signal
from dataclasses import dataclass

import pytest
from journey import Journey
from killing import Killer, its_heart_has_stopped, killer
from test_release_publish import told
from test_release_pull import BRANCH, head_of, push, release_pulls, shop, text

from bot.sandbox.model import Pull, Repository

PUBLISHING = "publishing.py:"
RENEWING = ("releases.py:", "release_")
QUICK = 3
PARTS = 6


async def comes(journey: Journey, repository: Repository) -> tuple[Pull, Pull]:
    """A feature, and its release pull request, which was merged; nobody has worked on that yet."""
    feature = journey.github.open_pull(
        repository, "feat: add search", by=journey.github.user("mona")
    )
    journey.github.merge(feature, "squash", by=journey.github.user("ada"))
    async with journey.working():
        await journey.rest()
    pull = release_pulls(repository)[-1]
    assert pull.state == "open"
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    await journey.github.hooks.settled()
    return feature, pull


def is_whole(
    journey: Journey, repository: Repository, feature: Pull, pull: Pull, place: str
) -> None:
    tag = pull.title.removeprefix("chore(release): ")
    assert repository.git.refs.get(f"refs/tags/{tag}") == pull.merge_commit_sha, place
    made = [release for release in repository.releases.values() if release.tag_name == tag]
    assert len(made) == 1, place
    assert len(told(journey, feature)) == 1, place


async def places(journey: Journey, kill: Killer, repository: Repository) -> list[str]:
    """The statements of publishing that run when nobody interferes, each once."""
    feature, pull = await comes(journey, repository)
    ended = await kill.run(0)
    assert ended["ended"] == 0
    async with journey.working():
        await journey.rest()
    is_whole(journey, repository, feature, pull, "undisturbed")
    return list(dict.fromkeys(p for p in ended["places"] if p.startswith(PUBLISHING)))


async def killed_at(journey: Journey, kill: Killer, repository: Repository, place: str) -> None:
    feature, pull = await comes(journey, repository)
    ended = await kill.run(f"{place}#1")
    assert ended["ended"] == -signal.SIGKILL, place
    await its_heart_has_stopped(journey)
    async with journey.working():
        await journey.rest()
    is_whole(journey, repository, feature, pull, place)
    entries = await journey.bot.audit.fetch_entries(kind="release")
    tags = [record.entry.release_tag for record in entries]
    assert len(tags) == len(set(tags)), place


def steps(found: list[str]) -> list[str]:
    """Before the tag is made, after it was, and after the release was."""

    def of(function: str) -> list[str]:
        return [place for place in found if place.split(":")[1] == function]

    return [of("_complete")[0], of("_reached")[0], of("_release")[-1]]


@pytest.mark.slow
async def test_a_worker_is_killed_between_the_steps_of_a_release(idle_journey: Journey) -> None:
    repository = shop(idle_journey)
    async with killer(idle_journey) as kill:
        found = steps(await places(idle_journey, kill, repository))
        assert len(set(found)) == QUICK
        for place in found:
            await killed_at(idle_journey, kill, repository, place)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_is_killed_at_every_statement_of_publishing(
    idle_journey: Journey, part: int
) -> None:
    repository = shop(idle_journey)
    async with killer(idle_journey) as kill:
        found = await places(idle_journey, kill, repository)
        assert len(found) > 16 * PARTS
        for place in found[part::PARTS]:
            await killed_at(idle_journey, kill, repository, place)


@dataclass
class Renewals:
    """A release pull request that is opened and then renewed, anew for each look at it."""

    journey: Journey
    repository: Repository
    kill: Killer
    landed: int = 0

    async def lands(self) -> str:
        self.landed += 1
        push(self.journey, self.repository, f"feat: number {self.landed}")
        await self.journey.github.hooks.settled()
        return f"number {self.landed}"

    async def put_off(self) -> None:
        """So that the next one is opened."""
        for pull in release_pulls(self.repository):
            if pull.state == "open":
                self.journey.github.close(pull)
        await self.rest()

    async def rest(self) -> None:
        await its_heart_has_stopped(self.journey)
        async with self.journey.working():
            await self.journey.rest()

    async def places(self) -> list[str]:
        """The statements that run when nobody interferes, each once."""
        await self.lands()
        found = (await self.kill.run(0))["places"]
        await self.rest()
        return list(dict.fromkeys(place for place in found if place.startswith(RENEWING)))

    async def killed_at(self, place: str) -> None:
        newest = await self.lands()
        ended = await self.kill.run(f"{place}#1")
        assert ended["ended"] == -signal.SIGKILL, place
        await self.rest()
        (pull,) = [one for one in release_pulls(self.repository) if one.state == "open"]
        assert newest in (pull.body or ""), place
        assert newest in text(self.repository, "CHANGELOG.md"), place
        head, trunk = head_of(self.repository, BRANCH), head_of(self.repository)
        assert self.repository.git.store.ahead(head, trunk) == [head], place


@pytest.mark.slow
async def test_a_worker_is_killed_between_the_steps_of_a_renewal(idle_journey: Journey) -> None:
    """When the branch is written, and the pull request is not."""
    async with killer(idle_journey) as kill:
        renewals = Renewals(idle_journey, shop(idle_journey), kill)
        between = next(place for place in await renewals.places() if ":_write_pull:" in place)
        await renewals.killed_at(between)
        await renewals.put_off()
        await renewals.killed_at(between)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("opening", [True, False])
async def test_a_worker_is_killed_at_every_statement_of_a_renewal(
    idle_journey: Journey, opening: bool, part: int
) -> None:
    async with killer(idle_journey) as kill:
        renewals = Renewals(idle_journey, shop(idle_journey), kill)
        await renewals.places()  # what is done the first time only
        if opening:
            await renewals.put_off()
        found = await renewals.places()
        assert len(found) > 20 * PARTS
        for place in found[part::PARTS]:
            if opening:
                await renewals.put_off()
            await renewals.killed_at(place)
