"""setuptools' setup.cfg. https://setuptools.pypa.io/en/latest/userguide/declarative_config.html"""

import configparser
import re

from bot.core.release.updaters.updater import (
    Found,
    Hints,
    NoVersion,
    Spot,
    UpdateError,
    Updater,
    for_python,
    named,
)
from bot.core.release.version import Version

_SECTION = re.compile(r"\[(?P<name>[^\]\n]*)\]")
_VERSION = re.compile(r"version[ \t]*[=:][ \t]*(?P<value>[^\r\n]*?)[ \t]*\r?", re.IGNORECASE)


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    said = _read(text, path)
    if said is None:
        raise NoVersion(
            path,
            "it has no `version` in `[metadata]`",
            f"add `version = {hints.former or version}` there",
        )
    if said.startswith(("attr:", "file:")):
        return Found(note="the version is read from elsewhere: there is nothing to set here")
    section, start = "", 0
    for line in text.removeprefix("\ufeff").split("\n"):
        match = _SECTION.match(line)
        section = match["name"] if match else section
        value = _VERSION.fullmatch(line) if section == "metadata" else None
        if value and value["value"] == said:
            begin = start + value.start("value") + text.startswith("\ufeff")
            return Found((Spot(begin, begin + len(said), for_python(version, path)),))
        start += len(line) + 1
    raise UpdateError(
        path,
        "its `version` does not stand on one line",
        "write `version = ` and the version on a line of its own, in `[metadata]`",
    )


def _read(text: str, path: str) -> str | None:
    """The value as setuptools reads it, None without one. Raises UpdateError."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except configparser.Error as error:
        problem = str(error).partition("\n")[0]
        raise UpdateError(path, f"it cannot be read: {problem}", "mend the file") from None
    return parser.get("metadata", "version", fallback=None)


SETUP_CFG = Updater(
    name="setup-cfg",
    files=("setup.cfg",),
    summary="Sets `version` of `[metadata]`. Nothing is set where it is `attr:` or `file:`.",
    matches=named("setup.cfg"),
    find=_find,
    max_characters=1024 * 1024,
)
