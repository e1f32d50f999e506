"""What it costs to run: start-up, memory before and after many deliveries, bytes on disk.

    python bench/cost.py [--json] [--deliveries N]

``lockgate serve`` runs as its users run it, in a process of its own, on an embedded PostgreSQL
that is given to it by DATABASE_URL. Deliveries are signed and posted over HTTP.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from intake import SECRET

from bot.adapters.postgres.embedded import embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.store import open_store
from bot.logs import configure_logging

HERE = Path(__file__).parent
ROOT = HERE.parent
LOCKGATE = Path(sys.executable).with_name("lockgate")
STARTS = 5
HELPS = 15
CONNECTIONS = "16"


def environment(database: str, home: Path) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "PATH": os.defpath,
        "LOCKGATE_HOME": str(home),
        "DATABASE_URL": database,
        "GITHUB_APP_ID": "1",
        "GITHUB_PRIVATE_KEY": pem.decode(),
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "GITHUB_API_URL": "http://127.0.0.1:9",
    }


@contextlib.contextmanager
def serving(settings: dict[str, str], *options: str) -> Iterator[tuple[int, int, float]]:
    """The process's id, its port, and the seconds until it was ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [LOCKGATE, "serve", *options],
        env=settings | {"PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _ready(port):
            if process.poll() is not None or time.perf_counter() - begun > 60:
                raise SystemExit("lockgate serve did not become ready")
            time.sleep(0.005)
        yield process.pid, port, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(60)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def resident(pid: int) -> float:
    """Megabytes."""
    out = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], stdout=subprocess.PIPE, text=True, check=True
    )
    return int(out.stdout) / 1024


def help_seconds() -> float:
    taken = []
    for _ in range(HELPS):
        begun = time.perf_counter()
        subprocess.run([LOCKGATE, "--help"], stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def one(database: str, query: str) -> int:
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        return int(row[0]) if row else 0


def deliver(database: str, port: int, goal: int) -> None:
    while True:
        stored = one(database, "SELECT count(*) FROM lockgate.deliveries")
        if stored >= goal:
            return
        print(f"{stored} of {goal} deliveries", file=sys.stderr)
        command = [sys.executable, str(HERE / "intake.py"), "load", str(port), CONNECTIONS]
        subprocess.run([*command, "4"], stdout=subprocess.DEVNULL, check=True)


async def prune(database: str) -> None:
    """As if a worker had done all jobs and the retention of everything were over."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE lockgate.procrastinate_jobs SET status = 'succeeded'")
    async with open_store(database) as store:
        await store.prune(older_than=timedelta())


def disk(database: str) -> int:
    """Bytes of the store's tables with their indexes, after what is free was noted."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM")
    return one(
        database,
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'lockgate'::regnamespace",
    )


def measure(deliveries: int) -> dict[str, float]:
    found = {"help_seconds": help_seconds()}
    home = Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
    home.chmod(0o711)
    try:
        with embedded_server(home) as server:
            database = server.conninfo
            asyncio.run(migrate(database))
            settings = environment(database, home)
            starts = []
            for _ in range(STARTS):
                with serving(settings) as (pid, _, seconds):
                    starts.append(seconds)
                    found["idle_mb"] = resident(pid)
            found["ready_seconds"] = statistics.median(starts)
            found["empty_bytes"] = disk(database)
            with serving(settings, "--no-worker") as (pid, port, _):
                for share in (10, 2, 1):
                    deliver(database, port, deliveries // share)
                    found[f"mb_after_{deliveries // share}"] = resident(pid)
                stored = one(database, "SELECT count(*) FROM lockgate.deliveries")
                found["stored"] = stored
                full = disk(database)
                found["bytes_per_delivery"] = (full - found["empty_bytes"]) / stored
                asyncio.run(prune(database))
                disk(database)
                deliver(database, port, stored)
                again = one(database, "SELECT count(*) FROM lockgate.deliveries")
                found["refilled_share"] = disk(database) / again / (full / stored)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return found


def table(found: dict[str, float]) -> Iterator[str]:
    yield "| | |"
    yield "|---|---:|"
    yield f"| `lockgate --help` | {found['help_seconds'] * 1000:.0f} ms |"
    yield f"| `lockgate serve` until `/readyz` says so | {found['ready_seconds']:.2f} s |"
    yield f"| resident memory, web and worker idle | {found['idle_mb']:.0f} MB |"
    for name, value in found.items():
        if name.startswith("mb_after_"):
            count = int(name.removeprefix("mb_after_"))
            yield f"| resident memory after {count:,} deliveries | {value:.0f} MB |"
    yield f"| on disk for a delivery and its job | {found['bytes_per_delivery'] / 1000:.1f} KB |"
    yield (
        "| the same after pruning all and receiving as many again, of what it was | "
        f"{found['refilled_share']:.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--deliveries", type=int, default=100_000)
    arguments = parser.parse_args()
    configure_logging(level="warning")
    found = measure(arguments.deliveries)
    print(json.dumps(found) if arguments.json else "\n".join(table(found)))


if __name__ == "__main__":
    main()
