"""Many deliveries at once, and several processes on one database."""

import asyncio
import hashlib
import hmac
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from journey import SECRET, SQUASH_WITH_TITLE, Journey
from processes import environment, logged, running

from bot.ports import Delivery as StoredDelivery
from bot.sandbox.model import Delivery
from bot.sandbox.server import Sandbox


def pull_delivery(journey: Journey) -> Delivery:
    attempts = journey.github.hooks.deliveries.values()
    return next(attempt for attempt in attempts if attempt.event == "pull_request")


async def test_500_duplicates_at_once_have_one_effect(journey: Journey):
    github, repository = journey.github, journey.shop()
    await journey.rest()
    github.hooks.faults.drop("pull_request*")
    pull = github.open_pull(repository, "Add search")
    await journey.rest()
    assert journey.check_of(pull) is None
    body = pull_delivery(journey).body
    headers = {
        "content-type": "application/json",
        "x-github-event": "pull_request",
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": "sha256="
        + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    url = f"{journey.bot.settings.public_url}/webhooks/github"
    journey.requests.seen.clear()

    async def some() -> list[httpx.Response]:
        # each a client of its own: the time that httpx takes grows with the square of the crowd
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            posts = (http.post(url, content=body, headers=headers) for _ in range(20))
            return await asyncio.gather(*posts)

    answers = [
        answer for sent in await asyncio.gather(*(some() for _ in range(25))) for answer in sent
    ]
    assert await journey.verdict(pull) == "failure"
    assert Counter(answer.status_code for answer in answers) == {202: 500}
    assert journey.requests.kinds["write"] == 2, "one check and one comment"
    assert journey.requests.kinds["read"] == 1
    assert len(journey.comments_of(pull)) == 1
    stored = await journey.bot.store.fetch_recent_deliveries(limit=1000)
    assert [one.event for one in stored].count("pull_request") == 1


async def reconciles(journey: Journey) -> int:
    async with await psycopg.AsyncConnection.connect(journey.bot.database) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM lockgate.procrastinate_jobs"
            " WHERE task_name = 'reconcile_pull_request'"
        )
        return (await cursor.fetchone())[0]


@pytest.mark.slow
async def test_200_events_that_come_during_a_reconcile_are_answered_by_one_more(journey: Journey):
    github = journey.github
    pull = github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    before = await reconciles(journey)
    held = github.faults.hold("POST /graphql")
    github.edit_pull(pull, title="Add a search")
    await journey.until(lambda: held.hits, "nothing was asked")
    for number in range(199):
        github.edit_pull(pull, title=f"Add search {number}")
    github.edit_pull(pull, title="feat: add search")
    await github.hooks.settled()

    async def all_are_routed() -> bool:
        stored = await journey.bot.store.fetch_recent_deliveries(limit=1000)
        edits = [one for one in stored if (one.event, one.action) == ("pull_request", "edited")]
        return len(edits) == 201 and {one.outcome for one in edits} == {"routed"}

    await journey.until(all_are_routed, "some are not on record")
    held.released.set()
    assert await journey.verdict(pull) == "success"
    assert len(journey.comments_of(pull)) == 1
    assert await reconciles(journey) - before == 2
    assert len(github.checks_of(pull.repository, pull.head_sha)) == 1


# processes


@pytest.mark.slow
async def test_one_web_and_two_worker_processes_share_a_database(
    github: Sandbox, database_url: str, tmp_path: Path
):
    env = environment(tmp_path, github, DATABASE_URL=database_url)
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(running("serve", "--no-worker", env=env))
        workers = [await stack.enter_async_context(running("worker", env=env)) for _ in range(2)]
        address = (await logged(web, "serving"))["address"]
        github.send_events_to(f"{address}/webhooks/github", SECRET)
        for worker in workers:
            await logged(worker, "working")
        repository = github.create_repository("octo/shop", **SQUASH_WITH_TITLE)
        pulls = [github.open_pull(repository, f"Add part {number}") for number in range(30)]
        for pull in pulls:
            github.edit_pull(pull, title=f"feat: add part {pull.number}")

        def all_green() -> bool:
            runs = [github.latest_checks(repository, pull.head_sha) for pull in pulls]
            return all(found and found[0].conclusion == "success" for found in runs)

        async with asyncio.timeout(60):
            while not all_green():  # noqa: ASYNC110 (the sandbox tells nobody)
                await asyncio.sleep(0.02)
        await github.hooks.settled()
    for pull in pulls:
        assert len(github.checks_of(repository, pull.head_sha)) == 1
        assert len(github.comments_of(pull)) == 1
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute(
            "SELECT status::text, count(*) FROM lockgate.procrastinate_jobs GROUP BY status"
        )
        assert {status for status, _ in await cursor.fetchall()} <= {"succeeded", "todo"}


async def test_a_delivery_that_cannot_be_read_harms_none_of_those_stored_with_it(
    idle_journey: Journey,
):
    journey = idle_journey
    ping = {"event": "ping", "action": "", "installation_id": None, "repository_id": None}
    together = [
        StoredDelivery(str(uuid.uuid4()), **ping, repository="", payload=b"{}", routed=True)
        for _ in range(3)
    ]
    await journey.bot.store.add_deliveries(together)
    faulty = together[1].guid
    async with await psycopg.AsyncConnection.connect(journey.bot.database) as connection:
        await connection.execute(
            "UPDATE lockgate.deliveries SET payload = 'no zlib' WHERE guid = %s", [faulty]
        )

    async def outcomes() -> dict[str, str]:
        recent = await journey.bot.store.fetch_recent_deliveries()
        return {one.guid: one.outcome for one in recent}

    async def others_are_done() -> bool:
        found = await outcomes()
        return found.pop(faulty) == "waiting" and set(found.values()) == {"ignored"}

    async def tried_alone() -> bool:
        jobs = await journey.bot.store.fetch_jobs()
        return any(job.args == {"guids": [faulty]} and job.attempts for job in jobs)

    async with journey.working():
        await journey.until(others_are_done, "the others were held up")
        await journey.until(tried_alone, "the faulty one was not tried again by itself")
