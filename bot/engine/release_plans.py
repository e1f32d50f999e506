"""What releases are decided on, read from GitHub: history, plans, and files as they are to be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.core.model import FileRead, FoundFile, RepoRef, Sha, UnreadableFile
from bot.core.policy.release import ReleasePolicy
from bot.core.release.changelog_file import find_section, insert_section
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.files import PackageRelease, UpdatedFiles, paths_to_read, update_files
from bot.core.release.model import (
    FileChange,
    FileNote,
    HistoryCommit,
    NothingToRelease,
    ReleasePlan,
    Steering,
    Tag,
)
from bot.core.release.packages import releases
from bot.core.release.plan import plan_releases
from bot.ports.releases import ReleaseBranch, ReleaseHub, ReleaseLine


@dataclass(frozen=True, slots=True)
class Planned:
    """``commits`` are what is not released of any package, the newest first; ``unasked`` what the
    plans would be had nobody asked for anything."""

    plans: Mapping[str, ReleasePlan | NothingToRelease]
    unasked: Mapping[str, ReleasePlan | NothingToRelease]
    commits: Sequence[HistoryCommit]


@dataclass(frozen=True, slots=True)
class Files:
    """``changes`` are to be made to the commit that was asked for, ``shown`` is what a release
    changes on its line. With problems, in plain sentences, nothing is to be written."""

    changes: tuple[FileChange, ...] = ()
    shown: tuple[FileChange, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[FileNote, ...] = ()


async def fetch_plans(
    hub: ReleaseHub,
    repo: RepoRef,
    line: ReleaseLine,
    config: ReleaseConfig,
    steering: Mapping[str, Steering],
) -> Planned:
    """Of all packages: what one of them releases may move another."""
    reached: list[Tag] = []
    histories: dict[str, Sequence[HistoryCommit]] = {}
    read: dict[Sha | None, Sequence[HistoryCommit]] = {}
    for package in config.packages:
        tags = await fetch_reached(hub, repo, package, line.tags, line.head)
        reached += tags
        base = next((tag.sha for tag in tags if _is_final(package, tag)), None)
        if base not in read:
            read[base] = await hub.fetch_commits(repo, base, line.head, paths=needs_paths(config))
        histories[package.name] = read[base]
    unasked = plan_releases(config, reached, histories)
    asked = any(one != Steering() for one in steering.values())
    plans = plan_releases(config, reached, histories, steering) if asked else unasked
    return Planned(plans, unasked, max(read.values(), key=len))


async def fetch_reached(
    hub: ReleaseHub, repo: RepoRef, package: Package, tags: Iterable[Tag], head: Sha
) -> list[Tag]:
    """Of a package's tags that a commit reaches the last one, and the last that is no prerelease:
    all that a plan looks at."""
    likely = [release.tag for release in reversed(releases(package, tags))]
    latest = await hub.find_reachable(repo, likely, head)
    if latest is None or _is_final(package, latest):
        return [latest] if latest else []
    older = [tag for tag in likely[likely.index(latest) + 1 :] if _is_final(package, tag)]
    final = await hub.find_reachable(repo, older, head)
    return [latest, final] if final else [latest]


async def fetch_files(
    hub: ReleaseHub,
    repo: RepoRef,
    line: ReleaseLine,
    policy: ReleasePolicy,
    config: ReleaseConfig,
    plans: Sequence[ReleasePlan],
    branch: ReleaseBranch | None,
) -> Files:
    """The files of a release as they are to be: on the line's head, or else on a branch that people
    committed to. A file that they edited is gone on from as they left it."""
    ours, problems = await _read(hub, repo, line.head, policy, config, plans)
    if problems:
        return Files(problems=problems)
    if branch is None:
        updated = updated_files(policy, config, plans, ours)
        return Files(updated.changes, updated.changes, _told(updated), updated.notes)
    own = next((one.sha for one in reversed(branch.commits) if one.own and one.parents == 1), None)
    before = _texts(await hub.fetch_files(repo, own, ours)) if own else {}
    now = _texts(await hub.fetch_files(repo, branch.head, ours))
    edited = {path for path in ours if now.get(path) != before.get(path, ours[path])}
    start = {path: now.get(path) if path in edited else text for path, text in ours.items()}
    updated = updated_files(policy, config, plans, start, edited)
    after = start | {change.path: change.after for change in updated.changes}
    wanted = {path: text for path, text in after.items() if text is not None}
    return Files(
        tuple(FileChange(p, now.get(p), text) for p, text in wanted.items() if text != now.get(p)),
        tuple(FileChange(p, ours[p], text) for p, text in wanted.items() if text != ours[p]),
        _told(updated),
        updated.notes,
    )


async def _read(
    hub: ReleaseHub,
    repo: RepoRef,
    at: Sha,
    policy: ReleasePolicy,
    config: ReleaseConfig,
    plans: Sequence[ReleasePlan],
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The texts by path, and what could not be read."""
    packages = [policy.package(plan.package) for plan in plans]
    wanted = {policy.changelog_of(package) for package in packages}
    texts: dict[str, str | None] = {}
    problems: list[str] = []
    while wanted:
        for path, file in (await hub.fetch_files(repo, at, sorted(wanted))).items():
            texts[path] = file.text if isinstance(file, FoundFile) else None
            if isinstance(file, UnreadableFile):
                problems.append(f"{path} could not be read: {file.reason}.")
        wanted = {
            path for package in packages for path in paths_to_read(policy.files_of(package), texts)
        }
    return texts, tuple(problems)


def updated_files(
    policy: ReleasePolicy,
    config: ReleaseConfig,
    plans: Sequence[ReleasePlan],
    texts: Mapping[str, str | None],
    edited: Iterable[str] = (),
) -> UpdatedFiles:
    """With the sections of the changelogs. Where people edited one, its section stays."""
    updated = update_files(
        [
            PackageRelease(policy.files_of(policy.package(plan.package)), plan.next, plan.current)
            for plan in plans
        ],
        texts,
    )
    after = dict(texts) | {change.path: change.after for change in updated.changes}
    for plan in plans:
        path = policy.changelog_of(policy.package(plan.package))
        text = after[path] or ""
        if path in edited and find_section(text, plan.next) is not None:
            continue
        after[path] = insert_section(text, plan.changelog, plan.next, config.header)
    changes = tuple(
        FileChange(path, texts[path], text)
        for path, text in after.items()
        if text is not None and text != texts[path]
    )
    return UpdatedFiles(changes, updated.problems, updated.notes)


def _told(updated: UpdatedFiles) -> tuple[str, ...]:
    return tuple(f"{error}." for error in updated.problems)


def _texts(files: Mapping[str, FileRead]) -> dict[str, str | None]:
    return {
        path: file.text if isinstance(file, FoundFile) else None for path, file in files.items()
    }


def _is_final(package: Package, tag: Tag) -> bool:
    version = package.version_of(tag.name)
    return version is not None and not version.prerelease


def needs_paths(config: ReleaseConfig) -> bool:
    return len(config.packages) > 1 or not config.packages[0].is_whole
