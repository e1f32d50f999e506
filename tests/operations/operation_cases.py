"""What the tests on operations speak of: a shop, its builds and what was live."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.core.decision import Decision, GateResult, Verdict
from bot.core.hosting import Build, HostTarget, LedgerEntry, Origin
from bot.core.model import Actor, RepoRef, Sha
from bot.core.operations.machine import (
    Done,
    Kind,
    Operation,
    Result,
    StepName,
    attempt,
    begin,
    plan_operation,
    record,
)
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.render.json import to_json

AT = datetime(2026, 3, 2, 12, 4, 10, tzinfo=UTC)
URL = "https://bot.test/operations/7"
REPO = RepoRef(1, 2, "acme", "shop")
OCTO = Actor(5, "octo")
TARGET = HostTarget("vercel", "shop", "shop.example.com")


def sha(begin: str) -> Sha:
    return Sha((begin * 40)[:40])


def build(begin: str, tag: str = "") -> Build:
    return Build(sha(begin), f"dpl_{begin}", tag, 12, "5c4e" * 16)


NEW = build("3f2c1aa", "v1.5.0")
OLD = build("a91b77c", "v1.4.2")
OLDER = build("0d5e3b1", "v1.4.1")
OLDEST = build("77aa001")

ENVIRONMENTS = {
    "production": EnvironmentPolicy(),
    "staging": EnvironmentPolicy(requires=("checks",)),
}

PASSING = Decision(
    (
        GateResult("checks", Verdict.PASS, "12 of 12 are green"),
        GateResult("lock", Verdict.PASS, "production is not locked"),
    )
)
WAITING = Decision(
    (
        GateResult("checks", Verdict.WAIT, "11 of 12 green, `e2e` running for 3 min"),
        GateResult("lock", Verdict.PASS, "production is not locked"),
    )
)
FAILING = Decision(
    (
        GateResult(
            "checks", Verdict.FAIL, "`e2e` is red", "mend `e2e`, or run it again if it is flaky"
        ),
        GateResult("lock", Verdict.PASS, "production is not locked"),
    )
)

SET_ASIDE = Decision(
    (
        replace(
            FAILING.results[0],
            verdict=Verdict.PASS,
            overridden=Verdict.FAIL,
            summary="set aside by @octo because the runner is down; it said: `e2e` is red",
            remedy="",
        ),
        FAILING.results[1],
    )
)


def entry(
    number: int,
    what: Build,
    *,
    origin: Origin = Origin.PROMOTION,
    verified: bool = True,
    until: datetime | None = AT,
) -> LedgerEntry:
    start = AT - timedelta(days=20 - number)
    return LedgerEntry(
        number, "production", what, origin, start, until, start if verified else None, 1, "octo"
    )


def operation(
    kind: Kind = Kind.PROMOTE, what: Build = NEW, before: Build | None = OLD
) -> Operation:
    return begin(
        Operation(
            id=7,
            repo=REPO,
            plan=plan_operation(kind, "production", TARGET, what, before),
            actor=OCTO,
            requested_at=AT,
            deadline=AT + timedelta(minutes=15),
            pull_number=12,
            comment_id=99,
        )
    )


def through(
    start: Operation, last: StepName | None = None, decision: Decision = PASSING
) -> Operation:
    """The operation with all its steps done, up to and with ``last``; each took 0.7 s."""
    now, current = AT, start
    for step in start.steps:
        current = attempt(current, step.name, now)
        now += timedelta(milliseconds=700)
        detail = {"decision": to_json(decision)} if step.name is StepName.GATES else {}
        current = record(current, step.name, Done("", detail), now)
        if step.name is last:
            break
    return current


def then(current: Operation, name: StepName, result: Result, seconds: float = 1.2) -> Operation:
    """The operation after one more step."""
    start = max([AT, *(step.ended_at for step in current.steps if step.ended_at)])
    return record(attempt(current, name, start), name, result, start + timedelta(seconds=seconds))


def out(current: Operation) -> Operation:
    """The operation after what is always done."""
    for step in current.steps:
        if not current.ended and current.step(step.name).state.value in ("planned", "attempted"):
            current = then(current, step.name, Done(""), 0.2)
    return current


def overriding(current: Operation, **reasons: str) -> Operation:
    return replace(current, overrides=reasons)
