"""A file that was applied stays as it was: a database that has it never runs it again."""

from collections.abc import Iterator, Sequence

from bot.core.migrations.rewrites import TIMEOUT, ended, files
from bot.core.migrations.rules.rule import Fault, Reading, Rule
from bot.core.migrations.sql import Positions, SqlError, scan_tokens


def _check(reading: Reading) -> Iterator[Fault]:
    version = reading.migration.version
    if version not in reading.around.ledger:
        return
    kept = reading.around.ledger[version]
    if kept is None or _words(";".join(kept)) == _words(reading.migration.text):
        return
    yield Fault(
        f"{version} is applied, and the file is no longer what was run: databases that have it "
        "will never see the change; put the file back, and write a new one",
        rewrite_sql=_rewrite(reading, kept),
    )


def _rewrite(reading: Reading, kept: Sequence[str]) -> str:
    """What was only added, in the next file. What was run else is not shown: it is the database's,
    and a pull request is read by more people."""
    written = [ended(one.text) for one in reading.statements]
    run, added = written[: len(kept)], written[len(kept) :]
    if not added or list(map(_words, kept)) != list(map(_words, run)):
        return ""
    return files(run, [TIMEOUT, *added])


def _words(text: str) -> list[str]:
    """What counts: neither comments nor white space nor semicolons between statements."""
    try:
        tokens = scan_tokens(text)
    except SqlError:
        return text.split()
    positions = Positions(text)
    passed = ("SQL_COMMENT", "C_COMMENT", "ASCII_59")
    return [positions.cut(one.start, one.end) for one in tokens if one.name not in passed]


APPLIED_FILE_EDITED = Rule(
    name="applied-file-edited",
    requirement="A file that is applied somewhere stays as it was.",
    check=_check,
    bad="CREATE TABLE drafts (id bigint, note text);",
    good="CREATE TABLE drafts (id bigint);",
)
