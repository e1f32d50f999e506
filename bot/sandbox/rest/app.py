"""The App itself, its installations, tokens and webhook deliveries.

https://docs.github.com/rest/apps
"""

import json
import secrets
from datetime import datetime
from typing import cast

from bot.sandbox.errors import ApiError, not_found
from bot.sandbox.http import Call, Reply, Routes
from bot.sandbox.model import Account, App, Delivery, Installation, Json
from bot.sandbox.shapes import maybe_stamp, stamp

routes = Routes()


def _app(call: Call) -> App:
    return cast("App", call.principal.app)


@routes.add("GET", "/app", for_app=True)
def get_app(call: Call) -> Reply:
    app = _app(call)
    count = sum(known.app is app for known in call.sandbox.installations.values())
    return Reply(call.sandbox.shapes.app(app) | {"installations_count": count})


@routes.add("GET", "/app/hook/config", for_app=True)
def get_hook_config(call: Call) -> Reply:
    hook = _app(call).hook
    shown = {
        "content_type": hook.content_type,
        "insecure_ssl": hook.insecure_ssl,
        "url": hook.url,
    }
    return Reply(shown | ({"secret": "********"} if hook.secret else {}))


@routes.add("PATCH", "/app/hook/config", for_app=True)
def update_hook_config(call: Call) -> Reply:
    hook = _app(call).hook
    hook.url = call.text("url", hook.url)
    hook.secret = call.text("secret", hook.secret)
    hook.content_type = call.text("content_type", hook.content_type)
    hook.insecure_ssl = str(call.body.get("insecure_ssl", hook.insecure_ssl))
    hook.active = bool(hook.url)
    return get_hook_config(call)


@routes.add("GET", "/app/hook/deliveries", for_app=True)
def list_deliveries(call: Call) -> Reply:
    """Newest first, by cursor. https://docs.github.com/rest/apps/webhooks"""
    size = min(max(int(call.query.get("per_page", "30")), 1), 100)
    cursor = call.query.get("cursor", "")
    before = int(cursor.removeprefix("v1_")) if cursor else None
    status = call.query.get("status", "")
    found = [
        delivery
        for delivery in call.sandbox.hooks.newest_first(_app(call))
        if (before is None or delivery.id < before)
        and (not status or (200 <= delivery.status_code < 300) == (status == "success"))
    ]
    if len(found) > size:
        kept = "".join(
            f"&{k}={v}" for k, v in call.query.items() if k not in ("cursor", "per_page")
        )
        after = f"v1_{found[size - 1].id}"
        call.link = f'<{call.root}{call.path}?per_page={size}&cursor={after}{kept}>; rel="next"'
    return Reply([_delivery_item(delivery) for delivery in found[:size]])


@routes.add("GET", "/app/hook/deliveries/{delivery_id}", for_app=True)
def get_delivery(call: Call) -> Reply:
    delivery = _delivery(call)
    request = {
        "headers": delivery.request_headers,
        "payload": _payload(delivery),
    }
    response = {
        "headers": delivery.response_headers,
        "payload": delivery.response_body,
    }
    return Reply(
        _delivery_item(delivery)
        | {"url": delivery.app.hook.url, "request": request, "response": response}
    )


@routes.add("POST", "/app/hook/deliveries/{delivery_id}/attempts", for_app=True)
def redeliver(call: Call) -> Reply:
    call.sandbox.hooks.redeliver(_delivery(call))
    return Reply({}, 202)


def _delivery(call: Call) -> Delivery:
    delivery = call.sandbox.hooks.deliveries.get(int(call.params["delivery_id"]))
    if delivery is None or delivery.app is not _app(call):
        raise not_found()
    return delivery


def _payload(delivery: Delivery) -> Json:
    loaded: Json = json.loads(delivery.body)
    return loaded


def _delivery_item(delivery: Delivery) -> Json:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": stamp(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.duration,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }


@routes.add("GET", "/app/installations", for_app=True)
def list_installations(call: Call) -> Reply:
    app = _app(call)
    found = [known for known in call.sandbox.installations.values() if known.app is app]
    return Reply([call.sandbox.shapes.installation(known) for known in call.page(found)])


@routes.add("GET", "/app/installations/{installation_id}", for_app=True)
def get_installation(call: Call) -> Reply:
    return Reply(call.sandbox.shapes.installation(_installation(call)))


@routes.add("DELETE", "/app/installations/{installation_id}", for_app=True)
def delete_installation(call: Call) -> Reply:
    call.sandbox.uninstall(_installation(call))
    return Reply(status=204)


@routes.add("PUT", "/app/installations/{installation_id}/suspended", for_app=True)
def suspend_installation(call: Call) -> Reply:
    call.sandbox.suspend(_installation(call))
    return Reply(status=204)


