"""What is promoted is watched: it is healthy, or is taken back, or nobody can tell."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from journey import Heard
from kitchen import CONTRACT, FOLDER
from notify_kit import ROUTING_KEY, Channel, judge_pagerduty, served
from production import DOMAIN, POLICY, Production, opened_production
from shop_slos import AVAILABILITY, latency, probed

from bot.adapters.notify.pagerduty import PagerDuty
from bot.adapters.postgres.outbox import PostgresOutbox
from bot.adapters.postgres.worker import run_worker
from bot.core.hosting import Origin
from bot.core.operations.machine import Kind, State, begin, plan_operation
from bot.core.policy import POLICY_PATH
from bot.core.render.operation_markers import operation_marker
from bot.core.slo.probes import Outcome, Probe, ProbeAnswer
from bot.core.slo.watching import Watch, WatchState
from bot.core.work.schemas import SweepSchemas
from bot.core.work.watches import AdvanceWatch
from bot.engine import observe
from bot.ports.operations import Notice
from bot.ports.watches import WatchStore
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull
from bot.settings import Secret

SLO_FILE = probed('url: "URL", interval: 1h') + AVAILABILITY + latency("value: 10000")
ELSEWHERE = re.sub(
    "name: (availability|latency)",
    r"name: \1, annotations: {lockgate/environments: staging}",
    SLO_FILE,
)
PROBE = "shop"
EVERY = timedelta(seconds=15)
FINE, DOWN = ProbeAnswer(Outcome.OK, 80, 200), ProbeAnswer(Outcome.STATUS, 20, 500)


def policy(watch: str = "{}") -> str:
    return POLICY + f"    slo: {{watch: {watch}}}\n"


class Later:
    """The clock of this machine, put forward."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Watched:
    """A shop whose production domain is probed, and whose promotions are watched. Looks are taken
    when the test says so, each 15 seconds later than the one before."""

    def __init__(self, production: Production, clock: Later, pagerduty: Channel) -> None:
        self.production = production
        self.pagerduty = pagerduty
        self.journey = production.journey
        self.clock = clock
        self.good: Pull | None = None

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker that does nothing unasked: it looks when it is told to."""
        bot = self.journey.bot
        worker = asyncio.create_task(
            run_worker(bot.database, bot.engine.handlers(), concurrency=8, recurring=())
        )
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    def write(self, policy: str, slo: str = SLO_FILE) -> None:
        production = self.production
        texts = {
            POLICY_PATH: policy,
            "slo/shop.yml": slo.replace("URL", production.vercel.site(DOMAIN)),
        }
        spec = CommitSpec("chore: watch it", texts)
        production.github.push(production.repository, "main", spec)

    async def promoted(self, title: str, *, broken: bool = False, by: str = "ada") -> Pull:
        """A build that is live, and was looked at once."""
        production = self.production
        pull = production.merged(title)
        await production.github.hooks.settled()
        production.build_of(pull).broken = broken
        production.comment(pull, "/promote", by=by)

        async def looked_at() -> bool:
            found = await self.watch_of(pull)
            return found is not None and found.revision > 0

        await self.journey.until(looked_at, "no watch begins", 20)
        return pull

    async def found(
        self,
        answer: ProbeAnswer,
        times: int,
        since: datetime,
        after: timedelta = timedelta(seconds=1),
    ) -> None:
        """What the probe found already, so long ``after`` each other."""
        slos = self.production.journey.bot.engine.probing.slos
        repository = self.production.repository.id
        probe = Probe(PROBE, self.production.vercel.site(DOMAIN), timedelta(hours=1))
        await slos.want_probes(repository, [probe])
        (due,) = await slos.find_probes(repository, [PROBE])
        for number in range(times):
            at = since + after * number
            await slos.record_probes([(replace(due, at=at), answer)])

    async def was_fine(self) -> None:
        await self.found(FINE, 60, self.clock.now() - timedelta(minutes=30))

    def cut_the_domain(self) -> None:
        """Its page gives no answer. Which build is live can still be asked."""
        self.production.vercel.faults.cut(f"GET //{DOMAIN}/", times=None)

    async def good_build(self) -> None:
        """One is live that is watched no longer, and was fine for long."""
        await self.was_fine()
        self.good = await self.promoted("feat: add search")
        await self.production.say(self.good, "/watch cancel")

    async def watch_of(self, pull: Pull) -> Watch | None:
        sha = pull.merge_commit_sha
        promoted = [
            one
            for one in await self.production.operations()
            if one.plan.build.sha == sha and one.plan.kind is Kind.PROMOTE
        ]
        return await self.store.fetch_watch_of(promoted[0].id) if promoted else None

    @property
    def store(self) -> WatchStore:
        return self.journey.bot.engine.shipping.watch_store

    async def look(self, pull: Pull, later: timedelta = EVERY) -> Watch:
        """Once more, and what stands then."""
        self.clock.ahead += later
        before = await self.watch_of(pull)
        assert before is not None
        await self.journey.bot.store.enqueue(AdvanceWatch(before.id))

        async def looked() -> bool:
            found = await self.watch_of(pull)
            going = found is not None and found.state is WatchState.WATCHING
            return found is not None and (
                found.concluded or (going and found.revision > before.revision)
            )

        await self.journey.until(looked, "nobody looks", 20)
        found = await self.watch_of(pull)
        assert found is not None
        return found

    async def told(self, pull: Pull) -> str:
        """The comment on its promotion, once all was said."""
        await self.journey.rest()
        found = [one for one in await self.production.operations() if one.plan.kind is Kind.PROMOTE]
        number = next(one.id for one in found if one.plan.build.sha == pull.merge_commit_sha)
        comments = self.journey.comments_of(pull)
        return next(one.body for one in comments if one.body.startswith(operation_marker(number)))

    async def said(self, pull: Pull, words: str) -> None:
        """Wait until the comment on the promotion says so, while it is watched still."""
        await self.journey.until(
            lambda: any(words in one.body for one in self.journey.comments_of(pull)),
            f"no comment says {words!r}",
            20,
        )

    async def answered(self, pull: Pull, words: str) -> str:
        """What is answered to a command, while the watch goes on."""
        comment = self.production.comment(pull, words)
        await self.journey.until(
            lambda: bool(self.production.answer_to(pull, comment)), f"no answer to {words}", 20
        )
        return self.production.answer_to(pull, comment)

    async def audited(self, pull: Pull) -> list[tuple[str, object]]:
        """What the log has on the watch: what became of it, oldest first."""
        found = await self.journey.bot.audit.fetch_entries(
            kind="watch", build_sha=pull.merge_commit_sha
        )
        entries = [one.entry for one in reversed(found)]
        return [(one.subject.split()[-1], one.detail.get("state")) for one in entries]


@asynccontextmanager
async def watched_shop(
    database_url: str, home: Path, notices: list[Notice], **changes: object
) -> AsyncIterator[Watched]:
    """No worker runs. ``changes`` are to the settings."""
    async with (
        opened_production(
            database_url, home, policy(), probe_hosts=frozenset({"127.0.0.1"}), **changes
        ) as production,
        served(judge_pagerduty) as pagerduty,
        httpx.AsyncClient() as http,
    ):
        clock, bot = Later(), production.journey.bot
        channels = {
            "slack": Heard(notices),
            "pagerduty": PagerDuty(http, ROUTING_KEY, url=pagerduty.url),
        }
        outbox = PostgresOutbox(bot.store.pool, channels)
        shipping = replace(bot.engine.shipping, clock=clock, outbox=outbox)
        production.journey.bot = replace(bot, engine=replace(bot.engine, shipping=shipping))
        production.vercel.clock = clock.now
        watched = Watched(production, clock, pagerduty)
        watched.write(policy())
        yield watched


@pytest.fixture
def notices() -> list[Notice]:
    return []


@pytest.fixture
async def shop(database_url: str, tmp_path: Path, notices: list[Notice]) -> AsyncIterator[Watched]:
    """With a good build, whose watch was ended, and a probe that was fine for long."""
    async with watched_shop(database_url, tmp_path, notices) as watched, watched.working():
        await watched.good_build()
        notices.clear()
        watched.pagerduty.taken.clear()
        yield watched


async def test_a_good_build_is_healthy(shop: Watched, notices: list[Notice]):
    pull = await shop.promoted("feat: sort by price")
    await shop.said(pull, "**Watching for 15 minutes**, until ")
    for _ in range(6):
        assert (await shop.look(pull)).state is WatchState.WATCHING
    operation = (await shop.watch_of(pull)).operation_id
    status = await shop.answered(pull, "/status")
    assert "- Production is watched until " in status
    assert f"/operations/{operation}): " in status
    assert "error ratio 0 % so far (before: 0 %)" in status
    slos = shop.journey.bot.engine.probing.slos
    assert "slo/shop.yml" in await slos.fetch_defined(shop.production.repository.id)
    watch = await shop.look(pull, timedelta(minutes=15))
    assert watch.state is WatchState.HEALTHY
    told = await shop.told(pull)
    assert "**Healthy:** error ratio 0 % (before: 0 %), p95 " in told
    assert "| ✅ healthy | `latency` |" in told
    assert await shop.production.served() == pull.merge_commit_sha
    assert await shop.audited(pull) == [("begun", None), ("decided", "healthy")]
    assert [one for one in notices if "worse" in one.title] == []


async def test_a_bad_build_is_taken_back(shop: Watched, notices: list[Notice]):
    pull = await shop.promoted("feat: break the shop", broken=True)
    watch = await shop.watch_of(pull)
    while watch.state is WatchState.WATCHING:
        watch = await shop.look(pull)
    assert watch.took <= timedelta(seconds=75)
    told = await shop.told(pull)
    assert await shop.production.served() == shop.good.merge_commit_sha
    after = re.search(r"\*\*Rolled back after (\d+) s:\*\* (.*)\n", told)
    assert after, told
    assert "error ratio 100 % over " in after[2]
    assert "against 0 % before" in after[2]
    assert "@mona, this is about your pull request." in told
    assert "**Was live: " in told
    rollback = await shop.production.newest()
    assert (rollback.plan.kind, rollback.state) == (Kind.ROLLBACK, State.SUCCEEDED)
    assert rollback.actor.login == "lockgate"
    said = next(c.body for c in shop.journey.comments_of(pull) if "**Rolled back: " in c.body)
    assert "Done by itself, because the watch over operation " in said
    assert await shop.audited(pull) == [("begun", None), ("decided", "worse")]
    (ending,) = [
        one.entry.detail for one in await shop.journey.bot.audit.fetch_entries(kind="rollback")
    ]
    assert "the watch over operation" in ending["cause"]
    news = [one for one in notices if "is worse: it is rolled back" in one.title]
    assert [(one.severity, one.environment) for one in news] == [("critical", "production")]
    # Somebody is called, and what they were called for is over when the old build is back.
    # The promotion before, which went well, had resolved whatever there was.
    _, called, over = shop.pagerduty.taken
    assert (called["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert called["dedup_key"] == over["dedup_key"]
    assert called["payload"]["summary"] == news[0].title
    assert called["client_url"] == news[0].url
    # What it did is no part of what was before the next one.
    again = await shop.promoted("fix: mend it, or so they thought", broken=True)
    watch = await shop.look(again)
    assert len(watch.apart) == 1
    assert {one.before for one in watch.judged} == {0.0}


@pytest.mark.slow
async def test_the_bots_own_network_takes_nothing_back(shop: Watched):
    """All of its probes fail while it reaches nothing at all."""
    pull = await shop.promoted("feat: sort by price")
    shop.cut_the_domain()
    shop.production.github.faults.cut("*", times=None)
    for _ in range(8):
        assert (await shop.look(pull)).state is WatchState.WATCHING
    shop.production.github.faults.clear()
    shop.production.vercel.faults.clear()
    for _ in range(4):
        await shop.look(pull)
    watch = await shop.look(pull, timedelta(minutes=15))
    assert (watch.state, watch.left_out) == (WatchState.HEALTHY, 8)
    told = await shop.told(pull)
    assert "**Healthy:** error ratio 0 %" in told
    assert "8 looks count as nothing: neither a probe nor GitHub gave the bot any answer" in told
    assert await shop.production.served() == pull.merge_commit_sha


@pytest.mark.slow
async def test_a_domain_that_gives_no_answer_is_an_outage_while_github_answers(shop: Watched):
    pull = await shop.promoted("feat: break the shop")
    shop.cut_the_domain()
    watch = await shop.watch_of(pull)
    while watch.state is WatchState.WATCHING:
        watch = await shop.look(pull)
    assert (watch.state, watch.left_out) == (WatchState.WORSE, 0)
    assert "**Rolled back after " in await shop.told(pull)
    assert await shop.production.served() == shop.good.merge_commit_sha


@pytest.mark.slow
async def test_by_policy_people_are_told_alone(shop: Watched, notices: list[Notice]):
    shop.write(policy("{on_fail: notify, compare: budget}"))
    pull = await shop.promoted("feat: break the shop", broken=True)
    watch = await shop.watch_of(pull)
    while watch.state is WatchState.WATCHING:
        watch = await shop.look(pull)
    told = await shop.told(pull)
    assert "**It is worse:** " in told
    assert "By the policy it stays until somebody types `/rollback production`." in told
    assert "@mona" in told
    assert await shop.production.served() == pull.merge_commit_sha
    assert [one.title for one in notices if "worse" in one.title] == [
        f"{pull.merge_commit_sha[:7]} on octo/shop production is worse than what was before"
    ]


@pytest.mark.slow
async def test_the_watch_is_ended_by_a_word(shop: Watched):
    pull = await shop.promoted("feat: break the shop", broken=True)
    answer = await shop.production.say(pull, "/watch cancel")
    assert "is watched no longer" in answer
    assert "**The watch was ended** before it could tell. Ada ended it." in await shop.told(pull)
    assert await shop.production.served() == pull.merge_commit_sha
    assert await shop.audited(pull) == [("begun", None), ("decided", "ended")]
    assert "Nothing is watched there." in await shop.production.say(pull, "/watch cancel")


@pytest.mark.slow
async def test_a_person_s_rollback_ends_it(shop: Watched):
    pull = await shop.promoted("feat: break the shop", broken=True)
    assert "Rolled back" in await shop.production.say(pull, "/rollback")
    assert await shop.production.served() == shop.good.merge_commit_sha
    told = await shop.told(pull)
    assert "**The watch was ended** before it could tell. Ada asked for the rollback to " in told
    kinds = [one.plan.kind for one in await shop.production.operations()]
    assert kinds.count(Kind.ROLLBACK) == 1


@pytest.mark.slow
async def test_a_promotion_that_goes_live_ends_it_and_is_watched_itself(shop: Watched):
    bad = await shop.promoted("feat: break the shop", broken=True)
    mended = await shop.promoted("fix: mend the shop")
    watch = await shop.look(bad, timedelta(0))
    assert watch.state is WatchState.ENDED
    assert "ada asked for the promotion to " in watch.ended_by
    assert (await shop.look(mended)).state is WatchState.WATCHING
    await shop.production.say(mended, "/watch cancel")
    assert await shop.production.served() == mended.merge_commit_sha


@pytest.mark.slow
async def test_what_looked_worse_when_it_was_replaced_is_not_put_back(shop: Watched):
    """A hurried mend of a bad build, which is as bad: neither is left live."""
    await shop.promoted("feat: break the shop", broken=True)
    hurried = await shop.promoted("fix: mend it, or so they thought", broken=True)
    watch = await shop.watch_of(hurried)
    while watch.state is WatchState.WATCHING:
        watch = await shop.look(hurried)
    assert watch.state is WatchState.WORSE
    assert {one.before for one in watch.judged} == {0.0}, "the bad build is no part of before"
    called = shop.good.merge_commit_sha[:7]
    assert f"`{called}` is live again" in await shop.told(hurried)
    assert await shop.production.served() == shop.good.merge_commit_sha


@pytest.mark.slow
async def test_what_somebody_moves_past_the_bot_ends_it(
    shop: Watched, monkeypatch: pytest.MonkeyPatch
):
    soon = timedelta(milliseconds=50)
    monkeypatch.setattr(observe, "AGAIN_AFTER", soon)
    monkeypatch.setattr(observe, "_SHORTEST_LOOK", soon)
    production = shop.production
    pull = await shop.promoted("feat: break the shop", broken=True)
    mended = production.merged("fix: mend the shop")
    await production.github.hooks.settled()
    production.hear_vercel()
    production.vercel.promote(production.project, production.build_of(mended))

    async def noticed() -> bool:
        return (await production.ledger())[0].origin is Origin.OUTSIDE

    await shop.journey.until(noticed, "nobody notices the move", 20)
    watch = await shop.look(pull)
    assert watch.state is WatchState.ENDED
    assert watch.ended_by == f"production serves {mended.merge_commit_sha[:7]} by now."
    assert "**The watch was ended** before it could tell. " in await shop.told(pull)
    assert await production.served() == mended.merge_commit_sha
    assert (await production.newest()).id == watch.operation_id, "nothing was asked for since"
    assert await shop.audited(pull) == [("begun", None), ("decided", "ended")]


@pytest.mark.slow
async def test_a_build_that_a_contract_took_its_columns_from_is_not_put_back(
    database_url: str, empty_database_url: str, tmp_path: Path, notices: list[Notice]
):
    """It was live right before. Another tool applied the contract, so that nobody asked."""
    databases = {"production": Secret(empty_database_url)}
    async with (
        watched_shop(database_url, tmp_path, notices, databases=databases) as shop,
        shop.working(),
    ):
        production = shop.production
        table = "CREATE TABLE recipes (id bigserial PRIMARY KEY, title text, titles text)"
        run(empty_database_url, table)
        await shop.was_fine()
        reading = await shop.promoted("feat: read titles")
        await production.say(reading, "/watch cancel")
        await production.say(reading, "/migrations")
        safe = await shop.promoted("feat: read no titles")
        await production.say(safe, "/watch cancel")
        said = await shop.answered(reading, "/promote")
        await production.until(State.SUCCEEDED, concluded=True)
        await production.say(reading, "/watch cancel")
        assert await production.served() == reading.merge_commit_sha, said
        drop = "ALTER TABLE recipes DROP COLUMN title;\n"
        text = f"-- requires-build: {safe.merge_commit_sha}\n{drop}"
        spec = CommitSpec("refactor: drop titles", {f"{FOLDER}/{CONTRACT}_drop.contract.sql": text})
        production.github.push(production.repository, "main", spec)
        bad = await shop.promoted("feat: break the shop", broken=True)
        notices.clear()
        run(
            empty_database_url,
            "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations"
            " (version text PRIMARY KEY, statements text[], name text);"
            " INSERT INTO supabase_migrations.schema_migrations"
            f" VALUES ('{CONTRACT}', '{{}}', 'drop'); {drop}",
        )
        await shop.journey.bot.store.enqueue(SweepSchemas())

        async def noticed() -> bool:
            return bool(await shop.journey.bot.audit.fetch_entries(kind="schema"))

        await shop.journey.until(noticed, "nobody notices what another tool applied", 20)
        watch = await shop.watch_of(bad)
        while watch.state is WatchState.WATCHING:
            watch = await shop.look(bad)
        nearest = f"/rollback {safe.merge_commit_sha[:7]}"
        told = await shop.told(bad)
        assert "> [!CAUTION]\n> ❌ **It is worse, and was not rolled back:** " in told
        assert "recipes.title" in told
        assert CONTRACT in told
        assert nearest in told
        assert (watch.back_to, watch.rollback_id) == (None, 0)
        assert await production.served() == bad.merge_commit_sha
        (news,) = [one for one in notices if "could not be rolled back" in one.title]
        assert (news.severity, nearest in news.text) == ("critical", True)
        assert (await production.newest()).id == watch.operation_id
        await production.say(bad, nearest)
        assert await production.served() == safe.merge_commit_sha


def run(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements)  # type: ignore[call-overload]


@pytest.mark.slow
async def test_a_promotion_that_is_refused_leaves_the_watch_as_it_is(shop: Watched):
    bad = await shop.promoted("feat: break the shop", broken=True)
    red = shop.production.merged("fix: mend the shop")
    shop.production.green(red, "failure")
    shop.production.comment(red, "/promote")
    await shop.journey.until(
        lambda: any("refused" in one.body for one in shop.journey.comments_of(red)), "no refusal"
    )
    watch = await shop.watch_of(bad)
    while watch.state is WatchState.WATCHING:
        watch = await shop.look(bad)
    assert "**Rolled back after " in await shop.told(bad)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "slo", "expected"),
    [
        (policy(), SLO_FILE, "are too few to tell"),
        (policy(), ELSEWHERE, "no file in slo/ defines an objective for production"),
        (policy(), SLO_FILE.replace("0.99", "1"), "slo/shop.yml, line "),
    ],
)
async def test_who_sees_too_little_says_so(shop: Watched, written: str, slo: str, expected: str):
    shop.write(written, slo)
    pull = await shop.promoted("feat: sort by price")
    watch = await shop.look(pull, timedelta(hours=1))
    assert watch.state is WatchState.UNKNOWN
    told = await shop.told(pull)
    assert "**Too little was seen to tell** whether it is any good: " in told
    assert expected in told.replace("`", "").replace("\\", "")
    assert "ealthy:" not in told
    assert await shop.production.served() == pull.merge_commit_sha


@pytest.mark.slow
async def test_an_outage_of_the_bot_decides_on_what_was_recorded(shop: Watched):
    pull = await shop.promoted("feat: break the shop", broken=True)
    await shop.found(DOWN, 10, (await shop.watch_of(pull)).begun + timedelta(seconds=5))
    watch = await shop.look(pull, timedelta(hours=3))
    assert watch.state is WatchState.WORSE
    assert "**Rolled back after " in await shop.told(pull)


@pytest.mark.slow
async def test_the_first_build_has_nothing_to_go_back_to(
    database_url: str, tmp_path: Path, notices: list[Notice]
):
    async with watched_shop(database_url, tmp_path, notices) as shop, shop.working():
        pull = await shop.promoted("feat: open the shop", broken=True)
        watch = await shop.watch_of(pull)
        while watch.state is WatchState.WATCHING:
            watch = await shop.look(pull)
        told = await shop.told(pull)
        assert "> [!CAUTION]\n> ❌ **It is worse, and was not rolled back:** " in told
        assert "No other build was seen to work on production, by the ledger." in told
        assert any("could not be rolled back" in one.title for one in notices)


@pytest.mark.slow
async def test_what_is_not_live_any_more_is_not_taken_back(shop: Watched):
    """As where somebody was faster between the decision and the lock."""
    first = await shop.promoted("feat: sort by price")
    operation = await shop.production.newest()
    await shop.promoted("feat: sort by name")
    newest = await shop.production.newest()
    await shop.production.say(first, "/watch cancel")
    plan = operation.plan
    back = plan_operation(
        Kind.ROLLBACK, plan.environment, plan.target, plan.replaces, replaces=plan.build
    )
    rollback = begin(
        replace(operation, plan=back, comment_id=-operation.id, cause="it was worse", version=0)
    )
    rollback = replace(rollback, state=State.RUNNING, concluded=False, follows=operation.id)
    rollback, _ = await shop.journey.bot.operations.add_operation(rollback)
    await shop.journey.rest()
    found = await shop.journey.bot.operations.fetch_operation(rollback.id)
    assert (found.state, found.outcome) == (
        State.SUPERSEDED,
        "production serves something else by now",
    )
    assert await shop.production.served() == newest.plan.build.sha
    await shop.production.nothing_left()
