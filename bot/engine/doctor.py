"""What can be wrong with an installation, each check one function from facts to a verdict.

The functions are pure; ``examine`` asks for the facts and passes on what could not be read as
what it is: never as a pass.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from bot.core.decision import Verdict
from bot.core.hosting import HostProject
from bot.engine.app_manifest import AppManifest
from bot.engine.doctor_app import (
    check_deliveries,
    check_events,
    check_installations,
    check_key,
    check_permissions,
    check_secret,
    check_webhook,
)
from bot.engine.doctor_shipping import check_audit, check_databases, check_hosting, check_sources
from bot.engine.examined import Check
from bot.ports import AppInspector, HubError, QueueHealth, StoreUnavailable
from bot.ports.database import DatabaseError
from bot.ports.host import HostError
from bot.ports.observations import Place

T = TypeVar("T")

MAX_SKEW = timedelta(seconds=30)
"""GitHub refuses a JWT from the future; the bot dates its own back by a minute."""
MAX_WAIT_SECONDS = 300
DELIVERY_WINDOW = timedelta(days=3)
"""GitHub keeps deliveries for three days."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined. ``inspector`` is None where no App is configured."""

    manifest: AppManifest
    inspector: AppInspector | None
    pending_migrations: Callable[[], Awaitable[Sequence[str]]]
    queue_health: Callable[[], Awaitable[QueueHealth]]
    audit_fault: Callable[[], Awaitable[str]]
    projects: Callable[[], Awaitable[Sequence[tuple[Place, HostProject | HostError]]]]
    databases: Callable[[], Awaitable[Sequence[tuple[str, DatabaseError | None]]]]
    """Each environment's database by the environment's name, and what stands against it."""
    sources: Callable[[], Awaitable[Sequence[tuple[str, str]]]]
    """Each source of numbers by its name, and what stands against it, or nothing."""
    app_id: int
    public_url: str
    api_url: str
    warnings: Sequence[str]
    now: datetime


async def examine(subject: Subject) -> AsyncIterator[Check]:
    """Make every check, in the order in which one would mend what they find."""
    yield check_settings(subject.warnings)
    if subject.inspector is None:
        yield Check("key", Verdict.FAIL, "no GitHub App is configured", "run `lockgate setup`")
    else:
        async for check in _examine_app(subject, subject.inspector):
            yield check
    pending = await _of_store(subject.pending_migrations())
    yield check_database(pending)
    usable = not isinstance(pending, StoreUnavailable) and not pending
    yield check_queue(await _of_store(subject.queue_health()) if usable else None)
    yield check_audit(await _of_store(subject.audit_fault()) if usable else None)
    asks = usable and subject.inspector is not None
    yield check_hosting(await _of_store(subject.projects()) if asks else None)
    yield check_databases(await subject.databases())
    for check in check_sources(await subject.sources()):
        yield check


async def _examine_app(subject: Subject, inspector: AppInspector) -> AsyncIterator[Check]:
    app = await _asked(inspector.fetch_app())
    yield check_clock(inspector.clock_skew())
    yield check_key(app, subject.app_id)
    answered = await inspector.probe(f"{subject.public_url}/healthz")
    yield check_public_url(subject.public_url, subject.api_url, answered)
    if isinstance(app, HubError):
        for name in ("permissions", "events", "webhook", "secret", "installations", "deliveries"):
            yield Check(name, Verdict.SKIP, "not looked at: GitHub does not take the App's key")
        return
    yield check_permissions(app, subject.manifest)
    yield check_events(app, subject.manifest)
    hook = await _asked(inspector.fetch_hook())
    yield check_webhook(hook, subject.public_url, app)
    yield check_secret(hook, app)
    yield check_installations(await _asked(inspector.fetch_installations()), app, subject.manifest)
    since = subject.now - DELIVERY_WINDOW
    yield check_deliveries(await _asked(_listed(inspector.fetch_deliveries(since=since))))


