"""Any file, by comments that mark the line or the block in which the version stands.

``x-lockgate-version`` marks its own line; ``x-lockgate-start-version`` begins a block, which
``x-lockgate-end`` closes. In place of ``version`` may stand ``major``, ``minor`` or ``patch``.
release-please's words for the same, ``x-release-please-…``, are read as well.
"""

import re
from collections.abc import Iterator

from bot.core.release.spelling import find_version
from bot.core.release.updaters.updater import (
    Found,
    Hints,
    NoVersion,
    Spot,
    UpdateError,
    Updater,
    for_python,
)
from bot.core.release.version import Version

_MARKER = re.compile(
    r"x-(?:lockgate|release-please)-(?:(?P<end>end)|(?P<start>start-)?(?P<part>[a-z]+(?:-[a-z]+)*))"
)
_PARTS = ("version", "major", "minor", "patch")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?![0-9A-Za-z])")


def has_marker(text: str) -> bool:
    """Whether a text is marked anywhere."""
    return _MARKER.search(text) is not None


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    spots: list[Spot] = []
    block, opened, filled = "", 0, True
    marked = False
    for number, start, line in _lines(text):
        marker = _MARKER.search(line)
        if marker is None:
            spot = _spot(line, start, block, version, path, hints) if block else None
            filled = filled or spot is not None
            spots += [spot] if spot else []
            continue
        marked = True
        part = marker["part"]
        if part and part not in _PARTS:
            raise UpdateError(
                path,
                f"line {number}: there is no marker `{marker[0]}`",
                f"end it in one of {', '.join(f'`{known}`' for known in _PARTS)}",
            )
        if marker["end"]:
            if not block:
                raise UpdateError(
                    path, f"line {number}: `{marker[0]}` closes nothing", "take it away"
                )
            if not filled:
                raise NoVersion(
                    path,
                    f"the block that begins on line {opened} holds no {block}",
                    "write one there, or take the markers away",
                )
            block = ""
        elif block:
            raise UpdateError(
                path,
                f"line {number}: `{marker[0]}` stands within the block of line {opened}",
                "close the block before it with `x-lockgate-end`",
            )
        elif marker["start"]:
            block, opened, filled = part, number, False
        else:
            spot = _spot(line, start, part, version, path, hints)
            if spot is None:
                raise NoVersion(
                    path,
                    f"line {number} is marked with `{marker[0]}` and holds no {part}",
                    "write one on that line, or take the marker away",
                )
            spots.append(spot)
    if block:
        raise UpdateError(
            path, f"the block that begins on line {opened} is not closed", "add `x-lockgate-end`"
        )
    if not marked:
        raise NoVersion(path, "no line is marked", "mark the version's line: `x-lockgate-version`")
    return Found(tuple(spots))


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Each line with its number and where it begins."""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        yield number, start, line
        start += len(line) + 1


def _spot(
    line: str, start: int, part: str, version: Version, path: str, hints: Hints
) -> Spot | None:
    """Of a line, where the version or a part of it stands; the marker itself holds none."""
    if part == "version":
        likely = (hints.former, version) if hints.former else (version,)
        span = find_version(line, likely)
        written = for_python(version, path) if path.endswith(".py") else str(version)
    else:
        match = _NUMBER.search(line)
        span = match.span() if match else None
        written = str(getattr(version, part))
    return Spot(start + span[0], start + span[1], written) if span else None


MARKER = Updater(
    name="marker",
    files=(),
    summary="Sets the version on each marked line, and on each line of a marked block that has "
    "one. Where several stand on a line, the released one is meant, else the first.",
    matches=lambda path: True,
    find=_find,
    max_characters=4 * 1024 * 1024,
    unread="write the version apart from what stands around it",
)
