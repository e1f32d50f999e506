"""One try of one request over httpx: what came back, or how it failed. No retries here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from bot.adapters.github.auth import Bearer
from bot.adapters.github.retry import Failure
from bot.adapters.tls import tls_context

MAX_CONNECTIONS = 50
"""GitHub allows 100 concurrent requests for all processes together."""
_TIMEOUT = httpx.Timeout(connect=5, read=15, write=15, pool=30)
_WHOLE_REQUEST = 60
"""Seconds in which a whole answer must be there, however steadily it trickles."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """``headers`` have lower-case names. The body shows in no representation."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    failure: Failure
    error: str
    """The kind of error, without its text: an exception's text may hold an address."""


def open_http(api_url: str) -> httpx.AsyncClient:
    """A client with keep-alive and the limits above. A server on this machine is reached directly
    also where a proxy is set for the rest of the world."""
    return httpx.AsyncClient(
        follow_redirects=False,
        timeout=_TIMEOUT,
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=20),
        trust_env=urlsplit(api_url).hostname not in _LOOPBACK,
        verify=tls_context(),
    )


async def send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    bearer: Bearer | None,
) -> RawAnswer | Failed:
    """Send once. The errors of httpx end here: what they carry along may hold a credential."""
    try:
        async with asyncio.timeout(_WHOLE_REQUEST):
            response = await http.request(
                method, url, headers=dict(headers), content=body, auth=bearer
            )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        return Failed(Failure.NOT_SENT, type(error).__name__)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        return Failed(Failure.CUT, type(error).__name__)
    lowered = {name.lower(): value for name, value in response.headers.items()}
    return RawAnswer(response.status_code, lowered, response.content)
