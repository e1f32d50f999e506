"""Somebody moves production at the host, past the bot: the ledger has it as such, and only what
stays there."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from killing import Killer, its_heart_has_stopped, killer
from production import DOMAIN, POLICY, Production, opened_production

from bot.core.hosting import LedgerEntry, Origin
from bot.core.operations.machine import State
from bot.core.policy import POLICY_PATH
from bot.core.work.observations import ObserveEnvironment, SweepEnvironments
from bot.engine import observe
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull
from bot.sandbox.vercel.model import Deployment
from bot.settings import Secret

pytestmark = pytest.mark.slow

SOON = timedelta(milliseconds=50)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look comes as soon as it can."""
    monkeypatch.setattr(observe, "AGAIN_AFTER", SOON)
    monkeypatch.setattr(observe, "_SHORTEST_LOOK", SOON)


async def at_rest(production: Production) -> None:
    """Everything at the host has ended and arrived, and every job has run."""
    await production.vercel.settled()
    await production.journey.rest()


async def newest(production: Production) -> LedgerEntry:
    return (await production.ledger())[0]


async def two_builds(production: Production) -> tuple[Pull, Pull]:
    """The first is live by the bot; the other is merged and built."""
    live = await production.live_build("feat: add search")
    other = production.merged("feat: sort by price")
    await production.journey.rest()
    production.hear_vercel()
    return live, other


def work(production: Production) -> ObserveEnvironment:
    """A hint that something is to be looked at."""
    owner, name = production.repository.full_name.split("/")
    installation = production.github.installation_of(production.github.app, production.repository)
    return ObserveEnvironment(installation.id, production.repository.id, owner, name, "production")


async def look(production: Production) -> None:
    await production.journey.bot.store.enqueue(work(production))
    await at_rest(production)


async def test_a_promotion_by_hand_is_in_the_ledger_within_one_hint(production: Production):
    live, other = await two_builds(production)
    build = production.build_of(other)
    production.vercel.promote(production.project, build)
    await at_rest(production)
    assert [(each.event, each.status) for each in production.vercel.hooks.deliveries] == [
        ("deployment.promoted", 202)
    ]
    entry, before = await production.ledger()
    assert (entry.origin, entry.actor, entry.operation_id) == (Origin.OUTSIDE, "", None)
    assert (entry.build.sha, entry.build.deployment_id) == (other.merge_commit_sha, build.id)
    assert entry.build.pull_number == other.number, "what GitHub knows of the commit"
    assert (entry.verified_at, entry.went_back) == (None, False)
    assert (before.build.sha, before.live_until) == (live.merge_commit_sha, entry.live_from)
    said = await production.say(other, "/status")
    assert "moved at the host, past Lockgate" in said
    assert "not what the ledger has" not in said, "it is no drift any more"
    (record,) = await production.journey.bot.audit.fetch_entries(kind="observation")
    assert record.entry.build_sha == other.merge_commit_sha
    assert record.entry.detail["replaced_build"] == live.merge_commit_sha
    for _ in range(2):  # the same hint again, and the time
        await look(production)
        await poll(production)
    assert len(await production.ledger()) == 2
    assert len(await production.journey.bot.audit.fetch_entries(kind="observation")) == 1


async def test_the_first_thing_seen_live_begins_the_ledger(production: Production):
    pull = production.merged("feat: add search")
    await production.journey.rest()
    production.hear_vercel()
    production.vercel.promote(production.project, production.build_of(pull))
    await at_rest(production)
    (entry,) = await production.ledger()
    assert (entry.origin, entry.build.sha) == (Origin.OUTSIDE, pull.merge_commit_sha)
    assert not entry.holds_releases


async def test_github_hints_at_it_too(production: Production):
    _, other = await two_builds(production)
    production.vercel.hooks.send_to("", "")
    production.vercel.promote(production.project, production.build_of(other))
    production.github.dispatch(
        production.repository,
        "vercel.deployment.promoted",
        {"environment": "production", "git": {"sha": other.merge_commit_sha}},
    )
    await at_rest(production)
    assert (await newest(production)).build.sha == other.merge_commit_sha
    assert (await newest(production)).origin is Origin.OUTSIDE


async def poll(production: Production) -> None:
    """What a worker does every five minutes, at once."""
    await production.journey.bot.store.enqueue(SweepEnvironments())
    await production.journey.rest()


