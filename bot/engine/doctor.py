"""What can be wrong with an installation, each check one function from facts to a verdict.

The functions are pure; ``examine`` asks for the facts and passes on what could not be read as
what it is: never as a pass.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from bot.core.decision import Verdict
from bot.core.hosting import HostProject
from bot.engine.app_manifest import HOOK_PATH, AppManifest
from bot.engine.doctor_shipping import check_audit, check_databases, check_hosting, check_sources
from bot.engine.examined import Check
from bot.ports import (
    AppFacts,
    AppInspector,
    HookDelivery,
    HookFacts,
    HubError,
    HubRefused,
    HubUnavailable,
    InstallationFacts,
    QueueHealth,
    StoreUnavailable,
)
from bot.ports.database import DatabaseError
from bot.ports.host import HostError
from bot.ports.observations import Place

T = TypeVar("T")

MAX_SKEW = timedelta(seconds=30)
"""GitHub refuses a JWT from the future; the bot dates its own back by a minute."""
MAX_WAIT_SECONDS = 300
DELIVERY_WINDOW = timedelta(days=3)
"""GitHub keeps deliveries for three days."""
_RANK = {"": 0, "read": 1, "write": 2, "admin": 3}
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


def check_key(app: AppFacts | HubError, app_id: int) -> Check:
    """Whether GitHub knows the App by its id and key."""
    if isinstance(app, HubUnavailable):
        return Check(
            "key",
            Verdict.ERROR,
            str(app),
            "check that this machine reaches GITHUB_API_URL, then run `lockgate doctor` again",
        )
    if isinstance(app, HubRefused):
        return Check(
            "key",
            Verdict.FAIL,
            f"GitHub does not take the private key for App {app_id}",
            "generate a private key on the App's settings page, and set GITHUB_APP_ID and "
            "GITHUB_PRIVATE_KEY_FILE to what stands there",
        )
    if isinstance(app, HubError):
        return Check(
            "key",
            Verdict.FAIL,
            f"there is no App {app_id} at this GitHub",
            "check GITHUB_APP_ID and GITHUB_API_URL: an App belongs to one GitHub only",
        )
    if app.id != app_id:
        return Check(
            "key",
            Verdict.FAIL,
            f"the private key is that of App {app.id}, not of App {app_id}",
            f"set GITHUB_APP_ID to {app.id}, or use the other App's key",
        )
    return Check("key", Verdict.PASS, f"GitHub knows App {app_id} ({app.slug})")


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


def check_permissions(app: AppFacts, manifest: AppManifest) -> Check:
    missing = missing_permissions(app.permissions, manifest)
    if missing:
        return Check(
            "permissions",
            Verdict.FAIL,
            f"the App lacks {', '.join(missing)}",
            f"set “{_setting(missing[0])}” under Repository permissions at "
            f"{app.settings_page}/permissions",
        )
    return Check("permissions", Verdict.PASS, "the App has all that it needs")


def missing_permissions(given: Mapping[str, str], manifest: AppManifest) -> list[str]:
    """As ``name:access``, in order of name."""
    return [
        f"{name}:{access}"
        for name, access in sorted(manifest.permissions.items())
        if _RANK.get(given.get(name, ""), 0) < _RANK[access]
    ]


def check_events(app: AppFacts, manifest: AppManifest) -> Check:
    missing = sorted(set(manifest.events) - set(app.events))
    if missing:
        return Check(
            "events",
            Verdict.FAIL,
            f"the App is not subscribed to {', '.join(missing)}",
            f"tick “{_title(missing[0])}” under Subscribe to events at "
            f"{app.settings_page}/permissions",
        )
    return Check("events", Verdict.PASS, f"subscribed to all {len(manifest.events)} that it needs")


def check_webhook(hook: HookFacts | HubError, public_url: str, app: AppFacts) -> Check:
    """Whether GitHub sends to where the bot listens, and in the form that it reads."""
    if isinstance(hook, HubError):
        return _unread("webhook", hook)
    expected = public_url + HOOK_PATH
    if hook.url != expected:
        return Check(
            "webhook",
            Verdict.FAIL,
            f"GitHub sends to {hook.url or 'no address'}, and the bot listens at {expected}",
            f"set the Webhook URL at {app.settings_page} to {expected}, or correct "
            "LOCKGATE_PUBLIC_URL",
        )
    if hook.content_type != "json":
        return Check(
            "webhook",
            Verdict.FAIL,
            f"GitHub sends {hook.content_type}, and the bot reads JSON only",
            f"set Content type at {app.settings_page} to application/json",
        )
    if not hook.verifies_tls:
        return Check(
            "webhook",
            Verdict.FAIL,
            "GitHub does not verify the certificate, so that others may read the events",
            f"enable SSL verification at {app.settings_page}",
        )
    return Check("webhook", Verdict.PASS, f"GitHub sends to {expected}")


def check_secret(hook: HookFacts | HubError, app: AppFacts) -> Check:
    """GitHub never shows the secret; whether it is the right one, the deliveries tell."""
    if isinstance(hook, HubError):
        return _unread("secret", hook)
    if not hook.has_secret:
        return Check(
            "secret",
            Verdict.FAIL,
            "GitHub signs its events with no secret, and the bot refuses unsigned ones",
            f"set the Webhook secret at {app.settings_page} to GITHUB_WEBHOOK_SECRET",
        )
    return Check("secret", Verdict.PASS, "GitHub signs its events")


def check_installations(
    installations: Sequence[InstallationFacts] | HubError, app: AppFacts, manifest: AppManifest
) -> Check:
    name = "installations"
    if isinstance(installations, HubError):
        return _unread(name, installations)
    if not installations:
        return Check(
            name,
            Verdict.FAIL,
            "the App is installed nowhere",
            f"install it at {app.page}/installations/new",
        )
    for installation in installations:
        if installation.suspended:
            return Check(
                name,
                Verdict.FAIL,
                f"the installation on {installation.account} is suspended",
                f"unsuspend it at {installation.page}",
            )
        # What the App itself lacks is the permissions check's to say.
        missing = set(missing_permissions(installation.permissions, manifest))
        missing -= set(missing_permissions(app.permissions, manifest))
        if missing:
            return Check(
                name,
                Verdict.FAIL,
                f"{installation.account} has not accepted {', '.join(sorted(missing))}",
                f"ask an owner of {installation.account} to accept it at {installation.page}",
            )
    accounts = ", ".join(installation.account for installation in installations[:5])
    more = f" and {len(installations) - 5} more" if len(installations) > 5 else ""
    return Check(name, Verdict.PASS, f"installed on {accounts}{more}")


def check_deliveries(attempts: Sequence[HookDelivery] | HubError) -> Check:
    """Whether all that GitHub sent in the last three days arrived, at once or later."""
    if isinstance(attempts, HubError):
        return _unread("deliveries", attempts)
    by_guid: dict[str, list[HookDelivery]] = defaultdict(list)
    for attempt in attempts:
        by_guid[attempt.guid].append(attempt)
    failed = [
        max(tries, key=lambda attempt: attempt.delivered_at)
        for tries in by_guid.values()
        if not any(attempt.ok for attempt in tries)
    ]
    if not failed:
        return Check("deliveries", Verdict.PASS, f"all {len(by_guid)} of the last 3 days arrived")
    last = max(failed, key=lambda attempt: attempt.delivered_at)
    found = f"{len(failed)} of {len(by_guid)} of the last 3 days did not arrive; the latest was "
    if last.status == 401:
        return Check(
            "deliveries",
            Verdict.FAIL,
            f"{found}answered 401: it was signed with another secret",
            "set GITHUB_WEBHOOK_SECRET to the secret in the App's settings",
        )
    return Check(
        "deliveries",
        Verdict.FAIL,
        found + (f"answered {last.status}" if last.status else "not answered"),
        "keep `lockgate serve` running: it asks GitHub for them again within minutes",
    )


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


def _unread(name: str, error: HubError) -> Check:
    return Check(name, Verdict.ERROR, str(error), "run `lockgate doctor` again in a few minutes")


def _setting(permission: str) -> str:
    name, _, access = permission.partition(":")
    shown = {"read": "Read-only", "write": "Read and write", "admin": "Admin"}[access]
    return f"{_title(name)}: {shown}"


def _title(name: str) -> str:
    """As GitHub's settings page writes a permission or an event."""
    return name.replace("_", " ").capitalize()
