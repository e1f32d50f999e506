"""The worker's side of probes: which are wanted, and that each that is due is asked once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.repositories import PostgresRepositories
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.core.hosting import HostTarget
from bot.core.model import RepoRef, Sha
from bot.core.slo.probes import Outcome, Probe, ProbeAnswer
from bot.core.work.probes import AskProbes, SweepProbes
from bot.engine.asking import Asking
from bot.engine.locate import Locator
from bot.engine.probing import AT_ONCE, MOST_PROBES, Probing, probes_in
from bot.ports import HubGone, HubRefused, HubSuspended, HubUnavailable
from bot.ports.environments import KnownRepository
from bot.ports.observations import Place

REPO = RepoRef(7, 42, "octo", "shop")
TIP = Sha("a" * 40)


def source(name: str, url: str = "https://shop.example/") -> str:
    return f"""\
apiVersion: openslo/v1
kind: DataSource
metadata: {{name: {name}}}
spec:
  type: probe
  connectionDetails: {{url: "{url}"}}
---
"""


@dataclass
class World:
    """One repository with its files, and endpoints that all answer."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    away: bool = False
    gone: bool = False
    """The App is not there any more, says whoever is asked for a repository's installation."""
    suspended: bool = False
    """The App is there, and may do nothing."""
    unread: bool = False
    """GitHub knows no such name, says whoever is asked for its trunk."""
    placed: bool = True
    tip: Sha = TIP
    asked: list[str] = field(default_factory=list)
    answers: Mapping[str, ProbeAnswer] = field(default_factory=dict)
    """By probe, where it is another one."""
    controls: int = 0
    together: int = 1
    """How many have to be asked at once before any answers."""
    asking: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch_places(self) -> list[Place]:
        places = [HostTarget("vercel", "shop", "shop.example")] * (2 if self.placed else 0)
        return [Place(REPO, f"e{number}", target) for number, target in enumerate(places)]

    async def fetch_trunk(self, repo: RepoRef) -> tuple[str, Sha]:
        if self.away:
            raise HubUnavailable("GitHub is away")
        if self.suspended:
            raise HubRefused("This installation has been suspended")
        if self.gone or self.unread:
            raise HubGone("could not read the repository: GitHub knows no such name")
        return "main", self.tip

    async def fetch_known(self, owner: str, name: str) -> KnownRepository:
        if self.gone:
            raise HubGone("could not find the installation: GitHub knows no such name")
        if self.suspended:
            raise HubSuspended("the App's installation on octo is suspended")
        return KnownRepository(REPO, private=False)

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    async def fetch_objectives(self, repo: RepoRef, at: Sha) -> Mapping[str, bytes]:
        return self.files

    async def ask(self, probe: Probe) -> ProbeAnswer:
        self.asked.append(probe.name)
        self.asking += 1
        if self.asking >= self.together:
            self.enough.set()
        await self.enough.wait()
        self.asking -= 1
        return self.answers.get(probe.name, ProbeAnswer(Outcome.OK, 20, 200))

    async def is_reachable(self) -> bool:
        self.controls += 1
        return not self.away


def probing(store: PostgresStore, world: World) -> Probing:
    repositories, operations = PostgresRepositories(store.pool), PostgresOperations(store.pool)
    locator = Locator(world, repositories, operations, store, world)  # type: ignore[arg-type]
    slos = PostgresSlos(store.pool)
    asking = Asking(world, world)  # type: ignore[arg-type]
    return Probing(world, world, world, slos, asking, locator)  # type: ignore[arg-type]


def wanted(url: str, *, due: bool = False) -> list[str]:
    with psycopg.connect(connection_string(url), autocommit=True) as connection:
        if due:
            connection.execute("UPDATE probes SET due_at = now()")
        rows = connection.execute("SELECT name FROM probes WHERE wanted ORDER BY name").fetchall()
    return [row[0] for row in rows]


