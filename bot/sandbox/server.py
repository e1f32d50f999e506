"""The sandbox as a server: one ASGI application, run in this process on a port of its own."""

import asyncio
import json
import re
import secrets
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote

import uvicorn
from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox import graphql
from bot.sandbox.auth import Principal, Tokens
from bot.sandbox.errors import ApiError, not_found
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.http import Call, Exchange, Reply, Route, answer, finish, over_limit
from bot.sandbox.limits import Limits
from bot.sandbox.model import Account, App, Json
from bot.sandbox.pages import pages
from bot.sandbox.rest import ROUTES
from bot.sandbox.shipping import Shipping
from bot.sandbox.tickets import Grant, Manifest
from bot.sandbox.wire import cut, read_body, send_reply

_API: Final = (
    "/repos/", "/repositories/", "/app", "/app-manifests/", "/installation", "/user", "/users/",
    "/orgs/", "/rate_limit", "/meta", "/graphql",
)  # fmt: skip
_BODY_BYTES: Final = 40 * 1024 * 1024


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """As uvicorn's own, which would end only at its next tick."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """At once: who still asks a sandbox that is taken down gets no answer."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process that the sandbox is a guest in."""
        yield


@asynccontextmanager
async def serve(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Run an ASGI application in this process on loopback; gives its address."""
    # named as TCP, so that asyncio turns Nagle's delay off for its connections
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,  # longer than any client keeps one, so that none is closed under it
        backlog=4096,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.listening.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.stopping.set()
        await serving


class Sandbox(Shipping):
    """A GitHub of one's own. ``async with Sandbox() as github:`` gives it a fresh folder, an App
    named ``lockgate`` and an address; everything is gone at the end.

    ``on_exchange`` sees every request of the API with its answer, and every delivery is seen by
    ``hooks.on_delivery``. ``limit`` is requests an hour for each asker.
    """

    def __init__(
        self,
        *,
        on_exchange: Callable[[Exchange], None] | None = None,
        limit: int = 5000,
        port: int = 0,
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        super().__init__(Path(self._folder.name))
        self.on_exchange = on_exchange
        self.faults = Faults()
        self.limits = Limits(lambda: self.clock(), limit)
        self.tokens = Tokens(self)
        self.manifests: dict[str, Manifest] = {}
        self.grants: dict[str, Grant] = {}
        self.app = self.create_app(
            "lockgate", webhook_url=webhook_url, webhook_secret=webhook_secret
        )
        self._port = port
        self._open = AsyncExitStack()
        self._pages = pages(self)

    @property
    def url(self) -> str:
        """The address of the API and of the pages, without a slash at the end."""
        return self.shapes.base

    def send_events_to(self, url: str, secret: str, app: App | None = None) -> None:
        """From now on an App's events go there."""
        hook = (app or self.app).hook
        hook.url, hook.secret, hook.active = url, secret, True

    def agree_to_manifest(self, manifest: Json, *, owner: Account) -> str:
        """What a person's consent on the manifest page does; returns the code."""
        code = secrets.token_hex(20)
        name = str(manifest.get("name", "app")).lower()
        slug = re.sub(r"[^a-z0-9]+", "-", name).strip("-") or "app"
        self.manifests[code] = Manifest(slug, owner, manifest, self.now())
        return code

    async def __aenter__(self) -> "Sandbox":
        self.shapes.base = await self._open.enter_async_context(serve(self.asgi, self._port))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.hooks.aclose()
        await self._open.aclose()
        self.git_host.close()
        # thousands of small files: nobody has to wait for their end
        threading.Thread(target=self._folder.cleanup, name="sandbox-cleanup").start()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = unquote(scope["raw_path"].split(b"?")[0].decode("latin-1"))
        prefix = ""
        for known in ("/api/v3", "/api"):
            if path == known or path.startswith(f"{known}/"):
                prefix, path = known, path[len(known) :] or "/"
                break
        if not prefix and path != "/" and not path.startswith(_API):
            await self._pages(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if path == "/" and "text/html" in headers.get("accept", ""):
            await self._pages(scope, receive, send)
            return
        raw = await read_body(receive, _BODY_BYTES)
        fault = self.faults.take(scope["method"], path)
        if fault is not None and await self._failed(fault, scope, path, raw, send):
            return
        reply, principal, route = self._reply(scope, path, prefix, headers, raw)
        if fault is not None and fault.after:
            if fault.kind == "cut":
                cut(send)
                return
            reply = Reply(dict(fault.body), fault.status, dict(fault.headers))
        made_up = fault is not None and fault.kind == "answer"
        self._watch(scope, path, raw, reply, principal, route, made_up)
        await send_reply(send, reply, scope["method"])

    async def _failed(self, fault: Fault, scope: Scope, path: str, raw: bytes, send: Send) -> bool:
        """Whether the fault has dealt with the request."""
        if await fault.lets_through():
            return False
        if fault.kind == "cut":
            cut(send)
            return True
        reply = Reply(dict(fault.body), fault.status, dict(fault.headers))
        self._watch(scope, path, raw, reply, None, None, True)
        await send_reply(send, reply, scope["method"])
        return True

    def _reply(
        self, scope: Scope, path: str, prefix: str, headers: Headers, raw: bytes
    ) -> tuple[Reply, Principal | None, Route | None]:
        address = scope["client"][0] if scope.get("client") else "127.0.0.1"
        principal: Principal | None = None
        route: Route | None = None
        method = scope["method"]
        path = self._by_name_path(path)
        try:
            _refuse_nameless(headers)
            principal = self.tokens.identify(headers.get("authorization", ""), address)
            refused = over_limit(self, principal, path)
            if refused is not None:
                reply = refused
            elif path == "/graphql":
                reply = graphql.answer(self, principal, method, raw)
            else:
                found = ROUTES.find(method, path.rstrip("/") if path.count("/") < 5 else path)
                if found is None:
                    raise not_found()
                route, params = found
                call = Call(
                    sandbox=self,
                    method=method,
                    path=path,
                    root=f"{self.url}{prefix}",
                    params=params,
                    query=QueryParams(scope["query_string"].decode("latin-1")),
                    headers=headers,
                    body=_parsed(raw),
                    principal=principal,
                )
                reply = answer(call, route)
        except ApiError as error:
            reply = Reply(error.body(), error.status, dict(error.headers))
        reply = finish(
            self,
            reply,
            method=method,
            path=path,
            request_headers=headers,
            principal=principal,
            address=address,
        )
        return reply, principal, route

    def _by_name_path(self, path: str) -> str:
        """``/repositories/{id}/…`` stands for ``/repos/{owner}/{repo}/…``."""
        words = path.split("/")
        if words[1] == "repositories" and len(words) > 2 and words[2].isdigit():
            repository = self.repositories.get(int(words[2]))
            if repository is not None:
                return "/".join(["", "repos", repository.full_name, *words[3:]])
        return path

    def _watch(
        self,
        scope: Scope,
        path: str,
        raw: bytes,
        reply: Reply,
        principal: Principal | None,
        route: Route | None,
        fault: bool,
    ) -> None:
        if self.on_exchange is None:
            return
        self.on_exchange(
            Exchange(
                method=scope["method"],
                path=path,
                query=scope["query_string"].decode("latin-1"),
                request=_maybe_json(raw),
                status=reply.status,
                headers=reply.headers,
                response=reply.body if reply.raw is None else None,
                template=route.template if route else "/graphql" if path == "/graphql" else "",
                principal=principal.kind if principal else "",
                fault=fault,
                agent=Headers(scope=scope).get("user-agent", ""),
            )
        )


def _refuse_nameless(headers: Headers) -> None:
    if not headers.get("user-agent"):
        raise ApiError(403, "Request forbidden by administrative rules.")


def _parsed(raw: bytes) -> Json:
    """Raises ApiError (400) for what is no JSON object."""
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "Body should be a JSON object")
    return body


def _maybe_json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None
