"""The words of a release: the history it is made from, and the plan that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.release.version import Bump, Version
from bot.core.sha import Sha


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that can be reached from the commit that is to be released, with the commit it stands
    on (an annotated tag's own id is nowhere of interest)."""

    name: str
    sha: Sha
    at: datetime


@dataclass(frozen=True, slots=True)
class PullSummary:
    """The pull request that a commit came with."""

    number: int
    title: str
    body: str
    """Empty where it says nothing that a release asks for."""
    author: str
    """A login; empty if not known."""


@dataclass(frozen=True, slots=True)
class HistoryCommit:
    """A commit of the trunk. ``paths`` are what it touches, None where nobody asked.

    A history is a sequence of them, the newest first, no commit before one of its children: the
    order in which ``git log`` gives them."""

    sha: Sha
    message: str
    at: datetime
    author: str
    """A login where GitHub knows it, else the name that git has."""
    parents: int = 1
    parent_shas: tuple[Sha, ...] | None = None
    """None where nobody asked. With them the commits of a merged branch are told from those of the
    trunk, and a release's from the next one's; without, the order of the commits decides."""
    paths: tuple[str, ...] | None = None
    pull: PullSummary | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a commit says it did; a squashed commit may say several.

    ``type`` is empty for a commit that is not conventional: its first line is the description
    then. ``breaking`` says what breaks in the commit's own words, and is empty if nothing does.
    """

    sha: Sha
    type: str
    scope: str
    breaking: str
    description: str
    pull: int | None = None
    reverted_by: Sha | None = None
    """The commit of the same release that took it back, and that nobody took back in turn."""
    counts: bool = True
    """False for what was taken back, for what did nothing but take back something of the same
    release, and for what somebody asked to leave out: it moves no version and is not shown."""


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What a release of one package would be.

    ``current`` is None before the first release. ``reason`` is a sentence that names the commit
    that made the version what it is. ``changelog`` is the section's Markdown, without the file's
    header.
    """

    package: str
    tag: str
    """Of the next version, by the package's pattern."""
    current: Version | None
    current_tag: str
    next: Version
    bump: Bump
    reason: str
    changes: tuple[Change, ...]
    changelog: str
    contributors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dependency:
    """The release of a package that another one depends on. ``current`` is None for its first, and
    where nobody needs to know."""

    package: str
    current: Version | None
    next: Version


@dataclass(frozen=True, slots=True)
class NothingToRelease:
    """Why there is nothing, in a sentence."""

    package: str
    current: Version | None
    reason: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file as it is to be; ``before`` is None for a new one."""

    path: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class FileNote:
    """What is worth knowing of a file that a release looks at, in plain words that may quote it.
    Where somebody should look at it, ``remedy`` says what to do."""

    path: str
    text: str
    remedy: str = ""

    @property
    def said(self) -> str:
        return f"{self.text}{f'; {self.remedy}' if self.remedy else ''}."


@dataclass(frozen=True, slots=True)
class Steering:
    """What people asked for on the release pull request, by its commands."""

    release_as: Version | None = None
    prerelease: bool = False
    skipped: frozenset[Sha] = frozenset()
    notes: tuple[str, ...] = ()
    said_by: Mapping[str, str] = field(default_factory=dict)
    """Who asked for each, by command line."""
