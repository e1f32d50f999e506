"""One request to an address that somebody else wrote down: of a probe, or of a source of numbers.

Unless the server's operator allows its host, it must be a public name, and every address that it
resolves to must be a public one. The connection goes to an address that was judged, so that a
second answer of the name server changes nothing. Redirects are not followed.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult

import httpx

from bot.adapters.domain import Resolve, is_public, refuse_private_name
from bot.adapters.tls import tls_context
from bot.core.slo.probes import Outcome
from bot.ports.host import HostRefused

_PORTS: Final = (None, 80, 443, 8080, 8443)
"""Of hosts that nobody allowed: requests to others could be taken for another protocol's."""
_ADDRESSES_TRIED: Final = 4
_LOOKUPS: Final = 32
"""Names looked up at once: one that hangs must not hold up the others."""


class NotReached(Exception):
    """``outcome`` says why there is no answer."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """``whole`` is false where the body was longer than asked for."""

    status: int
    headers: httpx.Headers
    body: bytes
    whole: bool


class Reach:
    """``allowed`` are the hosts, as in a URL, that may be asked wherever they lead. It has no limit
    of time: whoever asks puts one around it."""

    def __init__(
        self,
        *,
        allowed: frozenset[str] = frozenset(),
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._names = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="names")
        self._resolve = resolve or self._look_up
        self._http = httpx.AsyncClient(
            follow_redirects=False,
            timeout=httpx.Timeout(None),
            trust_env=False,
            verify=tls or tls_context(),
            # Each question is a connection of its own, as that of somebody who comes anew.
            limits=httpx.Limits(max_keepalive_connections=0, max_connections=None),
        )

    async def aclose(self) -> None:
        self._names.shutdown(wait=False, cancel_futures=True)
        await self._http.aclose()

    async def send(
        self,
        method: str,
        url: SplitResult,
        *,
        headers: Mapping[str, str],
        longest: int,
        content: bytes = b"",
        allowed: bool = False,
    ) -> Answer:
        """``longest`` limits the body, in bytes; of a longer one the rest is not read.

        Raises:
            NotReached: there is no answer.
        """
        host = url.hostname or ""
        failure = NotReached(Outcome.CONNECTION)
        addresses = await self._addresses(host, url.port, allowed or host in self._allowed)
        for address in addresses[:_ADDRESSES_TRIED]:
            request = self._request(method, url, address, headers, content)
            try:
                return await self._exchange(request, longest)
            except httpx.ConnectError as error:
                failure = NotReached(Outcome.TLS if _is_tls(error) else Outcome.CONNECTION)
            except (httpx.ProtocolError, httpx.InvalidURL):
                raise NotReached(Outcome.PROTOCOL) from None
            except httpx.HTTPError as error:
                outcome = Outcome.TLS if _is_tls(error) else Outcome.CONNECTION
                raise NotReached(outcome) from None
        raise failure

    async def _addresses(self, host: str, port: int | None, allowed: bool) -> Sequence[str]:
        if not allowed:
            try:
                refuse_private_name(host)
            except HostRefused:
                raise NotReached(Outcome.PRIVATE) from None
            if port not in _PORTS:
                raise NotReached(Outcome.PRIVATE)
        try:
            addresses = await self._resolve(host)
        except TimeoutError:
            raise
        except (OSError, UnicodeError):
            raise NotReached(Outcome.DNS) from None
        if not addresses:
            raise NotReached(Outcome.DNS)
        if not allowed and not all(map(is_public, addresses)):
            raise NotReached(Outcome.PRIVATE)
        return addresses

    def _request(
        self,
        method: str,
        url: SplitResult,
        address: str,
        headers: Mapping[str, str],
        content: bytes,
    ) -> httpx.Request:
        host, port = url.hostname or "", f":{url.port}" if url.port else ""
        place = f"[{address}]" if ":" in address else address
        query = f"?{url.query}" if url.query else ""
        # The certificate is checked against the name, not against the address.
        extensions: dict[str, Any] = {"sni_hostname": host} if url.scheme == "https" else {}
        return self._http.build_request(
            method,
            f"{url.scheme}://{place}{port}{url.path or '/'}{query}",
            headers={
                "host": f"[{host}]{port}" if ":" in host else f"{host}{port}",
                "user-agent": "lockgate",
                # What is not unpacked cannot grow.
                "accept-encoding": "identity",
                **headers,
            },
            content=content or None,
            extensions=extensions,
        )

    async def _exchange(self, request: httpx.Request, longest: int) -> Answer:
        response = await self._http.send(request, stream=True)
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > longest:
                    return Answer(response.status_code, response.headers, b"", whole=False)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, bytes(body), whole=True)

    async def _look_up(self, name: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._names, lambda: socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_tls(error: BaseException) -> bool:
    """Whether the TLS library's own error stands at the beginning of it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
