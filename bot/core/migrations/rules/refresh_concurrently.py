"""REFRESH MATERIALIZED VIEW keeps every reader waiting, unless it is CONCURRENTLY."""

from collections.abc import Iterator

from bot.core.migrations.impact import impact_of
from bot.core.migrations.rewrites import TIMEOUT, edited, ended, files, or_nothing
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("refresh_mat_view_stmt"):
        node = one.change.node
        if node.concurrent or one.hold is None:
            continue
        message = (
            f"{impact_of(one.hold, one.table)}; CONCURRENTLY lets readers go on, and needs a "
            "unique index on the view"
        )
        yield Fault(message, one, "" if node.skip_data else _rewrite(one))


@or_nothing
def _rewrite(one: Seen) -> str:
    return files([TIMEOUT, ended(edited(one.change, _concurrent))])


def _concurrent(node: Node) -> None:
    node.concurrent = True


REFRESH_CONCURRENTLY = Rule(
    name="refresh-concurrently",
    requirement="A materialized view is refreshed CONCURRENTLY.",
    check=_check,
    bad="SET lock_timeout = '4s';\nREFRESH MATERIALIZED VIEW best;",
    good="SET lock_timeout = '4s';\nREFRESH MATERIALIZED VIEW CONCURRENTLY best;",
    by_size=True,
)