async def test_polling_alone_finds_it_and_costs_little(production: Production):
    _, other = await two_builds(production)
    production.vercel.hooks.send_to("", "")
    asked: list[str] = []
    production.vercel.on_exchange = lambda exchange: asked.append(exchange.template)
    production.journey.requests.seen.clear()
    await poll(production)
    assert asked == ["/v4/aliases/{idOrAlias}"], "one request each time, while nothing moves"
    assert production.journey.requests.seen == []
    asked.clear()
    await look(production)
    assert asked == ["/v4/aliases/{idOrAlias}", "/v9/projects/{idOrName}"], "is it about to move?"
    production.vercel.promote(production.project, production.build_of(other))
    await poll(production)
    assert (await newest(production)).build.sha == other.merge_commit_sha
    assert (await newest(production)).origin is Origin.OUTSIDE
    build = ["/v13/deployments/{idOrUrl}", "/v7/deployments"]
    assert asked[2:8] == [*["/v4/aliases/{idOrAlias}"] * 2, *build * 2]


async def test_during_an_operation_of_ours_nothing_is_recorded(production: Production):
    live, other = await two_builds(production)
    production.vercel.switch_seconds = None
    production.comment(other, "/promote")
    await production.until_step_finds("the host's job is pending")
    production.vercel.point(DOMAIN, production.vercel.build(production.project, "f" * 40))
    asked: list[str] = []
    production.vercel.on_exchange = lambda exchange: asked.append(exchange.template)
    for _ in range(3):
        await production.journey.bot.store.enqueue(work(production))
        await production.journey.until(lambda: looked(production), "nobody looks", 10)
    assert len(await production.ledger()) == 1
    assert not any("aliases" in each for each in asked), "the operation looks by itself"
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await at_rest(production)
    entry, before = await production.ledger()
    assert (entry.origin, entry.build.sha) == (Origin.PROMOTION, other.merge_commit_sha)
    assert before.build.sha == live.merge_commit_sha
    assert await production.journey.bot.audit.fetch_entries(kind="observation") == []


async def looked(production: Production) -> bool:
    jobs = await production.journey.bot.store.fetch_jobs()
    return not any(
        job.kind == "observe_environment" and job.status in ("waiting", "running") for job in jobs
    )


async def sighting(production: Production, *deployments: Deployment) -> None:
    """Return once a look was taken that has seen this, or nothing new."""

    async def seen() -> bool:
        database = production.journey.bot.database
        async with await psycopg.AsyncConnection.connect(database) as connection:
            found = await connection.execute("SELECT deployment_id FROM lockgate.sightings")
            return await found.fetchall() == [(each.id,) for each in deployments]

    await production.journey.until(seen, "nobody looks", 10)


async def test_a_domain_that_flaps_back_was_never_moved(
    production: Production, monkeypatch: pytest.MonkeyPatch
):
    live, other = await two_builds(production)
    monkeypatch.setattr(observe, "AGAIN_AFTER", timedelta(hours=1))
    production.vercel.point(DOMAIN, production.build_of(other))
    await production.journey.bot.store.enqueue(work(production))
    await sighting(production, production.build_of(other))
    production.vercel.point(DOMAIN, production.build_of(live))
    monkeypatch.setattr(observe, "AGAIN_AFTER", timedelta())
    await look(production)
    await sighting(production)  # what was seen once before does not count any more
    assert len(await production.ledger()) == 1
    assert await production.journey.bot.audit.fetch_entries(kind="observation") == []


async def test_what_moves_on_is_looked_at_twice_where_it_arrives(
    production: Production, monkeypatch: pytest.MonkeyPatch
):
    _, other = await two_builds(production)
    third = production.vercel.build(production.project, "f" * 40)
    monkeypatch.setattr(observe, "AGAIN_AFTER", timedelta(hours=1))
    production.vercel.point(DOMAIN, production.build_of(other))
    await production.journey.bot.store.enqueue(work(production))
    await sighting(production, production.build_of(other))
    production.vercel.point(DOMAIN, third)
    await production.journey.bot.store.enqueue(work(production))
    await sighting(production, third)
    assert len(await production.ledger()) == 1
    monkeypatch.setattr(observe, "AGAIN_AFTER", timedelta())
    await look(production)
    assert (await newest(production)).build.deployment_id == third.id
    assert len(await production.ledger()) == 2


async def release(production: Production, pull: Pull, tag: str) -> None:
    production.github.create_release(
        production.repository, tag, target=pull.merge_commit_sha, by=production.github.user("ada")
    )
    await at_rest(production)


