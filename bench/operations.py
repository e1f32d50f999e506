"""From a comment to a verified production domain, what an operation asks of GitHub and of Vercel,
and many repositories at once.

The bot runs as its users run it, ``lockgate serve`` in a process of its own on an embedded
PostgreSQL; the sandbox GitHub and the sandbox Vercel, which answer at once, run in this one. A
time is from the moment at which the comment is made (before its event is even sent) to the moment
at which GitHub is told of success, which follows the question to the production domain and the
ledger's entry.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from cost import resident
from latency import PATIENCE, running_bot, shown

from bot.sandbox.model import App, Comment, Pull, Repository
from bot.sandbox.server import Sandbox
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.model import Project

POLICY = """\
environments:
  production:
    vercel: {{project: {name}, domain: {name}.example.com}}
"""
CHECKS = 30
AIM = "≤ 2 s"


@dataclass
class Watch:
    """Sees every request that the bot makes."""

    requests: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    """By repository: how often GitHub was told that an operation went well."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def github(self, exchange) -> None:
        if exchange.path.endswith("/access_tokens"):
            kind = "token"
        elif exchange.method == "GET" or exchange.path == "/graphql":
            kind = "GitHub read"
        else:
            kind = "GitHub write"
        self.requests[kind] += 1
        told = exchange.path.endswith("/statuses") and "/deployments/" in exchange.path
        if told and (exchange.request or {}).get("state") == "success":
            _, _, owner, name, *_ = exchange.path.split("/")
            self.successes[f"{owner}/{name}"] += 1
            self._changed.set()

    def vercel(self, exchange) -> None:
        self.requests["Vercel write" if exchange.method == "POST" else "Vercel read"] += 1

    async def success(self, name: str, count: int, patience: float) -> float:
        """When a repository's ``count``th success came."""
        async with asyncio.timeout(patience):
            while self.successes[name] < count:
                self._changed.clear()
                await self._changed.wait()
        return time.perf_counter()

    def taken(self) -> Counter[str]:
        taken, self.requests = self.requests, Counter()
        return taken


@dataclass
class Shops:
    github: Sandbox
    vercel: SandboxVercel
    watch: Watch
    ci: App

    def shop(self, name: str) -> tuple[Repository, Project]:
        github = self.github
        repository = github.create_repository(
            f"octo/{name}",
            files={".github/lockgate.yml": POLICY.format(name=name)},
            allow_merge_commit=False,
            allow_rebase_merge=False,
            squash_merge_commit_title="PR_TITLE",
        )
        github.set_role(repository, github.user("ada"), "admin")
        project = self.vercel.create_project(name, domain=f"{name}.example.com", auto_assign=False)
        self.vercel.attach(github, repository, project)
        return repository, project

    def merged(self, repository: Repository, title: str, checks: int = 1) -> Pull:
        github = self.github
        pull = github.open_pull(repository, title)
        github.merge(pull, "squash", by=github.user("ada"))
        for number in range(checks):
            github.create_check(
                repository,
                self.ci,
                pull.merge_commit_sha,
                f"test {number}",
                conclusion="success",
            )
        return pull

    def say(self, pull: Pull, line: str) -> Comment:
        return self.github.comment(pull, line, by=self.github.user("ada"))

    async def quiet(self) -> None:
        """Until no request has come for a second."""
        await self.github.hooks.settled()
        before = -1
        while before != sum(self.watch.requests.values()):
            before = sum(self.watch.requests.values())
            await asyncio.sleep(1)

    async def timed(self, pull: Pull, line: str, patience: float = PATIENCE) -> float:
        name = pull.repository.full_name
        wanted, begun = self.watch.successes[name] + 1, time.perf_counter()
        self.say(pull, line)
        return await self.watch.success(name, wanted, patience) - begun


