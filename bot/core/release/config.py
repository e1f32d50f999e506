"""What a release is to be like, as the pure part needs to know it.

The policy's ``release`` section is turned into this, once, where a policy is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from bot.core.release.version import Bump, Version, parse_version

VERSION_MARK = "{version}"
"""What stands in a tag's pattern for the version."""

# The titles of https://keepachangelog.com/en/1.1.0/#how, and one that it has no word for. What is
# removed breaks something, and stands there.
DEFAULT_SECTIONS = (
    ("security", "Security"),
    ("feat", "Added"),
    ("perf", "Changed"),
    ("deprecate", "Deprecated"),
    ("fix", "Fixed"),
    ("revert", "Reverted"),
)
DEFAULT_HIDDEN = frozenset({"build", "chore", "ci", "docs", "refactor", "style", "test"})
DEFAULT_HEADER = (
    "# Changelog\n\n"
    "What changed, newest first, in the form of\n"
    "[Keep a Changelog](https://keepachangelog.com/en/1.1.0/). Versions follow\n"
    "[Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n"
)
FIRST_VERSION = Version(0, 1, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """What has versions of its own. One named "" is the whole repository."""

    name: str = ""
    path: str = ""
    """Its folder, without a slash at either end; empty for the whole repository."""
    excluded: tuple[str, ...] = ()
    """Folders and files, from the repository's root, that are none of it."""
    tag: str = "v{version}"
    """The pattern of its tags: ``{version}`` once, every other placeholder filled in."""
    depends_on: tuple[str, ...] = ()
    """Names of packages whose release makes one of this package too."""
    first_version: Version = FIRST_VERSION
    """Of its first release, where no tag says anything else."""
    release_as: Version | None = None
    """The next version whatever the commits say, until it is released."""

    def tag_of(self, version: Version) -> str:
        return self.tag.replace(VERSION_MARK, str(version))

    def version_of(self, tag: str) -> Version | None:
        """The version that a tag names; None for a tag that is none of this package's, or whose
        version is not one of Semantic Versioning."""
        before, _, after = self.tag.partition(VERSION_MARK)
        if not (tag.startswith(before) and tag.endswith(after)):
            return None
        try:
            return parse_version(tag[len(before) : len(tag) - len(after)])
        except ValueError:
            return None

    def has(self, paths: Iterable[str]) -> bool:
        """Whether one of the paths belongs to it."""
        return any(
            _within(path, self.path)
            and not any(_within(path, excluded) for excluded in self.excluded)
            for path in paths
        )

    @property
    def is_whole(self) -> bool:
        """Whether every path belongs to it, so that nobody need ask for paths."""
        return not self.path and not self.excluded


@dataclass(frozen=True)
class ReleaseConfig:
    """How versions move and what a changelog shows.

    A type of ``sections`` is shown under its title and makes a release; types of the same title
    share it. A type of ``hidden`` does neither, unless the change breaks something. Any other type,
    and a commit that is not conventional, stands under ``other_title`` if that is not empty, and
    makes no release by itself.
    """

    packages: tuple[Package, ...] = (Package(),)
    sections: tuple[tuple[str, str], ...] = DEFAULT_SECTIONS
    """Type and title, in the order in which the titles are to stand."""
    hidden: frozenset[str] = DEFAULT_HIDDEN
    breaking_title: str = "Breaking changes"
    other_title: str = "Other"
    """Empty: what would stand there is not shown."""
    dependencies_title: str = "Dependencies"
    bump_before_1_0: Bump = Bump.MINOR
    """The most that a version below 1.0.0 moves, whatever breaks: to 1.0.0 it goes only where
    somebody says so (``Release-As``)."""
    bump_dependents: Bump = Bump.PATCH
    """How far the release of a package moves those that depend on it; ``NONE``: not at all."""
    separate: bool = False
    """Whether each package is released by itself: it then follows what it depends on once that is
    released, and not when it is going to be."""
    prerelease: bool = False
    """Whether what is released from this branch are prereleases."""
    prerelease_identifier: str = "rc"
    header: str = DEFAULT_HEADER
    """What a changelog that there is not yet begins with."""
    repo_url: str = ""
    """``https://github.com/owner/repo``; empty: nothing is linked."""

    @cached_property
    def titles(self) -> dict[str, str]:
        """The title of each type that has one."""
        return dict(self.sections)

    @cached_property
    def known_types(self) -> frozenset[str]:
        """What is taken for a type where a word might also be a footer's."""
        return frozenset({*dict(DEFAULT_SECTIONS), *DEFAULT_HIDDEN, *self.titles, *self.hidden})

    def package(self, name: str) -> Package:
        """Raises KeyError for a name that is no package's."""
        for package in self.packages:
            if package.name == name:
                return package
        raise KeyError(name)

    def compare_url(self, base: str, head: str) -> str:
        return f"{self.repo_url}/compare/{quote(base)}...{quote(head)}" if self.repo_url else ""

    def tag_url(self, tag: str) -> str:
        return f"{self.repo_url}/releases/tag/{quote(tag)}" if self.repo_url else ""


def _within(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
