"""``POST /webhooks/github``: a delivery is checked, stored with its job, and only then answered.

Signature and headers are as in
https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.metrics import ACK_SECONDS, DELIVERIES
from bot.ports import Delivery, StoreUnavailable
from bot.settings import Secret
from bot.web.door import (
    Body,
    Refused,
    bad,
    load,
    read_headers,
    refuse_length,
    refuse_type,
    respond,
)
from bot.web.intake import Intake, IntakeFull

log = structlog.get_logger()

PATH = "/webhooks/github"

IsRouted: TypeAlias = Callable[[str, str, Mapping[str, Any]], bool]
"""``is_routed(event, action, payload)``: whether the delivery needs a job."""

_SIGNATURE = re.compile(rb"sha256=([0-9a-f]{64})")
_EVENT = re.compile(rb"[a-z0-9_]{1,64}")
_GUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAX_ID = 2**63 - 1
_MAX_TEXT = 200
"""Characters kept of an action or a repository's name; GitHub's are far shorter."""

_WANTED = {
    b"content-length": "length",
    b"content-type": "type",
    b"x-github-delivery": "guid",
    b"x-github-event": "event",
    b"x-hub-signature-256": "signature",
}


def _unsigned() -> Refused:
    return Refused(
        401,
        "bad_signature",
        "The X-Hub-Signature-256 header does not match the body. "
        "Set the App's webhook secret to the one that the bot was started with.",
    )


class WebhookDoor:
    """What GitHub posts to, as the outermost middleware: the routing, headers and error pages that
    readers need would cost a delivery as much again as checking its signature.

    ``secrets`` are all accepted: the current one and, during a rotation, the one before.
    """

    def __init__(
        self, app: ASGIApp, *, intake: Intake, secrets: Sequence[Secret], is_routed: IsRouted
    ) -> None:
        self._app = app
        self._intake = intake
        self._keys = [secret.reveal().encode() for secret in secrets if secret]
        self._is_routed = is_routed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            await respond(send, 405, "Deliveries are posted here.")
        else:
            await self._take(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = read_headers(scope["headers"], _WANTED)
        event = ""
        body = Body(self._intake)
        try:
            signature = _signature_of(headers)
            refuse_length(headers.get("length"))
            content = await body.read(receive)
            self._verify(content, signature)
            delivery = self._parse(headers, content)
            event = delivery.event
            await self._intake.submit(delivery)
        except Refused as refused:
            DELIVERIES.labels(event, refused.outcome).inc()
            await respond(send, refused.status, refused.text)
        except (StoreUnavailable, IntakeFull) as error:
            outcome = "full" if isinstance(error, IntakeFull) else "store_down"
            DELIVERIES.labels(event, outcome).inc()
            text = "The delivery could not be stored. It will be asked for again."
            await respond(send, 503, text)
        except ClientDisconnect:
            DELIVERIES.labels(event, "disconnected").inc()
        else:
            DELIVERIES.labels(event, "routed" if delivery.routed else "ignored").inc()
            ACK_SECONDS.observe(time.perf_counter() - started)
            await respond(send, 202)
        finally:
            body.release()

    def _verify(self, content: bytes, signature: bytes) -> None:
        matched = False
        for key in self._keys:  # all of them, so that the time tells nothing of which it was
            expected = hmac.digest(key, content, hashlib.sha256).hex().encode()
            matched |= hmac.compare_digest(expected, signature)
        if not matched:
            raise _unsigned()

    def _parse(self, headers: dict[str, bytes | None], content: bytes) -> Delivery:
        refuse_type(headers.get("type"))
        event, guid = headers.get("event"), headers.get("guid")
        if not event or not _EVENT.fullmatch(event):
            raise bad("The X-GitHub-Event header is missing or is not an event's name.")
        if not guid or not _GUID.fullmatch(guid):
            raise bad("The X-GitHub-Delivery header is missing or is not a GUID.")
        payload = load(content)
        name = event.decode()
        action = _text(payload.get("action"))
        repository = payload.get("repository")
        return Delivery(
            guid=guid.decode().lower(),
            event=name,
            action=action,
            installation_id=_id_of(payload.get("installation")),
            repository_id=_id_of(repository),
            repository=_text(repository.get("full_name")) if isinstance(repository, dict) else "",
            payload=content,
            routed=self._needs_job(name, action, payload),
        )

    def _needs_job(self, event: str, action: str, payload: Mapping[str, Any]) -> bool:
        try:
            return self._is_routed(event, action, payload)
        except Exception:
            # Stored with a job, the fault becomes a dead job that can be seen and retried.
            log.exception("routing_failed", github_event=event, action=action)
            return True


def _signature_of(headers: dict[str, bytes | None]) -> bytes:
    match = _SIGNATURE.fullmatch(headers.get("signature") or b"")
    if match is None:
        raise _unsigned()
    return match[1]


def _id_of(value: Any) -> int | None:
    number = value.get("id") if isinstance(value, dict) else None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _MAX_ID:
        return None
    return number


def _text(value: Any) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
