"""uv's lock file, where it holds the project's own entry.

https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
"""

import re
from collections.abc import Mapping
from typing import Any

from bot.core.release.documents.toml_text import find_in_toml, read_toml
from bot.core.release.documents.value import Path, Unreadable
from bot.core.release.updaters.updater import (
    Found,
    Hints,
    UpdateError,
    Updater,
    for_python,
    named,
    text_spot,
)
from bot.core.release.version import Version

_LOCAL = ("editable", "virtual", "directory")
"""Sources that are a folder: the project, members of its workspace, and dependencies by path."""


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        document = read_toml(text)
        packages = document.get("package")
        entries = packages if isinstance(packages, list) else []
        own: list[Path] = [
            ("package", index, "version")
            for index, entry in enumerate(entries)
            if isinstance(entry, Mapping)
            and isinstance(entry.get("version"), str)
            and _is_own(entry, hints.name)
        ]
        values = find_in_toml(text, document, own)
    except Unreadable as error:
        raise UpdateError(path, f"it is not TOML: {error}", "run `uv lock`") from None
    if not values:
        return Found(
            note="it holds no version of the project itself: there is nothing to set",
            remedy="" if hints.folder else "run `uv lock`, and commit it",
        )
    written = for_python(version, path)
    return Found(tuple(text_spot(text, values[place], written) for place in own))


def _is_own(entry: Mapping[str, Any], name: str) -> bool:
    source = entry.get("source")
    folders = [source.get(kind) for kind in _LOCAL] if isinstance(source, Mapping) else []
    if name:
        return any(folders) and _normal(entry.get("name")) == _normal(name)
    return "." in folders


def _normal(name: object) -> str:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    return re.sub(r"[-_.]+", "-", str(name)).lower()


UV_LOCK = Updater(
    name="uv-lock",
    files=("uv.lock",),
    summary="Sets `version` of the project's own `[[package]]`: the one of the package's name "
    "whose source is a folder, or where no name is known the one in the folder itself.",
    matches=named("uv.lock"),
    find=_find,
    max_characters=4 * 1024 * 1024,
)
