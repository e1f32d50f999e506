"""Asks the endpoints of probes: ``bot.ports.slo.Prober``."""

import asyncio
import math
import time
from typing import Final
from urllib.parse import SplitResult, urljoin

from bot.adapters.slo.reach import Answer, NotReached, Reach
from bot.core.slo.probes import Outcome, Probe, ProbeAnswer, Redirects, web_address

_MOST_REDIRECTS: Final = 5
_LONGEST: Final = 256 * 1024
"""Bytes of an answer that are waited for."""
_HEADERS: Final = {"accept": "*/*", "cache-control": "no-cache"}


class _LedAstray(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class HttpProber:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def ask(self, probe: Probe) -> ProbeAnswer:
        """Timed from the look-up of the name to the last byte, redirects included."""
        begun = time.monotonic()
        status = 0
        try:
            async with asyncio.timeout(probe.timeout.total_seconds()):
                status = (await self._follow(probe)).status
            outcome = Outcome.OK if probe.expects(status) else Outcome.STATUS
        except TimeoutError:
            outcome = Outcome.TIMEOUT
        except NotReached as error:
            outcome = error.outcome
        except _LedAstray as error:
            outcome, status = Outcome.REDIRECT, error.status
        return ProbeAnswer(outcome, math.ceil((time.monotonic() - begun) * 1000), status)

    async def _follow(self, probe: Probe) -> Answer:
        """Each place that one is sent on to is judged as the first was."""
        url = first = web_address(probe.url)
        status = 0
        for _ in range(_MOST_REDIRECTS + 1):
            if url is None or first is None:
                break
            try:
                answer = await self._reach.send("GET", url, headers=_HEADERS, longest=_LONGEST)
            except NotReached as error:
                # The endpoint was asked, and what it answered is of no use to anybody outside.
                if status and error.outcome is Outcome.PRIVATE:
                    break
                raise
            status, location = answer.status, answer.headers.get("location")
            if probe.redirects is Redirects.REFUSE or not 300 <= status < 400 or location is None:
                return answer
            onward = _joined(url.geturl(), location)
            if onward is not None and (
                # What is asked safely is not sent on to where anybody can read along.
                (url.scheme, onward.scheme) == ("https", "http")
                or (probe.redirects is Redirects.SAME_HOST and onward.hostname != first.hostname)
            ):
                break
            url = onward
        raise _LedAstray(status)


def _joined(base: str, location: str) -> SplitResult | None:
    try:
        return web_address(urljoin(base, location))
    except ValueError:
        return None
