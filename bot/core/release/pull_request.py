"""The release pull request: title, branch and description, and what is read from them again.

Nothing is decided on what is read: a release's truth are tags and commits. It spares writing what
stands there already, and keeps what people wrote: their words stand above the marker.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from bot.core.phrases import counted, listed
from bot.core.release.config import ReleaseConfig
from bot.core.release.model import FileChange, FileNote, ReleasePlan
from bot.core.release.notes import cut_section, cut_units, length
from bot.core.release.version import Version, parse_version
from bot.core.render import escape
from bot.core.sha import Sha

BODY_LIMIT = 65_000
"""Characters. GitHub takes 65,536; what is longer than this would be cut without looking when it is
sent. https://docs.github.com/rest/pulls/pulls#create-a-pull-request"""

BRANCHES = "lockgate/release/"
"""What the names of all branches of releases begin with."""

_TITLE = "chore(release): "
_TITLE_LIMIT = 100
_MARKER = re.compile(r"^<!-- lockgate:release (\{[^\r\n]*\}) -->[ \t]*\r?$", re.MULTILINE)
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT_ID = re.compile(r"\b[0-9a-f]{7}\b")
_FILES = 100
_NAMES = 100
_SAID = 50
"""Lines of what is in the way, and so on."""
_SLACK = 200
_NO_URLS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ReleasePull:
    """What a release pull request says."""

    words: str
    """The people's own."""
    head: Sha | None
    """The commit that it was made from; None if the marker is gone."""
    versions: Mapping[str, Version]
    """By package."""
    digest: str = ""
    """Of the changes: see ``changes_digest``."""


def render_title(plans: Sequence[ReleasePlan]) -> str:
    """At least one plan."""
    title = _TITLE + listed([plan.tag for plan in plans], len(plans))
    return title if len(title) <= _TITLE_LIMIT else f"{_TITLE}{counted(len(plans), 'package')}"


def branch_name(name: str) -> str:
    """The branch for a package by its name, or for all packages by the name of the branch that is
    released. Two names have two branches, and no branch's name begins another's with a slash."""
    safe = quote(name, safe="@").replace("~", "%7E").replace(".", "%2E").replace("%2F", "+")
    return BRANCHES + re.sub(r"(?<=[0-9A-Za-z])%2E(?=[0-9A-Za-z])(?!lock$)", ".", safe)


