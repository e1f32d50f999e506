"""``POST /webhooks/github``: a delivery is checked, stored with its job, and only then answered.

Signature and headers are as in
https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

import structlog
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.metrics import ACK_SECONDS, DELIVERIES
from bot.ports import Delivery, StoreUnavailable
from bot.settings import Secret
from bot.web.intake import Intake, IntakeFull

log = structlog.get_logger()

PATH = "/webhooks/github"
MAX_BODY: Final = 25 * 1024 * 1024
"""GitHub's own cap on a payload, in bytes."""
READ_WITHIN = 30.0
"""Seconds for a body to arrive in."""

IsRouted: TypeAlias = Callable[[str, str, Mapping[str, Any]], bool]
"""``is_routed(event, action, payload)``: whether the delivery needs a job."""

_SIGNATURE = re.compile(rb"sha256=([0-9a-f]{64})")
_EVENT = re.compile(rb"[a-z0-9_]{1,64}")
_GUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_JSON_TYPES = (b"", b"application/json")
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


class _Refused(Exception):
    """The answer to a request that is not stored."""

    def __init__(self, status: int, outcome: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.outcome = outcome
        self.text = text


def _unsigned() -> _Refused:
    return _Refused(
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
            await _respond(send, 405, "Deliveries are posted here.")
        else:
            await self._take(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = _read_headers(scope["headers"])
        event = ""
        body = _Body(self._intake)
        try:
            signature = _signature_of(headers)
            _refuse_length(headers.get("length"))
            content = await body.read(receive)
            self._verify(content, signature)
            delivery = self._parse(headers, content)
            event = delivery.event
            await self._intake.submit(delivery)
        except _Refused as refused:
            DELIVERIES.labels(event, refused.outcome).inc()
            await _respond(send, refused.status, refused.text)
        except (StoreUnavailable, IntakeFull) as error:
            outcome = "full" if isinstance(error, IntakeFull) else "store_down"
            DELIVERIES.labels(event, outcome).inc()
            text = "The delivery could not be stored. It will be asked for again."
            await _respond(send, 503, text)
        except ClientDisconnect:
            DELIVERIES.labels(event, "disconnected").inc()
        else:
            DELIVERIES.labels(event, "routed" if delivery.routed else "ignored").inc()
            ACK_SECONDS.observe(time.perf_counter() - started)
            await _respond(send, 202)
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
        kind = (headers.get("type") or b"").split(b";")[0].strip().lower()
        if kind not in _JSON_TYPES:
            raise _bad("The body is not JSON. Set the webhook's content type to application/json.")
        event, guid = headers.get("event"), headers.get("guid")
        if not event or not _EVENT.fullmatch(event):
            raise _bad("The X-GitHub-Event header is missing or is not an event's name.")
        if not guid or not _GUID.fullmatch(guid):
            raise _bad("The X-GitHub-Delivery header is missing or is not a GUID.")
        payload = _load(content)
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

    def _needs_job(self, event: str, action: str, payload: dict[str, Any]) -> bool:
        try:
            return self._is_routed(event, action, payload)
        except Exception:
            # Stored with a job, the fault becomes a dead job that can be seen and retried.
            log.exception("routing_failed", github_event=event, action=action)
            return True


class _Body:
    """Reads a request's body, no more of it than is allowed, and counts what it holds."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._held = 0

    async def read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(READ_WITHIN):
                return await self._read(receive)
        except TimeoutError:
            raise _Refused(408, "slow", "The body did not arrive in time.") from None

    async def _read(self, receive: Receive) -> bytes:
        chunks = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            self._hold(len(chunk))
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _hold(self, count: int) -> None:
        if self._held + count > MAX_BODY:
            raise _too_large()
        self._intake.hold(count)
        self._held += count

    def release(self) -> None:
        self._intake.release(self._held)
        self._held = 0


def _read_headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, bytes | None]:
    """Those that matter; None for one that is there twice, which no client of ours sends."""
    found: dict[str, bytes | None] = {}
    for name, value in raw:
        wanted = _WANTED.get(name)
        if wanted is not None:
            found[wanted] = None if wanted in found else value
    return found


def _signature_of(headers: dict[str, bytes | None]) -> bytes:
    match = _SIGNATURE.fullmatch(headers.get("signature") or b"")
    if match is None:
        raise _unsigned()
    return match[1]


def _refuse_length(declared: bytes | None) -> None:
    if declared and declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()


def _too_large() -> _Refused:
    return _Refused(413, "too_large", "The body is over 25 MB, more than GitHub sends.")


def _bad(text: str) -> _Refused:
    return _Refused(400, "bad_request", text)


def _load(content: bytes) -> dict[str, Any]:
    try:
        # Half the time of the standard library's, which was a third of the whole answer.
        payload = from_json(content, allow_inf_nan=False)
    except ValueError:
        payload = _load_unusual(content)
    if not isinstance(payload, dict):
        raise _bad("The body is JSON but not an object.")
    return payload


def _load_unusual(content: bytes) -> Any:
    """What the strict parser refuses may still be JSON: half a surrogate pair, deep nesting."""
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _bad("The body is not JSON that can be read.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _id_of(value: Any) -> int | None:
    number = value.get("id") if isinstance(value, dict) else None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _MAX_ID:
        return None
    return number


def _text(value: Any) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


async def _respond(send: Send, status: int, text: str = "") -> None:
    # Where the body was not read to its end the server throws the rest away as it comes. Closing
    # at once would cut off a client that still writes, and it would never read the answer.
    content = f"{text}\n".encode() if text else b""
    headers = [(b"content-length", str(len(content)).encode())]
    if content:
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status == 408:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
