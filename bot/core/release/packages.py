"""What of a repository is a package's: its releases by its tags, its commits by its paths."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core.release.changes import Statement
from bot.core.release.config import VERSION_MARK, Package, ReleaseConfig
from bot.core.release.model import Tag
from bot.core.release.version import Version


@dataclass(frozen=True, slots=True)
class Release:
    """What a tag stands for."""

    version: Version
    tag: Tag


def releases(package: Package, tags: Iterable[Tag]) -> list[Release]:
    """The releases that tags stand for, the lowest version first. Tags of other packages, and tags
    that are no versions, stand for none; of two tags that differ by build metadata alone the names
    decide."""
    before = package.tag.partition(VERSION_MARK)[0]
    found = [
        Release(version, tag)
        for tag in tags
        # Of many packages' tags most are another's: these are told apart by how they begin.
        if tag.name.startswith(before) and (version := package.version_of(tag.name)) is not None
    ]
    return sorted(found, key=lambda release: (release.version.precedence, release.tag.name))


def last_release(package: Package, tags: Iterable[Tag], *, final: bool = True) -> Release | None:
    """The highest version among the tags; with ``final`` no prerelease.

    The tags are those that the commit to be released reaches. A release's commits are those since
    the last final one: what was in a prerelease is in the release that follows it too.
    """
    found = [
        release for release in releases(package, tags) if not (final and release.version.prerelease)
    ]
    return found[-1] if found else None


def of_package(
    config: ReleaseConfig, package: Package, statements: Sequence[Statement]
) -> list[Statement]:
    """The commits that touch a package's paths. One whose paths nobody asked for may touch it; one
    that touches none, as an empty commit with a footer does, is for the packages that its scope
    names, or for all."""
    if package.is_whole and len(config.packages) == 1:
        return list(statements)
    names = {name for one in config.packages for name in _names(one)}
    return [statement for statement in statements if _belongs(package, statement, names)]


def _belongs(package: Package, statement: Statement, names: set[str]) -> bool:
    paths = statement.commit.paths
    if paths:
        return package.has(paths)
    if statement.members:
        return any(_belongs(package, member, names) for member in statement.members)
    if paths is None:
        return True
    scopes = {change.scope for change in statement.changes if change.scope in names}
    return not scopes or not scopes.isdisjoint(_names(package))


def _names(package: Package) -> set[str]:
    """What a scope may call it."""
    return {package.name, package.name.rpartition("/")[2], package.path.rpartition("/")[2]} - {""}
