"""How a backfill behaves while others write to its table: small batches, with rests between them.

A batch is in a writer's way twice: by the rows that it holds until its end, and by the WAL that it
writes, since a writer's commit waits for all WAL before its own to be on disk. Smaller batches help
against the first, rests against the second. Where nobody writes there is no reason for either.
"""

from dataclasses import dataclass, replace
from statistics import median

from bot.core.backfills.controller import FEWEST

REMEMBERED = 5.0
"""Seconds after which writers that were seen no more count as gone. They are seen by chance: most
are faster than a batch."""
PART = 10
"""Of the target, so small a part is what rows of a batch may take."""
SHORTEST = 0.004
"""Seconds: below it most of a batch's time is not its rows'."""
REST = 2.0
"""The rest after a batch, in times of what its rows took. Measured: rests of once that are too
short for writers to wait as without a backfill, and longer ones gain little."""
_RATES = 9


@dataclass(frozen=True, slots=True)
class Courtesy:
    """All times are in seconds; ``now`` is any clock's that does not go back."""

    target: float
    """What a batch should take while nobody else writes."""
    until: float = float("-inf")
    """So long it gives way."""
    rates: tuple[float, ...] = ()
    """Rows a second of the last batches. Their median is taken: on a busy machine single ones
    take many times as long, for no reason of theirs."""

    def after(self, rows: int, filling: float, now: float, *, others_write: bool) -> "Courtesy":
        """``filling``: what the statement took of a batch of ``rows`` that ended ``now``, without
        the way to the server; ``others_write``: somebody else was seen writing meanwhile."""
        rates = (*self.rates, rows / max(filling, 1e-6))[-_RATES:]
        return replace(self, until=now + REMEMBERED if others_write else self.until, rates=rates)

    def limit(self, now: float) -> int | None:
        """Rows of the next batch at most; None where it need not give way."""
        if now >= self.until:
            return None
        return max(int(median(self.rates) * self._span), FEWEST)

    def rest(self, filling: float, now: float) -> float:
        """How long to wait after a batch."""
        return min(filling, self._span) * REST if now < self.until else 0.0

    @property
    def _span(self) -> float:
        return min(self.target, max(self.target / PART, SHORTEST))
