"""Clients and a listener for tests that speak to the sandbox as real ones would."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from starlette.requests import Request
from starlette.responses import Response

from bot.sandbox.model import Account, App, Repository
from bot.sandbox.server import Sandbox, serve
from bot.sandbox.tls import tls_context


def app_jwt(app: App, *, issued: int = -30, expires: int = 300, **claims: Any) -> str:
    """``issued`` and ``expires`` are seconds from now."""
    now = int(time.time())
    body = {"iss": str(app.id), "iat": now + issued, "exp": now + expires, **claims}
    return jwt.encode(body, app.private_key, algorithm="RS256")


def client(sandbox: Sandbox, token: str = "") -> httpx.AsyncClient:
    headers = {"user-agent": "test", "accept": "application/vnd.github+json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return httpx.AsyncClient(
        verify=tls_context(), base_url=sandbox.url, headers=headers, trust_env=False
    )


def as_app(sandbox: Sandbox, app: App | None = None) -> httpx.AsyncClient:
    return client(sandbox, app_jwt(app or sandbox.app))


def as_installation(sandbox: Sandbox, repository: Repository, **narrowed: Any) -> httpx.AsyncClient:
    installation = sandbox.installation_of(sandbox.app, repository)
    assert installation is not None
    return client(sandbox, sandbox.tokens.for_installation(installation, **narrowed).value)


def as_user(sandbox: Sandbox, account: Account) -> httpx.AsyncClient:
    return client(sandbox, sandbox.tokens.for_user(account).value)


@dataclass(frozen=True, slots=True)
class Received:
    headers: dict[str, str]
    raw: bytes
    payload: dict[str, Any]

    @property
    def name(self) -> str:
        action = self.payload.get("action")
        event = self.headers["x-github-event"]
        return f"{event}.{action}" if action else event


@dataclass(slots=True)
class Listener:
    """An address that takes webhooks and answers ``status``."""

    url: str = ""
    status: int = 202
    received: list[Received] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [item.name for item in self.received]


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()

    async def take(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        listener.received.append(Received(dict(request.headers), raw, json.loads(raw)))
        await Response(status_code=listener.status)(scope, receive, send)

    async with serve(take) as url:
        listener.url = f"{url}/hook"
        yield listener
