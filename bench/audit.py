"""The audit log: entries appended a second, taken into the tree, and verified.

    python bench/audit.py [--seconds N] [--entries N]

On a PostgreSQL of its own, durable: fsync and synchronous_commit are on. Appended counts when the
commit is back. Verified is `lockgate audit verify`'s own work: each entry hashed, its seal and its
place's checked, the tree computed anew and compared with every checkpoint.
"""

import argparse
import asyncio
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.embedded import embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.store import open_store
from bot.core.audit.checkpoint import AuditKey
from bot.core.audit.entry import AuditEntry

APPENDERS = (1, 16, 256)
ENTRY = AuditEntry(
    kind="decision",
    actor="maria",
    repository="octo/shop",
    subject="octo/shop#12",
    detail={
        "gate": "checks",
        "verdict": "fail",
        "summary": "1 of 3 checks failed",
        "evidence": {"failed": ["e2e"], "passed": ["build", "unit"], "app": 15368},
    },
    build_sha="3f2c1aa" + "0" * 33,
    schema_hash="sha256:" + "ab" * 16,
    release_tag="v1.4.0",
    pull_number=12,
)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@asynccontextmanager
async def audit_log() -> AsyncIterator[PostgresAudit]:
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as folder:
        os.chmod(folder, 0o711 if os.geteuid() == 0 else 0o700)  # noqa: PTH101
        with embedded_server(Path(folder)) as server:
            await migrate(server.conninfo)
            async with open_store(server.conninfo) as store:
                yield PostgresAudit(store.pool, [AuditKey(bytes(32))], SystemClock())


async def appended_each_second(audit: PostgresAudit, appenders: int, seconds: float) -> float:
    until = time.monotonic() + seconds
    count = 0

    async def append() -> None:
        nonlocal count
        while time.monotonic() < until:
            await audit.append(ENTRY)
            count += 1

    begun = time.monotonic()
    await asyncio.gather(*(append() for _ in range(appenders)))
    return count / (time.monotonic() - begun)


async def fill(audit: PostgresAudit, entries: int) -> None:
    for start in range(0, entries, 5000):
        await asyncio.gather(*(audit.append(ENTRY) for _ in range(min(5000, entries - start))))


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


async def measure(seconds: float, entries: int) -> None:
    async with audit_log() as audit:
        print("| | entries/s |", "|---|---:|", sep="\n")
        for appenders in APPENDERS:
            rate = await appended_each_second(audit, appenders, seconds)
            at_once = "one at a time" if appenders == 1 else f"{appenders} at once"
            print(f"| appended, {at_once} | {rate:,.0f} |", flush=True)
        await audit.sequence()
        print("filling …", file=sys.stderr, flush=True)
        await fill(audit, entries)
        begun = time.monotonic()
        count = await audit.sequence()
        rate = count / (time.monotonic() - begun)
        print(f"| taken into the tree | {rate:,.0f} |", flush=True)
        begun = time.monotonic()
        found = await audit.verify()
        rate = found.verified / (time.monotonic() - begun)
        if found.faults:
            raise SystemExit(f"the log was found at fault: {found.faults[:3]}")
        print(f"| verified, of {found.verified:,} | {rate:,.0f} |")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        print(f"\nMemory at its highest: {peak / unit:.0f} MB.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the audit log.")
    parser.add_argument("--seconds", type=float, default=5.0, help="of appending, each time")
    parser.add_argument("--entries", type=int, default=300_000, help="to verify, at least")
    arguments = parser.parse_args()
    quiet()
    asyncio.run(measure(arguments.seconds, arguments.entries))


if __name__ == "__main__":
    main()
