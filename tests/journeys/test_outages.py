"""Whatever goes away comes back, and then everything is as if it had never been away."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from journey import SQUASH_WITH_TITLE, Journey, Requests, started

from bot.adapters.postgres.embedded import EmbeddedServer, embedded_server
from bot.core.policy import POLICY_PATH
from bot.core.work.deliveries import SweepDeliveries
from bot.engine.handlers import wait_for_hub
from bot.ports import JobStatus, StoreUnavailable
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull
from bot.sandbox.server import Sandbox

LONGER_THAN_THE_CLIENT_TRIES = 5
"""Requests that fail before one goes through: the client sends each four times at most."""


def state_of(github: Sandbox, pull: Pull) -> dict[str, object]:
    """What stands on GitHub in the end, without ids and times."""
    runs = github.checks_of(pull.repository, pull.head_sha)
    comments = [c for c in github.comments_of(pull) if c.app is github.app]
    return {
        "title": pull.title,
        "runs": [(run.name, run.status, run.conclusion, run.title) for run in runs],
        "comments": len(comments),
        "head": pull.head_sha[:7] in "".join(comment.body for comment in comments),
    }


async def nothing_dead(journey: Journey) -> bool:
    return (await journey.bot.store.queue_health()).dead == 0


# the store


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    home = Path(tempfile.mkdtemp(prefix="lockgate-outage-"))
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    with embedded_server(home) as server:
        yield server
    shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def down(server: EmbeddedServer, journey: Journey) -> AsyncIterator[None]:
    """The server is shut down inside the block; its supervisor, held still, starts it after."""
    running = server.folder / "data" / "postmaster.pid"
    supervisor = int((server.folder / "supervisor.lock").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(int(running.read_text().splitlines()[0]), signal.SIGINT)
    await journey.until(lambda: not running.exists(), "the server does not stop")
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


@pytest.mark.slow
async def test_the_store_goes_away_and_comes_back(own_server: EmbeddedServer, tmp_path: Path):
    requests = Requests()
    async with (
        Sandbox(on_exchange=requests) as github,
        started(github, requests, tmp_path, own_server.conninfo) as journey,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        await journey.bot.migrate()
        url = journey.bot.settings.public_url
        async with journey.working():
            repository = journey.shop()
            before = github.open_pull(repository, "Add search")
            assert await journey.verdict(before) == "failure"
            async with down(own_server, journey):
                github.edit_pull(before, title="feat: add search")
                meanwhile = github.open_pull(repository, "Sort by price")
                await github.hooks.settled()
                answers = Counter(d.status_code for d in github.hooks.newest_first(github.app))
                assert answers[503] >= 2
                assert journey.check_of(meanwhile) is None
                assert (await http.get(f"{url}/healthz")).status_code == 200
                assert (await http.get(f"{url}/readyz")).status_code == 503

            async def up() -> bool:
                try:
                    await journey.bot.store.enqueue(SweepDeliveries())
                except StoreUnavailable:
                    return False
                return True

            await journey.until(up, "the store does not come back")
            assert await journey.verdict(meanwhile) == "failure"
            assert await journey.verdict(before) == "success"
            assert (await http.get(f"{url}/readyz")).status_code == 200
            assert await nothing_dead(journey)


# GitHub


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param("502", marks=pytest.mark.long),
        pytest.param("cut", marks=pytest.mark.long),
        "429",
        pytest.param("lost answers", marks=pytest.mark.slow),
    ],
)
async def test_github_is_away_for_longer_than_the_client_tries(journey: Journey, trouble: str):
    github = journey.github
    pull = github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    faults, times = github.faults, LONGER_THAN_THE_CLIENT_TRIES
    match trouble:
        case "502":
            fault = faults.answer("*", 502, times=times)
        case "cut":
            fault = faults.cut("*", times=times)
        case "429":
            fault = faults.answer("*", 429, times=times, headers={"retry-after": "0"})
        case "lost answers":
            # each write takes effect and its answer never comes
            fault = faults.cut("PATCH *", times=times, after=True)
    github.edit_pull(pull, title="feat: add search")
    assert await journey.verdict(pull) == "success"
    assert fault.times == 0, "the whole outage was lived through"
    assert state_of(github, pull)["comments"] == 1
    assert "All well" in journey.comments_of(pull)[0].body
    assert await nothing_dead(journey)


async def test_an_answer_lost_after_a_create_makes_no_second_one(journey: Journey):
    github = journey.github
    github.faults.cut("POST */check-runs", after=True)
    github.faults.cut("POST */comments", after=True)
    pull = github.open_pull(journey.shop(), "Add search")
    assert await journey.verdict(pull) == "failure"
    assert [fault.hits for fault in github.faults.planned] == [1, 1]
    assert len(github.checks_of(pull.repository, pull.head_sha)) == 1
    assert len(journey.comments_of(pull)) == 1
    assert await nothing_dead(journey)


async def test_while_github_asks_for_patience_nothing_is_asked(journey: Journey):
    """For longer than the client sleeps: the jobs wait in the queue."""
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    journey.github.faults.secondary_limit("POST /graphql", retry_after=4)
    journey.requests.seen.clear()
    for number in range(5):
        journey.github.edit_pull(pull, title=f"Add search {number}")
    await journey.github.hooks.settled()
    waiting = journey.bot.store.fetch_jobs

    async def put_off() -> bool:
        jobs = await waiting(JobStatus.WAITING)
        return bool(jobs) and all(job.due_at is not None for job in jobs)

    await journey.until(put_off, "no job waits for GitHub")
    assert journey.requests.kinds["read"] == 1
    journey.github.edit_pull(pull, title="feat: add search")
    assert await journey.verdict(pull) == "success"


async def test_low_limit_holds_back_what_nobody_waits_for_and_nothing_else(journey: Journey):
    github, repository = journey.github, journey.shop()
    watched, other = (github.open_pull(repository, "feat: add search") for _ in range(2))
    await journey.rest()
    installation = github.installation_of(github.app, repository)
    resets = int(time.time()) + 3000
    windows = []
    for resource in ("core", "graphql"):
        window = github.limits.window(f"installation ID {installation.id}", resource)
        window.used, window.reset = window.limit - 200, resets
        windows.append(window)
    github.edit_pull(watched, body="The bot sees from the answer how little is left.")
    await journey.rest()
    github.push(repository, "main", CommitSpec("x", {POLICY_PATH: "commits: {types: [fix]}\n"}))
    await github.hooks.settled()

    async def refreshes_wait() -> bool:
        waiting = await journey.bot.store.fetch_jobs(JobStatus.WAITING)
        due = [job.due_at for job in waiting if job.kind == "refresh_pull_request"]
        return len(due) == 2 and all(at and abs(at.timestamp() - resets) < 60 for at in due)

    await journey.until(refreshes_wait, "the refreshes do not wait")
    assert journey.check_of(other).conclusion == "success", "it is still as it was"
    github.edit_pull(watched, title="Add search")
    await journey.until(
        lambda: journey.check_of(watched).conclusion == "failure", "an urgent event waited"
    )
    assert journey.check_of(other).conclusion == "success", "it waits still"
    for window in windows:
        window.used = 0
    # one read and some writes: the bot sees from their answers that both limits were renewed
    github.edit_pull(watched, title="Add search again")
    await an_hour_passes_for_jobs(journey)
    assert await journey.verdict(other) == "failure"


async def an_hour_passes_for_jobs(journey: Journey) -> None:
    """Once what is urgent has been done."""

    patient = {"refresh_pull_request", "rejudge_promotion"}

    async def only_refreshes_wait() -> bool:
        await journey.github.hooks.settled()
        jobs = await journey.bot.store.fetch_jobs()
        open_jobs = [j for j in jobs if j.status in (JobStatus.WAITING, JobStatus.RUNNING)]
        return {job.kind for job in open_jobs} == patient

    await journey.until(only_refreshes_wait, "something else waits too")
    async with await psycopg.AsyncConnection.connect(journey.bot.database) as connection:
        await connection.execute(
            "UPDATE lockgate.procrastinate_jobs"
            " SET scheduled_at = scheduled_at - interval '1 hour' WHERE status = 'todo'"
        )


# the bot itself


def played(journey: Journey) -> Pull:
    """Some days of a pull request's life."""
    github = journey.github
    repository = journey.shop()
    pull = github.open_pull(repository, "Add search")
    github.push(repository, pull.head_ref, "wip")
    github.edit_pull(pull, title="Add a search box")
    github.set_draft(pull, True)
    github.push(repository, pull.head_ref, "more wip")
    github.set_draft(pull, False)
    github.close(pull)
    github.reopen(pull)
    github.edit_pull(pull, title="feat: add a search box")
    return pull


