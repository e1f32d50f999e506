"""The words of database changes: migrations with a phase, and backfills.

A change goes out in three steps that can each be stopped: *expand* adds, safe while old and new
builds run; a *backfill* moves the data in batches; *contract* removes what nothing needs any more.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:  # the words of pull requests take long to make, and files need one of them
    from bot.core.model import Sha

Version = NewType("Version", str)
"""Fourteen digits, as the Supabase CLI makes them: ``20261122184000``."""


class Phase(StrEnum):
    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, where, and what to do; ``line`` and ``column`` count from 1."""

    path: str
    line: int
    column: int
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the migrations' folder."""

    version: Version
    name: str
    path: str
    text: str
    marked: Phase | None
    """The phase that its name or first line gives; None where it is judged by content."""
    requires_backfills: tuple[Version, ...] = ()
    """``-- requires: backfill <version>``: a contract waits for them."""
    requires_build: "Sha | None" = None
    """``-- requires-build: <commit>``: the one that stopped using what is dropped."""
    requires_flag_off: str = ""
    """``-- requires-flag-off: <name>``: a flag that still switches to the old path."""
    requires_contracts: tuple[Version, ...] = ()
    """``-- requires: contract <version>``: one that looks first whether anything would be lost."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """One file of the backfills' folder: a statement that is run batch by batch."""

    version: Version
    name: str
    path: str
    text: str
    table: str
    """As written: ``recipes`` or ``public.recipes``, quoted where it must be."""
    key: tuple[str, ...]
    """The columns of a unique, not null key, in order."""
    after: Version
    """The expand that it needs."""
    statement: str
    """One UPDATE, INSERT … SELECT or DELETE, with the placeholder ``:batch``."""
    batch: int = 0
    """Rows to begin with; 0 where the file does not say."""
    target_ms: int = 0
    """Milliseconds that a batch should take; 0 where the file does not say."""
    pause_when: tuple[str, ...] = ()
    """Reasons to pause that the file names besides the usual ones."""
    needed: bool = True
    """Whether promotions wait for it (``-- needed: no`` says that they do not)."""
