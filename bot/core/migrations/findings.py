"""What the check of migrations says, as values."""

from dataclasses import dataclass
from enum import StrEnum

_PAGES = "https://github.com/lockgate/lockgate/blob/HEAD/docs/rules"
"""Where people read of a rule: in the project's repository, which ``app.yml`` names."""


class Severity(StrEnum):
    ERROR = "error"
    """The check fails."""
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a statement. The keys of its JSON are these, but for ``column``."""

    file: str
    line: int
    statement: str
    rule: str
    phase: str
    """``expand``, ``contract``, or empty where it is neither by mark nor by content."""
    lock: str
    """The strongest that the statement takes: ``ACCESS EXCLUSIVE``; empty where it takes none."""
    rewrite: bool
    """Whether it writes a table anew."""
    severity: Severity
    message: str
    rewrite_sql: str = ""
    """SQL to put in its place, in one or more files."""
    url: str = ""
    """Where people read of the rule; empty where there is nothing to read."""
    column: int = 1


@dataclass(frozen=True, slots=True)
class Told:
    """A statement as the check lists it, whether anything is wrong with it or not."""

    file: str
    line: int
    statement: str
    locks: tuple[str, ...]
    """One line a relation: the lock, whom it blocks, and for how long."""
    observed: bool = False
    """Whether a trial saw it; else it is what PostgreSQL's documentation says."""


@dataclass(frozen=True, slots=True)
class Check:
    """The whole check: findings and statements in the order of files and lines."""

    findings: tuple[Finding, ...] = ()
    statements: tuple[Told, ...] = ()
    files: int = 0

    @property
    def failed(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def page_of(rule: str) -> str:
    """The address of the page of one of our rules."""
    return f"{_PAGES}/{rule}.md"
