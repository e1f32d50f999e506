"""How a backfill behaves while others write to its table: small batches, with rests between them.

A batch is in a writer's way twice: by the rows that it holds until its end, and by the WAL that it
writes, since a writer's commit waits for all WAL before its own to be on disk. That is what writers
are seen waiting for (``WalSync`` and ``WALWrite``), next to never for rows. Small batches keep both
short: the same WAL in many small pieces makes no commit wait for a large one. Rests leave room for
commits between them. Where nobody writes there is no reason for either.
"""

from dataclasses import dataclass, replace
from statistics import median

from bot.core.backfills.controller import FEWEST

REMEMBERED = 5.0
"""Seconds after which writers that were seen no more count as gone. They are seen by chance: most
are faster than a batch."""
ASKED = 0.02
"""Seconds between two questions who writes. The answer takes a part of a small batch's time, and
the server's locks for an instant."""
CROWD = 3
"""Transactions of others that wrote and ended within a batch, or within small ones since it last
came to so many: from here on they are somebody's work, of whichever table, since all wait for the
same WAL. Locks alone do not tell soon enough: of writers that are there for half a millisecond
each, several full batches in a row may see none."""
HEARD = 0.25
"""Seconds after which a crowd counts as gone. They are few: it may have been autovacuum, which goes
from table to table. Meanwhile locks tell of those who write to this one."""
PART = 50
"""Of the target, so small a part is what rows of a batch may take."""
SHORTEST = 0.001
"""Seconds: below it most of a batch's time is not its rows', and a few times as many are needed."""
REST = 4.0
"""The rest after a batch, in times of what its rows took. Measured: rests of twice that leave
writers' slowest commits at two times and more what they are without a backfill."""
_RATES = 9


@dataclass(frozen=True, slots=True)
class Courtesy:
    """All times are in seconds; ``now`` is any clock's that does not go back."""

    target: float
    """What a batch should take while nobody else writes."""
    until: float = float("-inf")
    """So long it gives way."""
    asked: float = float("-inf")
    """When who writes was asked last."""
    crowd: int = 0
    """Transactions of others that ended within batches while it gave way."""
    rates: tuple[float, ...] = ()
    """Rows a second of the last batches. Their median is taken: on a busy machine single ones
    take many times as long, for no reason of theirs."""

    def asks(self, now: float) -> bool:
        """Whether the next batch asks who else writes."""
        return now >= self.asked + ASKED

    def after(
        self,
        rows: int,
        filling: float,
        now: float,
        *,
        others_write: bool | None,
        ended: int = 0,
    ) -> "Courtesy":
        """``filling``: what the statement took of a batch of ``rows`` that ended ``now``, without
        the way to the server; ``others_write``: whether somebody else was seen writing meanwhile,
        None where it did not ask; ``ended``: others' transactions that wrote and ended meanwhile,
        to whichever table."""
        until, crowd = self.until, ended + (self.crowd if now < self.until else 0)
        if crowd >= CROWD:
            until, crowd = max(until, now + HEARD), 0
        return replace(
            self,
            until=now + REMEMBERED if others_write else until,
            crowd=crowd,
            asked=self.asked if others_write is None else now,
            rates=(*self.rates, rows / max(filling, 1e-6))[-_RATES:],
        )

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
