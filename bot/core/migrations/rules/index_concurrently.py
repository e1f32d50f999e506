"""CREATE INDEX keeps writers waiting, unless it is CONCURRENTLY."""

from collections.abc import Iterator

from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Lock
from bot.core.migrations.model import Phase
from bot.core.migrations.rewrites import CONTRACT, EXPAND, edited, ended, files, or_nothing
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen
from bot.core.migrations.sql import Node

_WORDS = {"index_stmt": "CREATE INDEX", "reindex_stmt": "REINDEX", "drop_INDEX": "DROP INDEX"}


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of(*_WORDS):
        if one.hold is None or one.hold.lock is Lock.SHARE_UPDATE_EXCLUSIVE:
            continue
        if one.before.table(one.hold.relation).fresh:
            continue
        words = impact_of(one.hold, one.before.table(one.hold.relation))
        if one.table.partition_key:
            message = (
                f"{words}; make it ON ONLY the partitioned table, then CONCURRENTLY on each "
                "partition, and attach those"
            )
            yield Fault(f"{_WORDS[one.change.kind]}: {message}", one)
        else:
            message = (
                f"{_WORDS[one.change.kind]}: {words}; CONCURRENTLY blocks nobody, alone in a file"
            )
            yield Fault(message, one, _rewrite(one, reading))


@or_nothing
def _rewrite(one: Seen, reading: Reading) -> str:
    mark = EXPAND if reading.phase is not Phase.CONTRACT else CONTRACT
    mine = one.change.statement
    rest = [ended(other.text) for other in reading.statements if other is not mine]
    if all(other.kind == "variable_set_stmt" for other in reading.statements if other is not mine):
        rest = []
    kept = [mark, *rest] if rest else []
    return files(kept, [mark, ended(edited(one.change, _concurrent))])


def _concurrent(node: Node) -> None:
    if node.DESCRIPTOR.name == "ReindexStmt":
        option = node.params.add().def_elem
        option.defname = "concurrently"
    else:
        node.concurrent = True


INDEX_CONCURRENTLY = Rule(
    name="index-concurrently",
    requirement="Indexes of tables in use are built, rebuilt and dropped CONCURRENTLY.",
    check=_check,
    bad="SET lock_timeout = '4s';\nCREATE INDEX by_title ON recipes (title);",
    good="CREATE INDEX CONCURRENTLY by_title ON recipes (title);",
    by_size=True,
)
