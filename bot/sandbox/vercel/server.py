"""The sandbox as a server: the API, the production domains and a page, on one port of loopback.

A production domain is told by the request's ``Host``; ``/_sites/<domain>/`` shows it to a browser.
"""

import json
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from bot.sandbox.faults import Fault
from bot.sandbox.http import Exchange, Reply
from bot.sandbox.server import serve
from bot.sandbox.vercel import api, github, sites
from bot.sandbox.vercel.errors import VercelError
from bot.sandbox.vercel.faults import VercelFaults
from bot.sandbox.vercel.model import Json, Project
from bot.sandbox.vercel.pages import pages
from bot.sandbox.vercel.world import World
from bot.sandbox.wire import cut, read_body, send_reply

if TYPE_CHECKING:
    from bot.sandbox.model import Repository
    from bot.sandbox.server import Sandbox

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_BODY_BYTES: Final = 5 * 1024 * 1024


class SandboxVercel(World):
    """A Vercel of one's own. ``async with SandboxVercel() as vercel:`` gives it an address, a team
    and a token; everything is gone at the end.

    ``on_exchange`` sees every request of the API with its answer. ``build_seconds`` and
    ``switch_seconds`` are how long a build and a job take; they may be changed at any time. With
    None for the latter a job goes on when ``advance`` tells it to.
    """

    def __init__(
        self,
        *,
        on_exchange: Callable[[Exchange], None] | None = None,
        port: int = 0,
        build_seconds: float = 0.0,
        switch_seconds: float | None = 0.0,
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> None:
        super().__init__(build_seconds=build_seconds, switch_seconds=switch_seconds)
        self.on_exchange = on_exchange
        self.faults = VercelFaults()
        self.hooks.send_to(webhook_url, webhook_secret)
        self.url = ""
        """The address of the API and of the page, without a slash at the end."""
        self.repositories: dict[str, Project] = {}
        """By ``owner/name``: whose pushes make builds of which project."""
        self.github_secret = secrets.token_hex(16)
        self._port = port
        self._open = AsyncExitStack()
        self._pages = pages(self)

    async def __aenter__(self) -> "SandboxVercel":
        self.url = await self._open.enter_async_context(serve(self.asgi, self._port))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        await self._open.aclose()

    def site(self, domain: str) -> str:
        """Where a browser on this machine sees a production domain."""
        return f"{self.url}/_sites/{domain}/"

    def attach(self, sandbox: "Sandbox", repository: "Repository", project: Project) -> None:
        """From now on a push to a sandbox repository makes a build: of the default branch for
        production, of another for preview."""
        github.attach(self, sandbox, repository, project)

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = unquote(scope["raw_path"].split(b"?")[0].decode("latin-1"))
        headers = Headers(scope=scope)
        domain = _domain_of(headers.get("host", ""))
        if path.startswith("/_sites/"):
            domain, _, rest = path.removeprefix("/_sites/").partition("/")
            path = f"/{rest}"
        if domain not in _LOCAL:
            await self._answer_site(scope, send, domain, path)
        elif path == "/_github":
            body = await read_body(receive, _BODY_BYTES)
            status = github.take(self, headers, body)
            await send_reply(send, Reply(None, status, raw=b""), "POST")
        elif path.startswith("/v") and path[2:3].isdigit():
            await self._answer_api(scope, receive, send, path, headers)
        else:
            await self._pages(scope, receive, send)

    async def _answer_site(self, scope: Scope, send: Send, domain: str, path: str) -> None:
        fault = self.faults.take(scope["method"], f"//{domain}{path}")
        if fault is not None and await self._failed(fault, scope, send):
            return
        await send_reply(send, sites.answer(self, domain, path), scope["method"])

    async def _answer_api(
        self, scope: Scope, receive: Receive, send: Send, path: str, headers: Headers
    ) -> None:
        raw = await read_body(receive, _BODY_BYTES)
        fault = self.faults.take(scope["method"], path)
        if fault is not None and await self._failed(fault, scope, send):
            return
        query = QueryParams(scope["query_string"].decode("latin-1"))
        found = api.find(scope["method"], path)
        try:
            team = api.identify(self, headers.get("authorization", ""), query)
            route, params = found or (api.NOWHERE, {})
            reply = route.act(api.Call(self, params, query, _parsed(raw), team))
        except VercelError as error:
            reply = Reply(error.body(), error.status)
        reply.headers = {
            "x-ratelimit-limit": "500",
            "x-ratelimit-remaining": "499",
            "x-ratelimit-reset": str(int(self.clock().timestamp()) + 60),
            "x-vercel-id": f"fra1::{secrets.token_hex(8)}",
            **reply.headers,
        }
        if fault is not None and fault.after:
            if fault.kind == "cut":
                cut(send)
                return
            reply = Reply(dict(fault.body), fault.status, dict(fault.headers))
        if self.on_exchange is not None:
            self.on_exchange(
                Exchange(
                    method=scope["method"],
                    path=path,
                    query=scope["query_string"].decode("latin-1"),
                    request=json.loads(raw) if raw else None,
                    status=reply.status,
                    headers=reply.headers,
                    response=reply.body if reply.raw is None else None,
                    template=found[0].template if found else "",
                    principal="token",
                    fault=fault is not None and fault.kind == "answer",
                    agent=headers.get("user-agent", ""),
                )
            )
        await send_reply(send, reply, scope["method"])

    async def _failed(self, fault: Fault, scope: Scope, send: Send) -> bool:
        """Whether the fault has dealt with the request."""
        if await fault.lets_through():
            return False
        if fault.kind == "cut":
            cut(send)
            return True
        await send_reply(
            send, Reply(dict(fault.body), fault.status, dict(fault.headers)), scope["method"]
        )
        return True


def _domain_of(host: str) -> str:
    """The name in a ``Host``; a name below ``localhost`` is this machine's, for browsers."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower()


def _parsed(raw: bytes) -> Json:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise VercelError(400, "bad_request", "Invalid JSON")
    return body