async def one_by_one(shops: Shops, runs: int) -> None:
    repository, project = shops.shop("shop")
    await shops.quiet()
    good = shops.merged(repository, "feat: add search", CHECKS)
    await shops.quiet()
    await shops.timed(good, "/promote")
    following = shops.merged(repository, "feat: sort by price", CHECKS)
    await shops.quiet()

    taken: dict[str, list[float]] = {"/promote": [], "/rollback": []}
    until: dict[str, Counter[str]] = {}
    whole: dict[str, Counter[str]] = {}
    for _ in range(runs):
        for line, times in taken.items():
            await shops.quiet()
            shops.watch.taken()
            times.append(await shops.timed(following, line))
            until[line] = shops.watch.requests.copy()
            await shops.quiet()
            whole[line] = shops.watch.taken()
            wanted = following if line == "/promote" else good
            assert shops.vercel.live(project).sha == wanted.merge_commit_sha

    print("| comment → verified, and GitHub told | p50 | p99 | most | aim, p99 |")
    print("|---|---|---|---|---|")
    for line, times in taken.items():
        what = f"`{line}`, {CHECKS} checks" if line == "/promote" else f"`{line}`"
        print(f"| {what}, {runs} one by one | {shown(times)} | {AIM} |")
    kinds = ("GitHub read", "GitHub write", "Vercel read", "Vercel write")
    print("\n| requests | GitHub reads | GitHub writes | Vercel reads | Vercel writes |")
    print("|---|---|---|---|---|")
    for line in taken:
        for when, counted in (("until verified", until[line]), ("in all", whole[line])):
            print(f"| `{line}`, {when} | " + " | ".join(str(counted[k]) for k in kinds) + " |")
    print(
        "\n“In all” holds the progress comment, its reactions, and what the check run "
        "`lockgate/promotion` costs that every deployment status has renewed.\n"
    )


async def all_at_once(shops: Shops, count: int, waves: int, pid: int) -> None:
    made = []
    for number in range(count):
        made.append(shops.shop(f"shop-{number}"))
        await asyncio.sleep(0)
    await shops.quiet()
    rows = [("before", 0.0, 0, 0, resident(pid))]
    for wave in range(1, waves + 1):
        print(f"wave {wave}: merging in {count} repositories …", file=sys.stderr)
        pulls = []
        for repository, _ in made:
            pulls.append(shops.merged(repository, f"feat: add part {wave}"))
            await asyncio.sleep(0)
        await shops.quiet()
        print(f"wave {wave}: promoting …", file=sys.stderr)
        begun = time.perf_counter()
        times = await asyncio.gather(
            *(shops.timed(pull, "/promote", PATIENCE * 20) for pull in pulls)
        )
        took = time.perf_counter() - begun
        right = sum(
            shops.vercel.live(project).sha == pull.merge_commit_sha
            for (_, project), pull in zip(made, pulls, strict=True)
        )
        await shops.quiet()
        rows.append((f"wave {wave}", took, len(times), right, resident(pid)))
        print(f"wave {wave}: {took:.1f} s, {right} live, {rows[-1][-1]:.0f} MB", file=sys.stderr)
    print(f"| {count} repositories at once, one worker | took | ended well | live | memory |")
    print("|---|---|---|---|---|")
    for name, took, ended, right, memory in rows:
        if ended:
            print(f"| {name} | {took:.1f} s | {ended} | {right} | {memory:.0f} MB |")
        else:
            print(f"| {name} | | | | {memory:.0f} MB |")


async def measure(runs: int, count: int, waves: int) -> None:
    watch = Watch()
    async with (
        Sandbox(on_exchange=watch.github, limit=10_000_000) as github,
        SandboxVercel(on_exchange=watch.vercel) as vercel,
    ):
        ci = github.create_app("ci", permissions={"checks": "write"}, events=())
        github.install(ci, github.user("octo"))
        shops = Shops(github, vercel, watch, ci)
        more = {"VERCEL_TOKEN": vercel.create_token().value, "VERCEL_API_URL": vercel.url}
        async with running_bot(github, more) as process:
            await one_by_one(shops, runs)
            if count:
                await all_at_once(shops, count, waves, process.pid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="of each command, one by one")
    parser.add_argument("--repositories", type=int, default=200, help="promoting at once")
    parser.add_argument("--waves", type=int, default=2, help="of promotions at once")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.runs, chosen.repositories, chosen.waves))
