"""Backfills whose end nobody could prove, before anybody runs them."""

from collections.abc import Collection, Iterable

from bot.core.backfills.statement import StatementError, parse_batch_statement
from bot.core.migrations.findings import Finding, Severity, page_of
from bot.core.migrations.model import Backfill, Problem
from bot.core.migrations.names import parse_name

BACKFILL_WITHOUT_COUNT = "backfill-without-count"
"""The rule that a backfill breaks which is waited for and has nothing to count by."""
_MESSAGE = (
    "the WHERE has nothing besides `:batch`, so that nobody can count what is left, and what waits "
    "for this backfill would wait for ever; add the condition that tells the rows that are not "
    "done, such as `AND title_norm IS NULL`; or write `-- needed: no` where nothing waits for it"
)
_INSERTS = (
    "nothing tells the rows that are copied from those that are not, so that nobody can count what "
    "is left, and what waits for this backfill would wait for ever; end it with `ON CONFLICT (…) "
    "DO NOTHING`, with columns that it writes; or write `-- needed: no` where nothing waits for it"
)


def uncounted(
    backfills: Iterable[Backfill], changed: Collection[str]
) -> tuple[list[Finding], list[Problem]]:
    """Findings of those that are ``changed``; and what no runner could run in batches."""
    findings, problems = [], []
    for one in backfills:
        if one.path not in changed:
            continue
        line = _line(one)
        try:
            statement = parse_batch_statement(one.statement, parse_name(one.table))
        except StatementError as error:
            problems.append(Problem(one.path, line, 1, str(error), error.remedy))
            continue
        if statement.countable or not one.needed:
            continue
        inserts = one.statement.lstrip().upper().startswith("INSERT")
        findings.append(
            Finding(
                file=one.path,
                line=line,
                statement=one.statement,
                rule=BACKFILL_WITHOUT_COUNT,
                phase="",
                lock="",
                rewrite=False,
                severity=Severity.ERROR,
                message=_INSERTS if inserts else _MESSAGE,
                url=page_of(BACKFILL_WITHOUT_COUNT),
            )
        )
    return findings, problems


def _line(backfill: Backfill) -> int:
    """Where its statement begins."""
    before = backfill.text.partition(backfill.statement)[0]
    return before.count("\n") + 1