FINAL = {
    "title": "feat: add a search box",
    "runs": [("lockgate/commits", "completed", "success", "the title is in order")],
    "comments": 1,
    "head": True,
}


async def final_state(journey: Journey, pull: Pull) -> dict[str, object]:
    await journey.rest()
    evaluation = await journey.bot.store.fetch_evaluation("octo", "shop", pull.number)
    assert (evaluation.title, evaluation.head_sha) == (pull.title, pull.head_sha)
    assert evaluation.verdict == "pass"
    assert await nothing_dead(journey)
    return state_of(journey.github, pull)


async def test_the_bot_was_away_and_it_is_as_if_it_had_not_been(database_url: str, tmp_path: Path):
    requests = Requests()
    async with Sandbox(on_exchange=requests) as github:
        async with started(github, requests, tmp_path, database_url) as journey:
            pass  # it was set up, and is gone again
        pull = played(journey)
        await github.hooks.settled()
        failed = list(github.hooks.newest_first(github.app))
        assert len(failed) > 5
        assert not any(attempt.status == "OK" for attempt in failed)
        async with (
            started(github, requests, tmp_path, database_url) as journey,
            journey.working(),
        ):
            await journey.sweep()
            assert await final_state(journey, pull) == FINAL
            for _ in range(3):
                await journey.sweep()
    asked = Counter(
        exchange.path for exchange in requests.writes if exchange.path.endswith("/attempts")
    )
    assert len(asked) == len(failed), "each failed attempt is asked for"
    assert set(asked.values()) == {1}, "and once only"


