"""What a rule is, and what it is shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.core.migrations.catalog import Catalog, Table
from bot.core.migrations.changes import Change
from bot.core.migrations.findings import Severity
from bot.core.migrations.locks import Hold, Lock
from bot.core.migrations.model import Migration, Phase, Version
from bot.core.migrations.phases import Effect
from bot.core.migrations.rewrites import TIMEOUT, ended, files
from bot.core.migrations.sql import Statement


class Seen(NamedTuple):
    """A change with what is known before it, and the locks that it takes."""

    change: Change
    before: Catalog
    holds: tuple[Hold, ...]
    """On relations that others see, strongest first."""

    @property
    def table(self) -> Table:
        return self.before.table(self.change.relation)

    @property
    def hold(self) -> Hold | None:
        return self.holds[0] if self.holds else None

    @property
    def own(self) -> Hold | None:
        """On the relation itself."""
        return next((hold for hold in self.holds if hold.relation == self.change.relation), None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands outside of the file."""

    ledger: Mapping[Version, tuple[str, ...] | None] = field(default_factory=dict)
    """Applied versions with their statements, as far as they were kept."""
    newest: Version | None = None
    """Of the trunk's migrations."""
    elsewhere: Mapping[Version, str] = field(default_factory=dict)
    """Versions that others add, each with what to call them: other open pull requests, and files
    that came to the trunk since."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as rules see it."""

    migration: Migration
    phase: Phase | None
    """None where it is not marked and not purely additive."""
    seen: tuple[Seen, ...]
    effects: tuple[Effect, ...]
    """What old builds notice of each that is seen."""
    statements: tuple[Statement, ...]
    around: Surroundings
    afterwards: Catalog
    """What is known when the file is done."""
    kinds: frozenset[str]
    """Of all its changes."""
    locking: Mapping[int, Sequence[Seen]]
    """The changes of each statement that take locks, by where it begins."""

    def of(self, *kinds: str) -> Iterator[Seen]:
        """Changes of these kinds to relations that others see."""
        if self.kinds.isdisjoint(kinds):  # most rules have nothing to say of most files
            return
        for one in self.seen:
            if one.change.kind in kinds and not one.table.fresh:
                yield one


@dataclass(frozen=True, slots=True)
class Fault:
    """``seen``: None for what concerns the whole file."""

    message: str
    seen: Seen | None = None
    rewrite_sql: str = ""
    severity: Severity | None = None
    """In place of the rule's."""


Rules = Callable[[Reading], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement. Its page is ``docs/rules/<name>.md``."""

    name: str
    requirement: str
    """One sentence."""
    check: Rules
    bad: str
    good: str
    """Files' contents, against the tables of the documentation's examples."""
    severity: Severity = Severity.ERROR
    by_size: bool = False
    """Whether it is only worth a notice where the table is known to be small."""


STRONG = Lock.SHARE
"""From here on writes have to wait."""


def in_two_files(reading: Reading, one: Seen) -> str:
    """The file without the statement, and the statement in the next file."""
    mine, mark = one.change.statement, reading.migration.marked
    head = f"-- lockgate: {mark.value}" if mark else ""
    rest = [ended(other.text) for other in reading.statements if other is not mine]
    taking = reading.locking.get(mine.start, ())
    needed = any(hold.lock >= STRONG for seen in taking for hold in seen.holds)
    return files([head, *rest], [head, TIMEOUT if needed else "", ended(mine.text)])
