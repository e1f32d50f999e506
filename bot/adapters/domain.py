"""Asks a production domain what it serves. No credential is sent, and nothing inside is reached.

The domain comes from a repository's policy, so it is text of somebody else: it must be a public
name, asked over https on port 443, and every address it resolves to must be a public one. The
connection goes to the address that was judged, so that a second answer of the name server changes
nothing. Redirects are not followed.
"""

import asyncio
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bot.adapters.tls import tls_context
from bot.ports.host import HostRefused, HostUnavailable

MARK_PATH: Final = "/.well-known/lockgate.json"
"""Where a production domain says what it serves: ``{"sha": …}``, and on Vercel also
``"deployment"``, its ``VERCEL_DEPLOYMENT_ID``."""
_TIMEOUT: Final = httpx.Timeout(connect=5, read=10, write=5, pool=5)
_WHOLE_REQUEST: Final = 15
_LONGEST_MARK: Final = 64 * 1024
_ADDRESSES_TRIED: Final = 4
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PUBLIC_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_PRIVATE_ENDINGS: Final = (
    ".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion",
    ".in-addr.arpa", ".ip6.arpa",
)  # fmt: skip
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAME_REMEDY: Final = "name the public production domain in the policy, e.g. `shop.example.com`"

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a host name; OSError if there are none."""


@dataclass(frozen=True, slots=True)
class DomainAnswer:
    """``sha`` and ``deployment`` are the domain's own word, empty where it gives none.
    ``host_error`` is Vercel's word that the domain leads to no deployment."""

    status: int
    sha: str = ""
    deployment: str = ""
    host_error: str = ""


class DomainReader:
    """``stand_in`` is the address of a sandbox on this machine: then all domains are asked there,
    by their name, and nothing else is reached at all."""

    def __init__(
        self,
        *,
        stand_in: str = "",
        resolve: Resolve | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._stand_in = stand_in.rstrip("/")
        self._resolve = resolve or resolve_name
        self._http = http or httpx.AsyncClient(
            follow_redirects=False,
            timeout=_TIMEOUT,
            trust_env=False,
            verify=tls_context(),
            # Each question is a connection of its own: an old one may lead to an old build.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(self, domain: str) -> DomainAnswer:
        """What the domain answers now, whatever its status.

        Raises:
            HostRefused: it is no public name, or it leads to an address that is not public.
            HostUnavailable: it could not be reached.
        """
        if self._stand_in:
            return await self._get(domain, self._stand_in, {})
        refuse_private_name(domain)
        error = "no answer"
        for address in (await self._addresses(domain))[:_ADDRESSES_TRIED]:
            host = f"[{address}]" if ":" in address else address
            try:
                # The certificate is checked against the name, not against the address.
                return await self._get(domain, f"https://{host}", {"sni_hostname": domain})
            except HostUnavailable as unavailable:
                error = str(unavailable)
        raise HostUnavailable(error)

    async def _addresses(self, domain: str) -> Sequence[str]:
        try:
            async with asyncio.timeout(_WHOLE_REQUEST):
                addresses = await self._resolve(domain)
        except OSError:  # and TimeoutError, which is one
            raise HostUnavailable(f"{domain}: the name does not resolve") from None
        if not addresses or not all(is_public(address) for address in addresses):
            raise HostRefused(
                f"{domain} leads to an address that is not public, so it is not asked", _NAME_REMEDY
            )
        return addresses

    async def _get(self, domain: str, base: str, extensions: dict[str, Any]) -> DomainAnswer:
        request = self._http.build_request(
            "GET",
            base + MARK_PATH,
            headers={
                "host": domain,
                "user-agent": "lockgate",
                "accept": "application/json",
                "cache-control": "no-cache",
            },
            extensions={**extensions, "timeout": _TIMEOUT.as_dict()},
        )
        try:
            async with asyncio.timeout(_WHOLE_REQUEST):
                response = await self._http.send(request, stream=True)
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise HostUnavailable(f"{domain} did not answer ({type(error).__name__})") from None
        mark = _mark(body) if response.status_code == 200 else {}
        return DomainAnswer(
            response.status_code,
            mark.get("sha", ""),
            mark.get("deployment", ""),
            _printable(response.headers.get("x-vercel-error", "")),
        )


def refuse_private_name(domain: str) -> None:
    """Raises HostRefused for what is no public host name in lower-case ASCII."""
    named = len(domain) <= 253 and _PUBLIC_NAME.fullmatch(domain)
    if not named or domain.endswith(_PRIVATE_ENDINGS):
        shown = _printable(domain) or "an empty text"
        raise HostRefused(f"{shown} is no public domain, so it is not asked", _NAME_REMEDY)


def is_public(address: str) -> bool:
    """Whether an IP address leads out, also one that carries another address within it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


async def resolve_name(name: str) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _read(response: httpx.Response) -> bytes:
    """The body, unless it is longer than a mark can be: then it is none."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LONGEST_MARK:
            return b""
    return bytes(body)


def _mark(body: bytes) -> dict[str, str]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {
        name: _printable(value)
        for name in ("sha", "deployment")
        if isinstance(value := data.get(name), str)
    }


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isprintable())[:128]
