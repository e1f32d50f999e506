"""From tags and commits to the release that they make."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.core.phrases import listed, quoted
from bot.core.release.ancestry import claim_reached
from bot.core.release.bump import bump_between, bump_of, decide_target
from bot.core.release.changelog import Section, render_section
from bot.core.release.changes import Statement, read_statements
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.model import (
    Change,
    Dependency,
    HistoryCommit,
    NothingToRelease,
    ReleasePlan,
    Steering,
    Tag,
)
from bot.core.release.packages import Release, last_release, of_package
from bot.core.release.reverts import Settled, settle
from bot.core.release.version import Bump, Version

_NOT_STEERED = Steering()
_BOT = "[bot]"


def plan_release(
    config: ReleaseConfig,
    package: str,
    tags: Iterable[Tag],
    commits: Sequence[HistoryCommit],
    steering: Steering = _NOT_STEERED,
    dependencies: Sequence[ReleasePlan] = (),
) -> ReleasePlan | NothingToRelease:
    """The release of a package by its name.

    ``tags`` are those that the newest commit reaches, of whatever package. ``commits`` are a
    history since ``last_release`` or since before it; ``dependencies`` the plans of the packages
    that it depends on. Raises KeyError for a name that is no package's.
    """
    statements = read_statements(config, commits)
    history = _read(config, config.package(package), list(tags), commits, statements)
    return _plan(config, history, steering, [_of(plan) for plan in dependencies])


def plan_releases(
    config: ReleaseConfig,
    tags: Iterable[Tag],
    commits: Mapping[str, Sequence[HistoryCommit]],
    steering: Mapping[str, Steering] | None = None,
) -> dict[str, ReleasePlan | NothingToRelease]:
    """The releases of all packages that ``commits`` has a history of, by name, in the policy's
    order; a release moves those that depend on it, and these move others. Where each is released
    by itself, it is moved by what is released since its own last release."""
    tags, steering = list(tags), steering or {}
    histories: dict[str, _History] = {}
    read: dict[int, list[Statement]] = {}  # several packages may share a history
    for package in config.packages:
        if package.name in commits:
            own = commits[package.name]
            if id(own) not in read:
                read[id(own)] = read_statements(config, own)
            histories[package.name] = _read(config, package, tags, own, read[id(own)])
    plans: dict[str, ReleasePlan | NothingToRelease] = {}
    seen: dict[str, tuple[tuple[str, Version], ...]] = {}
    # What a release moves only ever moves further, so that this ends; a circle does no harm.
    moving = True
    while moving:
        moving = False
        for name, history in histories.items():
            others = () if config.separate else history.package.depends_on
            dependencies = [
                _of(plan) for other in others if isinstance(plan := plans.get(other), ReleasePlan)
            ]
            key = tuple((one.package, one.next) for one in dependencies)
            if name not in plans or key != seen[name]:
                seen[name] = key
                asked = steering.get(name, _NOT_STEERED)
                plans[name] = _plan(config, history, asked, dependencies)
                moving = True
    return plans


@dataclass(frozen=True, slots=True)
class _History:
    """What a package's release is decided on."""

    package: Package
    final: Release | None
    """The last release that is no prerelease."""
    latest: Release | None
    """The last release of any kind."""
    newest: HistoryCommit | None
    since_final: Sequence[Statement]
    since_latest: Sequence[Statement]
    moved_final: Sequence[Dependency] = ()
    """What it depends on and was released since the last final release; none unless each package
    is released by itself."""
    moved_latest: Sequence[Dependency] = ()
    """The same, since the last release of any kind."""


def _read(
    config: ReleaseConfig,
    package: Package,
    tags: Sequence[Tag],
    commits: Sequence[HistoryCommit],
    statements: Sequence[Statement],
) -> _History:
    final = last_release(package, tags)
    latest = last_release(package, tags, final=False)
    final_at = final.tag.sha if final else None
    latest_at = latest.tag.sha if latest else None
    # None reaches what is not released; what the final release reaches is claimed first.
    owners = claim_reached(commits, [sha for sha in (final_at, latest_at) if sha])
    owner_of = {commit.sha: owner for commit, owner in zip(commits, owners, strict=True)}
    own = of_package(config, package, statements)
    since_latest = [one for one in own if owner_of[one.commit.sha] is None]
    since_final = [one for one in own if not final or owner_of[one.commit.sha] != 0]
    newest = commits[0] if commits else None
    if not config.separate:
        return _History(package, final, latest, newest, since_final, since_latest)
    moved_final, moved_latest = [], []
    for name in package.depends_on:
        other = last_release(config.package(name), tags, final=not config.prerelease)
        if other is None or other.tag.sha not in owner_of:
            continue
        dependency = Dependency(name, None, other.version)
        owner = owner_of[other.tag.sha]
        moved_final += [dependency] if not final or owner != 0 else []
        moved_latest += [dependency] if owner is None else []
    return _History(
        package, final, latest, newest, since_final, since_latest, moved_final, moved_latest
    )


