"""Objectives that burn: who is told of it, how often, and with what."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import httpx
import pytest
from kitchen import (
    ADD_COLUMN,
    BACKFILLS,
    EXPAND,
    FILL,
    FILL_COLUMN,
    FOLDER,
    opened_kitchen,
)
from notify_kit import ROUTING_KEY, Channel, judge_pagerduty, judge_slack, served
from probed_api import DOWN, FINE, SLO_FILE
from production import POLICY, Production

from bot.adapters.notify.pagerduty import PagerDuty
from bot.adapters.notify.slack import Slack
from bot.adapters.postgres.outbox import PostgresOutbox
from bot.adapters.postgres.slos import PostgresSlos
from bot.core.policy import POLICY_PATH
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Alert, BudgetState, State, Window
from bot.core.slo.probes import DueProbe, Probe, ProbeAnswer
from bot.core.work.objectives import EvaluateObjectives
from bot.core.work.probes import SweepProbes
from bot.core.work.schemas import AdvanceSchemaRun
from bot.ports import JobStatus
from bot.sandbox.code import CommitSpec


class Later:
    """The clock of this machine, put forward."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Alerted:
    """A bot whose objectives are looked at when the test says so, and its two channels."""

    production: Production
    slack: Channel
    pagerduty: Channel
    clock: Later
    slos: PostgresSlos

    async def defined(self, slo: str = SLO_FILE, policy: str = POLICY) -> None:
        """The trunk has these files, and a worker has read them."""
        files = {POLICY_PATH: policy, "slo/api.yml": slo}
        repository = self.production.repository
        self.production.github.push(repository, "main", CommitSpec("chore: ask for it", files))
        await self.production.journey.rest()
        await self.production.journey.bot.store.enqueue(SweepProbes())
        await self.production.journey.rest()

    async def found(self, answer: ProbeAnswer, times: int, after: float = 1.0) -> None:
        """So many answers of the probe, the seconds ``after`` each other, until now."""
        probe = Probe("api-probe", "http://127.0.0.1:9/", timedelta(hours=1))
        now = self.clock.now()
        for number in range(times):
            at = now - timedelta(seconds=after) * (times - number - 1)
            due = DueProbe(1, self.production.repository.id, at, probe)
            await self.slos.record_probes([(due, answer)])

    async def look(self) -> None:
        """As a worker does once a minute."""
        repo = (await self.production.journey.bot.observations.fetch_places())[0].repo
        work = EvaluateObjectives(repo.installation_id, repo.id, repo.owner, repo.name)
        store = self.production.journey.bot.store
        await store.enqueue(work)

        async def looked() -> bool:
            jobs = await store.fetch_jobs(JobStatus.WAITING)
            jobs += await store.fetch_jobs(JobStatus.RUNNING)
            now = datetime.now(UTC)
            return not any(
                job.kind == work.kind and (job.due_at is None or job.due_at <= now) for job in jobs
            )

        # One that waits for its second of the minute is no unrest: this one is due.
        await self.production.journey.until(looked, "no worker has looked")
        await self.production.journey.rest()

    def told(self) -> list[str]:
        """What Slack was told since the last time."""
        texts = [message["text"] for message in self.slack.taken]
        self.slack.taken.clear()
        return texts


@pytest.fixture
async def alerted(idle_production: Production) -> AsyncIterator[Alerted]:
    production, clock = idle_production, Later()
    bot = production.journey.bot
    async with (
        served(judge_slack) as slack,
        served(judge_pagerduty) as pagerduty,
        httpx.AsyncClient() as http,
    ):
        channels = {
            "slack": Slack(http, slack.url),
            "pagerduty": PagerDuty(http, ROUTING_KEY, url=pagerduty.url),
        }
        outbox = PostgresOutbox(bot.store.pool, channels)
        shipping = replace(bot.engine.shipping, outbox=outbox, clock=clock)
        engine = replace(bot.engine, shipping=shipping)
        production.journey.bot = replace(bot, engine=engine)
        async with production.journey.working():
            await production.journey.rest()
            slos = PostgresSlos(bot.store.pool)
            yield Alerted(production, slack, pagerduty, clock, slos)


@pytest.mark.slow
async def test_an_endpoint_that_fails_is_told_once_and_so_is_its_recovery(alerted: Alerted):
    await alerted.defined()
    await alerted.production.live_build("feat: break the API")
    operation = await alerted.production.newest()
    alerted.told()
    alerted.pagerduty.taken.clear()
    await alerted.found(DOWN, 20)
    for _ in range(3):
        await alerted.look()
    burning = "octo/shop: API availability burns its error budget 20× too fast"
    # The page and the ticket of the same objective.
    (page, ticket) = sorted(alerted.slack.taken, key=lambda one: "pages" not in str(one))
    assert page["text"] == ticket["text"] == burning
    _, section, _, actions = page["attachments"][0]["blocks"]
    promoted = "Most likely caused by the promotion of"
    assert promoted in section["text"]["text"]
    public = alerted.production.journey.bot.settings.public_url
    objective = f"{public}/repos/octo/shop/slo/api-availability"
    assert [button["url"] for button in actions["elements"]] == [
        objective,
        f"{public}/operations/{operation.id}",
    ]
    (trigger,) = alerted.pagerduty.taken
    assert (trigger["event_action"], trigger["payload"]["summary"]) == ("trigger", burning)
    assert [link["href"] for link in trigger["links"]] == [
        objective,
        f"{public}/operations/{operation.id}",
    ]
    alerted.told()
    alerted.clock.ahead = timedelta(minutes=40)
    await alerted.found(FINE, 38, after=60)
    for _ in range(3):
        await alerted.look()
    assert "no longer burns its error budget too fast" in alerted.told()[0]
    _, resolve = alerted.pagerduty.taken
    assert resolve["event_action"] == "resolve"
    assert resolve["dedup_key"] == trigger["dedup_key"]


