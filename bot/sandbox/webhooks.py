"""Signed webhook deliveries: sent once, recorded, and sent again only when asked for.

https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

import httpx

from bot.sandbox.faults import EventFaults, Sending
from bot.sandbox.model import App, Delivery, Installation, Json, Repository
from bot.sandbox.outgoing import Outgoing
from bot.sandbox.shapes import node_id

_KEPT_DELIVERIES: Final = 5_000
_AT_ONCE: Final = 64
_ALWAYS_SENT: Final = frozenset({"installation", "installation_repositories"})
# To Apps that may write checks these come without a subscription, and to the check's App only.
_OWN_CHECK_ACTIONS: Final = frozenset({"requested", "rerequested", "requested_action"})


class Hooks(Outgoing):
    def __init__(
        self,
        now: Callable[[], datetime],
        installations: dict[int, Installation],
        next_id: Callable[[str], int],
    ) -> None:
        super().__init__()
        self._now = now
        self._installations = installations
        self._next_id = next_id
        self.deliveries: dict[int, Delivery] = {}
        """All attempts kept, oldest first."""
        self.faults = EventFaults()
        self.on_delivery: Callable[[Delivery], None] | None = None
        """Called when an attempt has ended."""
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def emit(
        self,
        event: str,
        payload: Callable[[], Json],
        repository: Repository,
        covers: Callable[[Installation, Repository], bool],
        only: App | None = None,
    ) -> None:
        """Send an event of a repository to each App that gets it. The payload is built only if
        there is one."""
        built: Json | None = None
        for installation in list(self._installations.values()):
            app = installation.app
            if (only is not None and app is not only) or not self._reachable(installation):
                continue
            if not covers(installation, repository):
                continue
            if built is None:
                built = payload()
            if not _subscribed(installation, event, str(built.get("action", ""))):
                continue
            tail: Json = {
                "installation": {
                    "id": installation.id,
                    "node_id": node_id("MDIzOkludGVncmF0aW9u", installation.id),
                }
            }
            if repository.owner.kind == "Organization" and "organization" not in built:
                tail["organization"] = organization_of(built["repository"]["owner"])
            self._record(app, event, built | tail, installation.id, repository.id)

    def emit_to(self, installation: Installation, event: str, payload: Json) -> None:
        """Send an event that concerns an installation itself, suspended or not."""
        if installation.app.hook.url and installation.app.hook.active:
            self._record(installation.app, event, payload, installation.id, None)

    def _reachable(self, installation: Installation) -> bool:
        hook = installation.app.hook
        return bool(hook.url) and hook.active and installation.suspended_at is None

    def _record(
        self,
        app: App,
        event: str,
        payload: Json,
        installation_id: int | None,
        repository_id: int | None,
    ) -> None:
        delivery = Delivery(
            id=self._next_id("delivery"),
            guid=str(uuid.uuid4()),
            app=app,
            event=event,
            action=payload.get("action"),
            installation_id=installation_id,
            repository_id=repository_id,
            body=json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode(),
            delivered_at=self._now(),
        )
        self._keep(delivery)
        for sending in self.faults.plan(delivery):
            self._begin(self._deliver(sending))

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Send once more, as a new attempt with the same GUID."""
        again = Delivery(
            id=self._next_id("delivery"),
            guid=delivery.guid,
            app=delivery.app,
            event=delivery.event,
            action=delivery.action,
            installation_id=delivery.installation_id,
            repository_id=delivery.repository_id,
            body=delivery.body,
            delivered_at=self._now(),
            redelivery=True,
        )
        self._keep(again)
        self._begin(self._deliver(Sending([again])))
        return again

    def send_raw(self, app: App, event: str, body: bytes) -> Delivery:
        """Sign and send any body, such as one of GitHub's example payloads."""
        payload = json.loads(body)
        installation = payload.get("installation") or {}
        delivery = Delivery(
            id=self._next_id("delivery"),
            guid=str(uuid.uuid4()),
            app=app,
            event=event,
            action=payload.get("action"),
            installation_id=installation.get("id"),
            repository_id=(payload.get("repository") or {}).get("id"),
            body=body,
            delivered_at=self._now(),
        )
        self._keep(delivery)
        self._begin(self._deliver(Sending([delivery])))
        return delivery

    def newest_first(self, app: App) -> Iterator[Delivery]:
        """An App's finished attempts."""
        for delivery in reversed(self.deliveries.values()):
            if delivery.app is app and delivery.done:
                yield delivery

    def _keep(self, delivery: Delivery) -> None:
        self.deliveries[delivery.id] = delivery
        for old in list(islice(self.deliveries, max(0, len(self.deliveries) - _KEPT_DELIVERIES))):
            del self.deliveries[old]

    async def _deliver(self, sending: Sending) -> None:
        if sending.seconds:
            await asyncio.sleep(sending.seconds)
        for delivery in sending.deliveries:
            async with self._slots:
                await self._post(delivery)
            if self.on_delivery is not None:
                self.on_delivery(delivery)

    async def _post(self, delivery: Delivery) -> None:
        hook = delivery.app.hook
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/5a2c1fe",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": str(delivery.app.id + 300_000_000),
            "X-GitHub-Hook-Installation-Target-ID": str(delivery.app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
        }
        if hook.secret:
            key = hook.secret.encode()
            headers["X-Hub-Signature"] = (
                "sha1=" + hmac.new(key, delivery.body, hashlib.sha1).hexdigest()
            )
            headers["X-Hub-Signature-256"] = (
                "sha256=" + hmac.new(key, delivery.body, hashlib.sha256).hexdigest()
            )
        delivery.request_headers = headers
        started = time.perf_counter()
        try:
            answer = await self._post_to(hook.url, delivery.body, headers)
        except httpx.TimeoutException:
            delivery.status, delivery.status_code = "timed out", 0
        except (httpx.HTTPError, httpx.InvalidURL):
            delivery.status, delivery.status_code = "failed to connect to host", 502
        else:
            delivery.status_code = answer.status_code
            delivery.status = "OK" if answer.is_success else answer.reason_phrase
            delivery.response_headers = dict(answer.headers)
            delivery.response_body = answer.text[:10_000]
        delivery.duration = round(time.perf_counter() - started, 2)
        delivery.done = True


def organization_of(account: Json) -> Json:
    """An account's shape as that of an organisation, which has addresses of its own."""
    url = account["url"].replace("/users/", "/orgs/")
    return {
        "login": account["login"],
        "id": account["id"],
        "node_id": account["node_id"],
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": account["avatar_url"],
        "description": None,
    }


def _subscribed(installation: Installation, event: str, action: str) -> bool:
    if event in _ALWAYS_SENT:
        return True
    if event in ("check_run", "check_suite") and action in _OWN_CHECK_ACTIONS:
        return installation.permissions.get("checks") == "write"
    return event in installation.events
