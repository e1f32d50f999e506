"""How a backfill goes on: how many rows the next batch has, when it rests, and what a failure makes
of either."""

from dataclasses import dataclass, field, replace

from bot.core.backfills.controller import Controller
from bot.core.backfills.courtesy import Courtesy
from bot.core.backfills.failures import TRIES, Failure
from bot.core.backfills.search import Search

_PATIENT = 2
"""So often in a row what is in use is waited for with a batch of the same size."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Times are in seconds; ``now`` is any clock's that does not go back."""

    controller: Controller
    courtesy: Courtesy
    search: Search = field(default_factory=Search)
    failure: Failure | None = None
    """Of the last batch; None where it went well."""
    tries: int = 0
    """Failures in a row of the same kind."""

    def begun(self, size: int) -> "Pace":
        """With the size that it had come to where it was cut off; 0 for none."""
        larger = max(self.controller.size, size)
        return replace(self, controller=replace(self.controller, size=larger))

    def rows(self, now: float) -> int:
        """Of the next batch."""
        if self.search.limit:
            return self.search.limit
        limit = self.courtesy.limit(now)
        return self.controller.size if limit is None else min(self.controller.size, limit)

    def after(
        self,
        rows: int,
        seconds: float,
        filling: float,
        now: float,
        *,
        others_write: bool | None,
        ended: int,
    ) -> "Pace":
        """A batch of ``rows`` went well, in ``seconds`` from its first lock to its commit; the
        others are ``Courtesy.after``'s."""
        looking = bool(self.search.limit)
        return Pace(
            # A half of a batch that failed tells nothing of a full one.
            self.controller if looking else self.controller.after(rows, seconds),
            self.courtesy.after(rows, filling, now, others_write=others_write, ended=ended),
            self.search.passed(rows),
        )

    def halving(self, rows: int) -> "Pace":
        """One of ``rows``, two at least, is at fault: it is looked for."""
        return replace(self, search=self.search.failed(rows))

    def failed(self, failure: Failure) -> "Pace":
        tries = self.tries + 1 if failure is self.failure else 1
        smaller = failure is Failure.SLOW or (failure is Failure.CONTENDED and tries > _PATIENT)
        controller = self.controller.halved() if smaller else self.controller
        return replace(self, controller=controller, failure=failure, tries=tries)

    @property
    def gives_up(self) -> bool:
        """Whether nothing is gained by another try after the last failure."""
        return self.failure is not None and self.tries >= TRIES.get(self.failure, 1)