async def test_a_rollback_by_hand_holds_releases_like_one_of_ours(production: Production):
    """Vercel tells of it when it is asked for, and not when it is done."""
    promote = POLICY.replace("checks, ", "") + "    on_release: promote\n"
    production.github.push(
        production.repository, "main", CommitSpec("chore: policy", {POLICY_PATH: promote})
    )
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    production.hear_vercel()
    production.vercel.switch_seconds = None
    production.vercel.rollback(production.project, production.build_of(good))
    await production.vercel.hooks.settled()
    await production.journey.until(lambda: waits(production), "nobody waits for the host", 10)
    assert len(await production.ledger()) == 2
    for _ in range(2):
        production.vercel.advance(production.project)
    await at_rest(production)
    entry = await newest(production)
    assert (entry.origin, entry.went_back) == (Origin.OUTSIDE, True)
    assert entry.build.sha == good.merge_commit_sha
    production.vercel.switch_seconds = 0
    await release(production, bad, "v1.0.0")
    assert await production.served() == good.merge_commit_sha
    assert "held since the rollback" in await production.say(good, "/status")
    said = await production.say(bad, "/rollback")
    assert "refused" in said, "what somebody fled from is not gone back to"
    assert await production.served() == good.merge_commit_sha
    assert "Live:" in await production.say(bad, "/promote")
    assert not (await newest(production)).holds_releases


async def waits(production: Production) -> bool:
    """Whether it was looked again because the host's job has not ended."""
    jobs = await production.journey.bot.store.fetch_jobs()
    return sum(job.kind == "observe_environment" for job in jobs) > 2


async def test_what_came_live_past_the_gates_is_promoted_through_them(production: Production):
    live, other = await two_builds(production)
    production.vercel.promote(production.project, production.build_of(other))
    await at_rest(production)
    production.green(other, "failure")
    assert "refused" in await production.say(other, "/promote"), "the gates are asked"
    production.green(other)
    assert "Live:" in await production.say(other, "/promote")
    ledger = await production.ledger()
    assert [entry.origin for entry in ledger] == [
        Origin.PROMOTION,
        Origin.OUTSIDE,
        Origin.PROMOTION,
    ]
    assert ledger[0].verified_at is not None
    assert "already" in await production.say(other, "/promote")
    said = await production.say(other, "/rollback")
    assert "Rolled back" in said
    assert await production.served() == live.merge_commit_sha


@pytest.mark.long
async def test_a_build_of_no_known_commit_is_recorded_as_such(production: Production):
    live, other = await two_builds(production)
    build = production.vercel.build(production.project, "f" * 40)
    build.dirty = True
    production.vercel.promote(production.project, build)
    await at_rest(production)
    entry = await newest(production)
    assert (entry.build.sha, entry.build.deployment_id) == ("", build.id)
    assert (entry.build.tag, entry.build.pull_number) == ("", 0)
    assert build.id in await production.say(other, "/status")
    assert "Rolled back" in await production.say(other, "/rollback")
    assert await production.served() == live.merge_commit_sha


async def test_a_failed_promotion_gives_back_what_was_moved_outside(production: Production):
    """Also where nobody knows its commit: the deployment is what is put back."""
    _, other = await two_builds(production)
    build = production.vercel.build(production.project, "f" * 40)
    build.dirty = True
    production.vercel.promote(production.project, build)
    await at_rest(production)
    build.dirty = False  # the host may know later what it did not
    production.vercel.plan_job(production.project, "failed", left_behind=["www.example.com"])
    await production.say(other, "/promote")
    await production.nothing_left()
    back = await production.newest()
    assert (back.state, back.plan.build.deployment_id) == (State.SUCCEEDED, build.id)
    assert production.live is build


@pytest.mark.long
async def test_what_the_host_finishes_late_is_no_move_of_somebody_else(production: Production):
    policy = POLICY + "    on_failure: hold\n"
    production.github.push(
        production.repository, "main", CommitSpec("chore: hold", {POLICY_PATH: policy})
    )
    _, other = await two_builds(production)
    production.vercel.switch_seconds = None
    production.comment(other, "/promote")
    await production.until_step_finds("the host's job is pending")
    await production.run_out_of_time()
    failed = await production.until(State.FAILED, concluded=True)
    for _ in range(2):
        production.vercel.advance(production.project)
    await at_rest(production)
    entry = await newest(production)
    assert (entry.origin, entry.operation_id, entry.actor) == (Origin.PROMOTION, failed.id, "ada")
    assert entry.build.sha == other.merge_commit_sha
    assert entry.verified_at is None


@pytest.mark.long
async def test_a_domain_that_does_not_answer_is_asked_again(production: Production):
    _, other = await two_builds(production)
    production.vercel.faults.cut(f"GET //{DOMAIN}/*", times=None)
    production.vercel.promote(production.project, production.build_of(other))
    await at_rest(production)
    assert len(await production.ledger()) == 1
    production.vercel.faults.clear()
    await poll(production)
    assert (await newest(production)).build.sha == other.merge_commit_sha
    assert (await production.journey.bot.store.queue_health()).dead == 0


