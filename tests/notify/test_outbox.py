"""News on its way: stored once for each channel, told by jobs, however often something fails."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest
from notify_kit import NOTICE, ROUTING_KEY, judge_pagerduty, judge_slack, served

from bot.adapters.notify.pagerduty import PagerDuty
from bot.adapters.notify.slack import Slack
from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.outbox import PostgresOutbox
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.postgres.worker import run_worker
from bot.core.work.notices import DeliverNotice
from bot.ports import JobInfo, JobStatus, RetryLater
from bot.ports.operations import NotDelivered, Notice


class Sent:
    """A channel that notes what it was sent. ``fails`` is raised first, one after another."""

    def __init__(self, *fails: Exception) -> None:
        self.fails = list(fails)
        self.notices: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.notices.append(notice)


async def work_until(
    url: str, store: PostgresStore, outbox: PostgresOutbox, *, max_attempts: int = 12
) -> None:
    """Until no job waits or runs."""

    async def deliver(work: DeliverNotice, job: JobInfo) -> None:
        await outbox.deliver(work.notice_id)

    worker = asyncio.create_task(
        run_worker(url, {DeliverNotice.kind: deliver}, recurring=[], max_attempts=max_attempts)
    )
    try:
        async with asyncio.timeout(20):
            while True:
                health = await store.queue_health()
                if not health.waiting and not health.running:
                    break
                await asyncio.sleep(0.02)
    finally:
        worker.cancel()
        await asyncio.wait([worker])


async def rows(url: str, query: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(
        connection_string(url), autocommit=True
    ) as connection:
        cursor = await connection.execute(query)  # type: ignore[arg-type]
        return await cursor.fetchall() if cursor.description else []


async def test_notice_is_told_once_to_each_channel(database_url: str, store: PostgresStore) -> None:
    async with (
        served(judge_slack) as slack,
        served(judge_pagerduty) as pagerduty,
        httpx.AsyncClient() as http,
    ):
        outbox = PostgresOutbox(
            store.pool,
            {
                "slack": Slack(http, slack.url),
                "pagerduty": PagerDuty(http, ROUTING_KEY, url=pagerduty.url),
            },
        )
        await asyncio.gather(*(outbox.post(NOTICE) for _ in range(5)))
        await work_until(database_url, store, outbox)
        assert len(slack.taken) == len(pagerduty.taken) == 1
        await outbox.post(replace(NOTICE, text="again"))
        await work_until(database_url, store, outbox)
        for (notice_id,) in await rows(database_url, "SELECT id FROM notices"):
            await outbox.deliver(notice_id)  # type: ignore[arg-type]
    assert len(slack.taken) == len(pagerduty.taken) == 1


async def test_channel_that_fails_holds_up_no_other(
    database_url: str, store: PostgresStore
) -> None:
    broken = Sent(*(NotDelivered("Slack answered 404: no_service") for _ in range(99)))
    well = Sent()
    outbox = PostgresOutbox(store.pool, {"broken": broken, "well": well})
    await outbox.post(NOTICE)
    await work_until(database_url, store, outbox, max_attempts=1)
    assert well.notices == [NOTICE]
    (dead,) = await store.fetch_jobs(JobStatus.DEAD)
    assert dead.kind == "deliver_notice"
    assert "no_service" in dead.error
    broken.fails.clear()
    assert await store.retry_job(dead.id)
    await work_until(database_url, store, outbox)
    assert broken.notices == [NOTICE]
    assert len(well.notices) == 1


async def test_failure_is_tried_again(database_url: str, store: PostgresStore) -> None:
    slack = Sent(NotDelivered("once"), RetryLater(timedelta(milliseconds=20)))
    outbox = PostgresOutbox(store.pool, {"slack": slack})
    await outbox.post(NOTICE)
    await work_until(database_url, store, outbox)
    assert slack.notices == [NOTICE]


async def test_an_incident_is_ended_after_it_was_opened_and_not_once_it_was_opened_anew(
    database_url: str, store: PostgresStore
) -> None:
    """PagerDuty is away for a while, and what waited is tried again in any order."""
    pagerduty = Sent()
    outbox = PostgresOutbox(store.pool, {"pagerduty": pagerduty})
    burns, other = (replace(NOTICE, key=key, incident=f"slo:{key}") for key in ("burns", "other"))
    over = replace(burns, key="over", severity="info", resolves=True)
    again = replace(burns, key="again", environment="")
    elsewhere = replace(over, key="elsewhere", repository="octo/api")
    await outbox.post(burns)
    await outbox.post(other, over, elsewhere)
    found = await rows(database_url, "SELECT key, id FROM notices")
    ids = {str(key): int(str(id_)) for key, id_ in found}
    await outbox.deliver(ids["elsewhere"])
    with pytest.raises(RetryLater, match="still to be told"):
        await outbox.deliver(ids["over"])
    await outbox.deliver(ids["burns"])
    await outbox.deliver(ids["over"])
    assert pagerduty.notices == [elsewhere, burns, over]
    await rows(database_url, f"UPDATE notices SET delivered_at = NULL WHERE id = {ids['over']}")
    await outbox.post(again)
    await outbox.deliver(max(ids.values()) + 1)
    await outbox.deliver(ids["over"])
    assert pagerduty.notices[3:] == [again]
    # What was never taken in an hour holds nothing up.
    last = replace(other, key="last", severity="info", resolves=True)
    await outbox.post(last)
    past = "UPDATE notices SET posted_at = posted_at - interval '61 min' WHERE key = 'other'"
    await rows(database_url, past)
    await outbox.deliver(max(ids.values()) + 2)
    assert pagerduty.notices[4:] == [last]
    await outbox.deliver(ids["other"])
    assert pagerduty.notices[5:] == [], "who tries that again opens what nobody would end"


async def test_notice_survives_a_crash_before_it_was_noted(
    database_url: str, store: PostgresStore
) -> None:
    """Told, and killed before that was written down: it is told once more, and never lost."""
    slack = Sent()
    outbox = PostgresOutbox(store.pool, {"slack": slack})
    await outbox.post(NOTICE)
    ((notice_id,),) = await rows(database_url, "SELECT id FROM notices")
    await outbox.deliver(notice_id)  # type: ignore[arg-type]
    await rows(database_url, "UPDATE notices SET delivered_at = NULL")
    await work_until(database_url, store, outbox)
    assert slack.notices == [NOTICE, NOTICE]
    await outbox.deliver(notice_id)  # type: ignore[arg-type]
    assert len(slack.notices) == 2


async def test_notice_without_its_job_is_not_stored(
    database_url: str, store: PostgresStore
) -> None:
    outbox = PostgresOutbox(store.pool, {"slack": Sent()})
    await rows(database_url, "ALTER TABLE procrastinate_jobs ADD CHECK (false) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        await outbox.post(NOTICE)
    assert await rows(database_url, "SELECT 1 FROM notices") == []


async def test_channel_that_is_configured_no_longer_is_passed_over(
    database_url: str, store: PostgresStore
) -> None:
    await PostgresOutbox(store.pool, {"slack": Sent()}).post(NOTICE)
    pagerduty = Sent()
    outbox = PostgresOutbox(store.pool, {"pagerduty": pagerduty})
    await work_until(database_url, store, outbox)
    assert pagerduty.notices == []
    assert await store.fetch_jobs(JobStatus.DEAD) == []


async def test_many_at_once_are_all_stored(database_url: str, store: PostgresStore) -> None:
    outbox = PostgresOutbox(store.pool, {"slack": Sent(), "pagerduty": Sent()})
    await outbox.post(*(replace(NOTICE, key=f"{number}") for number in range(201)))
    (notices,) = await rows(database_url, "SELECT count(*), count(DISTINCT key) FROM notices")
    assert notices == (402, 201)
    (jobs,) = await rows(database_url, "SELECT count(*) FROM procrastinate_jobs")
    assert jobs == (402,)


async def test_without_channels_nothing_is_stored(database_url: str, store: PostgresStore) -> None:
    await PostgresOutbox(store.pool, {}).post(NOTICE)
    assert await rows(database_url, "SELECT 1 FROM notices") == []
    assert await store.fetch_jobs() == []


async def test_no_secret_is_kept(database_url: str, store: PostgresStore) -> None:
    slack = Sent()
    outbox = PostgresOutbox(store.pool, {"slack": slack})
    await outbox.post(replace(NOTICE, text="it said\0 ghp_" + "a" * 36))
    await work_until(database_url, store, outbox)
    assert slack.notices[0].text == "it said [redacted]"


async def test_old_news_is_pruned(database_url: str, store: PostgresStore) -> None:
    outbox = PostgresOutbox(store.pool, {"slack": Sent()})
    await outbox.post(NOTICE)
    await outbox.post(replace(NOTICE, key="other"))
    await rows(
        database_url,
        "UPDATE notices SET posted_at = now() - interval '91 days' WHERE key = 'other'",
    )
    await store.prune(older_than=timedelta(days=1))
    assert await rows(database_url, "SELECT key FROM notices") == [(NOTICE.key,)]
