"""From a webhook to the check it leads to, and the GitHub requests that an event costs.

The bot runs as its users run it, ``lockgate serve`` in a process of its own on an embedded
PostgreSQL; the sandbox GitHub runs in this one. A latency is from the moment at which something
happens on GitHub (before the event is even sent) to the moment at which the sandbox has taken the
check run.
"""

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

import httpx

from bot.sandbox.model import Pull
from bot.sandbox.server import Sandbox

GOOD, BAD = "feat: add search", "Add search"
PATIENCE = 60.0


class Watch:
    """Sees every request that the bot makes."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._wanted: dict[str, asyncio.Future[float]] = {}
        self._touched = asyncio.Event()

    def exchange(self, exchange) -> None:
        kind = "write" if exchange.method in ("POST", "PATCH", "DELETE") else "read"
        if exchange.template.endswith("/graphql") or exchange.path == "/graphql":
            kind = "read"
        elif exchange.path.endswith("/access_tokens"):
            kind = "token"
        self.requests[kind] += 1
        if kind == "write" and "/check-runs" in exchange.path and exchange.status < 300:
            waiting = self._wanted.get(exchange.response["head_sha"])
            if waiting and not waiting.done():
                waiting.set_result(time.perf_counter())

    def check_on(self, sha: str) -> asyncio.Future[float]:
        self._wanted[sha] = asyncio.get_running_loop().create_future()
        return self._wanted[sha]

    def taken(self) -> Counter[str]:
        taken, self.requests = self.requests, Counter()
        return taken


@contextlib.asynccontextmanager
async def running_bot(
    sandbox: Sandbox, more: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = secrets.token_hex(32)
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {
            **os.environ,
            "DATABASE_URL": "",
            "LOCKGATE_HOME": home,
            "GITHUB_APP_ID": str(sandbox.app.id),
            "GITHUB_PRIVATE_KEY": sandbox.app.private_key,
            "GITHUB_WEBHOOK_SECRET": secret,
            "GITHUB_API_URL": sandbox.url,
            "PORT": str(port),
            **(more or {}),
        }
        log = Path(home, "bot.log").open("w")  # noqa: SIM115, ASYNC230 (closed with the process)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", env=environment, stderr=log
        )
        try:
            async with httpx.AsyncClient() as client:
                for _ in range(600):
                    with contextlib.suppress(httpx.HTTPError):
                        if (await client.get(f"{url}/readyz")).status_code == 200:
                            break
                    await asyncio.sleep(0.1)
                else:
                    raise SystemExit("the bot did not become ready")
            sandbox.send_events_to(f"{url}/webhooks/github", secret)
            yield process
        finally:
            process.terminate()
            await process.wait()
            log.close()


async def quiet(sandbox: Sandbox, watch: Watch) -> None:
    """Until no request has come for half a second."""
    await sandbox.hooks.settled()
    before = -1
    while before != sum(watch.requests.values()):
        before = sum(watch.requests.values())
        await asyncio.sleep(0.5)


async def retitle(sandbox: Sandbox, watch: Watch, pull: Pull) -> float:
    seen = watch.check_on(pull.head_sha)
    started = time.perf_counter()
    sandbox.edit_pull(pull, title=GOOD if pull.title != GOOD else BAD)
    return await asyncio.wait_for(seen, PATIENCE) - started


def shown(latencies: Iterable[float]) -> str:
    ordered = sorted(latencies)
    p50 = statistics.median(ordered)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return f"{p50 * 1000:.0f} ms | {p99 * 1000:.0f} ms | {ordered[-1] * 1000:.0f} ms"


async def measure(idle: int, active: int, rate: float, edits: int) -> None:
    watch = Watch()
    async with Sandbox(on_exchange=watch.exchange, limit=1_000_000) as sandbox:
        repository = sandbox.create_repository(
            "octo/shop",
            allow_merge_commit=False,
            allow_rebase_merge=False,
            squash_merge_commit_title="PR_TITLE",
        )
        async with running_bot(sandbox):
            await quiet(sandbox, watch)
            watch.taken()
            pull = sandbox.open_pull(repository, BAD)
            await quiet(sandbox, watch)
            opened = watch.taken()
            await retitle(sandbox, watch, pull)
            await quiet(sandbox, watch)
            edited = watch.taken()
            sandbox.edit_pull(pull, body="Nothing that a gate looks at.")
            await quiet(sandbox, watch)
            unchanged = watch.taken()

            print("idle …", file=sys.stderr)
            alone = [await retitle(sandbox, watch, pull) for _ in range(idle)]

            print(f"opening {active} pull requests …", file=sys.stderr)
            pulls = sandbox.open_pulls(repository, [BAD] * active)
            started = time.perf_counter()
            await asyncio.gather(
                *(asyncio.wait_for(watch.check_on(one.head_sha), PATIENCE * 10) for one in pulls)
            )
            drained = time.perf_counter() - started
            await quiet(sandbox, watch)

            print(f"{edits} edits at {rate:.0f} a second …", file=sys.stderr)
            chosen = random.Random(7).sample(pulls, min(edits, len(pulls)))
            tasks = []
            for one in chosen:
                tasks.append(asyncio.create_task(retitle(sandbox, watch, one)))
                await asyncio.sleep(1 / rate)
            busy = await asyncio.gather(*tasks)

    print("| webhook → check visible | p50 | p99 | most |")
    print("|---|---|---|---|")
    print(f"| idle, {idle} title edits one by one | {shown(alone)} |")
    print(
        f"| {active} pull requests active, {len(busy)} title edits at {rate:.0f}/s "
        f"| {shown(busy)} |"
    )
    print(
        f"\nA burst of {active} pull requests opened at once had all its checks after "
        f"{drained:.1f} s ({active / drained:.0f} a second).\n"
    )
    print("| GitHub requests per event | reads | writes | tokens | aim |")
    print("|---|---|---|---|---|")
    for name, counted, aim in (
        ("pull request opened", opened, "≤ 6 in all"),
        ("title edited", edited, "≤ 3 in all"),
        ("nothing changed", unchanged, "no write, ≤ 2 reads"),
    ):
        print(f"| {name} | {counted['read']} | {counted['write']} | {counted['token']} | {aim} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=200, help="title edits, one by one")
    parser.add_argument("--active", type=int, default=1000, help="open pull requests")
    parser.add_argument("--rate", type=float, default=10.0, help="title edits a second")
    parser.add_argument("--edits", type=int, default=200, help="title edits among the active")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.idle, chosen.active, chosen.rate, chosen.edits))
