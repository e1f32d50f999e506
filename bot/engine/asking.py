"""Asks the endpoints of probes, and tells an endpoint that is away from a bot that is.

Where nothing answered at all, one place that the bot needs anyway is asked too: GitHub. If that is
not there either, it is the bot's own network, and what was asked meanwhile counts as nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.core.slo.probes import DueProbe, ProbeAnswer
from bot.ports import Hub
from bot.ports.slo import Prober

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asking:
    prober: Prober
    hub: Hub

    async def ask(self, due: Sequence[DueProbe]) -> list[tuple[DueProbe, ProbeAnswer]]:
        """Ask all at once, each within its own time. Fewer come back than were asked where the
        bot's own network was away: those that got no answer are left out then."""
        answers = await asyncio.gather(*(self.prober.ask(one.probe) for one in due))
        found = list(zip(due, answers, strict=True))
        unanswered = sum(answer.unanswered for answer in answers)
        if not unanswered or any(answer.status for answer in answers):
            return found
        if await self.hub.is_reachable():
            return found
        log.warning("probes_left_out", count=unanswered)
        return [(one, answer) for one, answer in found if not answer.unanswered]