async def _asked(answer: Awaitable[T]) -> T | HubError:
    try:
        return await answer
    except HubError as error:
        return error


async def _of_store(answer: Awaitable[T]) -> T | StoreUnavailable:
    try:
        return await answer
    except StoreUnavailable as error:
        return error


async def _listed(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


def check_settings(warnings: Sequence[str]) -> Check:
    if not warnings:
        return Check("settings", Verdict.PASS, "the environment can be used")
    found, _, remedy = warnings[0].partition(". ")
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return Check("settings", Verdict.FAIL, found + more, remedy)


def check_clock(skew: timedelta | None) -> Check:
    if skew is None:
        return Check(
            "clock",
            Verdict.ERROR,
            "GitHub gave no time to compare with",
            "mend what the next line says, then run `lockgate doctor` again",
        )
    seconds = abs(skew).total_seconds()
    way = "ahead of" if skew > timedelta() else "behind"
    if abs(skew) > MAX_SKEW:
        return Check(
            "clock",
            Verdict.FAIL,
            f"this machine's clock is {seconds:.0f} s {way} GitHub's; GitHub refuses the App's "
            "key on such a clock",
            "let the system keep its time by NTP: `timedatectl set-ntp true`",
        )
    return Check("clock", Verdict.PASS, f"within {MAX_SKEW.seconds} s of GitHub's")


def check_public_url(public_url: str, api_url: str, answered: str) -> Check:
    """``answered`` is empty if ``/healthz`` under the public URL was answered 200 from here."""
    local = urlsplit(public_url).hostname in _LOOPBACK
    if local and urlsplit(api_url).hostname not in _LOOPBACK:
        return Check(
            "address",
            Verdict.FAIL,
            f"{public_url} leads to each asker's own machine, so GitHub cannot reach the bot",
            "set LOCKGATE_PUBLIC_URL to an address that GitHub can reach",
        )
    if answered:
        return Check(
            "address",
            Verdict.FAIL,
            f"{public_url}/healthz: {answered}",
            "start `lockgate serve`, and let LOCKGATE_PUBLIC_URL lead to it",
        )
    return Check("address", Verdict.PASS, f"{public_url} is answered by the bot")


def check_database(pending: Sequence[str] | StoreUnavailable) -> Check:
    """``pending`` are the schema migrations that were not applied yet."""
    if isinstance(pending, StoreUnavailable):
        return Check(
            "database",
            Verdict.FAIL,
            str(pending),
            "check DATABASE_URL, and that the server runs and can be reached from here",
        )
    if pending:
        return Check(
            "database",
            Verdict.FAIL,
            f"{len(pending)} migration{'s' * (len(pending) != 1)} of its schema wait, "
            f"{pending[0]} first",
            "run `lockgate migrate`",
        )
    return Check("database", Verdict.PASS, "connected, and its schema is current")


def check_queue(health: QueueHealth | StoreUnavailable | None) -> Check:
    """``health`` is None where the database could not be used."""
    if health is None:
        return Check("queue", Verdict.SKIP, "not looked at: the database cannot be used")
    if isinstance(health, StoreUnavailable):
        return Check("queue", Verdict.ERROR, str(health), "run `lockgate doctor` again")
    if health.dead:
        return Check(
            "queue",
            Verdict.FAIL,
            f"{health.dead} job{'s' * (health.dead != 1)} failed for good",
            "read the errors with `lockgate jobs list --status dead`, then `lockgate jobs retry`",
        )
    if health.oldest_due_seconds > MAX_WAIT_SECONDS:
        return Check(
            "queue",
            Verdict.FAIL,
            f"the oldest of {health.waiting} jobs has waited {health.oldest_due_seconds:.0f} s",
            "start `lockgate worker`, or more of them",
        )
    return Check(
        "queue", Verdict.PASS, f"{health.waiting} waiting, {health.running} running, none dead"
    )
