"""Sample rows, and the application on a port of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.environments import PostgresEnvironments
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.store import PostgresStore
from bot.adapters.postgres.watches import PostgresWatches
from bot.core.audit.checkpoint import SEED_BYTES, AuditKey
from bot.core.decision import Decision, Finding, GateResult, Json, Verdict
from bot.core.hosting import Build, Freeze, HostTarget, Lock, Origin
from bot.core.model import Actor, RepoRef, Sha
from bot.core.operations.machine import (
    Again,
    Done,
    Kind,
    Operation,
    StepName,
    attempt,
    begin,
    plan_operation,
    record,
)
from bot.core.render.json import to_json
from bot.ports import Clock, Delivery, Evaluation, Store
from bot.ports.database import Database
from bot.ports.operations import OperationStore
from bot.web.app import create_app
from bot.web.login import Login
from bot.web.viewer import Viewer

NOW = datetime.now(UTC)
FAILING = Decision(
    (
        GateResult(
            "commits",
            Verdict.FAIL,
            "the title “Add search” has no type",
            "give the title a type, e.g. feat: add search",
            "This repository squashes with the pull request's title, so the title is what lands.",
            (
                Finding("title", "type-empty", "it has no type", "Add search", "feat: add search"),
                Finding("commit 3f2c1aa", "subject-full-stop", "it ends with a dot", "fix: it."),
            ),
            {
                "merge settings": {"squash": True, "rebase": False},
                "checked": ["title", "commits"],
                "commits": [{"sha": "3f2c1aa", "kind": "conventional"}],
            },
        ),
        GateResult("checks", Verdict.WAIT, "11 of 12 green, e2e has run for 3 min"),
    )
)
HOSTILE = "<script>alert(1)</script> \u202eevil @everyone | `x` " + "A" * 65_000
PASSING = Decision((GateResult("commits", Verdict.PASS, "the title is conventional"),))


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def evaluation(
    repository: str = "octo/shop",
    number: int = 12,
    title: str = "Add search",
    decision: Decision = FAILING,
    *,
    private: bool = False,
    age: timedelta = timedelta(minutes=3),
    **changes: Any,
) -> Evaluation:
    owner, name = repository.split("/")
    values: dict[str, Any] = {
        "repo": RepoRef(1, sum(repository.encode()), owner, name),
        "private": private,
        "number": number,
        "title": title,
        "author": "octo",
        "state": "open",
        "head_sha": Sha(f"{number:040x}"),
        "base_ref": "main",
        "verdict": decision.verdict.value,
        "result": to_json(decision),
        "evaluated_at": NOW - age,
    }
    return Evaluation(**{**values, **changes})


def delivery(guid: str, event: str = "pull_request", **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "guid": guid,
        "event": event,
        "action": "edited",
        "installation_id": 1,
        "repository_id": 7,
        "repository": "octo/shop",
        "payload": b"{}",
        "routed": True,
    }
    return Delivery(**{**values, **changes})


@asynccontextmanager
async def serve(app: Starlette) -> AsyncIterator[str]:
    """The application on a port of its own; a connection made at once waits in the backlog."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="on", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


def audit_log(store: PostgresStore) -> PostgresAudit:
    return PostgresAudit(store.pool, [AuditKey(b"k" * SEED_BYTES)], SystemClock())


async def _answer(_: object) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def _fault(_: object) -> PlainTextResponse:
    raise RuntimeError("nobody foresaw this")


def build(
    store: PostgresStore,
    viewer: Viewer,
    clock: Clock,
    login: Login | None = None,
    databases: Mapping[str, Database] | None = None,
) -> Starlette:
    return create_app(
        store=store,
        operations=PostgresOperations(store.pool),
        environments=PostgresEnvironments(store.pool),
        audit=audit_log(store),
        schemas=PostgresSchemas(store.pool),
        slos=PostgresSlos(store.pool),
        watches=PostgresWatches(store.pool),
        databases=databases or {},
        login=login,
        clock=clock,
        webhooks=[],
        health_routes=[Route("/healthz", _answer), Route("/fault", _fault)],
        viewer=viewer,
        lifespan=None,
        github_url="https://github.example/",
    )