async def test_what_the_trunk_names_is_asked_from_then_on(
    store: PostgresStore, database_url: str
) -> None:
    world = World({"slo/a.yml": (source("site") + source("api")).encode()})
    part = probing(store, world)
    await part.sweep(SweepProbes(), "")
    assert wanted(database_url, due=True) == ["api", "site"]
    await part.ask(AskProbes(), "")
    await part.ask(AskProbes(), "")
    assert sorted(world.asked) == ["api", "site"]
    (answer,) = await part.slos.fetch_answers(42, "site", limit=9)
    assert (answer.outcome, answer.milliseconds) == (Outcome.OK, 20)
    world.files = {"slo/a.yml": source("site").encode()}
    await part.sweep(SweepProbes(), "")
    assert wanted(database_url) == ["site"]


OBJECTIVE = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: api}
spec:
  service: api
  indicator:
    spec:
      ratioMetric:
        good: {metricSource: {metricSourceRef: site, spec: {measure: success}}}
        total: {metricSource: {metricSourceRef: site, spec: {measure: all}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
---
"""


async def test_objectives_of_the_trunk_are_kept_to_be_evaluated(store: PostgresStore) -> None:
    text = source("site") + OBJECTIVE
    world = World({"slo/a.yml": text.encode()})
    part = probing(store, world)
    for broken in (None, b"\xff", b"kind: SLO\n"):
        if broken:
            world.files = {"slo/a.yml": broken}
        await part.sweep(SweepProbes(), "")
        assert await part.slos.fetch_defined(42) == {"slo/a.yml": text}, broken
    world.files, world.tip = {}, Sha("b" * 40)
    await part.sweep(SweepProbes(), "")
    assert await part.slos.fetch_defined(42) == {}
    # A file of probes alone defines nothing.
    world.files, world.tip = {"slo/a.yml": source("site").encode()}, Sha("c" * 40)
    await part.sweep(SweepProbes(), "")
    assert await part.slos.fetch_defining() == []


@pytest.mark.parametrize("fault", ["away", "text", "file"])
async def test_what_cannot_be_read_ends_no_probe(
    store: PostgresStore, database_url: str, fault: str
) -> None:
    world = World({"slo/a.yml": source("site").encode()})
    part = probing(store, world)
    await part.sweep(SweepProbes(), "")
    world.away = fault == "away"
    broken = {"away": b"", "text": b"\xff", "file": b"kind: DataSource\n"}
    world.files = {"slo/a.yml": broken[fault]}
    await part.sweep(SweepProbes(), "")
    assert wanted(database_url) == ["site"]


async def test_what_a_repository_that_is_gone_asked_for_ends(
    store: PostgresStore, database_url: str
) -> None:
    world = World({"slo/a.yml": (source("site") + OBJECTIVE).encode()})
    part = probing(store, world)
    await part.sweep(SweepProbes(), "")
    world.unread = True  # one answer is not enough
    await part.sweep(SweepProbes(), "")
    assert wanted(database_url) == ["site"]
    assert await part.slos.fetch_defining() == [42]
    world.gone = True
    await part.sweep(SweepProbes(), "")
    assert wanted(database_url) == []
    assert await part.slos.fetch_defining() == []
    world.gone = world.unread = False  # it is installed again
    await part.sweep(SweepProbes(), "")
    assert wanted(database_url) == ["site"]
    assert await part.slos.fetch_defining() == [42]


@pytest.mark.parametrize("placed", [True, False])
async def test_nothing_is_asked_or_evaluated_while_the_app_is_suspended(
    store: PostgresStore, database_url: str, placed: bool
) -> None:
    world = World({"slo/a.yml": (source("site") + OBJECTIVE).encode()})
    part = probing(store, world)
    await part.locator.repositories.note_hint(REPO)
    await part.sweep(SweepProbes(), "")
    world.placed = placed
    wanted(database_url, due=True)
    await part.ask(AskProbes(), "")
    assert await part.slos.fetch_evaluated() == [42]
    world.suspended = True
    for _ in range(2):
        await part.sweep(SweepProbes(), "")
    assert (wanted(database_url, due=True), await part.slos.fetch_evaluated()) == ([], [])
    await part.ask(AskProbes(), "")
    assert world.asked == ["site"]
    world.suspended = False  # nothing has changed on the trunk meanwhile
    await part.sweep(SweepProbes(), "")
    assert (wanted(database_url), await part.slos.fetch_evaluated()) == (["site"], [42])
    assert len(await part.slos.fetch_answers(42, "site", limit=9)) == 1


async def test_objectives_of_a_repository_without_environments_are_read_on(
    store: PostgresStore, database_url: str
) -> None:
    world = World({"slo/a.yml": (source("site") + OBJECTIVE).encode()})
    part = probing(store, world)
    await part.locator.repositories.note_hint(REPO)
    await part.sweep(SweepProbes(), "")
    world.placed, world.files, world.tip = False, {}, Sha("b" * 40)
    await part.sweep(SweepProbes(), "")
    assert await part.slos.fetch_defining() == []
    assert wanted(database_url) == []


async def test_more_than_go_at_once_are_all_asked(store: PostgresStore, database_url: str) -> None:
    """Of the first ones none gets an answer before all of them were asked."""
    world = World(together=AT_ONCE)
    part = probing(store, world)
    names = [f"p{number:03}" for number in range(AT_ONCE + 20)]
    await part.slos.want_probes(42, [Probe(name, "https://shop.example/") for name in names])
    wanted(database_url, due=True)
    async with asyncio.timeout(20):
        await part.ask(AskProbes(), "")
    assert sorted(world.asked) == names


FINE = ProbeAnswer(Outcome.OK, 20, 200)
FAULTY = ProbeAnswer(Outcome.STATUS, 20, 503)
PRIVATE = ProbeAnswer(Outcome.PRIVATE, 0)
LOST = [
    ProbeAnswer(outcome, 900)
    for outcome in (
        Outcome.DNS,
        Outcome.CONNECTION,
        Outcome.TLS,
        Outcome.TIMEOUT,
        Outcome.PROTOCOL,
    )
]


@pytest.mark.parametrize(
    ("answers", "github_away", "kept", "controls"),
    [
        ([LOST[0], LOST[1]], True, [], 1),
        *[([lost], True, [], 1) for lost in LOST],
        ([LOST[0], LOST[1]], False, ["p0", "p1"], 1),
        # Whoever got one answer has a network.
        ([LOST[0], FINE], True, ["p0", "p1"], 0),
        ([LOST[0], FAULTY], True, ["p0", "p1"], 0),
        ([FAULTY], True, ["p0"], 0),
        # What was not sent says nothing of the network.
        ([PRIVATE], True, ["p0"], 0),
        ([PRIVATE, LOST[0]], True, ["p0"], 1),
    ],
)
async def test_what_the_bots_own_network_kept_from_being_asked_counts_as_nothing(
    store: PostgresStore,
    database_url: str,
    answers: list[ProbeAnswer],
    github_away: bool,
    kept: list[str],
    controls: int,
) -> None:
    named = {f"p{number}": answer for number, answer in enumerate(answers)}
    world = World(answers=named, away=github_away)
    part = probing(store, world)
    await part.slos.want_probes(42, [Probe(name, "https://shop.example/") for name in named])
    wanted(database_url, due=True)
    await part.ask(AskProbes(), "")
    found = [name for name in named if await part.slos.fetch_answers(42, name, limit=9)]
    assert (found, world.controls) == (kept, controls)
    assert sorted(world.asked) == sorted(named)


async def test_one_repository_does_not_fill_the_worker(
    store: PostgresStore, database_url: str
) -> None:
    many = "".join(source(f"p{number:03}") for number in range(MOST_PROBES + 1))
    await probing(store, World({"slo/a.yml": many.encode()})).sweep(SweepProbes(), "")
    assert len(wanted(database_url)) == MOST_PROBES


@pytest.mark.parametrize("url", ["", "ftp://x/", "https://u:p@shop.example/", "https://a b/"])
def test_an_address_that_cannot_be_asked_is_a_fault_of_the_file(url: str) -> None:
    assert probes_in({"slo/a.yml": source("site", url).encode()}) is None