def _plan(
    config: ReleaseConfig,
    history: _History,
    steering: Steering,
    dependencies: Sequence[Dependency],
) -> ReleasePlan | NothingToRelease:
    package, final, latest = history.package, history.final, history.latest
    lately = dependencies
    if config.separate:
        dependencies, lately = history.moved_final, history.moved_latest
    if config.bump_dependents is Bump.NONE:
        dependencies = lately = ()
    base = final.version if final else None
    since_final = settle(history.since_final, steering.skipped)
    target = decide_target(
        config,
        package,
        base,
        latest.version if latest else None,
        since_final.changes,
        since_final.asked,
        steering,
        dependencies,
    )
    if target.version is None:
        return _nothing(config, history, final, since_final, target.reason)
    current, shown, version, reason = final, since_final, target.version, target.reason
    if (config.prerelease or steering.prerelease) and not version.prerelease:
        current = latest
        shown = settle(history.since_latest, steering.skipped)
        dependencies = lately
        version = version.next_prerelease(config.prerelease_identifier)
        if latest and latest.version.final == target.version:
            version = latest.version.next_prerelease(config.prerelease_identifier)
            if not lately and not _moves(config, shown):
                return _nothing(config, history, latest, shown, "")
            if version <= latest.version:
                reason = f"{version} would come before {latest.version}, which is released."
                return NothingToRelease(package.name, latest.version, reason, shown.changes)
        reason += f" {version} goes before it."
    tag = package.tag_of(version)
    section = Section(
        version,
        current.tag.name if current else "",
        tag,
        history.newest.at if history.newest else None,
        shown.changes,
        steering.notes,
        [_dependency(one) for one in dependencies],
    )
    return ReleasePlan(
        package=package.name,
        tag=tag,
        current=current.version if current else None,
        current_tag=section.base,
        next=version,
        bump=bump_between(base, version),
        reason=reason,
        changes=shown.changes,
        changelog=render_section(config, section),
        contributors=_contributors(
            history.since_latest if current is latest else history.since_final
        ),
    )


def _moves(config: ReleaseConfig, settled: Settled) -> bool:
    return any(bump_of(change, config) is not Bump.NONE for change in settled.counting)


def _nothing(
    config: ReleaseConfig,
    history: _History,
    current: Release | None,
    settled: Settled,
    unheard: str,
) -> NothingToRelease:
    """With what there is instead, and what would make a release."""
    package = history.package
    where = f" in {quoted(package.path)}" if package.path else ""
    since = f" since {current.tag.name}" if current else ""
    if not settled.changes:
        said = f"Nothing has landed{where}{since}."
    else:
        commits = len({change.sha for change in settled.changes})
        said = (
            f"The one commit{where}{since} makes no release"
            if commits == 1
            else f"None of {commits} commits{where}{since} makes a release"
        )
        said += f"{_instead(settled.changes)}. One of the type `feat` or `fix` does, or a "
        said += "`Release-As:` footer."
    reason = " ".join(filter(None, [said, unheard]))
    return NothingToRelease(
        package.name, current.version if current else None, reason, settled.changes
    )


def _instead(changes: Sequence[Change]) -> str:
    counting = [change for change in changes if change.counts]
    types = sorted({change.type for change in counting if change.type})
    what = [f"of the type{'s' if len(types) > 1 else ''} {listed([*map(quoted, types)])}"]
    plain = sum(not change.type for change in counting)
    dropped = len(changes) - len(counting)
    parts = [
        *(what if types else []),
        *([f"{plain} not conventional"] if plain else []),
        *([f"{dropped} reverted or left out"] if dropped else []),
    ]
    return f": {listed(parts)}"


def _of(plan: ReleasePlan) -> Dependency:
    return Dependency(plan.package, plan.current, plan.next)


def _dependency(one: Dependency) -> str:
    before = f"{one.current} → " if one.current else ""
    return f"{quoted(one.package)} {before}{one.next}" if one.package else f"{before}{one.next}"


def _contributors(statements: Iterable[Statement]) -> tuple[str, ...]:
    """Whoever wrote something of it, in the order of their names; no bots."""
    names: dict[str, str] = {}
    for statement in statements:
        commit = statement.commit
        author = (commit.pull.author if commit.pull else "") or commit.author
        if author and not author.endswith(_BOT):
            names.setdefault(author.casefold(), author)
    return tuple(names[key] for key in sorted(names))
