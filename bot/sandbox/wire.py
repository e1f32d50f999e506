"""Requests and answers as a server of a sandbox, GitHub's or Vercel's, takes and gives them."""

from typing import Any

from starlette.types import Receive, Send

from bot.sandbox.http import Reply


async def read_body(receive: Receive, most: int) -> bytes:
    """What is longer than ``most`` bytes is read no further."""
    chunks = bytearray()
    while True:
        message = await receive()
        chunks += message.get("body", b"")
        if not message.get("more_body") or len(chunks) > most:
            return bytes(chunks)


async def send_reply(send: Send, reply: Reply, method: str) -> None:
    content = reply.content()
    headers = {**reply.headers}
    if reply.status not in (204, 304):
        headers["content-type"] = reply.media_type
        headers["content-length"] = str(len(content))
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else content})


def cut(send: Send) -> None:
    """Drop the connection without an answer."""
    # uvicorn hands out no other way to its transport
    cycle: Any = getattr(send, "__self__", None)
    cycle.transport.abort()
