"""``POST /webhooks/vercel``: Vercel tells that something happened in a project. It is a hint where
to look: nothing of the body is stored.

Signature and events are as in https://vercel.com/docs/webhooks/webhooks-api
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.metrics import DELIVERIES
from bot.ports import StoreUnavailable
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

PATH = "/webhooks/vercel"

Hint: TypeAlias = Callable[[Sequence[str]], Awaitable[int]]
"""``hint(names)`` has the environments of the project of these names looked at, and returns once
that is stored; how many there are."""

_SIGNATURE = re.compile(rb"[0-9a-f]{40}")
_TYPE = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_LONGEST_NAME = 100
"""Characters of a project's name or id at Vercel."""
_BUILT = frozenset({"deployment.ready", "deployment.succeeded"})
"""Where a project puts new builds live by itself, a production build may be live from then on."""
_MOVED = (
    "deployment.promoted",
    "deployment.rollback",
    "deployment.deleted",
    "deployment.cleanup",
    "project.domain",
    "project.rolling-release",
)
"""How the names of those events begin that may come with a change of what a domain serves."""
_WANTED = {
    b"content-length": "length",
    b"content-type": "type",
    b"x-vercel-signature": "signature",
}


class VercelDoor:
    """An outer middleware, like the door for GitHub. Without a ``secret`` it opens to nobody."""

    def __init__(self, app: ASGIApp, *, intake: Intake, secret: Secret, hint: Hint) -> None:
        self._app = app
        self._intake = intake
        self._key = secret.reveal().encode()
        self._hint = hint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            await respond(send, 405, "Events are posted here.")
        else:
            await self._take(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope["headers"], _WANTED)
        event = ""
        body = Body(self._intake)
        try:
            signature = self._signature_of(headers)
            refuse_length(headers.get("length"))
            content = await body.read(receive)
            self._verify(content, signature)
            refuse_type(headers.get("type"))
            payload = load(content)
            kind = _type_of(payload)
            event = f"vercel.{kind}"
            names = projects_in(kind, payload)
            found = await self._hint(names) if names else 0
        except Refused as refused:
            DELIVERIES.labels(event, refused.outcome).inc()
            await respond(send, refused.status, refused.text)
        except (StoreUnavailable, IntakeFull) as error:
            outcome = "full" if isinstance(error, IntakeFull) else "store_down"
            DELIVERIES.labels(event, outcome).inc()
            await respond(send, 503, "The event could not be taken. Send it again later.")
        except ClientDisconnect:
            DELIVERIES.labels(event, "disconnected").inc()
        else:
            DELIVERIES.labels(event, "routed" if found else "ignored").inc()
            await respond(send, 202)
        finally:
            body.release()

    def _signature_of(self, headers: Mapping[str, bytes | None]) -> bytes:
        signature = headers.get("signature") or b""
        if not self._key or not _SIGNATURE.fullmatch(signature):
            raise _unsigned()
        return signature

    def _verify(self, content: bytes, signature: bytes) -> None:
        expected = hmac.digest(self._key, content, hashlib.sha1).hex().encode()
        if not hmac.compare_digest(expected, signature):
            raise _unsigned()


def projects_in(kind: str, event: Mapping[str, Any]) -> tuple[str, ...]:
    """The names under which a policy may know the project of an event: its id and its name. None
    where the event changes nothing that a production domain serves."""
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return ()
    built = kind in _BUILT and payload.get("target") == "production"
    if not built and not kind.startswith(_MOVED):
        return ()
    project, deployment = payload.get("project"), payload.get("deployment")
    told = [
        *(project.get(key) for key in ("id", "name") if isinstance(project, dict)),
        deployment.get("name") if isinstance(deployment, dict) else None,
        payload.get("projectId"),
        payload.get("name"),
    ]
    names = [name for name in told if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME]
    return tuple(dict.fromkeys(names))


def _type_of(payload: Mapping[str, Any]) -> str:
    kind = payload.get("type")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise bad("The body tells of no event: its `type` is missing or is not an event's name.")
    return kind


def _unsigned() -> Refused:
    return Refused(
        401,
        "bad_signature",
        "The x-vercel-signature header does not match the body. Start the bot with "
        "VERCEL_WEBHOOK_SECRET set to the secret that Vercel showed for this webhook.",
    )