async def tell_story(store: Store, database_url: str) -> int:
    """Something of each: returns the number of the job that gave up."""
    for each in (
        evaluation(),
        evaluation("octo/shop", 11, "feat(search): add search", PASSING),
        evaluation("octo/api", 4, HOSTILE, FAILING, author="\u202eghost", base_ref="b" * 200),
        evaluation("octo/secret", 1, "fix: hush", PASSING, private=True),
    ):
        await store.save_evaluation(each)
    guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    await store.add_deliveries([delivery(guid), delivery("82d3162e", "star", routed=False)])
    (job,) = await store.fetch_jobs()
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            "UPDATE procrastinate_jobs SET status = 'failed', attempts = 8 WHERE id = %s", [job.id]
        )
        await connection.execute(
            "INSERT INTO job_errors (job_id, error) VALUES (%s, 'GitHub answered 502 <b>')",
            [job.id],
        )
    return job.id


SHOP = RepoRef(1, sum(b"octo/shop"), "octo", "shop")
TARGET = HostTarget("vercel", "shop", "shop.example.com")
BAD, GOOD = Sha("b" * 40), Sha("a" * 40)
PROMOTION = Decision(
    (
        GateResult("checks", Verdict.PASS, "12 of 12 green", evidence={"green": 12}),
        GateResult(
            "deployment",
            Verdict.PASS,
            "`dpl_b` is ready",
            findings=(
                Finding(
                    "project shop",
                    "deployment/auto-assigned",
                    "Vercel puts new production builds live by itself",
                ),
            ),
            evidence={"auto_assigns": True},
        ),
        GateResult(
            "approvals",
            Verdict.PASS,
            "set aside",
            reason="Two people read what goes live.",
            overridden=Verdict.FAIL,
        ),
    )
)


def shipped_build(sha: Sha, tag: str = "v1.5.0") -> Build:
    return Build(sha, f"dpl_{sha[0]}", tag, 12, "5c4e3a" * 8)


def promotion(repo: RepoRef = SHOP, **changes: Any) -> Operation:
    """One that was just asked for."""
    kind, environment = changes.pop("kind", Kind.PROMOTE), changes.pop("environment", "production")
    plan = plan_operation(
        kind, environment, TARGET, shipped_build(BAD), shipped_build(GOOD, "v1.4.2")
    )
    values: dict[str, Any] = {
        "actor": Actor(5, "maria"),
        "requested_at": NOW - timedelta(minutes=2),
        "deadline": NOW + timedelta(minutes=13),
        "pull_number": 12,
        "overrides": {"approvals": "the site is down, nobody else is awake"},
    }
    return begin(Operation(id=0, repo=repo, plan=plan, **{**values, **changes}))


def carried(operation: Operation, *names: StepName) -> Operation:
    """With these steps done, half a second each."""
    at = operation.requested_at
    for name in names:
        operation = attempt(operation, name, at)
        at += timedelta(seconds=0.5)
        detail: dict[str, Json] = {}
        if name is StepName.GATES:
            detail = {"decision": to_json(PROMOTION)}
        operation = record(operation, name, Done(f"{name.value} is through", detail), at)
    return operation


async def ship(operations: OperationStore, repo: RepoRef = SHOP) -> Operation:
    """A promotion that succeeded, a lock, a freeze, and a promotion that settles now."""
    stored, _ = await operations.add_operation(
        promotion(repo, requested_at=NOW - timedelta(days=1))
    )
    done = replace(carried(stored, *stored.plan.steps), concluded=True)
    assert await operations.save_operation(done)
    for build, age in ((shipped_build(GOOD, "v1.4.2"), 3), (shipped_build(BAD), 1)):
        await operations.record_live(
            repo.id,
            "production",
            build,
            origin=Origin.PROMOTION,
            actor="maria",
            at=NOW - timedelta(days=age),
            verified=True,
            operation_id=stored.id,
            fence=None,
        )
    since = NOW - timedelta(hours=1)
    await operations.set_lock(repo.id, Lock("production", "ada", "incident <42>", since))
    await operations.add_freeze(
        repo.id, Freeze("production", "ada", "holidays", since, NOW + timedelta(days=3))
    )
    running, _ = await operations.add_operation(promotion(repo, comment_id=77))
    await operations.take_environment(repo.id, "production", running.id)
    running = carried(running, *running.plan.steps[:4])
    running = attempt(running, StepName.SETTLE, NOW - timedelta(seconds=30))
    running = record(
        running,
        StepName.SETTLE,
        Again(timedelta(seconds=1), "the host's job is in-progress"),
        NOW,
    )
    saved = await operations.save_operation(running)
    assert saved is not None
    return saved
