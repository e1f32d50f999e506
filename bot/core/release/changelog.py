"""A changelog in Markdown, as https://keepachangelog.com/en/1.1.0/ has it: a section for each
version, the newest first, and in it what changed by kind.

What commits say is hostile until escaped. The same history gives the same bytes: dates are those
of tags and commits, and nothing depends on when it is written.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.core.release.ancestry import claim_reached
from bot.core.release.changes import Statement, read_statements
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.model import Change, HistoryCommit, Tag
from bot.core.release.packages import of_package, releases
from bot.core.release.reverts import settle
from bot.core.release.version import Version
from bot.core.render import escape

UNRELEASED = "Unreleased"
NOTHING = "No notable changes."
LATE = "Landed while it was merged"
_DESCRIPTION = 300
_PARAGRAPH = 1_000
_PARAGRAPHS = 20
_SHORT_SHA = 7
# What ``escape.sentence`` would have to look at, and more: most descriptions hold none of it.
_LIVELY = re.compile(
    r"[^ -~]|[`*_\[\]~\\|$<>&@#]|  |://|[gG][hH]-|[wW]{3}\.|[0-9a-fA-F]{7}|\A[-+=:0-9 ]| \Z"
)
_LIST_ITEM = re.compile(r"[-*+] +")


@dataclass(frozen=True, slots=True)
class Section:
    """What a version's section is made of. ``version`` is None for what is not released yet.
    ``base`` and ``tag`` are what is compared, the first empty where nothing was released before."""

    version: Version | None
    base: str
    tag: str
    on: datetime | None
    changes: Sequence[Change]
    """The newest first. Those that do not count are passed over."""
    notes: Sequence[str] = ()
    """In a person's words, to stand before all else."""
    dependencies: Sequence[str] = ()
    """Lines on the packages that it depends on and that are released with it."""


def render_section(config: ReleaseConfig, section: Section) -> str:
    """Begins with the heading; one line end at the end."""
    lines = [_heading(config, section)]
    for note in section.notes:
        lines += ["", *_words(note)]
    for title, entries in _groups(config, section):
        if entries:
            lines += ["", f"### {title}", "", *entries]
    if len(lines) == 1:
        lines += ["", NOTHING]
    return "\n".join([*lines, ""])


def render_changelog(
    config: ReleaseConfig,
    package: Package,
    tags: Iterable[Tag],
    commits: Sequence[HistoryCommit],
) -> str:
    """The whole file, from all tags that the newest commit reaches and all commits that it
    reaches, the newest first."""
    sections = render_sections(config, package, tags, commits)
    return "\n".join([f"{config.header.rstrip()}\n", *sections])


def render_sections(
    config: ReleaseConfig,
    package: Package,
    tags: Iterable[Tag],
    commits: Sequence[HistoryCommit],
    base: str = "",
) -> list[str]:
    """The sections of a part of the history, the newest first; ``base`` is what it follows, and
    tags on no commit of it have none.

    A commit stands in the lowest version that reaches it. A prerelease that a release followed has
    no section: what was in it stands in that of the release.
    """
    reached = {commit.sha for commit in commits}
    found = [release for release in releases(package, tags) if release.tag.sha in reached]
    last_final = max(
        (release.version for release in found if not release.version.prerelease), default=None
    )
    found = [
        release
        for release in found
        if not release.version.prerelease or last_final is None or release.version > last_final
    ]
    owners = claim_reached(commits, [release.tag.sha for release in found])
    statements = read_statements(config, commits)
    parts: list[list[Statement]] = [[] for _ in range(len(found) + 1)]
    for statement, owner in zip(statements, owners, strict=True):
        parts[len(found) if owner is None else owner].append(statement)
    bases = [base, *(release.tag.name for release in found)]
    sections = [
        Section(
            release.version,
            base,
            release.tag.name,
            release.tag.at,
            settle(of_package(config, package, part)).changes,
        )
        for release, base, part in zip(found, bases, parts, strict=False)
    ]
    unreleased = settle(of_package(config, package, parts[-1])).changes
    pending = Section(None, bases[-1], "HEAD", None, unreleased)
    if any(entries for _, entries in _groups(config, pending)):
        sections.append(pending)
    return [render_section(config, section) for section in reversed(sections)]


def render_late(config: ReleaseConfig, changes: Sequence[Change]) -> str:
    """A section on what is in a release and not in the changelog that was merged for it; empty if
    nothing of it shows."""
    entries = [
        f"- {_escaped(title)}: {entry.removeprefix('- ')}"
        for title, group in _groups(config, Section(None, "", "", None, changes))
        for entry in group
    ]
    if not entries:
        return ""
    return "\n".join([f"### {LATE}", "", *entries, ""])


