"""Versions, exactly as Semantic Versioning 2.0.0 has them.

https://semver.org/spec/v2.0.0.html; the items are those of its specification.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

MAX_LENGTH = 256
"""Characters. The specification sets no limit and asks for good judgement; registries take no more
than this, and Python does not turn endless digits into a number."""

# Of single signs repetitions are possessive, never of groups: before 3.11.5 Python takes those for
# found that are not (https://github.com/python/cpython/issues/106052).
_NUMBER = r"(?:0|[1-9][0-9]*+)"
_IDENTIFIER = rf"(?:{_NUMBER}(?![0-9A-Za-z-])|[0-9]*+[A-Za-z-][0-9A-Za-z-]*+)"
_PRERELEASE = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*")
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_PRERELEASE.pattern}))?"
    r"(?:\+([0-9A-Za-z-]++(?:\.[0-9A-Za-z-]++)*))?"
)


class Bump(StrEnum):
    """How far a version moves, the largest last (items 6 to 8). As texts they do not compare in
    that order: ``bump.highest`` does."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class Version:
    """``1.2.3-rc.1+build.5``.

    Two versions are equal if every part is. ``<`` and its kin go by precedence alone, which build
    metadata has no part in (item 10): ``1.0.0+a <= 1.0.0+b`` holds in both directions.
    """

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    def __str__(self) -> str:
        prerelease = f"-{'.'.join(self.prerelease)}" if self.prerelease else ""
        build = f"+{'.'.join(self.build)}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{prerelease}{build}"

    def __lt__(self, other: "Version") -> bool:
        return self.precedence < other.precedence

    def __le__(self, other: "Version") -> bool:
        return self.precedence <= other.precedence

    def __gt__(self, other: "Version") -> bool:
        return self.precedence > other.precedence

    def __ge__(self, other: "Version") -> bool:
        return self.precedence >= other.precedence

    @property
    def precedence(self) -> tuple[object, ...]:
        """What versions are ordered by (item 11)."""
        # Numbers come before words. Numerals without leading zeros compare by length, then text.
        identifiers = tuple(
            (0, len(part), part) if part.isdigit() else (1, 0, part) for part in self.prerelease
        )
        return self.major, self.minor, self.patch, not self.prerelease, identifiers

    @property
    def final(self) -> "Version":
        """What a prerelease is a prerelease of, without build metadata; else the version itself."""
        return replace(self, prerelease=(), build=())

    def bumped(self, bump: Bump) -> "Version":
        """The next final version. A prerelease already stands before one, which is enough where it
        is as far: ``2.0.0-rc.1`` bumped by a minor change is ``2.0.0``, and ``1.0.1-rc.1`` is
        ``1.1.0``. Bumped by nothing, a version stays what it is."""
        ahead = bool(self.prerelease)
        if bump is Bump.NONE:
            return self
        if bump is Bump.PATCH:
            return Version(self.major, self.minor, self.patch + (not ahead))
        if bump is Bump.MINOR:
            return Version(self.major, self.minor + (not (ahead and self.patch == 0)), 0)
        stays = ahead and self.minor == self.patch == 0
        return Version(self.major + (not stays), 0, 0)

    def next_prerelease(self, identifier: str) -> "Version":
        """``1.2.0`` and ``1.2.0-beta.3`` give ``1.2.0-rc.1`` for ``rc``, and that ``1.2.0-rc.2``.

        An empty identifier counts by numbers alone: ``1.2.0-1``. Raises ValueError for one that is
        not made of a prerelease's identifiers, in words for whoever wrote it.
        """
        if identifier and not _PRERELEASE.fullmatch(identifier):
            raise ValueError(
                "must be letters, digits and hyphens, parted by dots, such as `rc` or `beta`"
            )
        parts = tuple(identifier.split(".")) if identifier else ()
        number, known = 1, len(parts)
        if self.prerelease[:known] == parts and len(self.prerelease) > known:
            last = self.prerelease[known]
            number = int(last) + 1 if last.isdigit() else 1
        return Version(self.major, self.minor, self.patch, (*parts, str(number)))


def parse_version(text: str) -> Version:
    """Raises ValueError, in words for whoever wrote it. Nothing is forgiven: no ``v``, no blanks,
    no leading zeros, no part missing (items 2, 9 and 10)."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"must be a version of at most {MAX_LENGTH} characters")
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError("must be a version such as `1.4.0` or `2.0.0-rc.1` (semver.org)")
    major, minor, patch, prerelease, build = match.groups()
    return Version(
        int(major),
        int(minor),
        int(patch),
        tuple(prerelease.split(".")) if prerelease else (),
        tuple(build.split(".")) if build else (),
    )
