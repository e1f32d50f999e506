"""The files of a change, while a recipe writes them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from bot.core.migrations.drafts.facts import TableName
from bot.core.migrations.drafts.sql import comment
from bot.core.migrations.model import Version
from bot.core.migrations.names import quoted

_LONGEST_SLUG = 60
_TIMEOUTS = "SET LOCAL lock_timeout = '4s';\nSET LOCAL statement_timeout = '60s';"
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '4s';"
UNFILLED = "<commit>"
"""What the check refuses until somebody writes the commit."""


class Part(Enum):
    EXPAND = "expand"
    BACKFILL = "backfill"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class DraftFile:
    part: Part
    version: Version
    name: str
    """Of the file, without its folder."""
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """All files of a change, in the order in which they are to be applied."""

    files: tuple[DraftFile, ...]
    notes: tuple[str, ...] = ()
    """What is left to a person, in sentences."""


@dataclass(slots=True)
class DraftWriter:
    """Gives each file its name, its header and the next of the versions."""

    slug: str
    versions: Iterable[Version]
    build: str = ""
    """The commit that stopped using what is dropped; empty where it is not known yet."""
    files: list[DraftFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def expand(self, about: str, *statements: str, suffix: str = "") -> None:
        body = "\n\n".join((_TIMEOUTS, *statements))
        self._add(Part.EXPAND, suffix, f"{comment(about)}\n\n{body}\n")

    def expand_alone(self, about: str, statement: str, suffix: str) -> None:
        """Of one statement that must not be in a transaction."""
        self._add(Part.EXPAND, suffix, f"{comment(about)}\n\n{statement}\n")

    def backfill(
        self,
        about: str,
        statement: str,
        *,
        table: TableName,
        key: tuple[str, ...],
        needed: bool = True,
    ) -> None:
        """``statement`` has the placeholder ``:batch``. It comes after the newest expand."""
        header = [
            f"-- table: {table.sql}",
            f"-- key: {', '.join(map(quoted, key))}",
            f"-- after: {self._newest(Part.EXPAND)}",
        ]
        if not needed:
            header.append("-- needed: no")
        text = "\n".join(header) + f"\n\n{comment(about)}\n\n{statement}\n"
        self._add(Part.BACKFILL, "", text)

    def prove(self, about: str, *statements: str) -> None:
        """A contract that takes nothing away: it waits for the backfill alone."""
        header = "\n".join(self._requires())
        body = "\n\n".join((_LOCK_TIMEOUT, *statements))
        self._add(Part.CONTRACT, "validate", f"{header}\n\n{comment(about)}\n\n{body}\n")

    def contract(self, about: str, *statements: str, suffix: str = "") -> None:
        body = "\n\n".join((_LOCK_TIMEOUT, *statements))
        self._add(Part.CONTRACT, suffix, f"{self._waits()}\n\n{comment(about)}\n\n{body}\n")

    def contract_alone(self, about: str, statement: str, suffix: str) -> None:
        """Of one statement that must not be in a transaction."""
        self._add(Part.CONTRACT, suffix, f"{self._waits()}\n\n{comment(about)}\n\n{statement}\n")

    def note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def done(self) -> Draft:
        return Draft(tuple(self.files), tuple(self.notes))

    def _waits(self) -> str:
        lines = [*self._requires(), f"-- requires-build: {self.build or UNFILLED}"]
        if not self.build:
            lines.append("-- There, write the 40 digits of the first commit that is ready for it.")
        return "\n".join(lines)

    def _requires(self) -> list[str]:
        """The backfill, and the contract before: what the first looks for the next relies upon."""
        parts = [part for part in (Part.BACKFILL, Part.CONTRACT) if self._has(part)]
        return [f"-- requires: {part.value} {self._newest(part)}" for part in parts]

    def _has(self, part: Part) -> bool:
        return any(file.part is part for file in self.files)

    def _newest(self, part: Part) -> Version:
        return next(file.version for file in reversed(self.files) if file.part is part)

    def _add(self, part: Part, suffix: str, text: str) -> None:
        version = next(iter(self.versions))
        slug = f"{self.slug}_{suffix}" if suffix else self.slug
        phase = "" if part is Part.BACKFILL else f".{part.value}"
        self.files.append(DraftFile(part, version, f"{version}_{slug}{phase}.sql", text))


def slug_of(*words: str) -> str:
    """A part of a file's name that every file system and the Supabase CLI take."""
    slug = "_".join(re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_") for word in words)
    return re.sub(r"_+", "_", slug).strip("_")[:_LONGEST_SLUG].rstrip("_")
