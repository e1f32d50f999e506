"""What the doors for webhooks share: how a request is read, refused and answered."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from bot.engine.payload import read_payload
from bot.web.intake import Intake

MAX_BODY: Final = 25 * 1024 * 1024
"""GitHub's own cap on a payload, in bytes."""
READ_WITHIN = 30.0
"""Seconds for a body to arrive in."""

_JSON_TYPES = (b"", b"application/json")


class Refused(Exception):
    """The answer to a request of which nothing is stored."""

    def __init__(self, status: int, outcome: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.outcome = outcome
        self.text = text


class Body:
    """Reads a request's body, no more of it than is allowed, and counts what it holds."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._held = 0

    async def read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(READ_WITHIN):
                return await self._read(receive)
        except TimeoutError:
            raise Refused(408, "slow", "The body did not arrive in time.") from None

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


def read_headers(
    raw: Sequence[tuple[bytes, bytes]], wanted: Mapping[bytes, str]
) -> dict[str, bytes | None]:
    """Those that are wanted, by the name that it gives them; None for one that is there twice,
    which no client of ours sends."""
    found: dict[str, bytes | None] = {}
    for name, value in raw:
        called = wanted.get(name)
        if called is not None:
            found[called] = None if called in found else value
    return found


def refuse_length(declared: bytes | None) -> None:
    if declared and declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()


def refuse_type(declared: bytes | None) -> None:
    kind = (declared or b"").split(b";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise bad("The body is not JSON. Set the webhook's content type to application/json.")


def bad(text: str) -> Refused:
    return Refused(400, "bad_request", text)


def load(content: bytes) -> Mapping[str, Any]:
    try:
        return read_payload(content)
    except ValueError as error:
        raise bad(str(error)) from None


async def respond(send: Send, status: int, text: str = "") -> None:
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


def _too_large() -> Refused:
    return Refused(413, "too_large", "The body is over 25 MB, more than GitHub or a host sends.")
