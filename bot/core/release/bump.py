"""How far a version moves, and which commit makes it.

https://semver.org/spec/v2.0.0.html; the items are those of its specification.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core.phrases import quoted
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.model import Change, Dependency, Steering
from bot.core.release.version import Bump, Version, parse_version
from bot.core.render.escape import plain

_ORDER = {bump: place for place, bump in enumerate(Bump)}
_MINOR_TYPES = frozenset({"feat", "deprecate"})
"""New functionality, and what is marked as deprecated (item 7)."""
_EFFECTS = {
    Bump.MAJOR: "breaks something, which",
    Bump.MINOR: "adds something, which",
    Bump.PATCH: "changes something, which",
}
_QUOTED = 80
_ZERO = Version(0, 0, 0)
_FIRST_STABLE = Version(1, 0, 0)


@dataclass(frozen=True, slots=True)
class AskedVersion:
    """A ``Release-As`` footer: the commit that bears it, and its value as written."""

    sha: str
    text: str


@dataclass(frozen=True, slots=True)
class Target:
    """The final version that a release is of or on the way to, and why it is that one, in
    sentences. None: nothing calls for a release."""

    version: Version | None
    reason: str


def bump_of(change: Change, config: ReleaseConfig) -> Bump:
    """How far a change alone moves a version from 1.0.0 on, whether it counts or not."""
    if change.breaking:
        return Bump.MAJOR
    if change.type in _MINOR_TYPES:
        return Bump.MINOR
    # What is worth a line in the changelog is worth a release.
    return Bump.PATCH if change.type in config.titles else Bump.NONE


def highest(bumps: Iterable[Bump]) -> Bump:
    return max(bumps, key=_ORDER.__getitem__, default=Bump.NONE)


def lowest(*bumps: Bump) -> Bump:
    return min(bumps, key=_ORDER.__getitem__)


def bump_between(current: Version | None, following: Version) -> Bump:
    """The part of the version that moves. Before the first release everything is 0."""
    old = current or _ZERO
    if following.major != old.major:
        return Bump.MAJOR
    if following.minor != old.minor:
        return Bump.MINOR
    return Bump.PATCH if following.final != old.final else Bump.NONE


def decide_target(
    config: ReleaseConfig,
    package: Package,
    base: Version | None,
    latest: Version | None,
    changes: Sequence[Change],
    asked: Sequence[AskedVersion] = (),
    steering: Steering | None = None,
    dependencies: Sequence[Dependency] = (),
) -> Target:
    """The version that follows.

    ``base`` is the last final release and ``latest`` the last release of any kind; ``changes`` and
    ``asked`` are all since ``base``, the newest first. Who asks for a version comes before what
    the changes make: a command, then a footer, then the policy. A version that is not above
    ``latest`` is not followed, and the reason says so.
    """
    unheard: list[str] = []
    for version, words in _asked(package, asked, steering, unheard):
        # What was asked for as a prerelease and is out is asked for as the final release.
        for wanted in (version, version.final):
            if latest is None or wanted > latest:
                return Target(wanted, " ".join([f"{words} asks for {wanted}.", *unheard]))
        if version != package.release_as:  # which stays in the policy after it was released
            unheard.append(f"{words} is not followed: {version} is not above {latest}.")
    target = _moved(config, package, base, changes, dependencies)
    # A prerelease has promised its version to whoever tried it.
    if latest is not None and latest.prerelease and (base is None or latest > base):
        promised = latest.final
        if target.version is None or target.version < promised:
            target = Target(promised, f"{latest} was released on the way to {promised}.")
    return Target(target.version, " ".join(filter(None, [target.reason, *unheard])))


def _asked(
    package: Package,
    footers: Sequence[AskedVersion],
    steering: Steering | None,
    unheard: list[str],
) -> Iterable[tuple[Version, str]]:
    """The versions that somebody asks for and in which words, the first to be followed first."""
    if steering and steering.release_as:
        line = f"/release as {steering.release_as}"
        lines = (f"{line} {package.name}", line)
        by = next((steering.said_by[one] for one in lines if one in steering.said_by), "")
        yield steering.release_as, f"`{line}`{f' by {quoted(by)}' if by else ''}"
    for footer in footers:
        written = plain(footer.text, 40).replace("`", "'")
        words = f"`Release-As: {written}` in {footer.sha[:7]}"
        try:
            version = parse_version(footer.text.strip().removeprefix("v"))
        except ValueError:
            unheard.append(f"{words} is not followed: it names no version such as `2.0.0`.")
            continue
        yield version, words
    if package.release_as:
        yield package.release_as, "`release_as` of the policy"


def _moved(
    config: ReleaseConfig,
    package: Package,
    base: Version | None,
    changes: Sequence[Change],
    dependencies: Sequence[Dependency],
) -> Target:
    first: Change | None = None
    bump = Bump.NONE
    for change in changes:
        if change.counts and _ORDER[own := bump_of(change, config)] >= _ORDER[bump]:
            # Of several that are as strong the oldest, so that the reason stays what it is while
            # others land.
            first, bump = (change, own) if own is not Bump.NONE else (None, bump)
    by_dependency = bool(dependencies) and _ORDER[config.bump_dependents] > _ORDER[bump]
    if by_dependency:
        bump = config.bump_dependents
    if bump is Bump.NONE:
        return Target(None, "")
    if base is None:
        version = package.first_version
        return Target(version, f"{version} is the first release: no tag like {package.tag} yet.")
    below = base < _FIRST_STABLE
    moved = lowest(bump, config.bump_before_1_0) if below else bump
    version = base.bumped(moved)
    if by_dependency or first is None:
        other = dependencies[0]
        name = quoted(other.package) if other.package else "the repository"
        why = f"It depends on {name}, released as {other.next}, which"
    else:
        why = f"{said(first)} {_EFFECTS[bump]}"
    held = " before 1.0.0" if moved is not bump else ""
    return Target(version, f"{why}{held} makes {version} a {moved.value} release.")


def said(change: Change) -> str:
    """A change by its header and commit: ``\\`feat(api): add x\\` (abc1234)``."""
    scope = f"({change.scope})" if change.scope else ""
    mark = "!" if change.breaking else ""
    header = f"{change.type}{scope}{mark}: {change.description}"
    shown = plain(header if change.type else change.description, _QUOTED).replace("`", "'")
    return f"`{shown}` ({change.sha[:7]})" if shown else f"commit {change.sha[:7]}"
