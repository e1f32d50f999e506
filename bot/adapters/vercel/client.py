"""Sends the declared operations to Vercel: the token, limits, time-outs, repetitions."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import structlog

from bot.adapters.tls import tls_context
from bot.adapters.vercel.faults import raise_refusal, raise_unknown
from bot.adapters.vercel.operations import Operation
from bot.adapters.vercel.retry import Attempt, Failure, Retry, decide_retry
from bot.metrics import VERCEL_REQUESTS
from bot.ports import Clock
from bot.ports.host import HostGone

log = structlog.get_logger()

_TIMEOUT: Final = httpx.Timeout(connect=5, read=15, write=15, pool=15)
_WHOLE_REQUEST: Final = 30
"""Seconds in which a whole answer must be there, however steadily it trickles."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_NAME: Final = re.compile(r"(?!\.+\Z)[A-Za-z0-9][A-Za-z0-9._:-]{0,252}\Z")
_PAGE: Final = 100
_MAX_PAGES: Final = 50


class _Bearer(httpx.Auth):
    """The token; it shows itself to nobody but the request it is put on."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request

    def __repr__(self) -> str:
        return "_Bearer(********)"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    data: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Tried:
    failure: Failure
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    error: str = ""
    """The kind of error, without its text: an exception's text may hold an address."""


def is_local(url: str) -> bool:
    """Whether an address is on this machine: then it is a stand-in for Vercel."""
    return urlsplit(url).hostname in _LOOPBACK


class VercelClient:
    """One for the process: it holds the connections and the token."""

    def __init__(
        self,
        *,
        api_url: str,
        token: str,
        team: str = "",
        clock: Clock,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self.clock = clock
        self._bearer = _Bearer(token)
        # A team has an id that begins so, and a slug; Vercel takes either, by its own name.
        self._scope = {"teamId" if team.startswith("team_") else "slug": team} if team else {}
        self._http = http or httpx.AsyncClient(
            follow_redirects=False,
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
            trust_env=not is_local(api_url),
            verify=tls_context(),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        about: str = "",
    ) -> Answer:
        """Send an operation; a success is returned.

        Raises:
            HostUnavailable, HostGone, HostRefused: as ``bot.ports.host`` says.
        """
        url = self._url(operation, path or {}, query or {})
        content = None if body is None else json.dumps(body).encode()
        number = 0
        while True:
            number += 1
            tried = await self._try(operation, url, content, number)
            if 200 <= tried.status < 300:
                return Answer(tried.status, self._decoded(operation, about, tried))
            attempt = Attempt(
                number, operation.moves, tried.failure, tried.status, headers=tried.headers
            )
            decision = decide_retry(attempt, now=self.clock.now(), jitter=random.random())  # noqa: S311
            if isinstance(decision, Retry):
                log.warning(
                    "vercel_request_repeated",
                    route=operation.route,
                    status=tried.status or tried.failure.value,
                    attempt=number,
                    after_seconds=round(decision.after.total_seconds(), 3),
                )
                await asyncio.sleep(decision.after.total_seconds())
                continue
            if decision.known:
                raise_refusal(operation, about, tried.status, _maybe_json(tried.body))
            found = f"Vercel gave no answer ({tried.error})"
            if tried.status == 429:
                found = "Vercel's rate limit is reached"
            elif tried.status:
                found = f"Vercel answered {tried.status}"
            raise_unknown(operation, about, found, retry_after=decision.retry_after)

    async def pages(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        about: str = "",
    ) -> AsyncIterator[Any]:
        """Send an operation and follow ``pagination.next``, a time in milliseconds, to the end."""
        values: dict[str, str | int] = {"limit": _PAGE, **(query or {})}
        for _ in range(_MAX_PAGES):
            data = (await self.call(operation, path=path, query=values, about=about)).data
            yield data
            pagination = data.get("pagination") if isinstance(data, dict) else None
            following = pagination.get("next") if isinstance(pagination, dict) else None
            if following is None:
                return
            if not isinstance(following, int) or following == values.get("until"):
                raise_unknown(operation, about, "Vercel's pages lead nowhere")
            values["until"] = following
        raise_unknown(operation, about, f"there are more than {_MAX_PAGES * _PAGE} entries")

    def _url(
        self, operation: Operation, path: Mapping[str, str], query: Mapping[str, str | int]
    ) -> str:
        for value in path.values():
            # A name never holds a path: what reads as one would lead to another operation.
            if not _NAME.match(value):
                raise HostGone(f"could not {operation.task}: Vercel knows no such name")
        url = self.api_url + operation.path.format_map(dict(path))
        return str(httpx.URL(url, params={**query, **self._scope}))

    async def _try(
        self, operation: Operation, url: str, content: bytes | None, number: int
    ) -> _Tried:
        headers = {"user-agent": "lockgate", "accept": "application/json"}
        if content is not None:
            headers["content-type"] = "application/json"
        started = time.perf_counter()
        tried = await self._send(operation.method, url, headers, content)
        status = str(tried.status) if tried.status else tried.failure.value
        VERCEL_REQUESTS.labels(operation.route, status).inc()
        log.debug(
            "vercel_request",
            route=operation.route,
            status=status,
            attempt=number,
            seconds=round(time.perf_counter() - started, 4),
        )
        return tried

    async def _send(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> _Tried:
        """Send once. The errors of httpx end here: what they carry along may hold the token."""
        try:
            async with asyncio.timeout(_WHOLE_REQUEST):
                response = await self._http.request(
                    method, url, headers=headers, content=content, auth=self._bearer
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return _Tried(Failure.NOT_SENT, error=type(error).__name__)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return _Tried(Failure.CUT, error=type(error).__name__)
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return _Tried(Failure.ANSWER, response.status_code, lowered, response.content)

    def _decoded(self, operation: Operation, about: str, tried: _Tried) -> Any:
        if operation.moves or not tried.body:
            return None  # what it did is read from the project, never from this answer
        data = _maybe_json(tried.body)
        if not isinstance(data, dict):
            raise_unknown(operation, about, "Vercel's answer is no JSON object")
        return data


def _maybe_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
