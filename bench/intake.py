"""Deliveries acknowledged a second, and how long each takes: durable, without a store, Probot.

    python bench/intake.py [--json] [--seconds N] [--rounds N]

Each server is a process of its own and so is the load, which speaks HTTP over plain sockets. They
are measured in turn within a round, so that what else the machine does falls on all alike; the
figures are medians over the rounds. An answer counts when it is a 2xx: ours is sent after the
commit, with fsync and synchronous_commit on.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop
from starlette.applications import Starlette

from bot.adapters.postgres.embedded import embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.store import open_store
from bot.engine.routes import is_routed
from bot.ports import Delivery
from bot.settings import Secret
from bot.web.health import health_routes
from bot.web.intake import Intake
from bot.web.server import address_of, bind, listening, spare_the_collector
from bot.web.webhook import WebhookDoor

HERE = Path(__file__).parent
ROOT = HERE.parent
SECRET = "bench-secret"
CONNECTIONS = (1, 16, 64)
WARM_UP = 1.0
NAMES = {
    "none": "the same app, storing nothing",
    "durable": "**Lockgate, durable**",
    "probot": "Probot 14, storing nothing",
}


def payload() -> bytes:
    """A pull_request delivery of about 25 KB: GitHub's own example where npm's package is there."""
    folder = ROOT / "node_modules/@octokit/webhooks-examples/api.github.com"
    index = folder / "index.json"
    if index.exists():
        events = {event["name"]: event["examples"] for event in json.loads(index.read_text())}
        example = max(events["pull_request"], key=lambda one: len(json.dumps(one)))
        example = {**example, "action": "opened", "installation": {"id": 7}}
    else:
        repository = {f"{n}_url": f"https://api.github.com/repos/octo/shop/{n}" for n in range(90)}
        repository |= {"id": 42, "name": "shop", "full_name": "octo/shop", "owner": {"login": "o"}}
        side = {"sha": "a" * 40, "ref": "main", "repo": repository, "user": {"login": "octo"}}
        pull = {"number": 1, "title": "feat: search", "body": "text " * 100}
        pull |= {"head": side, "base": side, "state": "open", "user": {"login": "octo", "id": 1}}
        example = {"action": "opened", "number": 1, "pull_request": pull}
        example |= {"repository": repository, "installation": {"id": 7}, "sender": {"login": "o"}}
    return json.dumps(example, separators=(",", ":")).encode()


class NoStore:
    """Takes deliveries and forgets them."""

    async def add_deliveries(self, deliveries: Sequence[Delivery]) -> None: ...


async def serve(store: object) -> None:
    async with Intake(store).opened() as intake:  # type: ignore[arg-type]
        app = WebhookDoor(
            Starlette(routes=health_routes(store)),  # type: ignore[arg-type]
            intake=intake,
            secrets=[Secret(SECRET)],
            is_routed=is_routed,
        )
        async with listening(app, bound := bind("127.0.0.1", 0)):
            spare_the_collector()
            print(address_of(bound).rsplit(":", 1)[1], flush=True)
            await asyncio.Event().wait()


async def serve_durable() -> None:
    home = Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
    home.chmod(0o711)  # noqa: ASYNC240 (nothing runs yet)
    try:
        with embedded_server(home) as server:
            await migrate(server.conninfo)
            async with open_store(server.conninfo) as store:
                await serve(store)
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Client(asyncio.Protocol):
    """One connection, one request at a time; GUIDs differ, the signed body is the same."""

    def __init__(self, head: bytes, tail: bytes, latencies: list[float]) -> None:
        self._head, self._tail = head, tail
        self._latencies = latencies
        self._received = b""
        self.failed = 0
        self.running = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(b"%s%s%s" % (self._head, str(uuid.uuid4()).encode(), self._tail))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = self._received.partition(b"\r\n\r\n")
        if not gap or len(body) < _length(head):
            return
        self._latencies.append(time.perf_counter() - self._sent)
        self.failed += not head.startswith(b"HTTP/1.1 2")
        self._received = b""
        if self.running:
            self._send()
        else:
            self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def load(port: int, connections: int, seconds: float) -> None:
    body = payload()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/github HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        "User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: pull_request\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n"
        "X-GitHub-Delivery: "
    ).encode()
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: Client(head, b"\r\n\r\n" + body, latencies), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.sleep(WARM_UP)
    latencies.clear()
    begun, busy = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    elapsed, busy = time.perf_counter() - begun, time.process_time() - busy
    taken = sorted(latencies) or [elapsed]  # no answer at all in that time
    for client in clients:
        client.running = False
    result = {
        "per_second": len(taken) / elapsed,
        "p50_ms": taken[len(taken) // 2] * 1000,
        "p99_ms": taken[int(len(taken) * 0.99)] * 1000,
        "failed": sum(client.failed for client in clients),
        "client_busy": busy / elapsed,
    }
    print(json.dumps(result))


@contextlib.contextmanager
def running(command: list[str], **environment: str) -> Iterator[int]:
    """Start a server that prints its port."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | environment, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        yield next(int(line) for line in process.stdout if line.strip().isdigit())
    finally:
        process.terminate()
        process.wait(30)


