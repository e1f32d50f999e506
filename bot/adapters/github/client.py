"""Sends the declared operations to GitHub: credentials, cache, redirects, limits, retries."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx
import structlog
from gidgethub import sansio

from bot.adapters.github.auth import AppAuth, Bearer, InstallationTokens
from bot.adapters.github.cache import CachedAnswer, ConditionalCache
from bot.adapters.github.faults import graphql_status, message_of, raise_for
from bot.adapters.github.operations import CREATE_TOKEN, Auth, Document, Operation
from bot.adapters.github.quota import APP, Quota
from bot.adapters.github.retry import Attempt, Failure, GiveUp, Reason, decide_retry
from bot.adapters.github.transport import Failed, RawAnswer, open_http, send
from bot.metrics import GITHUB_REQUESTS
from bot.ports import Clock, HubGone, HubRefused, HubUnavailable

log = structlog.get_logger()

USER_AGENT = "lockgate"
API_VERSION = "2022-11-28"
"""https://docs.github.com/rest/about-the-rest-api/api-versions"""
_ACCEPT = sansio.accept_format()
_REDIRECTS = (301, 302, 307, 308)
_MAX_REDIRECTS = 3
_BRIEFLY = 5
"""Seconds for a question whose answer nobody needs but to know that there is one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answered: decoded JSON, and the next page's address."""

    data: Any
    next_url: str | None


@dataclass(frozen=True, slots=True)
class GraphQLAnswer:
    data: dict[str, Any]
    errors: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class _Request:
    """A request under way. ``about`` names its subject in errors: ``octo/shop#12``."""

    call: Operation | Document
    url: str
    method: str
    installation: int
    about: str
    body: bytes | None = None
    auth: Auth = Auth.INSTALLATION
    repeatable: bool = True
    cached: CachedAnswer | None = None

    @property
    def resource(self) -> str:
        return "graphql" if isinstance(self.call, Document) else "core"


def graphql_url(api_url: str) -> str:
    """Where GraphQL is spoken beside a REST address; differs on GitHub Enterprise Server.

    https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql
    """
    base = api_url.rstrip("/")
    if base.endswith("/api/v3"):
        return base.removesuffix("/v3") + "/graphql"
    return base + "/graphql"


