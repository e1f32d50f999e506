"""Each thing that can be wrong with an installation is found, and has one remedy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.decision import Verdict
from bot.engine.app_manifest import AppManifest
from bot.engine.doctor import (
    check_clock,
    check_database,
    check_public_url,
    check_queue,
    check_settings,
)
from bot.engine.doctor_app import (
    check_deliveries,
    check_events,
    check_installations,
    check_key,
    check_permissions,
    check_secret,
    check_webhook,
)
from bot.engine.examined import Check
from bot.ports import (
    AppFacts,
    HookDelivery,
    HookFacts,
    HubGone,
    HubRefused,
    HubUnavailable,
    InstallationFacts,
    QueueHealth,
    StoreUnavailable,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PUBLIC = "https://bot.example"
API = "https://api.github.com"
SETTINGS = "https://github.com/organizations/octo/settings/apps/lockgate"
MANIFEST = AppManifest(
    name="Lockgate",
    description="",
    url="",
    public=False,
    permissions={"checks": "write", "contents": "read", "merge_queues": "read"},
    events=("merge_group", "pull_request"),
)
APP = AppFacts(
    id=7,
    slug="lockgate",
    page="https://github.com/apps/lockgate",
    settings_page=SETTINGS,
    permissions={"checks": "write", "contents": "read", "merge_queues": "read"},
    events=("merge_group", "pull_request", "push"),
)
MORE = {**APP.permissions, "checks": "admin"}
HOOK = HookFacts(f"{PUBLIC}/webhooks/github", "json", has_secret=True, verifies_tls=True)
INSTALLED = InstallationFacts(
    1, "octo", "https://github.com/x", suspended=False, permissions=APP.permissions
)
WELL = QueueHealth(waiting=1, running=1, dead=0, oldest_due_seconds=2)
DOWN = StoreUnavailable("the database cannot be used: connection refused")
LATER = HubUnavailable("could not read the App: GitHub answered 502")


def attempt(guid: str, status: int, minutes: int = 0) -> HookDelivery:
    ok = 200 <= status < 300
    return HookDelivery(1, guid, NOW + timedelta(minutes=minutes), ok=ok, status=status)


@pytest.mark.parametrize(
    "check",
    [
        check_settings([]),
        check_clock(timedelta(seconds=30)),
        check_clock(timedelta(seconds=-30)),
        check_key(APP, 7),
        check_public_url(PUBLIC, API, ""),
        check_public_url("http://127.0.0.1:8000", "http://127.0.0.1:9000", ""),
        check_permissions(APP, MANIFEST),
        check_permissions(replace(APP, permissions=MORE), MANIFEST),
        check_events(APP, MANIFEST),
        check_webhook(HOOK, PUBLIC, APP),
        check_secret(HOOK, APP),
        check_installations([INSTALLED], APP, MANIFEST),
        check_deliveries([]),
        check_deliveries([attempt("a", 202), attempt("b", 502), attempt("b", 202, 5)]),
        check_database([]),
        check_queue(WELL),
    ],
    ids=lambda check: check.name,
)
def test_what_is_well_asks_for_nothing(check: Check) -> None:
    assert check.verdict is Verdict.PASS
    assert check.remedy == ""


@pytest.mark.parametrize(
    ("check", "found", "remedy"),
    [
        (
            check_settings(["GITHUB_WEBHOOK_SECRET: it is short. Make a longer one", "X: y. z"]),
            "GITHUB_WEBHOOK_SECRET: it is short (and 1 more)",
            "Make a longer one",
        ),
        (check_clock(timedelta(seconds=31)), "31 s ahead of GitHub's", "NTP"),
        (check_clock(timedelta(seconds=-90)), "90 s behind GitHub's", "NTP"),
        (check_key(HubRefused("401"), 7), "does not take the private key for App 7", "generate"),
        (check_key(HubGone("404"), 7), "no App 7", "GITHUB_API_URL"),
        (check_key(APP, 8), "that of App 7, not of App 8", "set GITHUB_APP_ID to 7"),
        (
            check_public_url("http://127.0.0.1:8000", API, ""),
            "GitHub cannot reach the bot",
            "LOCKGATE_PUBLIC_URL",
        ),
        (
            check_public_url(PUBLIC, API, "no answer (ConnectError)"),
            "https://bot.example/healthz: no answer (ConnectError)",
            "lockgate serve",
        ),
        (
            check_permissions(replace(APP, permissions={"checks": "read"}), MANIFEST),
            "lacks checks:write, contents:read, merge_queues:read",
            f"set “Checks: Read and write” under Repository permissions at {SETTINGS}/permissions",
        ),
        (
            check_events(replace(APP, events=("pull_request",)), MANIFEST),
            "not subscribed to merge_group",
            f"tick “Merge group” under Subscribe to events at {SETTINGS}/permissions",
        ),
        (
            check_webhook(replace(HOOK, url="https://old.example/webhooks/github"), PUBLIC, APP),
            "sends to https://old.example/webhooks/github",
            "to https://bot.example/webhooks/github",
        ),
        (check_webhook(replace(HOOK, url=""), PUBLIC, APP), "sends to no address", "Webhook URL"),
        (
            check_webhook(replace(HOOK, content_type="form"), PUBLIC, APP),
            "sends form",
            "application/json",
        ),
        (
            check_webhook(replace(HOOK, verifies_tls=False), PUBLIC, APP),
            "does not verify",
            "enable SSL verification",
        ),
        (
            check_secret(replace(HOOK, has_secret=False), APP),
            "no secret",
            "GITHUB_WEBHOOK_SECRET",
        ),
        (
            check_installations([], APP, MANIFEST),
            "installed nowhere",
            "https://github.com/apps/lockgate/installations/new",
        ),
        (
            check_installations([INSTALLED, replace(INSTALLED, suspended=True)], APP, MANIFEST),
            "octo is suspended",
            "unsuspend it at https://github.com/x",
        ),
        (
            check_installations(
                [replace(INSTALLED, permissions={"checks": "write", "contents": "read"})],
                APP,
                MANIFEST,
            ),
            "octo has not accepted merge_queues:read",
            "ask an owner of octo",
        ),
        (
            check_deliveries([attempt("a", 202), attempt("b", 401), attempt("c", 502, -9)]),
            "2 of 3 of the last 3 days did not arrive; the latest was answered 401",
            "GITHUB_WEBHOOK_SECRET",
        ),
        (check_deliveries([attempt("a", 0)]), "1 of 1", "lockgate serve"),
        (check_deliveries([attempt("a", 503)]), "answered 503", "lockgate serve"),
        (check_database(DOWN), "connection refused", "DATABASE_URL"),
        (
            check_database(["lockgate/0002_jobs", "lockgate/0003_x"]),
            "2 migrations of its schema wait, lockgate/0002_jobs first",
            "lockgate migrate",
        ),
        (check_queue(replace(WELL, dead=2)), "2 jobs failed for good", "lockgate jobs list"),
        (
            check_queue(replace(WELL, oldest_due_seconds=301)),
            "the oldest of 1 jobs has waited 301 s",
            "lockgate worker",
        ),
    ],
)
def test_what_is_wrong_is_found_and_has_a_remedy(check: Check, found: str, remedy: str) -> None:
    assert check.verdict is Verdict.FAIL
    assert found in check.found
    assert remedy in check.remedy


@pytest.mark.parametrize(
    "check",
    [
        check_clock(None),
        check_key(LATER, 7),
        check_webhook(LATER, PUBLIC, APP),
        check_secret(LATER, APP),
        check_installations(LATER, APP, MANIFEST),
        check_deliveries(LATER),
        check_queue(DOWN),
    ],
    ids=lambda check: check.name,
)
def test_what_could_not_be_read_is_no_pass(check: Check) -> None:
    assert check.verdict is Verdict.ERROR
    assert check.remedy


def test_what_the_app_itself_lacks_is_not_laid_at_an_installations_door() -> None:
    fewer = {"checks": "write"}
    check = check_installations(
        [replace(INSTALLED, permissions=fewer)], replace(APP, permissions=fewer), MANIFEST
    )
    assert check.verdict is Verdict.PASS


def test_a_queue_without_a_database_is_not_looked_at() -> None:
    assert check_queue(None).verdict is Verdict.SKIP