@routes.add("DELETE", "/app/installations/{installation_id}/suspended", for_app=True)
def unsuspend_installation(call: Call) -> Reply:
    call.sandbox.unsuspend(_installation(call))
    return Reply(status=204)


def _installation(call: Call) -> Installation:
    known = call.sandbox.installations.get(int(call.params["installation_id"]))
    if known is None or known.app is not _app(call):
        raise not_found()
    return known


@routes.add("POST", "/app/installations/{installation_id}/access_tokens", for_app=True)
def create_access_token(call: Call) -> Reply:
    installation = _installation(call)
    if installation.suspended_at is not None:
        raise ApiError(403, "This installation has been suspended")
    wanted: list[int] | None = call.body.get("repository_ids")
    names = call.body.get("repositories")
    if names is not None:
        owner = installation.account.login
        by_name = [call.sandbox.find_repository(f"{owner}/{name}") for name in names]
        wanted = [*(wanted or []), *(found.id if found else 0 for found in by_name)]
    token = call.sandbox.tokens.for_installation(
        installation, permissions=call.body.get("permissions"), repository_ids=wanted
    )
    shown: Json = {
        "token": token.value,
        "expires_at": maybe_stamp(token.expires_at),
        "permissions": dict(token.principal.permissions or {}),
        "repository_selection": "selected" if wanted is not None else installation.selection,
    }
    if wanted is not None:
        shown["repositories"] = [
            call.sandbox.shapes.repository(call.sandbox.repositories[known]) for known in wanted
        ]
    return Reply(shown, 201)


@routes.add("GET", "/repos/{owner}/{repo}/installation", for_app=True)
def get_repository_installation(call: Call) -> Reply:
    found = call.sandbox.installation_of(_app(call), call.repository)
    if found is None:
        raise not_found()
    return Reply(call.sandbox.shapes.installation(found))


@routes.add("GET", "/orgs/{org}/installation", for_app=True)
def get_organization_installation(call: Call) -> Reply:
    return _installation_on(call, call.params["org"])


@routes.add("GET", "/users/{username}/installation", for_app=True)
def get_user_installation(call: Call) -> Reply:
    return _installation_on(call, call.params["username"])


def _installation_on(call: Call, login: str) -> Reply:
    account: Account | None = call.sandbox.find_account(login)
    for known in call.sandbox.installations.values():
        if known.app is _app(call) and known.account is account:
            return Reply(call.sandbox.shapes.installation(known))
    raise not_found()


@routes.add("GET", "/installation/repositories")
def list_installation_repositories(call: Call) -> Reply:
    installation = call.principal.installation
    if installation is None:
        raise ApiError(403, "You must authenticate with an installation access token.")
    bound = call.bound
    found = [
        repository
        for repository in call.sandbox.repositories_of(installation)
        if bound is None or repository.id in bound
    ]
    return Reply(
        {
            "total_count": len(found),
            "repository_selection": installation.selection,
            "repositories": [
                call.sandbox.shapes.repository(repository)
                | {"permissions": {"admin": False, "push": False, "pull": True}}
                for repository in call.page(found)
            ],
        }
    )


@routes.add("DELETE", "/installation/token")
def revoke_token(call: Call) -> Reply:
    call.sandbox.tokens.revoke(call.headers.get("authorization", "").partition(" ")[2])
    return Reply(status=204)


@routes.add("POST", "/app-manifests/{code}/conversions")
def convert_manifest(call: Call) -> Reply:
    """The last step of the manifest flow: a code is good once, within an hour."""
    made = call.sandbox.manifests.pop(call.params["code"], None)
    if made is None or _age(call.sandbox.now(), made.at) > 3600:
        raise not_found()
    manifest = made.manifest
    hook = manifest.get("hook_attributes") or {}
    app = call.sandbox.create_app(
        made.slug,
        owner=made.owner.login,
        name=str(manifest.get("name", made.slug)),
        permissions=manifest.get("default_permissions") or {},
        events=manifest.get("default_events") or [],
        webhook_url=str(hook.get("url", "")),
        webhook_secret=secrets.token_hex(20),
        fresh_key=True,
    )
    app.hook.active = bool(hook.get("active", True)) and bool(app.hook.url)
    app.external_url = str(manifest.get("url", app.external_url))
    app.description = manifest.get("description")
    return Reply(
        call.sandbox.shapes.app(app)
        | {
            "client_secret": app.client_secret,
            "webhook_secret": app.hook.secret if app.hook.url else None,
            "pem": app.private_key,
        },
        201,
    )


def _age(now: datetime, then: datetime) -> float:
    return (now - then).total_seconds()