@pytest.mark.slow
async def test_what_fails_again_is_asked_for_again_until_it_is_hopeless(journey: Journey):
    """The bot hears GitHub, and its own door is closed to the redelivered event."""
    github = journey.github
    pull = github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    door, secret = github.app.hook.url, github.app.hook.secret
    github.send_events_to("http://127.0.0.1:9/closed", secret)
    github.edit_pull(pull, title="feat: add search")
    await github.hooks.settled()
    for _ in range(8):
        await journey.sweep()
    lost = next(github.hooks.newest_first(github.app)).guid
    attempts = [d for d in github.hooks.newest_first(github.app) if d.guid == lost]
    assert len(attempts) == 5
    github.send_events_to(door, secret)
    github.edit_pull(pull, body="The next event mends it.")
    assert await journey.verdict(pull) == "success"


@pytest.mark.slow
async def test_an_attempt_is_asked_for_once_while_its_redelivery_is_on_its_way(journey: Journey):
    """Until it has arrived GitHub lists the failed attempt alone, whoever looks how often."""
    github = journey.github
    pull = github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    github.hooks.faults.drop("pull_request*")
    github.edit_pull(pull, title="feat: add search")
    await github.hooks.settled()
    door, secret, released = github.app.hook.url, github.app.hook.secret, asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as slow:
        github.send_events_to(f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}", secret)
        journey.requests.seen.clear()
        for _ in range(3):
            await journey.bot.store.enqueue(SweepDeliveries())
            await journey.until(journey.idle, "the sweep does not end")
        assert [e.path.rpartition("/")[2] for e in journey.requests.writes] == ["attempts"]
        released.set()
        await github.hooks.settled()
    github.send_events_to(door, secret)
    await journey.sweep()
    assert await journey.verdict(pull) == "success", "that attempt failed too: it is another one"