def probot_version() -> str:
    manifest = ROOT / "node_modules/probot/package.json"
    if not shutil.which("node") or not manifest.exists():
        return ""
    return str(json.loads(manifest.read_text())["version"])


def measure(rounds: int, seconds: float) -> dict[str, dict[int, dict[str, float]]]:
    commands = {name: [sys.executable, __file__, "serve", name] for name in ("none", "durable")}
    if version := probot_version():
        NAMES["probot"] = f"Probot {version}, storing nothing"
        commands["probot"] = ["node", str(HERE / "probot.mjs")]
    else:
        print("Probot is left out: node or node_modules/probot is missing.", file=sys.stderr)
    found: dict[str, dict[int, list[dict[str, float]]]] = {
        name: {count: [] for count in CONNECTIONS} for name in commands
    }
    with contextlib.ExitStack() as stack:
        ports = {
            name: stack.enter_context(
                running(command, WEBHOOK_SECRET=SECRET, NODE_ENV="production", LOG_LEVEL="fatal")
            )
            for name, command in commands.items()
        }
        for number in range(rounds):
            for count in CONNECTIONS:
                for name, port in ports.items():
                    client = [sys.executable, __file__, "load", str(port), str(count), str(seconds)]
                    out = subprocess.run(client, stdout=subprocess.PIPE, text=True, check=True)
                    result = json.loads(out.stdout)
                    if result["failed"]:
                        raise SystemExit(f"{name}: {result['failed']} answers were no 2xx")
                    found[name][count].append(result)
                    print(f"round {number + 1}: {name} at {count}: {result}", file=sys.stderr)
    return {
        name: {
            count: {key: statistics.median(r[key] for r in results) for key in results[0]}
            for count, results in by_count.items()
        }
        for name, by_count in found.items()
    }


def table(found: dict[str, dict[int, dict[str, float]]]) -> Iterator[str]:
    yield f"A pull_request delivery of {len(payload()) / 1000:.0f} KB; deliveries acknowledged a"
    yield "second (p50 / p99 in ms)."
    yield ""
    yield "| | " + " | ".join(f"{n} connection{'s' * (n > 1)}" for n in CONNECTIONS) + " |"
    yield "|---|" + "---:|" * len(CONNECTIONS)
    for name, by_count in found.items():
        cells = [
            f"{r['per_second']:.0f} ({r['p50_ms']:.1f} / {r['p99_ms']:.1f})"
            for r in by_count.values()
        ]
        yield f"| {NAMES[name]} | " + " | ".join(cells) + " |"
    for peer in (name for name in found if name != "durable"):
        ratios = [
            f"{found['durable'][n]['per_second'] / found[peer][n]['per_second']:.2f}"
            for n in CONNECTIONS
        ]
        yield f"| durable ÷ {NAMES[peer]} | " + " | ".join(ratios) + " |"
    yield ""
    busiest = max(r["client_busy"] for by_count in found.values() for r in by_count.values())
    yield "A single connection waits for the disk at each delivery; of those that come together,"
    yield "many share a commit. Probot stores nothing."
    yield ""
    yield f"The load's process was busy for at most {busiest:.0%} of the time."
    if "probot" not in found:
        yield "Probot could not run here: node or node_modules/probot is missing."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--seconds", type=float, default=4.0, help="per figure and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("role", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    match arguments.role:
        case ["serve", "none"]:
            _run(serve(NoStore()))
        case ["serve", "durable"]:
            _run(serve_durable())
        case ["load", port, connections, seconds]:
            _run(load(int(port), int(connections), float(seconds)))
        case _:
            found = measure(arguments.rounds, arguments.seconds)
            print(json.dumps(found) if arguments.json else "\n".join(table(found)))


def _run(main: object) -> None:
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(main)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
