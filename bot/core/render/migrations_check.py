"""The check ``lockgate/migrations``: what a pull request's database changes do, and to whom."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from bot.core.checks import Annotation, CheckOutput, Conclusion
from bot.core.decision import Location
from bot.core.migrations.findings import Check, Finding, Severity, Told
from bot.core.render import escape
from bot.core.render.check import CHECK_BYTES, CHECK_TITLE
from bot.core.render.words import fit

MIGRATIONS_CHECK = "lockgate/migrations"
_MARKS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}
_ANNOTATIONS = 50
_ANNOTATION_LINES = 60
_LINE = 300
_Item = TypeVar("_Item")
_SQL_LINES = 200


def render_migrations_check(check: Check, *, details_url: str = "") -> CheckOutput:
    """``details_url``: of the bot's page; a text that is cut leads there."""
    return CheckOutput(
        name=MIGRATIONS_CHECK,
        conclusion=_conclusion(check),
        title=escape.plain(_title(check), CHECK_TITLE),
        summary=_summary(check, details_url),
        text=_text(check, details_url),
        annotations=_annotations(check.findings),
        details_url=details_url,
    )


def _conclusion(check: Check) -> Conclusion:
    if not check.files:
        return Conclusion.NEUTRAL
    return Conclusion.FAILURE if check.failed else Conclusion.SUCCESS


def _title(check: Check) -> str:
    if not check.files:
        return "no migration and no backfill is changed"
    files = f"{check.files} {'file' if check.files == 1 else 'files'}"
    return f"{_counted(check.findings) or 'nothing to mend'} in {files}"


def _counted(findings: Sequence[Finding]) -> str:
    counts = []
    for severity, word in (
        (Severity.ERROR, "error"),
        (Severity.WARNING, "warning"),
        (Severity.INFO, "notice"),
    ):
        number = sum(finding.severity is severity for finding in findings)
        if number:
            counts.append(f"{number} {word}{'' if number == 1 else 's'}")
    return ", ".join(counts)


def _summary(check: Check, details_url: str) -> str:
    if not check.files:
        return "No file of the folders of migrations and backfills is changed."
    if not check.findings:
        return "Nothing was found. What each statement locks, and for how long, stands below."
    opening = (
        "Errors are to be mended before this is merged; the safe SQL stands below and at each line."
        if check.failed
        else "Nothing here is in the way."
    )
    rows = ["| | where | rule | found |", "|---|---|---|---|"]
    rows += _enough(_by_severity(check), _row)
    return fit([f"**{opening}**", "", *rows], CHECK_BYTES, fixed=4, details_url=details_url)


def _by_severity(check: Check) -> list[Finding]:
    order = list(_MARKS)
    return sorted(check.findings, key=lambda finding: order.index(finding.severity))


def _row(finding: Finding) -> str:
    found = escape.sentence(finding.message, limit=1_000, cell=True)
    where = escape.code(_place(finding.file, finding.line), 120, cell=True)
    rule = _rule(finding)
    return f"| {_MARKS[finding.severity]} | {where} | {rule} | {found} |"


def _rule(finding: Finding) -> str:
    """Its name, which leads to its page."""
    name = escape.code(finding.rule, 60, cell=True)
    return escape.link(name, finding.url) if finding.url else name


def _place(file: str, line: int) -> str:
    return f"{file.rpartition('/')[2]}:{line}"


def _text(check: Check, details_url: str) -> str:
    """Blocks that are kept or left out as a whole: a fence is never cut open."""
    blocks = []
    rewritten = [finding for finding in _by_severity(check) if finding.rewrite_sql]
    if rewritten:
        blocks += ["### The safe way\n", *_enough(rewritten, _rewrite)]
    if check.statements:
        rows = ["### Statement by statement", "", "| where | statement | locks |", "|---|---|---|"]
        blocks += ["\n".join([*rows, _told(check.statements[0])])]
        blocks += _enough(check.statements[1:], _told)
    return fit(blocks, CHECK_BYTES, fixed=0, details_url=details_url)


def _enough(items: Sequence[_Item], render: Callable[[_Item], str]) -> Iterator[str]:
    """What cannot fit any more is only counted: to write it out takes long."""
    size = 0
    for item in items:
        text = render(item) if size <= CHECK_BYTES else "…"
        size += len(text.encode())
        yield text


def _rewrite(finding: Finding) -> str:
    place = escape.code(_place(finding.file, finding.line), 120)
    heading = f"#### {place}: instead, for {escape.code(finding.rule, 60)}"
    return f"{heading}\n\n{_fenced(finding.rewrite_sql)}\n"


def _told(told: Told) -> str:
    locks = "; ".join(escape.sentence(lock, cell=True) for lock in told.locks) or "none that waits"
    seen = " (observed)" if told.observed else ""
    where = escape.code(_place(told.file, told.line), 120, cell=True)
    return f"| {where} | {escape.code(told.statement, 120, cell=True)} | {locks}{seen} |"


def _fenced(sql: str) -> str:
    """A block of code that nothing in it can end."""
    lines = _lines(sql, _SQL_LINES)
    longest = max((_run(line) for line in lines), default=0)
    fence = "`" * max(longest + 1, 3)
    return "\n".join([f"{fence}sql", *lines, fence])


def _run(line: str) -> int:
    """The longest run of backticks."""
    longest = length = 0
    for char in line:
        length = length + 1 if char == "`" else 0
        longest = max(longest, length)
    return longest


def _lines(sql: str, limit: int) -> list[str]:
    shown = [escape.plain(line, _LINE) for line in sql.split("\n")[:limit]]
    left = sql.count("\n") + 1 - len(shown)
    return [*shown, f"-- … and {left} more lines"] if left else shown


def _annotations(findings: Sequence[Finding]) -> tuple[Annotation, ...]:
    """GitHub shows their texts as they are. Errors come first: it takes fifty at a time."""
    order = list(_MARKS)
    worst = sorted(findings, key=lambda finding: order.index(finding.severity))[:_ANNOTATIONS]
    return tuple(map(_annotation, worst))


def _annotation(finding: Finding) -> Annotation:
    said = escape.plain(finding.message, 1_500)
    if finding.rewrite_sql:
        said = "\n".join(
            [said, "", "Instead:", "", *_lines(finding.rewrite_sql, _ANNOTATION_LINES)]
        )
    return Annotation(
        Location(finding.file, finding.line, finding.column),
        escape.plain(f"{finding.severity.value}: {finding.rule}", 100),
        said,
    )