class GitHubClient:
    """One for the process: it holds the connections, the tokens, the cache and the limits."""

    def __init__(
        self,
        *,
        api_url: str,
        clock: Clock,
        app: AppAuth | None = None,
        person: Bearer | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """``person`` is somebody's own token, which asks in place of an installation's."""
        self.api_url = api_url.rstrip("/")
        self.clock = clock
        self.quota = Quota()
        self.clock_skew: timedelta | None = None
        """How far our clock is ahead of GitHub's, as of the last answer that told the time."""
        self._app = app
        self._person = person
        self._http = http or open_http(api_url)
        self._cache = ConditionalCache()
        self._tokens = InstallationTokens(self._mint, clock)
        self._graphql_url = graphql_url(api_url)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def rest(
        self,
        operation: Operation,
        *,
        installation: int = APP,
        path: Mapping[str, str | int] | None = None,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        about: str = "",
    ) -> Answer:
        """Send a REST operation.

        Raises:
            HubUnavailable, HubGone, HubRefused: as ``bot.ports`` says.
        """
        values = {name: str(value) for name, value in (path or {}).items()}
        if any(value in ("", ".", "..") for value in values.values()):
            raise HubGone(f"could not {operation.task}: GitHub knows no such name")
        url = sansio.format_url(operation.path, values, base_url=self.api_url)
        if query:
            url = str(httpx.URL(url, params=dict(query)))
        return await self._rest(operation, url, installation=installation, body=body, about=about)

    async def pages(
        self,
        operation: Operation,
        *,
        installation: int = APP,
        path: Mapping[str, str | int] | None = None,
        query: Mapping[str, str | int] | None = None,
        about: str = "",
    ) -> AsyncIterator[Answer]:
        """Send an operation and follow ``Link: rel="next"`` until there is none."""
        answer = await self.rest(
            operation,
            installation=installation,
            path=path,
            query={"per_page": 100, **(query or {})},
            about=about,
        )
        yield answer
        while answer.next_url is not None:
            self._require_same_origin(answer.next_url, operation)
            answer = await self._rest(
                operation, answer.next_url, installation=installation, body=None, about=about
            )
            yield answer

    async def graphql(
        self,
        document: Document,
        variables: Mapping[str, Any],
        *,
        installation: int,
        about: str = "",
    ) -> GraphQLAnswer:
        """Ask by a GraphQL document. Errors that leave data are handed to the caller.

        Raises:
            HubUnavailable, HubGone, HubRefused: as ``bot.ports`` says.
        """
        body = json.dumps({"query": document.text, "variables": dict(variables)}).encode()
        request = _Request(document, self._graphql_url, "POST", installation, about, body)
        payload = (await self._send(request)).data
        errors = payload.get("errors") if isinstance(payload, dict) else None
        data = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(data, dict):
            text = message_of({"errors": errors}) or "nothing"
            raise HubRefused(f"could not {document.task}{_of(about)}: GitHub said: {text}")
        known = tuple(error for error in errors or () if isinstance(error, dict))
        return GraphQLAnswer(data, known)

    async def is_answered(self, operation: Operation) -> bool:
        """Whether an operation without parameters, asked by nobody, gets any answer. Sent once,
        and waited for briefly; what it says of limits is not of ours."""
        result: RawAnswer | Failed = Failed(Failure.CUT, "TimeoutError")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BRIEFLY):
                result = await send(
                    self._http,
                    operation.method,
                    self.api_url + operation.path,
                    headers=sansio.create_headers(USER_AGENT, accept=_ACCEPT),
                    body=None,
                    bearer=None,
                )
        status = str(result.status) if isinstance(result, RawAnswer) else result.failure.value
        GITHUB_REQUESTS.labels(operation.route, status).inc()
        return isinstance(result, RawAnswer)

    async def _rest(
        self,
        operation: Operation,
        url: str,
        *,
        installation: int,
        body: Mapping[str, Any] | None,
        about: str,
    ) -> Answer:
        return await self._send(
            _Request(
                operation,
                url,
                operation.method,
                installation,
                about,
                None if body is None else json.dumps(body).encode(),
                operation.auth,
                operation.repeatable,
            )
        )

    async def _send(self, request: _Request) -> Answer:
        """Send until there is an answer to give or a reason to stop."""
        number = redirects = 0
        renewed = False
        while True:
            number += 1
            self._require_quota(request)
            bearer = await self._bearer(request)
            result = await self._try(request, bearer, number)
            if isinstance(result, RawAnswer):
                if result.status in _REDIRECTS and redirects < _MAX_REDIRECTS:
                    redirects += 1
                    number -= 1
                    request.url = self._redirected(request, result)
                    continue
                minted = request.auth is Auth.INSTALLATION and self._person is None
                if result.status == 401 and minted and not renewed:
                    # The token was revoked before its time: the App was suspended and came back.
                    assert bearer is not None  # noqa: S101 (an installation always has one)
                    self._tokens.drop(request.installation, bearer)
                    renewed = True
                    continue
            answer = self._decode(request, result)
            if isinstance(answer, Answer):
                return answer
            attempt = self._attempt(request, answer, number)
            decision = decide_retry(attempt, now=self.clock.now(), jitter=random.random())  # noqa: S311
            if isinstance(decision, GiveUp):
                self._give_up(request, answer, attempt, decision)
            log.warning(
                "github_request_repeated",
                route=request.call.route,
                status=attempt.status or attempt.failure.value,
                attempt=number,
                installation=request.installation,
                after_seconds=round(decision.after.total_seconds(), 3),
            )
            await asyncio.sleep(decision.after.total_seconds())

    async def _try(
        self, request: _Request, bearer: Bearer | None, number: int
    ) -> RawAnswer | Failed:
        headers = sansio.create_headers(USER_AGENT, accept=_ACCEPT)
        headers["x-github-api-version"] = API_VERSION
        if request.body is not None:
            headers["content-type"] = "application/json"
        if request.method == "GET":
            request.cached = self._cache.get(request.installation, request.url, _ACCEPT)
            if request.cached is not None:
                headers["if-none-match"] = request.cached.etag
        started = time.perf_counter()
        result = await send(
            self._http,
            request.method,
            request.url,
            headers=headers,
            body=request.body,
            bearer=bearer,
        )
        status = str(result.status) if isinstance(result, RawAnswer) else result.failure.value
        GITHUB_REQUESTS.labels(request.call.route, status).inc()
        log.debug(
            "github_request",
            route=request.call.route,
            status=status,
            attempt=number,
            installation=request.installation,
            seconds=round(time.perf_counter() - started, 4),
        )
        if isinstance(result, RawAnswer):
            self.quota.note(request.installation, result.headers)
            self._note_time(result.headers.get("date", ""))
        return result

    def _note_time(self, date: str) -> None:
        try:
            self.clock_skew = self.clock.now() - parsedate_to_datetime(date)
        except (TypeError, ValueError):  # no date, or one without a zone
            return

    def _decode(self, request: _Request, result: RawAnswer | Failed) -> Answer | RawAnswer | Failed:
        """The answer of a success, or the failure as it was, or a failure that hid in a success."""
        if isinstance(result, Failed):
            return result
        headers, body = result.headers, result.body
        if result.status == 304 and request.cached is not None:
            headers, body = request.cached.headers, request.cached.body
        elif not 200 <= result.status < 300:
            return result
        elif request.method == "GET" and result.status == 200:
            self._cache.put(request.installation, request.url, _ACCEPT, headers, body)
        told = {name: headers[name] for name in ("content-type", "link") if name in headers}
        try:
            data, _, next_url = sansio.decipher_response(200, told, body)
        except (ValueError, LookupError, RecursionError):
            return Failed(Failure.CUT, "an answer that is not JSON")
        if isinstance(request.call, Document):
            status = graphql_status(data)
            if status is not None:
                return RawAnswer(status, result.headers, result.body)
        return Answer(data, next_url)

    def _attempt(self, request: _Request, result: RawAnswer | Failed, number: int) -> Attempt:
        if isinstance(result, Failed):
            return Attempt(number, request.repeatable, result.failure)
        return Attempt(
            number,
            request.repeatable,
            status=result.status,
            headers=result.headers,
            message=message_of(result.body),
        )

    def _give_up(
        self, request: _Request, result: RawAnswer | Failed, attempt: Attempt, decision: GiveUp
    ) -> NoReturn:
        if decision.reason is Reason.LIMITED and decision.retry_after is not None:
            headers = attempt.headers or {}
            primary = headers.get("x-ratelimit-remaining") == "0"
            self.quota.pause(
                request.installation,
                self.clock.now() + decision.retry_after,
                resource=request.resource if primary else "",
            )
        if decision.reason is Reason.GONE or attempt.status == 403:
            self._cache.forget(request.installation)
        raise_for(
            decision,
            what=f"could not {request.call.task}{_of(request.about)}",
            status=attempt.status,
            message=attempt.message,
            error=result.error if isinstance(result, Failed) else "",
            as_app=request.auth is Auth.APP,
        )

    def _require_quota(self, request: _Request) -> None:
        wait = self.quota.wait(request.installation, request.resource, self.clock.now())
        if wait > timedelta():
            raise HubUnavailable(
                f"could not {request.call.task}{_of(request.about)}: "
                "GitHub's rate limit is used up and has not been renewed yet",
                wait,
            )

    async def _bearer(self, request: _Request) -> Bearer | None:
        if request.auth is Auth.NONE:
            return None
        if request.auth is Auth.INSTALLATION:
            if self._person is not None:
                return self._person
            return await self._tokens.get(request.installation)
        if self._app is None:
            raise HubRefused("no GitHub App is configured; run `lockgate setup`")
        return self._app.bearer()

    async def _mint(self, installation: int) -> Bearer:
        answer = await self.rest(
            CREATE_TOKEN, path={"installation_id": installation}, about=str(installation)
        )
        try:
            expires_at = datetime.fromisoformat(answer.data["expires_at"])
            return Bearer(answer.data["token"], expires_at)
        except (KeyError, TypeError, ValueError):
            pass
        raise HubUnavailable(f"could not {CREATE_TOKEN.task} {installation}: GitHub sent none")

    def _redirected(self, request: _Request, result: RawAnswer) -> str:
        target = urljoin(request.url, result.headers.get("location", ""))
        self._require_same_origin(target, request.call)
        return target

    def _require_same_origin(self, url: str, call: Operation | Document) -> None:
        """A credential goes to the host it was made for and to no other."""
        ours, theirs = urlsplit(self.api_url), urlsplit(url)
        if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
            raise HubRefused(f"could not {call.task}: GitHub pointed to another host")


def _of(about: str) -> str:
    return f" {about}" if about else ""
