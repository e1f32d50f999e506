"""Objectives on stored probes: a thousand evaluated with all windows, a gate's answer, and a year's
size.

    python bench/slo.py [--objectives N] [--endpoints N]

On a PostgreSQL of its own, durable. The rows are those that workers would have left: single answers
of the days that they are kept for, and one an hour of the year before. Size is that of tables and
indexes together.

The gate judges the two objectives of the product that are asked of probes, as its own files define
them, by the engine's own way: the trunk's files by GitHub's API, which the sandbox answers in this
process, their reading, the store, the look back for when a spent budget returns, and the verdict.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import psycopg
import structlog
from psycopg.types.json import Jsonb

from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.objective_hub import GitHubObjectiveHub
from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.embedded import embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import open_store
from bot.adapters.slo.probe import ProbeSource
from bot.core.catalog import GATES
from bot.core.decision import Verdict
from bot.core.hosting import Build
from bot.core.model import Actor, Commit, RepoRef, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import Candidate, PromotionFacts, Unread
from bot.core.slo.budget import evaluate
from bot.core.slo.burn import lengths_of
from bot.core.slo.model import (
    Counts,
    Indicator,
    Metric,
    Operator,
    Ratio,
    Slo,
    Source,
    SourceKind,
    Threshold,
    Window,
)
from bot.core.slo.probes import BOUNDS_MS, KEPT_ANSWERS, Probe
from bot.engine.objectives import Objectives
from bot.ports.slo import Asked, SourceError
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox
from bot.wiring.clock import CLOCK

REPOSITORY = 42
FILES = Path(__file__).parents[1] / "slo"
PROBE = "api-probe"
"""That of the product's files, in the repositories whose gates are asked."""
POLICY = EnvironmentPolicy.model_validate(
    {"requires": ["slo"], "slo": {"require": ["api-availability", "api-latency"]}}
)
MONTH = timedelta(days=30)
ROUNDS = 5
FRESH, SPENT = 10_000, 100
"""One answer of so many is bad."""
FILL = """
INSERT INTO {table} (at, probe_id, total, good, within{names})
SELECT date_trunc('minute', now()) - minute * interval '1 minute', probe.id,
       525600 - minute, counted.good, array_fill(counted.good, ARRAY[{bounds}]){values}
  FROM generate_series({first}, {last}, {step}) AS minute, probes AS probe,
       LATERAL (SELECT coalesce((%(one_of)s::jsonb ->> probe.repository_id::text)::integer, 1000)
                       AS one_of) AS bad,
       LATERAL (SELECT 525600 - minute - (525600 - minute) / bad.one_of AS good) AS counted
 ORDER BY minute DESC, probe.id
"""
SIZE = "SELECT pg_total_relation_size('probe_results'), pg_total_relation_size('probe_hours')"


def fill(url: str, one_of: Mapping[int, int]) -> tuple[int, int]:
    """Bytes of single answers, and of hours. ``one_of`` has, by repository, of how many answers one
    is bad; it is one of a thousand elsewhere."""
    kept = KEPT_ANSWERS // timedelta(minutes=1)
    answers = {"names": ", milliseconds, status, outcome", "values": ", 80, 200, 'ok'"}
    hours = {"names": "", "values": ""}
    with psycopg.connect(connection_string(url), autocommit=True) as connection:
        for table, more, first, last, step in (
            ("probe_hours", hours, 525_599, kept, -60),
            ("probe_results", answers, kept - 1, 0, -1),
        ):
            query = FILL.format(
                table=table, bounds=len(BOUNDS_MS), first=first, last=last, step=step, **more
            )
            connection.execute("SET statement_timeout = 0")
            connection.execute(query.encode(), {"one_of": Jsonb(one_of)})
        connection.execute("VACUUM ANALYZE probe_results, probe_hours, probes")
        row = connection.execute(SIZE).fetchone()
    return row or (0, 0)


def objectives(count: int, endpoints: int) -> list[Slo]:
    slos = []
    for number in range(count):
        source = Source(f"p{number % endpoints}", SourceKind.PROBE)
        bound = number // endpoints % (len(BOUNDS_MS) + 1)
        indicator: Indicator
        if bound:
            metric = Metric(source, {"measure": "latency_ms"})
            indicator = Threshold(metric, Operator.LTE, Fraction(BOUNDS_MS[bound - 1]))
        else:
            good, total = (Metric(source, {"measure": measure}) for measure in ("success", "all"))
            indicator = Ratio(total, good)
        slos.append(Slo(f"s{number}", "api", Fraction(999, 1000), Window(MONTH), indicator))
    return slos


async def evaluated(source: ProbeSource, slos: list[Slo]) -> float:
    """Seconds; all of them with every window of their alerts and their budget's."""
    begun = time.monotonic()
    now = datetime.now(UTC)
    asked = [Asked(slo.indicator, (MONTH, *lengths_of(slo))) for slo in slos]
    for slo, found in zip(slos, await source.fetch_counts(asked, now), strict=True):
        if isinstance(found, SourceError) or not found[MONTH].total:
            raise SystemExit(f"{slo.name} was not answered: {found}")
        evaluate(slo, found.get(MONTH, Counts()), found, now)
    return time.monotonic() - begun


GATED = (("fresh", "7d"), ("spent", "7d"), ("spent-month", "30d"))
SAID = (
    "budget is left",
    "budget is spent: when it returns, of 7 days",
    "budget is spent: when it returns, of 30 days",
)


