"""Which move of production most likely led to an alert."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.core.hosting import LedgerEntry


def likely_cause(
    entries: Iterable[LedgerEntry], began: datetime, within: timedelta
) -> LedgerEntry | None:
    """The newest build to have come live in the time ``within`` before an alert ``began``. That
    one followed the other proves nothing, so it is only ever said to be likely."""
    near = [entry for entry in entries if began - within <= entry.live_from <= began]
    return max(near, key=lambda entry: (entry.live_from, entry.id), default=None)
