"""LOCK TABLE in a migration."""

from collections.abc import Iterator

from bot.core.migrations.locks import Lock
from bot.core.migrations.rewrites import TIMEOUT
from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("lock_stmt"):
        lock = Lock(one.change.node.mode)
        message = (
            f"LOCK TABLE holds {lock} on {one.change.relation} to the transaction's end, and "
            f"blocks {lock.blocks}; each statement takes the lock that it needs by itself"
        )
        yield Fault(message, one, TIMEOUT)


LOCK_TABLE = Rule(
    name="lock-table",
    requirement="No migration locks a table by itself.",
    check=_check,
    bad="SET lock_timeout = '4s';\nLOCK TABLE recipes;",
    good="SET lock_timeout = '4s';\nALTER TABLE recipes ADD COLUMN note text;",
)
