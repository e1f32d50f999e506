"""A file that holds the version and nothing else."""

import re

from bot.core.release.updaters.updater import Found, Hints, NoVersion, Spot, UpdateError, Updater
from bot.core.release.version import Version

_FILES = ("version.txt", "VERSION", "VERSION.txt", ".version")
_WORD = re.compile(r"\ufeff?\s*v?(\S*)\s*")


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    match = _WORD.fullmatch(text)
    if match is None or (match[1] and not match[1][0].isdigit()):
        raise UpdateError(
            path,
            "it holds something else than a version",
            "let the version stand there alone, or mark its line with `x-lockgate-version` and "
            "list the file in `release.extra_files`",
        )
    if not match[1]:
        raise NoVersion(path, "it is empty", f"write `{hints.former or version}` there")
    return Found((Spot(*match.span(1), str(version)),))


VERSION_TXT = Updater(
    name="version-txt",
    files=_FILES,
    summary="Sets the only word of the file; a `v` before it, blank lines and the end stay.",
    matches=lambda path: path.rpartition("/")[2] in _FILES,
    find=_find,
)
