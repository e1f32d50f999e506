"""What can be wrong with the App at GitHub, and with what GitHub sends."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bot.core.decision import Verdict
from bot.engine.app_manifest import HOOK_PATH, AppManifest
from bot.engine.examined import Check
from bot.ports import (
    AppFacts,
    HookDelivery,
    HookFacts,
    HubError,
    HubRefused,
    HubUnavailable,
    InstallationFacts,
)

_RANK = {"": 0, "read": 1, "write": 2, "admin": 3}


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


def _unread(name: str, error: HubError) -> Check:
    return Check(name, Verdict.ERROR, str(error), "run `lockgate doctor` again in a few minutes")


def _setting(permission: str) -> str:
    name, _, access = permission.partition(":")
    shown = {"read": "Read-only", "write": "Read and write", "admin": "Admin"}[access]
    return f"{_title(name)}: {shown}"


def _title(name: str) -> str:
    """As GitHub's settings page writes a permission or an event."""
    return name.replace("_", " ").capitalize()