# durable, and told


async def test_a_hint_is_a_job_by_the_time_of_the_answer(idle_production: Production):
    production = idle_production
    async with production.journey.working():
        await two_builds(production)
    build = production.vercel.build(production.project, "f" * 40)
    for _ in range(3):  # the same again adds nothing
        production.vercel.point(DOMAIN, build)
        production.vercel.hooks.deployment("deployment.promoted", build)
        await production.vercel.settled()
    elsewhere = production.vercel.create_project("elsewhere")
    production.vercel.build(elsewhere)
    await production.vercel.settled()
    assert {each.status for each in production.vercel.hooks.deliveries} == {202}
    jobs = [
        job.key
        for job in await production.journey.bot.store.fetch_jobs()
        if job.kind == "observe_environment"
    ]
    assert jobs == [work(production).key]
    deliveries = await production.journey.bot.store.fetch_recent_deliveries(500)
    assert not any("vercel" in each.event for each in deliveries)


@asynccontextmanager
async def channel() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """What is posted to an address on loopback."""
    told: list[dict[str, str]] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        told.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/services/x", told


async def test_the_team_is_told_once(database_url: str, tmp_path: Path):
    async with (
        channel() as (url, told),
        opened_production(database_url, tmp_path, slack_webhook_url=Secret(url)) as production,
        production.journey.working(),
    ):
        _, other = await two_builds(production)
        told.clear()
        production.vercel.promote(production.project, production.build_of(other))
        await at_rest(production)
        await look(production)
        assert [each["text"] for each in told] == [
            "octo/shop production was moved outside of Lockgate"
        ]


PLACES = ("observe.py:_look:", "observations.py:record:", "observe.py:tell_move:")


async def seen_before(production: Production, deployment: Deployment) -> None:
    """Production was moved, and seen so once, long enough ago."""
    production.vercel.point(DOMAIN, deployment)
    observations, repository = production.journey.bot.observations, production.repository
    standing = await observations.fetch_standing(repository.id, "production")
    at = standing.live.live_from
    await observations.note_sighting(repository.id, "production", deployment.id, standing, at)
    await production.journey.bot.store.enqueue(work(production))


async def is_whole(production: Production, deployment: Deployment, place: str) -> None:
    ledger = await production.ledger()
    assert [each.build.deployment_id for each in ledger].count(deployment.id) == 1, place
    assert (ledger[0].build.deployment_id, ledger[0].origin) == (deployment.id, Origin.OUTSIDE)
    assert ledger[1].live_until == ledger[0].live_from, place
    audit = await production.journey.bot.audit.fetch_entries(kind="observation")
    about = [each.entry.detail["deployment"] for each in audit]
    assert about.count(deployment.id) == 1, place


def amid(places: list[str]) -> list[str]:
    """One statement in the middle of each part, and the last of the one that records."""
    of = {part: [place for place in places if place.startswith(part)] for part in PLACES}
    assert all(of.values()), places
    middle = [found[len(found) // 2] for found in of.values()]
    return [f"{place}#1" for place in (*middle, of[PLACES[1]][-1])]


@pytest.mark.long
async def test_a_worker_is_killed_while_it_records(idle_production: Production):
    production = idle_production
    async with production.journey.working():
        await production.live_build("feat: add search")
        await production.journey.rest()
    async with killer(production.journey) as kill:
        for place in amid(await undisturbed(production, kill)):
            build = production.vercel.build(production.project)
            await seen_before(production, build)
            ended = await kill.run(place)
            assert ended["ended"] == -signal.SIGKILL, place
            await its_heart_has_stopped(production.journey)
            async with production.journey.working():
                await production.journey.rest()
            await is_whole(production, build, place)


async def undisturbed(production: Production, kill: Killer) -> list[str]:
    build = production.vercel.build(production.project)
    await seen_before(production, build)
    ended = await kill.run(0)
    await is_whole(production, build, "undisturbed")
    return ended["places"]


async def test_after_an_upgrade_what_is_live_is_polled_by_the_policy_that_is_remembered(
    production: Production,
):
    """A release before kept no places; no policy need be read again first."""
    _, other = await two_builds(production)
    production.vercel.hooks.send_to("", "")
    database = production.journey.bot.database
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("DELETE FROM lockgate.environment_targets")
    production.vercel.promote(production.project, production.build_of(other))
    await poll(production)
    assert (await newest(production)).build.sha == other.merge_commit_sha