# events


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param("late", marks=pytest.mark.long),
        "reordered",
        pytest.param("doubled", marks=pytest.mark.long),
        "all late and doubled",
    ],
)
@pytest.mark.slow
async def test_events_come_as_they_like_and_the_outcome_is_the_same(journey: Journey, trouble: str):
    events = journey.github.hooks.faults
    match trouble:
        case "late":
            events.late("pull_request.opened", seconds=1.5)
            events.late("pull_request.synchronize", seconds=0.7, times=2)
        case "reordered":
            events.reorder("pull_request*", together=9)
        case "doubled":
            events.double(times=None)
        case "all late and doubled":
            events.double("pull_request*", times=5)
            events.late(seconds=0.5, times=None)
    pull = played(journey)
    assert await final_state(journey, pull) == FINAL


async def test_dropped_events_are_fetched_by_the_sweep(journey: Journey):
    journey.github.hooks.faults.drop("pull_request*", times=None)
    pull = played(journey)
    await journey.rest()
    journey.github.hooks.faults.clear()
    await journey.sweep()
    assert await final_state(journey, pull) == FINAL


# GitHub's repositories and installations


async def test_the_app_is_uninstalled_midway_and_falls_quiet(idle_journey: Journey):
    journey, github = idle_journey, idle_journey.github
    repository = journey.shop()
    pull = github.open_pull(repository, "Add search")
    async with journey.working():
        assert await journey.verdict(pull) == "failure"
    github.edit_pull(pull, title="feat: add search")  # nobody has looked at it yet
    await github.hooks.settled()
    github.uninstall(github.installation_of(github.app, repository))
    journey.requests.seen.clear()
    async with journey.working():
        await journey.rest()
    assert [e for e in journey.requests.writes if not e.path.endswith("/attempts")] == []
    assert journey.check_of(pull).conclusion == "failure", "as it was left"
    assert await nothing_dead(journey)


async def test_the_app_is_suspended_and_comes_back(journey: Journey):
    github = journey.github
    pull = github.open_pull(journey.shop(), "Add search")
    assert await journey.verdict(pull) == "failure"
    installation = github.installation_of(github.app, pull.repository)
    github.suspend(installation)
    github.edit_pull(pull, title="feat: add search")
    await journey.rest()
    assert journey.check_of(pull).conclusion == "failure"
    assert await nothing_dead(journey)
    github.unsuspend(installation)
    assert await journey.verdict(pull) == "success"


@pytest.mark.parametrize("name", ["store", "acme/shop"], ids=["renamed", "transferred"])
@pytest.mark.slow
async def test_a_repository_moves_midway_and_the_right_one_is_written_on(
    idle_journey: Journey, name: str
):
    journey, github = idle_journey, idle_journey.github
    repository = journey.shop()
    pull = github.open_pull(repository, "Add search")
    async with journey.working():
        assert await journey.verdict(pull) == "failure"
    github.edit_pull(pull, title="feat: add search")
    await github.hooks.settled()  # its payload has the old name
    if name == "acme/shop":
        github.install(github.app, github.organization("acme"))
    github.rename(repository, name)
    # another takes the old name, and has a pull request of that number: nobody has told us yet
    github.hooks.faults.drop("*", times=None)
    impostor = github.create_repository("octo/shop", **SQUASH_WITH_TITLE)
    theirs = github.open_pull(impostor, "Another one")
    await github.hooks.settled()
    github.hooks.faults.clear()
    async with journey.working():
        github.edit_pull(pull, body="An event under the new name.")
        assert await journey.verdict(pull) == "success"
        assert journey.check_of(theirs) is None
        assert journey.comments_of(theirs) == []
        github.edit_pull(theirs, body="Now we are told.")
        assert await journey.verdict(theirs) == "failure"
    assert len(journey.comments_of(pull)) == 1
    assert len(journey.comments_of(theirs)) == 1
    evaluation = await journey.bot.store.fetch_evaluation(
        repository.owner.login, repository.name, pull.number
    )
    assert evaluation.repo.id == repository.id
    assert await nothing_dead(journey)


@pytest.mark.slow
async def test_work_waits_at_most_as_long_as_github_keeps_deliveries():
    assert wait_for_hub(None, timedelta(days=2)) == timedelta(minutes=5)
    assert wait_for_hub(timedelta(seconds=40), timedelta()) == timedelta(seconds=40)
    assert wait_for_hub(None, timedelta(days=4)) is None
