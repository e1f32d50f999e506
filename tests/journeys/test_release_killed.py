"""A worker is killed by SIGKILL while it publishes a release. Another one finishes: one tag, one
release, one word to each pull request that is in it."""

import signal

import pytest
from journey import Journey
from killing import Killer, its_heart_has_stopped, killer
from test_release_publish import told
from test_release_pull import release_pulls, shop

from bot.sandbox.model import Pull, Repository

PUBLISHING = "publishing.py:"
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