async def test_objectives_end_where_the_app_is_taken_off(alerted: Alerted):
    await alerted.defined()
    await alerted.found(DOWN, 20)
    await alerted.look()
    github, repository = alerted.production.github, alerted.production.repository
    assert [one.state.state for one in await alerted.slos.fetch_states([repository.id])] == [
        State.EXHAUSTED
    ]
    github.uninstall(github.installation_of(github.app, repository))
    await alerted.production.journey.bot.store.enqueue(SweepProbes())
    await alerted.production.journey.rest()
    assert await alerted.slos.fetch_defined(repository.id) == {}
    assert await alerted.slos.fetch_defining() == [repository.id], "what is kept is to be ended"
    await alerted.look()
    assert await alerted.slos.fetch_defining() == []
    trigger, *resolved = alerted.pagerduty.taken
    assert trigger["event_action"] == "trigger"
    assert {"resolve"} == {one["event_action"] for one in resolved}
    assert trigger["dedup_key"] in {one["dedup_key"] for one in resolved}


async def test_objectives_rest_while_the_app_is_suspended(alerted: Alerted):
    await alerted.defined()
    await alerted.found(DOWN, 20)
    await alerted.look()
    github, repository = alerted.production.github, alerted.production.repository
    kept = await alerted.slos.fetch_states([repository.id])
    installation = github.installation_of(github.app, repository)
    for change, evaluated in ((github.suspend, []), (github.unsuspend, [repository.id])):
        change(installation)
        await alerted.production.journey.bot.store.enqueue(SweepProbes())
        await alerted.production.journey.rest()
        assert await alerted.slos.fetch_evaluated() == evaluated
        assert await alerted.slos.fetch_states([repository.id]) == kept, "what was found stays"
    assert {one["event_action"] for one in alerted.pagerduty.taken} == {"trigger"}


@pytest.mark.slow
async def test_a_spent_budget_freezes_promotions_and_no_rollback(alerted: Alerted):
    production = alerted.production
    await alerted.defined(policy=POLICY + "    slo: {steps: default}\n")
    await alerted.found(FINE, 20)
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break the API")
    alerted.told()
    await alerted.found(DOWN, 20, after=0.01)
    await alerted.look()
    title = "octo/shop production: API availability is down to −900 % of its error budget"
    assert title in alerted.told()
    fix = production.merged("fix: mend the API")
    said = await production.say(fix, "/promote")
    assert "refused" in said
    assert "frozen by the error budget: API availability has −900 % of its 30-day budget" in said
    assert "budget returns about" in said
    assert "0 of 1 approval: one more than usual, since API availability has −900 %" in said
    assert await production.served() == bad.merge_commit_sha
    assert "Rolled back" in await production.say(bad, "/rollback")
    assert await production.served() == good.merge_commit_sha
    await production.say(fix, "/promote")  # an override counts for the newest operation alone
    for gate in ("freeze", "approvals"):
        await production.say(fix, f"/override {gate} it mends the API")
    assert await production.served() == fix.merge_commit_sha


def burning(repository_id: int, at: datetime, *, firing: bool) -> KeptState:
    hour, rate = timedelta(hours=1), Fraction(92, 10)
    alert = Alert("page", hour, hour / 12, Fraction(6), rate, rate, firing)
    stands = BudgetState(
        "api-availability", Fraction(99, 100), Window(30 * 24 * hour), 1, 1, None, Fraction(1, 2),
        {}, (alert,), State.BURNING if firing else State.OK, at,
    )  # fmt: skip
    return KeptState(repository_id, "API availability", ("production",), stands)


async def test_a_backfill_rests_while_an_objective_burns(
    database_url: str, empty_database_url: str, tmp_path: Path
):
    files = {
        f"{FOLDER}/{EXPAND}_title_norm.expand.sql": ADD_COLUMN,
        f"{BACKFILLS}/{FILL}_title_norm.sql": FILL_COLUMN,
    }
    left = "SELECT count(*) FROM recipes WHERE title_norm IS NULL"
    async with (
        opened_kitchen(database_url, empty_database_url, tmp_path) as kitchen,
        kitchen.production.journey.working(),
    ):
        journey, repository = kitchen.production.journey, kitchen.production.repository
        await journey.rest()
        slos = PostgresSlos(journey.bot.store.pool)
        now = datetime.now(UTC)
        await slos.save_states(repository.id, [burning(repository.id, now, firing=True)])
        pull = kitchen.merged("feat: search titles", files)
        kitchen.production.comment(pull, "/migrate")

        def says(words: str) -> bool:
            return any(words in comment.body for comment in journey.comments_of(pull))

        pauses = "pauses: SLO api-availability is burning 9.2×"
        await journey.until(lambda: says(pauses), "the run does not say that it pauses", 20)
        assert kitchen.rows(left) == [(2500,)]
        later = now + timedelta(seconds=1)
        await slos.save_states(repository.id, [burning(repository.id, later, firing=False)])
        (run_id,) = await journey.bot.schemas.fetch_open_runs()
        await journey.bot.store.enqueue(AdvanceSchemaRun(run_id))
        await journey.rest()
        assert kitchen.rows(left) == [(0,)]
        assert says("2,500 rows changed")
