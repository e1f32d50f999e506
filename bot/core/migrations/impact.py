"""Whom a lock blocks and for how long, in words; with sizes where they are known.

The speeds are what one core of a small machine does; what they give is called an estimate.
"""

from bot.core.migrations.catalog import Table
from bot.core.migrations.locks import Cost, Hold, Lock

_ROWS_PER_SECOND = {
    Cost.SCAN: 2_000_000,
    Cost.BUILD: 500_000,
    Cost.REWRITE: 400_000,
    Cost.WRITE: 200_000,
    Cost.UNKNOWN: 400_000,
}
_BYTES_PER_SECOND = {
    Cost.SCAN: 400e6,
    Cost.BUILD: 100e6,
    Cost.REWRITE: 80e6,
    Cost.WRITE: 40e6,
    Cost.UNKNOWN: 80e6,
}
_WHILE = {
    Cost.INSTANT: "for an instant",
    Cost.SCAN: "while the whole table is read",
    Cost.BUILD: "while an index is built",
    Cost.REWRITE: "while the whole table is written anew",
    Cost.UNKNOWN: "while the whole table is written anew, unless its type allows otherwise",
    Cost.WRITE: "of the rows that it changes, until all are changed",
}


def impact_of(hold: Hold, table: Table) -> str:
    """``ACCESS EXCLUSIVE on recipes blocks every read and write while …``."""
    blocks = "every other write" if hold.cost is Cost.WRITE else hold.lock.blocks
    return f"{hold.lock} on {hold.relation} blocks {blocks} {_WHILE[hold.cost]}{_size(hold, table)}"


def estimate_seconds(cost: Cost, table: Table) -> float | None:
    """None where the size is not known."""
    if table.rows is None or cost is Cost.INSTANT:
        return None
    return max(table.rows / _ROWS_PER_SECOND[cost], (table.bytes or 0) / _BYTES_PER_SECOND[cost])


def _size(hold: Hold, table: Table) -> str:
    if table.rows is None:
        return ""
    facts = [f"{table.rows:,} rows", _bytes(table.bytes or 0)]
    if table.writes_per_second is not None and hold.lock >= Lock.SHARE:
        facts.append(f"{table.writes_per_second:,.1f} rows written a second")
    if (seconds := estimate_seconds(hold.cost, table)) is not None:
        facts.append(f"{_duration(seconds)}, an estimate")
    return f" ({', '.join(facts)})"


def _bytes(number: int) -> str:
    for size, unit in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if number >= size:
            return (
                f"{number / size:,.1f} {unit}"
                if number < 10 * size
                else f"{number // size:,} {unit}"
            )
    return f"{number} bytes"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 120:
        return f"about {seconds:,.0f} s"
    return f"about {seconds / 60:,.0f} min"