def _heading(config: ReleaseConfig, section: Section) -> str:
    title = str(section.version) if section.version else UNRELEASED
    if section.base:
        url = config.compare_url(section.base, section.tag)
    else:
        url = config.tag_url(section.tag) if section.version else ""
    linked = escape.link(title, url) if url else f"[{title}]" if not section.version else title
    date = f" - {section.on.astimezone(UTC):%Y-%m-%d}" if section.on else ""
    return f"## {linked}{date}"


def _groups(config: ReleaseConfig, section: Section) -> list[tuple[str, list[str]]]:
    """The lines under each title; several titles may have none."""
    breaking: list[Change] = []
    other: list[Change] = []
    by_title: dict[str, list[Change]] = {title: [] for title in config.titles.values()}
    for change in section.changes:
        if not change.counts:
            continue
        if change.breaking:
            breaking.append(change)
            if change.breaking == change.description:
                continue
        if title := config.titles.get(change.type):
            by_title[title].append(change)
        elif change.type not in config.hidden:
            other.append(change)
    shown_other = other if config.other_title else []
    return [
        (config.breaking_title, [_breaking_entry(config, change) for change in _sorted(breaking)]),
        *(
            (title, [_entry(config, change) for change in _sorted(changes)])
            for title, changes in by_title.items()
        ),
        (config.dependencies_title, [f"- {_escaped(line)}" for line in section.dependencies]),
        (config.other_title, [_other_entry(config, change) for change in _sorted(shown_other)]),
    ]


def _sorted(changes: list[Change]) -> list[Change]:
    """Those of a scope together, those without one first."""
    return sorted(changes, key=_by_scope) if len(changes) > 1 else changes


def _by_scope(change: Change) -> tuple[str, str]:
    return change.scope.casefold(), change.scope


def _entry(config: ReleaseConfig, change: Change) -> str:
    scope = f"**{_escaped(change.scope)}:** " if change.scope else ""
    description = _escaped(change.description) or "a commit without a message"
    return f"- {scope}{description} ({_reference(config, change)})"


def _other_entry(config: ReleaseConfig, change: Change) -> str:
    """With its type if it has one, which no title stands for."""
    type_ = f"{change.type}: " if change.type else ""
    return _entry(config, replace(change, description=f"{type_}{change.description}"))


def _breaking_entry(config: ReleaseConfig, change: Change) -> str:
    """The commit's own words on what breaks: their paragraphs, and the items of their lists."""
    scope = f"**{_escaped(change.scope)}:** " if change.scope else ""
    first, *more = _words(change.breaking) or [_escaped(change.description)]
    return "\n".join(
        [
            f"- {scope}{first} ({_reference(config, change)})",
            *(f"  {line}".rstrip() for line in more),
        ]
    )


def _reference(config: ReleaseConfig, change: Change) -> str:
    """The pull request, else the commit, linked where it is known where."""
    if change.pull is not None:
        text, path = f"#{change.pull}", f"pull/{change.pull}"
    else:
        text, path = change.sha[:_SHORT_SHA], f"commit/{change.sha}"
    return f"[{text}]({config.repo_url}/{path})" if config.repo_url else text


def _words(text: str) -> list[str]:
    """Several paragraphs as lines of Markdown, a blank one between two; items of lists stay items.
    What is beyond any measure is cut off."""
    blocks: list[tuple[bool, list[str]]] = []
    ended = True
    for line in text.splitlines():
        item = _LIST_ITEM.match(line.strip())
        if item or (ended and line.strip()):
            blocks.append((item is not None, []))
        if line.strip():
            blocks[-1][1].append(line.strip()[item.end() if item else 0 :])
        ended = not line.strip()
    lines: list[str] = []
    in_list = False
    for in_item, words in blocks[:_PARAGRAPHS]:
        if lines and not (in_item and in_list):
            lines.append("")
        lines.append(
            f"{'- ' if in_item else ''}{escape.sentence(' '.join(words), limit=_PARAGRAPH)}"
        )
        in_list = in_item
    return [*lines, "", "…"] if len(blocks) > _PARAGRAPHS else lines


def _escaped(text: str) -> str:
    """As ``escape.sentence`` has it, which most descriptions are already."""
    if len(text) <= _DESCRIPTION and not _LIVELY.search(text):
        return text
    return escape.sentence(text, limit=_DESCRIPTION)
