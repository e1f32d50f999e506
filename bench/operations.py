"""From a comment to a verified production domain, what an operation asks of GitHub and of Vercel,
and many repositories at once.

The bot runs as its users run it, ``lockgate serve`` in a process of its own on an embedded
PostgreSQL; the sandbox GitHub and the sandbox Vercel, which answer at once, run in this one. A
time is from the moment at which the comment is made (before its event is even sent) to the moment
at which GitHub is told of success, which follows the question to the production domain and the
ledger's entry. The bot's own time is that without the processor's time that this process, and with
it the sandboxes, took meanwhile.
"""

import argparse
import asyncio
import itertools
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from cost import resident
from latency import PATIENCE, running_bot, shown

from bot.sandbox.model import App, Comment, Pull, Repository
from bot.sandbox.server import Sandbox
from bot.sandbox.vercel import SandboxVercel
from bot.sandbox.vercel.model import Deployment, Project

POLICY = """\
environments:
  production:
    vercel: {{project: {name}, domain: {name}.example.com}}
"""
CHECKS = 30
AIM = "≤ 2 s"
SILENCE = 0.4
"""Seconds without a request after which an operation is over: the bot looks at its queue ten times
a second, and at a host four times."""
QUEUED = 10
"""Every so many-th repository gets a second promotion right behind the first."""


@dataclass
class Watch:
    """Sees every request that the bot makes."""

    requests: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    """By repository: how often GitHub was told that an operation went well."""
    promoted: dict[str, list[str]] = field(default_factory=dict)
    """By project: the deployments that Vercel was asked to promote, in that order."""
    noticed_at: float = 0.0
    """When the newest command got its first reaction, by the clock that times it."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def github(self, exchange) -> None:
        if exchange.path.endswith("/access_tokens"):
            kind = "token"
        elif exchange.method == "GET" or exchange.path == "/graphql":
            kind = "GitHub read"
        else:
            kind = "GitHub write"
        self.requests[kind] += 1
        if (exchange.request or {}).get("content") == "eyes":
            self.noticed_at = time.perf_counter()
        told = exchange.path.endswith("/statuses") and "/deployments/" in exchange.path
        if told and (exchange.request or {}).get("state") == "success":
            _, _, owner, name, *_ = exchange.path.split("/")
            self.successes[f"{owner}/{name}"] += 1
            self._changed.set()

    def vercel(self, exchange) -> None:
        self.requests["Vercel write" if exchange.method == "POST" else "Vercel read"] += 1
        if exchange.method == "POST":
            *_, project, kind, deployment = exchange.path.split("/")
            if kind == "promote":
                self.promoted.setdefault(project, []).append(deployment)

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
        """Until no request has come for a while."""
        await self.github.hooks.settled()
        before = -1
        while before != sum(self.watch.requests.values()):
            before = sum(self.watch.requests.values())
            await asyncio.sleep(SILENCE)

    async def timed(self, pull: Pull, line: str) -> tuple[float, float, float]:
        """How long it took, how long of that the bot, and how long until it was noticed."""
        name = pull.repository.full_name
        wanted = self.watch.successes[name] + 1
        begun, busy = time.perf_counter(), time.process_time()
        self.say(pull, line)
        took = await self.watch.success(name, wanted, PATIENCE) - begun
        return took, took - (time.process_time() - busy), self.watch.noticed_at - begun


async def one_by_one(shops: Shops, runs: int) -> None:
    repository, project = shops.shop("shop")
    await shops.quiet()
    good = shops.merged(repository, "feat: add search", CHECKS)
    await shops.quiet()
    await shops.timed(good, "/promote")
    following = shops.merged(repository, "feat: sort by price", CHECKS)
    await shops.quiet()

    taken: dict[str, list[tuple[float, float, float]]] = {"/promote": [], "/rollback": []}
    until: dict[str, Counter[str]] = {}
    whole: dict[str, Counter[str]] = {}
    for _ in range(runs):
        for line, times in taken.items():
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
        whole_times, own_times, noticed = zip(*times, strict=True)
        print(f"| {what}, {runs} one by one | {shown(whole_times)} | {AIM} |")
        print(f"| of that the bot's own time | {shown(own_times)} | |")
        print(f"| comment → 👀 | {shown(noticed)} | ≤ 1 s |")
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


async def all_at_once(shops: Shops, count: int, pid: int) -> None:
    """Each repository promotes a build, and some a second one that has to wait for the first."""
    print(f"merging in {count} repositories …", file=sys.stderr)
    made: list[tuple[Project, list[Pull]]] = []
    for number in range(count):
        repository, project = shops.shop(f"shop-{number}")
        await asyncio.sleep(0)
        builds = 2 if number % QUEUED == 0 else 1
        pulls = [shops.merged(repository, f"feat: add part {part}") for part in range(builds)]
        made.append((project, pulls))
        await asyncio.sleep(0)
    await shops.quiet()
    print("promoting …", file=sys.stderr)
    before, memory = resident(pid), [resident(pid)]
    begun = time.perf_counter()
    for turn in range(2):
        for _, pulls in made:
            for pull in pulls[turn : turn + 1]:
                shops.say(pull, "/promote")
        # The second comes once the first was acknowledged, as with people.
        await shops.github.hooks.settled()
    ends = [
        asyncio.create_task(
            shops.watch.success(pulls[0].repository.full_name, len(pulls), PATIENCE * 20)
        )
        for _, pulls in made
    ]
    while not all(end.done() for end in ends):
        memory.append(resident(pid))
        await asyncio.wait(ends, timeout=1)
    took = max([end.result() for end in ends]) - begun
    await shops.quiet()
    live = sum(
        shops.vercel.live(project).sha == pulls[-1].merge_commit_sha for project, pulls in made
    )
    queued = [(project, pulls) for project, pulls in made if len(pulls) > 1]
    kept = sum(
        [wanted.sha for wanted in asked_for(shops, project)]
        == [pull.merge_commit_sha for pull in pulls]
        for project, pulls in queued
    )
    operations = sum(len(pulls) for _, pulls in made)
    print(
        f"| {count} repositories at once, one worker, {operations} promotions | took | a second "
        "| the right build live | order kept | memory before | at most | after |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| all at once | {took:.1f} s | {operations / took:.1f} | {live} of {count} "
        f"| {kept} of {len(queued)} | {before:.0f} MB | {max(memory):.0f} MB "
        f"| {resident(pid):.0f} MB |"
    )


def asked_for(shops: Shops, project: Project) -> list[Deployment]:
    """The builds that Vercel was asked to promote, in that order."""
    by_id = {build.id: build for build in project.deployments}
    names = (project.id, project.name)
    asked = itertools.chain.from_iterable(shops.watch.promoted.get(name, ()) for name in names)
    return [by_id[deployment] for deployment in asked]


async def measure(runs: int, count: int) -> None:
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
                await all_at_once(shops, count, process.pid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="of each command, one by one")
    parser.add_argument("--repositories", type=int, default=200, help="promoting at once")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.runs, chosen.repositories))
