"""Tells whether an objective of an environment burns, by what a worker found minutes ago."""

from dataclasses import dataclass

from bot.core.backfills.pauses import Heed, limits_of
from bot.core.migrations.model import Backfill
from bot.core.slo.waiting import reason_to_wait
from bot.ports import Clock
from bot.ports.database import Burning
from bot.ports.slo import SloStore


@dataclass(frozen=True, slots=True)
class Burns:
    slos: SloStore
    clock: Clock

    async def why(self, repository_id: int, environment: str, backfill: Backfill) -> Burning | None:
        """Why a backfill should pause, as far as its header heeds objectives."""
        try:
            heed = limits_of(backfill.pause_when).objectives
        except ValueError:  # it is refused for that before it begins
            return None
        if heed is Heed.NEVER:
            return None
        reason = reason_to_wait(
            await self.slos.fetch_states([repository_id]),
            environment,
            self.clock.now(),
            exhausted=heed is Heed.ALWAYS,
        )
        return Burning(reason) if reason else None
