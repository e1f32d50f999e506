"""What kind of project a package is, and so in which files its version stands."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    SIMPLE = "simple"
    NODE = "node"
    PYTHON = "python"
    RUST = "rust"
    GO = "go"
    GENERIC = "generic"


class Latest(StrEnum):
    """Whether a release is shown as the repository's latest: GitHub's ``make_latest``.
    https://docs.github.com/rest/releases/releases#create-a-release"""

    TRUE = "true"
    FALSE = "false"
    LEGACY = "legacy"
    """GitHub decides, by date and version."""


@dataclass(frozen=True, slots=True)
class ExtraFile:
    """A file that the policy names. Without ``at`` and ``pattern`` its lines are marked, or its
    kind is known."""

    path: str
    """From the repository's root, without a slash at either end; so are all paths here."""
    at: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """Where a package's version stands."""

    kind: Kind = Kind.SIMPLE
    folder: str = ""
    """The package's; empty for the whole repository."""
    extra: tuple[ExtraFile, ...] = ()
