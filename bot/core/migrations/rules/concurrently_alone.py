"""What cannot run in a transaction stands alone in its file."""

from collections.abc import Iterator

from bot.core.migrations.changes import needs_no_transaction
from bot.core.migrations.rules.rule import Fault, Reading, Rule, in_two_files


def _check(reading: Reading) -> Iterator[Fault]:
    if len(reading.statements) < 2:
        return
    for one in reading.seen:
        if not needs_no_transaction(one.change):
            continue
        words = " ".join(one.change.statement.text.split(None, 3)[:3])
        message = (
            f"{words} … cannot run in a transaction, and the file, which is one, has "
            f"{len(reading.statements)} statements; give it a file of its own"
        )
        yield Fault(message, one, in_two_files(reading, one))
        return


CONCURRENTLY_ALONE = Rule(
    name="concurrently-alone",
    requirement="A statement that no transaction may hold is the only one of its file.",
    check=_check,
    bad="CREATE INDEX CONCURRENTLY by_title ON recipes (title);\nSELECT 1;",
    good="CREATE INDEX CONCURRENTLY by_title ON recipes (title);",
)