def changes_digest(plans: Sequence[ReleasePlan]) -> str:
    """Two plans that show the same changes have the same, whatever else has landed."""
    said = [[plan.package, plan.changelog.lstrip("\n").partition("\n")[2]] for plan in plans]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def render_body(
    plans: Sequence[ReleasePlan],
    head: Sha,
    *,
    files: Sequence[FileChange] = (),
    problems: Sequence[str] = (),
    notes: Sequence[FileNote] = (),
    production: Sequence[str] = (),
    words: str = "",
    whole_urls: Mapping[str, str] = _NO_URLS,
    limit: int = BODY_LIMIT,
) -> str:
    """``head`` is the commit that is released; ``problems`` say in plain sentences what is in its
    way; ``notes`` are of the files that were looked at; ``production`` says what of it is live
    already; ``words`` are what ``parse_pull`` found of the people's own. What is too much is left
    out of the changelog first; ``whole_urls`` are where all of it stands, by package."""
    # One that is held was put off by nobody: closed in that state, it comes again.
    marker = _marker(plans, head, "" if problems else changes_digest(plans))
    opening = "\n\n".join(_opening(plan) for plan in plans)
    above = f"{words.strip()}\n\n" if words.strip() else ""
    doubts = [render_note(note) for note in notes if note.remedy]
    said = [*_listed("In the way", _sentences(problems)), *_listed("To look at", doubts)]
    start = "\n".join([f"{above}{marker}\n{opening}\n", *said])
    live = _listed("In production already", _sentences(production))
    end = "\n".join(
        ["", *_files(files, notes), *_names(plans), *live, _closing(head, plans[0].package)]
    )
    room = limit - length(start) - length(end) - _SLACK
    sections = []
    for left, plan in zip(range(len(plans), 0, -1), plans, strict=True):
        # Each an equal share of what the ones before it left.
        url = whole_urls.get(plan.package, "")
        section = cut_section(f"{plan.changelog.strip()}\n", room // left, url)
        sections.append(section if len(plans) == 1 else _titled(plan, section))
        room -= length(sections[-1])
    body = "\n".join([start, *sections]) + end
    if length(body) <= limit:
        return body
    # The people's own words leave no room for ours.
    short = f"{above}{marker}\n"
    return (
        short
        if length(short) <= limit
        else f"{cut_units(above, limit - len(marker) - 4)}\n{marker}\n"
    )


def render_closed(
    left_out: Sequence[ReleasePlan], head: Sha, why: str, words: str, limit: int = BODY_LIMIT
) -> str:
    """Of one that has nothing to release, for a reason in Markdown. ``left_out`` is what it would
    release had nobody asked for something else: that is put off. ``head`` and ``words`` are as
    ``render_body`` has them."""
    ours = f"{_marker(left_out, head, changes_digest(left_out) if left_out else '')}\n{why}\n"
    above = words.strip()
    if length(above) + 2 + length(ours) > limit:
        above = cut_units(above, limit - 2 - length(ours))
    return f"{above}\n\n{ours}".lstrip()


def parse_pull(config: ReleaseConfig, title: str, body: str) -> ReleasePull:
    """Never raises. Without a marker the versions are read from the title, and everything in the
    description is the people's own."""
    text = body.replace("\r\n", "\n")
    match = _MARKER.search(text)
    if match is None:
        return ReleasePull(text.strip(), None, _versions_in(config, title))
    try:
        said = json.loads(match[1])
        head, versions = said["head"], said["versions"].items()
        digest = str(said.get("changes", ""))
        parsed = {str(name): parse_version(str(version)) for name, version in versions}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        head, parsed, digest = "", {}, ""
    known = isinstance(head, str) and _ID.fullmatch(head)
    return ReleasePull(
        text[: match.start()].strip(),
        Sha(head) if known else None,
        parsed or _versions_in(config, title),
        digest,
    )


def _versions_in(config: ReleaseConfig, title: str) -> dict[str, Version]:
    """Of those packages whose tags a title names."""
    tags = re.split(r", | and ", title.removeprefix(_TITLE).strip())[: len(config.packages)]
    return {
        package.name: version
        for package in config.packages
        for tag in tags
        if (version := package.version_of(tag)) is not None
    }


def _marker(plans: Sequence[ReleasePlan], head: Sha, changes: str) -> str:
    versions = {plan.package: str(plan.next) for plan in plans}
    said = {"head": head, "versions": versions, "changes": changes}
    text = json.dumps(said).replace(">", "\\u003e")  # which could end the comment
    return f"<!-- lockgate:release {text} -->"


def _opening(plan: ReleasePlan) -> str:
    after = f", after {escape.code(plan.current_tag)}" if plan.current_tag else ""
    why = escape.sentence(plan.reason, _SHORT_ID.findall(plan.reason), limit=600)
    return f"**{escape.inline(plan.tag)}** is next{after}. {why}"


def _titled(plan: ReleasePlan, section: str) -> str:
    """Several sections are told apart by their packages."""
    return f"# {escape.inline(plan.package)}\n\n{section}"


def _files(files: Sequence[FileChange], notes: Sequence[FileNote]) -> list[str]:
    if not files:
        return []
    changed = {file.path for file in files}
    left = [note for note in notes if not note.remedy and note.path not in changed]
    lines = [
        f"- {escape.code(file.path)}{' (new)' if file.before is None else ''}"
        for file in files[:_FILES]
    ]
    if len(files) > _FILES:
        lines.append(f"- and {len(files) - _FILES} more")
    if left:
        told = [f"- {render_note(note)}" for note in left[:_FILES]]
        lines += ["", "Looked at, and left as they are:", "", *told]
    summary = f"<summary>{counted(len(files), 'file')} changed</summary>"
    return ["<details>", summary, "", *lines, "", "</details>", ""]


def _names(plans: Sequence[ReleasePlan]) -> list[str]:
    names = {name.casefold(): name for plan in plans for name in plan.contributors}
    shown = [escape.inline(names[key], 60) for key in sorted(names)]
    return [f"**By** {listed(shown, _NAMES)}", ""] if shown else []


def render_note(note: FileNote) -> str:
    return f"{escape.code(note.path)}: {escape.sentence(note.said, limit=600)}"


def _sentences(lines: Sequence[str]) -> list[str]:
    return [escape.sentence(line, limit=600) for line in lines]


def _listed(title: str, said: Sequence[str]) -> list[str]:
    if not said:
        return []
    shown = [f"- {line}" for line in said[:_SAID]]
    more = [f"- and {len(said) - _SAID} more"] if len(said) > _SAID else []
    return [f"**{title}**", "", *shown, *more, ""]


def _closing(head: Sha, package: str) -> str:
    version = escape.code(f"/release as 2.0.0 {package}".rstrip())
    return (
        f"<sub>Merging this releases it: the tag and the GitHub release follow. Made from "
        f"{escape.code(head[:7])}, and renewed with each push. What you write at the very top, "
        f"above this text, stays. {version}, `/release prerelease`, `/release skip <sha>` "
        "and `/release note <text>` change it.</sub>\n"
    )
