"""A changelog that people keep too: a version's section is put in, taken out or put in place of
the one there is, and every other byte stays.

Sections are found as the common tools write them: ``## [1.4.0] - 2026-01-31``, ``## 1.4.0
(2026-01-31)``, ``### [1.4.1](…)`` for a patch, ``## v1.4.0``, ``# api@1.4.0``.
"""

import re
from dataclasses import dataclass, replace

from bot.core.release.changelog import UNRELEASED
from bot.core.release.version import Version, parse_version

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_NAMED = re.compile(
    r"\[?(?:[\w@/.]+[@-])?v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\]?"
    r"(?:\([^()\s]*\))?(?:\s*[-–—(/:]|\s+\d|\s*\Z)"
)
_VERSION_LEVELS = 3
_HEADING_LENGTH = 300
_REFERENCE = re.compile(r"\[[^\]]+\]:\s+\S")
_ANCHOR = re.compile(r"<a (?:name|id)=")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Heading:
    start: int
    before: int
    """Where the anchor stands that some tools write before it; else ``start``."""
    level: int
    text: str
    version: Version | None


def insert_section(existing: str, section: str, version: Version, header: str) -> str:
    """The file with the section of a version: in place of the one that it has, else before the
    first older version. An empty file begins with ``header``.

    Line ends are those of the file.
    """
    bom = _BOM if existing.startswith(_BOM) else ""
    text = existing.removeprefix(_BOM)
    if not text.strip():
        text = f"{header.rstrip()}\n"
    line_end = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    start, end = _place(text, version)
    before, after = text[:start].rstrip("\r\n"), text[end:].lstrip("\r\n")
    parts = [part for part in (before, section.strip("\n").replace("\n", line_end)) if part]
    whole = (line_end * 2).join([*parts, after]) if after else (line_end * 2).join(parts) + line_end
    return f"{bom}{whole}"


def find_section(text: str, version: Version) -> str | None:
    """A version's section as it stands in the file, which people may have edited; its heading
    first and one line end at the end. None if there is none."""
    start, end = _place(text.removeprefix(_BOM), version)
    found = text.removeprefix(_BOM)[start:end].replace("\r\n", "\n").strip("\n")
    return f"{found}\n" if found else None


def _place(text: str, version: Version) -> tuple[int, int]:
    """Where a version's section begins and ends; the same twice where it is to be put in."""
    headings = _headings(text)
    tail = _references_start(text)
    named = [place for place, heading in enumerate(headings) if heading.version is not None]
    for place in named:
        if headings[place].version == version:
            return headings[place].start, _end(headings, place, tail)
    for place in named:
        found = headings[place].version
        if found is not None and found < version:
            return headings[place].before, headings[place].before
    for place in named[-1:] or [
        place for place, heading in enumerate(headings) if _is_unreleased(heading)
    ]:
        end = _end(headings, place, tail)
        return end, end
    return tail, tail


def _end(headings: list[_Heading], place: int, tail: int) -> int:
    """Where the section under a heading ends: at the next version, or at the next heading that is
    no lower."""
    own = headings[place]
    for heading in headings[place + 1 :]:
        if heading.version is not None or heading.level <= own.level:
            return heading.before
    return max(tail, own.start)


def _headings(text: str) -> list[_Heading]:
    """Those outside code."""
    found: list[_Heading] = []
    offset, fence, anchor = 0, "", -1
    before_fence = 0
    for line in _LINE.findall(text):
        if mark := _FENCE.match(line):
            if not fence:
                fence, before_fence = mark[1], offset
            elif mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif not fence and (match := _HEADING.match(line)):
            level, words = len(match[1]), match[2].strip()[:_HEADING_LENGTH]
            before = anchor if anchor >= 0 else offset
            found.append(_Heading(offset, before, level, words, _version(words, level)))
        if line.strip():
            anchor = (anchor if anchor >= 0 else offset) if _ANCHOR.match(line) else -1
        offset += len(line)
    if fence:
        # Code that nothing ends would hide all that follows, and a section that is put in too.
        rest = _FENCE.sub(_as_text, text[before_fence:])
        found += [
            replace(one, start=one.start + before_fence, before=one.before + before_fence)
            for one in _headings(rest)
        ]
    return found


def _as_text(fence: re.Match[str]) -> str:
    return "x" * len(fence[0])


def _version(words: str, level: int) -> Version | None:
    match = _NAMED.match(words) if level <= _VERSION_LEVELS else None
    try:
        return parse_version(match[1]) if match else None
    except ValueError:
        return None


def _is_unreleased(heading: _Heading) -> bool:
    return heading.text.strip("[] ").casefold().startswith(UNRELEASED.casefold())


def _references_start(text: str) -> int:
    """Where the link definitions begin with which a file may end."""
    start = len(text)
    for line in reversed(_LINE.findall(text)):
        if line.strip() and not _REFERENCE.match(line):
            break
        start -= len(line)
    return start
