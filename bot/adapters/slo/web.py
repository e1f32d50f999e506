"""JSON from a metrics API: with a credential of the server's own, and nothing that is unbounded.

A source's address is in a repository's file, and the credential that it names in the server's
environment, beside the address that it is for and the repositories that may use it: it is sent to
nowhere else and for nobody else, whatever the file says. Without one only what is public is asked.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from bot.adapters.slo.reach import NotReached, Reach
from bot.core.model import RepoRef
from bot.core.redaction import redact
from bot.core.slo.model import Source, source_variable
from bot.core.slo.probes import Outcome, web_address
from bot.ports.slo import SourceRefused, SourceUnavailable

SECONDS: Final = 8.0
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
    """A place that may be asked although it is not public. ``header`` is its credential, or empty;
    never log it. ``repositories`` are names in small letters, or ids."""

    url: str
    repositories: frozenset[str]
    header: str = field(default="", repr=False)

    def serves(self, repo: RepoRef) -> bool:
        return not self.repositories.isdisjoint((repo.full_name.lower(), str(repo.id)))

    def covers(self, url: SplitResult) -> bool:
        """Whether an address is of this place: its origin, and a path that begins as its own."""
        own = urlsplit(self.url)
        if _origin(own) != _origin(url):
            return False
        # What a server takes for a step up leads out of the path that was allowed.
        steps = unquote(unquote(url.path)).replace("\\", "/").split("/")
        below = f"{url.path}/".startswith(f"{own.path.rstrip('/')}/")
        return below and not any(step.partition(";")[0] in (".", "..") for step in steps)


class Web:
    """What one repository may ask. ``accesses`` are by the names that its files know them by."""

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
        access = self._access(source, url)
        headers = {"accept": "application/json"}
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded"
        if access and access.header:
            headers["authorization"] = access.header
        try:
            async with self._turns, asyncio.timeout(self._seconds):
                answer = await self._reach.send(
                    "POST" if form else "GET",
                    url,
                    headers=headers,
                    longest=_LONGEST,
                    content=form,
                    allowed=access is not None,
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
                    "operator set a source for it, and name that as its `credential`"
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

    def _access(self, source: Source, url: SplitResult) -> Access | None:
        name = source.details.get("credential", "")
        if not name:
            return None
        access = self._accesses.get(name)
        if access is None:
            raise SourceRefused(
                f"{source.name} names the credential {name}, which this server does not have for "
                f"this repository; whoever runs it sets {source_variable(name)}"
            )
        if not access.covers(url):
            raise SourceRefused(
                f"the credential {name} is for another address than that of {source.name}, so it "
                "is not sent there; mend the `url`, or name another credential"
            )
        return access


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
