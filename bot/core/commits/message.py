"""A commit message, taken apart.

https://www.conventionalcommits.org/en/v1.0.0/#specification
"""

import re
from dataclasses import dataclass
from enum import StrEnum

BREAKING_TOKENS = frozenset({"BREAKING CHANGE", "BREAKING-CHANGE"})
"""Specification, items 12, 15 and 16: upper case, and the two are synonyms."""

CHERRY_PICK_TOKEN = "cherry picked from commit"
"""What ``git cherry-pick -x`` adds among the trailers, in brackets and without a colon."""

# Dependabot: "bump X from 1 to 2", "bump the G group …", "update X requirement from 1 to 2";
# Renovate: "update dependency X to v2", "update actions/checkout action to v4", "pin dependencies",
# "lock file maintenance", "update all non-major dependencies".
_UPDATE = re.compile(
    r"(?:bump \S+ from \S+ to \S"
    r"|bumps? the \S+ group\b"
    r"|update \S+ requirement from "
    r"|(?:update|pin|replace|roll ?back) dependenc(?:y|ies)\b"
    r"|update (?:\S+ ){1,4}to v?\d"
    r"|update (?:all |major |minor |patch )?(?:non-)?(?:\S+ )?dependencies\b"
    r"|lock file maintenance\b)",
    re.IGNORECASE,
)


class MessageKind(StrEnum):
    CONVENTIONAL = "conventional"
    MERGE = "merge"
    REVERT = "revert"
    """Git's and GitHub's wording, and the type ``revert`` (which also has a type)."""
    FIXUP = "fixup"
    """``fixup!``, ``squash!`` and ``amend!``: to be folded into another commit."""
    INITIAL = "initial"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer. ``separator`` is ``: `` or `` #`` (then the value is what follows the ``#``), or
    ``()`` for the line of ``git cherry-pick -x``."""

    token: str
    value: str
    separator: str = ": "

    @property
    def breaking(self) -> bool:
        return self.token in BREAKING_TOKENS

    @property
    def text(self) -> str:
        """The footer as it is written; its value may have several lines."""
        if self.separator == "()":
            commit, newline, more = self.value.partition("\n")
            return f"({self.token} {commit}){newline}{more}"
        if not self.value:
            return self.token + self.separator.rstrip()
        return f"{self.token}{self.separator}{self.value}"


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message. Everything up to ``pull_number`` follows from the header alone, but for
    ``breaking``, which a footer can also set."""

    header: str
    """The first line that is not blank, exactly as written."""
    kind: MessageKind
    type: str | None = None
    """As written; None when the header is not a conventional one."""
    scope: str | None = None
    """As written, without its brackets; None without brackets, empty for ``()``."""
    breaking: bool = False
    description: str = ""
    """Without the squash suffix; empty when the header is not a conventional one."""
    pull_number: int | None = None
    """From the squash suffix ``(#123)`` or a merge's own wording."""
    exclamation: bool = False
    """Whether ``!`` stands before the colon."""
    body: str = ""
    footers: tuple[Footer, ...] = ()
    reverts: tuple[str, ...] = ()
    """Commit ids that this message says it reverts, as written (7 to 64 hexadecimal digits)."""
    reverted_pulls: tuple[str, ...] = ()
    """``owner/repo#1`` or ``#1``, from GitHub's "Reverts owner/repo#1"."""
    body_leading_blank: bool = True
    """Whether a blank line stands before the body; True without a body."""
    footer_leading_blank: bool = True
    """Whether a blank line stands before the footers; True without footers."""

    @property
    def breaking_notes(self) -> tuple[str, ...]:
        """The texts of the breaking footers, in order."""
        return tuple(footer.value for footer in self.footers if footer.breaking)

    @property
    def reverted_header(self) -> str | None:
        """The header that git's or GitHub's wording says is reverted."""
        if self.kind is not MessageKind.REVERT:
            return None
        start, end = self.header.find('"'), self.header.rfind('"')
        return self.header[start + 1 : end] if end > start >= 0 else None

    @property
    def is_update(self) -> bool:
        """Whether it reads like a dependency update by Dependabot or Renovate."""
        return _UPDATE.match(self.description or self.header.lstrip()) is not None
