"""How many rows the next batch has: additive increase, multiplicative decrease, on latency.

What AIMD is to a network's congestion (RFC 5681, section 3.1) it is here to a table's writers: a
batch's time is the time that they may wait. It begins with a slow start, doubling, so that a file
need not guess a size.
"""

from dataclasses import dataclass, replace

SMALLEST = 1
LARGEST = 50_000
"""Rows: a larger batch gains nothing, and is undone at length when it fails."""
FEWEST = 100
"""Rows: fewer are no faster. Where a batch of so many takes too long it is the way to the server
that does, or others at work there. Only after a failure is a batch smaller."""
_STEPS = 16
"""Of so many increases a batch of twice the size is made, once the slow start is over."""
_EASY = 0.5
"""Below this part of the target the slow start may double."""
_FULL = 0.9
"""From this part of the target on a batch is large enough."""
_LEAST_CUT, _DEEPEST_CUT = 0.9, 0.25


@dataclass(frozen=True, slots=True)
class Controller:
    """``after`` a batch and ``halved`` after a failure give the next one; sizes are in rows."""

    size: int
    target: float
    """Seconds that a batch should take."""
    starting: bool = True
    """Whether the slow start goes on."""
    ceiling: int = LARGEST

    def after(self, rows: int, seconds: float) -> "Controller":
        """``rows`` were visited in ``seconds``. The last batch of a range may be a small one: it
        tells nothing of a full one that was fast."""
        if seconds > self.target:
            cut = max(_DEEPEST_CUT, min(_LEAST_CUT, self.target / seconds))
            # Of what was visited, not of what was allowed: at the end of a table they differ.
            fewer = int(min(rows, self.size) * cut)
            return self._with(max(fewer, min(FEWEST, self.size)), starting=False)
        if rows < self.size or seconds > self.target * _FULL:
            return self
        if self.starting and seconds <= self.target * _EASY:
            return self._with(self.size * 2, starting=True)
        # Not past what the target has room for, by the speed of this batch. Of a few rows it tells
        # nothing: most of their time is not theirs.
        room = int(rows * self.target * _FULL / seconds) if seconds else self.ceiling
        room = max(room, FEWEST)
        step = max(1, self.size // _STEPS)
        return self._with(max(self.size, min(self.size + step, room)), starting=False)

    def halved(self) -> "Controller":
        return self._with(self.size // 2, starting=False)

    def _with(self, size: int, *, starting: bool) -> "Controller":
        return replace(self, size=max(SMALLEST, min(size, self.ceiling)), starting=starting)
