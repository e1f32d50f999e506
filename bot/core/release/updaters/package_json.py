"""npm's package.json. https://docs.npmjs.com/cli/configuring-npm/package-json#version"""

from bot.core.release.documents.json_text import find_in_json
from bot.core.release.documents.value import Unreadable
from bot.core.release.updaters.updater import (
    Found,
    Hints,
    NoVersion,
    UpdateError,
    Updater,
    named,
    text_spot,
)
from bot.core.release.version import Version


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        value = find_in_json(text, ("version",))
    except Unreadable as error:
        raise UpdateError(path, f"it is not JSON: {error}", "mend the file") from None
    if value is None:
        raise NoVersion(
            path, "it has no `version`", f'add `"version": "{hints.former or version}"`'
        )
    if value.said is None:
        raise UpdateError(path, "its `version` is no text", "write the version in quotes")
    return Found((text_spot(text, value, str(version)),))


PACKAGE_JSON = Updater(
    name="package-json",
    files=("package.json",),
    summary="Sets `version` at the top; a dependency's version, or a nested one, is left alone.",
    matches=named("package.json"),
    find=_find,
)
