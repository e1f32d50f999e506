"""TRUNCATE of a table in use."""

from collections.abc import Iterator

from bot.core.migrations.rewrites import backfill, files
from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("truncate_stmt"):
        message = (
            f"TRUNCATE takes ACCESS EXCLUSIVE on {one.change.relation} and deletes every row at "
            "once, with no way back; delete them batch by batch, or drop the table in a contract"
        )
        delete = f"DELETE FROM {one.change.written} WHERE :batch"  # noqa: S608 (for people to read)
        version = reading.migration.version
        whole = len(one.change.node.relations) == 1 and not one.change.node.restart_seqs
        rewrite = files(backfill(one.change.written, one.table.key, version, delete))
        yield Fault(message, one, rewrite if whole else "")


TRUNCATE = Rule(
    name="truncate",
    requirement="No table in use is emptied by TRUNCATE.",
    check=_check,
    bad="TRUNCATE recipes;",
    good="CREATE TABLE drafts (id bigint PRIMARY KEY);\nTRUNCATE drafts;",
)
