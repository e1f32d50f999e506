"""Objectives on stored probes: a thousand evaluated with all windows, and a year's size.

    python bench/slo.py [--objectives N] [--endpoints N]

On a PostgreSQL of its own, durable. The rows are those that workers would have left: single answers
of the days that they are kept for, and one an hour of the year before. Size is that of tables and
indexes together.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import psycopg
import structlog

from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.embedded import embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import open_store
from bot.adapters.slo.probe import ProbeSource
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
from bot.ports.slo import Asked, SourceError

REPOSITORY = 42
MONTH = timedelta(days=30)
ROUNDS = 5
FILL = """
INSERT INTO {table} (at, probe_id, total, good, within{names})
SELECT date_trunc('minute', now()) - minute * interval '1 minute', probe.id,
       525600 - minute, 525600 - minute - (525600 - minute) / 1000,
       array_fill(525600 - minute - (525600 - minute) / 1000, ARRAY[{bounds}]){values}
  FROM generate_series({first}, {last}, {step}) AS minute, probes AS probe
 ORDER BY minute DESC, probe.id
"""
SIZE = "SELECT pg_total_relation_size('probe_results'), pg_total_relation_size('probe_hours')"


def fill(url: str) -> tuple[int, int]:
    """Bytes of single answers, and of hours."""
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
            connection.execute(query.encode())
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


async def measure(count: int, endpoints: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)  # noqa: PTH101
        with embedded_server(Path(folder)) as server:
            await migrate(server.conninfo)
            async with open_store(server.conninfo) as store:
                slos = PostgresSlos(store.pool)
                probes = [Probe(f"p{number}", "https://x.example/") for number in range(endpoints)]
                await slos.want_probes(REPOSITORY, probes)
                print("filling …", file=sys.stderr, flush=True)
                answers, hours = await asyncio.to_thread(fill, server.conninfo)
                source = ProbeSource(slos, REPOSITORY)
                few = [objectives(count, endpoints), objectives(1, 1)]
                times = [
                    sorted([await evaluated(source, some) for _ in range(ROUNDS)])[ROUNDS // 2]
                    for some in few
                ]
    share = Fraction(50, endpoints)
    print("| | |", "|---|---:|", sep="\n")
    print(f"| {count:,} objectives, no two alike, all windows | {times[0]:.2f} s |")
    print(f"| one objective, all windows | {times[1] * 1000:.1f} ms |")
    for name, size in (("single answers of 4 days", answers), ("a year, hour by hour", hours)):
        print(f"| 50 endpoints each minute: {name} | {float(size * share) / 2**20:.0f} MB |")
    print("\nThey are asked 26 million times in a year. A window is two rows that are looked up.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure objectives on stored probes.")
    parser.add_argument("--objectives", type=int, default=1000)
    parser.add_argument("--endpoints", type=int, default=60, help="that they are of")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(measure(arguments.objectives, arguments.endpoints))


if __name__ == "__main__":
    main()