@dataclass
class Gates:
    """Repositories with the product's objectives, and what their gates say."""

    sandbox: Sandbox
    objectives: Objectives

    def repository(self, name: str, window: str) -> Repository:
        """With windows of that length, such as ``7d``."""
        texts = {f"slo/{path.name}": path.read_text() for path in sorted(FILES.glob("*.yml"))}
        files = {
            path: text.replace("duration: 7d", f"duration: {window}")
            for path, text in texts.items()
        }
        return self.sandbox.create_repository(f"octo/{name}", files=files)

    async def milliseconds(
        self, repository: Repository, wanted: Verdict, *, changed: bool
    ) -> float:
        """The median of some rounds; before each of them a file in `slo/` has ``changed``."""
        installation = self.sandbox.installation_of(self.sandbox.app, repository)
        if installation is None:
            raise SystemExit("the App is not installed in the sandbox")
        repo = RepoRef(installation.id, repository.id, "octo", repository.name)
        times = []
        for number in range(ROUNDS + 1):
            if changed:
                path = "slo/sources.yml"
                text = f"{(FILES.parent / path).read_text()}# {repository.name} {number}\n"
                self.sandbox.push(repository, "main", CommitSpec("docs: say more", {path: text}))
            tip = Sha(repository.branch("main") or "")
            begun = time.perf_counter()
            facts = await self.facts(repo, tip)
            result = GATES["slo"].evaluate(facts)
            times.append((time.perf_counter() - begun) * 1000)
            if result.verdict is not wanted:
                raise SystemExit(f"{repository.name}: {result.verdict}: {result.summary}")
        # The first has to say who it is, and to connect.
        return sorted(times[1:])[ROUNDS // 2]

    async def facts(self, repo: RepoRef, tip: Sha) -> PromotionFacts:
        candidate = Candidate(
            Build(tip),
            Commit(tip, "feat: x"),
            Actor(1, "ada"),
            on_trunk=True,
            released=False,
            merged=True,
        )
        return PromotionFacts(
            "production", POLICY, datetime.now(UTC), candidate, checks=(), required_checks=(),
            project=Unread("not asked"), deployments=(), approvals=(), lock=None, freezes=(),
            live={},
            slo=await self.objectives.facts(repo, tip, "production", POLICY),
        )  # fmt: skip


@asynccontextmanager
async def open_gates(slos: PostgresSlos) -> AsyncIterator[Gates]:
    async with Sandbox() as sandbox:
        app = sandbox.app
        hub = GitHubHub.connect(
            app_id=app.id, private_key=app.private_key, api_url=sandbox.url, clock=CLOCK
        )
        async with aclosing(hub):
            objectives = Objectives(
                GitHubObjectiveHub(hub.access),
                {SourceKind.PROBE: lambda repo: ProbeSource(slos, repo.id)},
                CLOCK,
            )
            yield Gates(sandbox, objectives)


async def measure(count: int, endpoints: int) -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockgate-bench-"))
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)  # noqa: PTH101
        server = stack.enter_context(embedded_server(Path(folder)))
        await migrate(server.conninfo)
        store = await stack.enter_async_context(open_store(server.conninfo))
        slos = PostgresSlos(store.pool)
        probes = [Probe(f"p{number}", "https://x.example/") for number in range(endpoints)]
        await slos.want_probes(REPOSITORY, probes)
        gates = await stack.enter_async_context(open_gates(slos))
        asked = [gates.repository(*words) for words in GATED]
        for repository in asked:
            await slos.want_probes(repository.id, [Probe(PROBE, "https://x.example/")])
        bad = {
            repository.id: one_of
            for repository, one_of in zip(asked, (FRESH, SPENT, SPENT), strict=True)
        }
        print("filling …", file=sys.stderr, flush=True)
        sizes = await asyncio.to_thread(fill, server.conninfo, bad)
        source = ProbeSource(slos, REPOSITORY)
        few = [objectives(count, endpoints), objectives(1, 1)]
        times = [
            sorted([await evaluated(source, some) for _ in range(ROUNDS)])[ROUNDS // 2]
            for some in few
        ]
        print("| | |", "|---|---:|", sep="\n")
        print(f"| {count:,} objectives, no two alike, all windows | {times[0]:.2f} s |")
        print(f"| one objective, all windows | {times[1] * 1000:.1f} ms |")
        for repository, said in zip(asked, SAID, strict=True):
            wanted = Verdict.PASS if repository is asked[0] else Verdict.FAIL
            for changed in (False, True):
                took = await gates.milliseconds(repository, wanted, changed=changed)
                after = ", just after a change to `slo/`" if changed else ""
                print(f"| one gate, {said}{after} | {took:.0f} ms |")
    share = Fraction(50, endpoints + len(GATED))
    for name, size in zip(("single answers of 4 days", "a year, hour by hour"), sizes, strict=True):
        print(f"| 50 endpoints each minute: {name} | {float(size * share) / 2**20:.0f} MB |")
    print("\nThey are asked 26 million times in a year. A window is two rows that are looked up.")
    print(
        "A gate reads all files of the product's `slo/` from the sandbox's GitHub, and judges two"
    )
    print("of their objectives.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure objectives on stored probes.")
    parser.add_argument("--objectives", type=int, default=1000)
    parser.add_argument("--endpoints", type=int, default=60, help="that they are of")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(measure(arguments.objectives, arguments.endpoints))


if __name__ == "__main__":
    main()
