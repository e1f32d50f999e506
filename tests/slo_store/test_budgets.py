"""The worker's evaluation of objectives: each repository by itself, nothing where nothing is."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import psycopg
import pytest

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.outbox import PostgresOutbox
from bot.adapters.postgres.repositories import PostgresRepositories
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.core.model import RepoRef, Sha
from bot.core.policy import Policy, parse_policy
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Counts, Indicator, Sample, SourceKind, State
from bot.core.work.notices import DeliverNotice
from bot.core.work.objectives import EvaluateObjectives, SweepObjectives
from bot.engine.alerting import Alerting
from bot.engine.budgets import SPREAD, Budgets
from bot.engine.links import Links
from bot.engine.objectives import Objectives
from bot.ports import JobStatus
from bot.ports.operations import Notice
from bot.ports.slo import Answered, Asked, KeptAlert, SourceError, SourceUnavailable

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
REPO = RepoRef(7, 42, "octo", "shop")
OTHER = RepoRef(7, 43, "octo", "other")


def objective(name: str) -> str:
    return f"""\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: {name}
  displayName: "{name.upper()}"
  annotations: {{lockgate/environments: production}}
spec:
  service: api
  indicator:
    metadata: {{name: {name}-good}}
    spec:
      ratioMetric:
        counter: false
        good: {{metricSource: {{metricSourceRef: p, spec: {{query: "a[{{{{.window}}}}]"}}}}}}
        total: {{metricSource: {{metricSourceRef: p, spec: {{query: "b[{{{{.window}}}}]"}}}}}}
  timeWindow: [{{duration: 30d, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{target: 0.99}}]
---
"""


SOURCE = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: p}
spec: {type: prometheus, connectionDetails: {url: "https://prometheus.example/"}}
---
"""


@dataclass
class World:
    """A source of numbers, a clock, and a channel that is told."""

    at: datetime = NOW
    bad: dict[int, int] = field(default_factory=dict)
    """Of 100, by repository; -1 for a source that is away."""
    asked: list[int] = field(default_factory=list)
    windows: list[int] = field(default_factory=list)
    """How many were asked for of each objective, by the look."""
    rush: bool = False
    """Whether the last five minutes alone were all bad."""
    looked_back: int = 0
    spent: int = 0
    """Of 10,000 more."""
    told: list[Notice] = field(default_factory=list)

    async def send(self, notice: Notice) -> None:
        self.told.append(notice)

    def now(self) -> datetime:
        return self.at

    def source(self, repo: RepoRef) -> "Source":
        return Source(self, repo.id)


@dataclass
class Source:
    world: World
    repository_id: int

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> Sequence[Answered]:
        self.world.asked.append(self.repository_id)
        bad = self.world.bad.get(self.repository_id, 0)
        away = SourceUnavailable("Prometheus is away")
        found = Counts(10_000 - 100 * bad - self.world.spent, 10_000)
        self.world.windows += [len(one.windows) for one in asked]
        recent = {timedelta(minutes=5): Counts(0, 10)} if self.world.rush else {}
        return [away if bad < 0 else dict.fromkeys(one.windows, found) | recent for one in asked]

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> Sequence[Sample]:
        self.world.looked_back += 1
        if self.world.bad.get(self.repository_id, 0) < 0:
            raise SourceError("away")
        bad = self.world.at - timedelta(days=2)
        ends = since - step * ((since - bad) // step)  # of the step that it falls into
        found = [Sample(ends, 0, 50)] if since < bad <= until else []
        return [*found, Sample(until, 1000, 1000)]


def budgets(store: PostgresStore, world: World) -> Budgets:
    sources = {SourceKind.PROMETHEUS: world.source}
    slos = PostgresSlos(store.pool)
    outbox = PostgresOutbox(store.pool, {"slack": world})
    operations, links = PostgresOperations(store.pool), Links("https://bot.example")
    alerting = Alerting(slos, operations, store, outbox, links)
    return Budgets(
        Objectives(world, sources, world),  # type: ignore[arg-type]
        alerting,
        slos,
        PostgresRepositories(store.pool),
        store,
        world,
    )


def work(repo: RepoRef) -> EvaluateObjectives:
    return EvaluateObjectives(repo.installation_id, repo.id, repo.owner, repo.name)


async def defined(part: Budgets, repo: RepoRef, *names: str) -> None:
    text = SOURCE + "".join(map(objective, names))
    await part.slos.want_objectives(repo.id, Sha(f"{len(names)}"), {"slo/a.yml": text})
    await part.repositories.note_hint(repo)


async def test_every_repository_that_defines_objectives_is_a_job_once_a_minute(
    store: PostgresStore,
) -> None:
    part = budgets(store, World())
    await part.sweep(SweepObjectives(), "")
    assert await store.fetch_jobs(JobStatus.WAITING, 9) == []
    await part.repositories.note_hint(REPO)  # it is known, and defines none
    await defined(part, OTHER, "a")
    for _ in range(3):
        await part.sweep(SweepObjectives(), "")
    (job,) = await store.fetch_jobs(JobStatus.WAITING, 9)
    assert job.key == "objectives:43"
    assert job.due_at is not None
    assert timedelta(0) <= job.due_at - job.queued_at <= SPREAD + timedelta(seconds=1)


async def test_how_objectives_stand_is_kept_by_one_question_to_their_source(
    store: PostgresStore,
) -> None:
    world = World(bad={42: 2})
    part = budgets(store, world)
    await defined(part, REPO, "a", "b")
    await part.evaluate(work(REPO), "")
    kept = await part.slos.fetch_states([42])
    assert [(one.name, one.title, one.environments) for one in kept] == [
        ("a", "A", ("production",)),
        ("b", "B", ("production",)),
    ]
    assert kept[0].state.budget_remaining == -1
    assert kept[0].state.burn[timedelta(hours=1)] == Fraction(2)
    assert kept[0].evaluated_at == NOW
    assert world.asked == [42]
    await defined(part, REPO, "b", "c", "d")
    world.at += timedelta(minutes=1)
    await part.evaluate(work(REPO), "")
    assert [one.name for one in await part.slos.fetch_states([42])] == ["b", "c", "d"]


async def test_when_a_spent_budget_is_back_is_asked_once_an_hour(store: PostgresStore) -> None:
    world = World(bad={42: 2})
    part = budgets(store, world)
    await defined(part, REPO, "a")
    for minutes in (0, 1, 29, 31):
        world.at = NOW + timedelta(minutes=minutes)
        await part.evaluate(work(REPO), "")
        (kept,) = await part.slos.fetch_states([42])
        looked = NOW if minutes < 30 else world.at
        assert kept.state.returns_at == looked + timedelta(days=28)
    assert world.looked_back == 4, "twice, each by long steps and by those of one"
    world.bad[42] = 0
    world.at += timedelta(minutes=5)
    await part.evaluate(work(REPO), "")
    (kept,) = await part.slos.fetch_states([42])
    assert (kept.state.state, kept.state.returns_at) == (State.OK, None)


async def test_long_windows_are_counted_every_five_minutes_and_at_once_when_something_happens(
    store: PostgresStore,
) -> None:
    world = World()
    part = budgets(store, world)
    await defined(part, REPO, "a")

    async def look(minute: float) -> tuple[list[int], KeptState]:
        world.windows.clear()
        world.at = NOW + timedelta(minutes=minute)
        await part.evaluate(work(REPO), "")
        (kept,) = await part.slos.fetch_states([42])
        assert kept.evaluated_at == world.at
        return world.windows.copy(), kept

    for minute in range(11):
        asked, kept = await look(minute)
        assert asked == ([1] if minute % 5 else [8]), minute
        assert kept.state.at == NOW + timedelta(minutes=minute // 5 * 5)
    world.bad[42] = 2
    asked, kept = await look(11)
    assert (asked, kept.state.state) == ([1, 8], State.EXHAUSTED)
    assert (await look(12))[0] == [1, 8], "it goes on"
    world.bad[42] = -1
    asked, kept = await look(13)
    assert (asked, kept.state.state) == ([1, 8], State.ERROR), "what is not known is no rest"
    world.bad[42] = 0
    assert (await look(14))[0] == [8]
    text = SOURCE + objective("a").replace("0.99", "0.995")
    await part.slos.want_objectives(42, Sha("new"), {"slo/a.yml": text})
    asked, kept = await look(15)
    assert (asked, kept.objective) == ([8], Fraction("0.995"))
    assert (await look(16))[0] == [1]


async def test_source_that_is_away_is_a_state_and_ends_nothing(store: PostgresStore) -> None:
    world = World()
    part = budgets(store, world)
    await defined(part, REPO, "a")
    await part.evaluate(work(REPO), "")
    world.bad, world.at = {42: -1}, NOW + timedelta(minutes=1)
    await part.evaluate(work(REPO), "")
    (kept,) = await part.slos.fetch_states([42])
    assert (kept.state.state, kept.state.reason) == (State.ERROR, "Prometheus is away")
    assert [point.remaining for point in await part.slos.fetch_budget_history(42, "a", NOW)] == [
        1.0
    ]


async def test_files_that_cannot_be_read_leave_what_is_known(store: PostgresStore) -> None:
    world = World()
    part = budgets(store, world)
    await defined(part, REPO, "a")
    await part.evaluate(work(REPO), "")
    await part.slos.want_objectives(42, Sha("x"), {"slo/a.yml": "kind: SLO\n"})
    world.at += timedelta(minutes=1)
    await part.evaluate(work(REPO), "")
    (kept,) = await part.slos.fetch_states([42])
    assert kept.evaluated_at == NOW


async def looked(part: Budgets, world: World, store: PostgresStore, minutes: int, bad: int) -> None:
    """One evaluation some minutes after the first, and what it told delivered."""
    world.at, world.bad = NOW + timedelta(minutes=minutes), {42: bad}
    await part.evaluate(work(REPO), "")
    for job in await store.fetch_jobs(JobStatus.WAITING, 99):
        if job.kind == DeliverNotice.kind:
            await part.alerting.outbox.deliver(job.args["notice_id"])


async def test_alert_is_told_once_and_its_end_once(store: PostgresStore) -> None:
    world = World()
    part = budgets(store, world)
    await defined(part, REPO, "api")
    await looked(part, world, store, 0, 1)  # 1 of 100 is what may fail: 1×, and nothing fires
    assert world.told == []
    for minute in range(1, 4):
        await looked(part, world, store, minute, 20)
    page, ticket = sorted(world.told, key=lambda notice: notice.severity)
    assert (page.severity, ticket.severity) == ("critical", "warning")
    assert page.title == "octo/shop: API burns its error budget 20× too fast"
    assert "20× over 1 h and 20× over 5 min; it pages above 14.4×." in page.text
    assert "−1900 % of its 30-day budget is left; it is back about 2026-12-20" in page.text
    assert page.url == "https://bot.example/repos/octo/shop/slo/api"
    assert (page.incident, page.environment) == ("slo:api:page", "production")
    for alert in await part.slos.fetch_alerts(42):
        assert alert.content["told"] == alert.content["since"], "it is noted that it was told"
    world.told.clear()
    for minute in (5, 9, 12, 14, 30):  # nobody is told before it was quiet for ten minutes
        await looked(part, world, store, minute, 0)
        assert bool(world.told) == (minute > 12), minute
    ended = {notice.incident: notice for notice in world.told}
    assert [notice.resolves for notice in world.told] == [
        notice.incident == "slo:api:page" for notice in world.told
    ]
    assert len(world.told) == len(ended) == 2
    assert ended["slo:api:page"].title == (
        "octo/shop: API no longer burns its error budget too fast"
    )


class Killed(BaseException):
    pass


@dataclass
class Deadly:
    """An outbox at which the worker dies, once or right after it has taken the news."""

    outbox: PostgresOutbox
    takes: bool

    async def post(self, *notices: Notice) -> None:
        if self.takes:
            await self.outbox.post(*notices)
        if notices:
            raise Killed


@pytest.mark.parametrize("takes", [False, True])
async def test_alert_is_told_once_though_the_worker_dies(store: PostgresStore, takes: bool) -> None:
    world = World()
    part = budgets(store, world)
    await defined(part, REPO, "api")
    deadly = Deadly(PostgresOutbox(store.pool, {"slack": world}), takes)
    dying = replace(part, alerting=replace(part.alerting, outbox=deadly))  # type: ignore[arg-type]
    for minute in (0, 1):
        with pytest.raises(Killed):
            await looked(dying, world, store, minute, 20)
    await looked(part, world, store, 2, -1)  # what is not known now was to be told before
    told = ["slo:api:page", "slo:api:ticket"]
    assert sorted(notice.incident for notice in world.told) == told
    for minute in (3, 4):
        await looked(part, world, store, minute, 20)
    assert sorted(notice.incident for notice in world.told) == told


class Counted(PostgresSlos):
    """How many alerts each statement saved."""

    def __init__(self, store: PostgresStore) -> None:
        super().__init__(store.pool)
        self.saved: list[int] = []

    async def save_alerts(self, repository_id: int, alerts: Sequence[KeptAlert]) -> bool:
        self.saved += [len(alerts)] if alerts else []
        return await super().save_alerts(repository_id, alerts)


async def test_alerts_that_change_together_are_saved_together(store: PostgresStore) -> None:
    world = World()
    part = budgets(store, world)
    slos = Counted(store)
    part = replace(part, alerting=replace(part.alerting, slos=slos))
    await defined(part, REPO, *(f"o{number}" for number in range(10)))
    # Each has a page and a ticket: they begin, and are told; they go on; they are over.
    for minute, bad, saved in ((0, 0, []), (1, 20, [20, 20]), (2, 20, [20]), (3, 0, [])):
        await looked(part, world, store, minute, bad)
        assert slos.saved == saved, minute
        slos.saved.clear()
    assert len(world.told) == 20
    await looked(part, world, store, 20, 0)
    assert (slos.saved, len(world.told)) == ([20, 20], 40)


UNKNOWN = """\
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec:
  alertWhenNoData: true
  alertWhenResolved: false
  conditions:
    - kind: AlertCondition
      spec:
        severity: page
        condition: {kind: burnrate, op: gt, threshold: 14.4, lookbackWindow: 1h}
---
"""


async def test_a_policy_says_that_an_unknown_objective_pages_and_that_its_end_is_no_news(
    store: PostgresStore,
) -> None:
    world = World()
    part = budgets(store, world)
    slo = objective("api").replace("  timeWindow", "  alertPolicies: [fast]\n  timeWindow")
    await part.slos.want_objectives(42, Sha("a"), {"slo/a.yml": SOURCE + UNKNOWN + slo})
    for minute, bad in ((0, -1), (4, -1), (5, 0), (6, -1), (9, -1)):
        await looked(part, world, store, minute, bad)
        assert world.told == [], "a source that misses some looks is no news"
    await looked(part, world, store, 11, -1)
    (notice,) = world.told
    assert (notice.severity, notice.title) == ("critical", "octo/shop: API is unknown")
    assert notice.text.startswith("Nobody knows how it stands: Prometheus is away.")
    assert notice.incident == "slo:api:unknown/fast"
    for minute in (12, 30):
        await looked(part, world, store, minute, 0)
    assert world.told == [notice]


async def test_incident_of_an_objective_that_is_no_more_is_resolved(store: PostgresStore) -> None:
    world = World()
    part = budgets(store, world)
    await defined(part, REPO, "api")
    await looked(part, world, store, 0, 20)
    world.told.clear()
    await part.slos.want_objectives(42, Sha("none"), {})
    await part.sweep(SweepObjectives(), "")
    assert "objectives:42" in [job.key for job in await store.fetch_jobs(JobStatus.WAITING, 9)]
    await looked(part, world, store, 1, 20)
    assert {(ended.incident, ended.resolves) for ended in world.told} == {
        ("slo:api:page", True),
        ("slo:api:ticket", True),
    }
    assert await part.slos.fetch_alerts(42) == []
    assert await part.slos.fetch_states([42]) == []
    assert await part.slos.fetch_defining() == []


STEPS = """\
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    slo: {steps: default}
  preview:
    vercel: {project: preview, domain: preview.example.com}
    slo: {steps: default}
"""


async def ruled(part: Budgets, text: str) -> None:
    """This is the repository's policy from now on."""
    policy = parse_policy(text)
    assert isinstance(policy, Policy)
    plain = policy.model_dump_json(by_alias=True, exclude_unset=True)
    await part.alerting.operations.save_policy(42, plain, {})


async def test_step_of_a_budget_is_told_once_however_it_flickers(store: PostgresStore) -> None:
    world = World(rush=True)
    part = budgets(store, world)
    await ruled(part, STEPS)
    await defined(part, REPO, "api")  # for production alone
    told: list[tuple[int, str]] = []
    looks = [(0, 0), (1, 60), (2, 40), (3, 52), (4, 49), (5, 80), (6, 130), (7, 74), (20, 20)]
    for minute, spent in (*looks, (31, 20), (32, 20)):
        world.at = NOW + timedelta(minutes=minute)
        # Of 10,000 events 100 may fail: as many percent of the budget are spent.
        world.spent = spent
        await looked(part, world, store, minute, 0)
        told += [(minute, one.title) for one in world.told if one.incident.count("/") > 1]
        world.told.clear()
    place = "octo/shop production: API is"
    assert sorted(told) == [
        (1, f"{place} down to 40 % of its error budget"),
        (5, f"{place} down to 20 % of its error budget"),
        (6, f"{place} down to −30 % of its error budget"),
        (20, f"{place} above 0 % of its error budget again"),
        (20, f"{place} above 25 % of its error budget again"),
    ]


async def test_steps_that_the_policy_has_no_more_are_forgotten(store: PostgresStore) -> None:
    world = World(spent=30)
    part = budgets(store, world)
    await ruled(part, STEPS)
    await defined(part, REPO, "api")
    world.spent = 110
    await looked(part, world, store, 0, 0)
    (told,) = (one for one in world.told if "budget/" in one.incident)
    assert told.text == (
        "Promotions are frozen while at most 0 % is left.\n−10 % of its 30-day budget is left; it "
        "is back about 2026-12-20 12:30 UTC if nothing more goes wrong."
    )
    assert len(await part.slos.fetch_alerts(42)) == 4
    kinds = [job.kind for job in await store.fetch_jobs(JobStatus.WAITING, 9)]
    assert "reconcile_promotion" in kinds, "the trunk's check and promotions that wait"
    await ruled(part, "{}")
    await looked(part, world, store, 1, 0)
    assert [one.alert for one in await part.slos.fetch_alerts(42)] == ["ticket"]


GATED = """\
environments:
  production:
    vercel: {project: shop, domain: shop.example.com}
    requires: [checks, slo]
    slo: {minimum_budget: 10%, steps: [{at: 25%, do: freeze}, {at: 50%, do: notify}]}
"""


async def test_what_waits_for_gates_is_woken_when_one_of_them_changes(
    store: PostgresStore, database_url: str
) -> None:
    world = World(rush=True)
    part = budgets(store, world)
    await ruled(part, GATED)
    await defined(part, REPO, "api")
    looks = [
        (0, 0, True),  # it is known now
        (60, 0, False),
        (74, 0, False),
        (75, 0, True),  # frozen
        (74, 0, True),
        (89, 0, True),
        (91, 0, True),  # and less than the gate asks for
        (89, 0, True),
        (60, 0, True),
        (60, -1, True),
        (60, -1, False),  # as unknown as before
        (60, 0, True),
    ]
    for minute, (spent, bad, wakes) in enumerate(looks):
        world.spent = spent
        await looked(part, world, store, minute, bad)
        with psycopg.connect(connection_string(database_url), autocommit=True) as connection:
            gone = connection.execute("DELETE FROM procrastinate_jobs RETURNING task_name")
            kinds = [kind for (kind,) in gone.fetchall()]
        assert ("reconcile_promotion" in kinds) is wakes, minute
