"""JSON from a metrics API: with a credential of the server's own, and nothing that is unbounded.

A source's address is in a repository's file, and the credential that it names in the server's
environment, beside the origin that it is for: to another one it is never sent, whatever the file
says. Without a credential only what is public is asked.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from bot.adapters.slo.reach import NotReached, Reach
from bot.core.redaction import redact
from bot.core.slo.model import Source
from bot.core.slo.probes import Outcome, web_address
from bot.ports.slo import SourceRefused, SourceUnavailable

SECONDS: Final = 10.0
"""For one question and its answer."""
_LONGEST: Final = 4 * 1024 * 1024
_SAID: Final = 200
_AT_ONCE: Final = 8
_PORTS: Final = {"http": 80, "https": 443}
_WHY: Final = {
    Outcome.DNS: "its name does not resolve",
    Outcome.TLS: "its certificate is not believed, or it speaks no TLS",
    Outcome.PROTOCOL: "what answers speaks no HTTP",
}


@dataclass(frozen=True, slots=True)
class Access:
    """A credential: the origin that it is for, and the header that carries it. Never log it."""

    origin: tuple[str, str, int]
    header: str

    @classmethod
    def parse(cls, url: str) -> "Access":
        """``https://user:password@host/``, or ``https://token@host/`` for a bearer's token.

        Raises:
            ValueError: it is neither. The text does not repeat it.
        """
        try:
            parts = urlsplit(url)
            secret = (unquote(parts.username or ""), parts.password and unquote(parts.password))
            origin = _origin(parts)
        except (ValueError, KeyError):
            secret, origin = ("", None), ("", "", 0)
        printable = url.isprintable() and all(one is None or one.isprintable() for one in secret)
        if not (printable and secret[0] and origin[1]):
            raise ValueError("write https://user:password@host/ or https://token@host/")
        user, password = secret
        if password is None:
            return cls(origin, f"Bearer {user}")
        return cls(origin, "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class Web:
    """``accesses`` are by the names that files know them by."""

    def __init__(
        self, reach: Reach, accesses: Mapping[str, Access], *, seconds: float = SECONDS
    ) -> None:
        self._reach = reach
        self._accesses = accesses
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._seconds = seconds

    async def fetch(self, source: Source, address: str, form: bytes = b"") -> tuple[int, Any]:
        """Status and document, whose numbers are integers and decimals; None where there is none.
        With a ``form`` it is posted.

        Raises:
            SourceRefused: it may not be asked, or its answer is too long.
            SourceUnavailable: it could not be reached, or took too long.
        """
        url = web_address(address)
        if url is None:
            raise SourceRefused(f"{source.name}: its address cannot be read; write it whole")
        header = self._header(source, url)
        headers = {"accept": "application/json"}
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded"
        if header:
            headers["authorization"] = header
        try:
            async with self._turns, asyncio.timeout(self._seconds):
                answer = await self._reach.send(
                    "POST" if form else "GET",
                    url,
                    headers=headers,
                    longest=_LONGEST,
                    content=form,
                    allowed=bool(header),
                )
        except TimeoutError:
            raise SourceUnavailable(
                f"{source.name} took longer than {self._seconds:g} s; ask for less, or make it "
                "faster with a recording rule or an index"
            ) from None
        except NotReached as error:
            if error.outcome is Outcome.PRIVATE:
                raise SourceRefused(
                    f"{source.name} is at a place that is not public, so it is not asked; have the "
                    "operator set a `credential` for it"
                ) from None
            why = _WHY.get(error.outcome, "no connection")
            raise SourceUnavailable(f"{source.name} could not be reached: {why}") from None
        if not answer.whole:
            raise SourceRefused(
                f"{source.name} answers more than {_LONGEST // 2**20} MB; ask for less"
            )
        if answer.status in (401, 403):
            raise SourceRefused(
                f"{source.name} lets nobody in ({answer.status}); mend its credential"
            )
        return answer.status, _document(answer.body)

    def _header(self, source: Source, url: SplitResult) -> str:
        name = source.details.get("credential", "")
        if not name:
            return ""
        access = self._accesses.get(name)
        if access is None:
            raise SourceRefused(
                f"{source.name} names the credential {name}, which this server does not have; have "
                "the operator set it"
            )
        if access.origin != _origin(url):
            raise SourceRefused(
                f"the credential {name} is for another address than that of {source.name}, so it "
                "is not sent there; mend the `url`, or name another credential"
            )
        return access.header


def said(text: object) -> str:
    """Words from outside, as a part of ours: one line, short, without what looks like a secret."""
    line = " ".join(str(text)[: 4 * _SAID].split())
    shown = "".join(char for char in redact(line) if char.isprintable())
    return shown[:_SAID] or "nothing"


def _document(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
