"""Python's pyproject.toml: PEP 621 and Poetry.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from collections.abc import Mapping
from typing import Any

from bot.core.release.documents.toml_text import find_in_toml, read_toml
from bot.core.release.documents.value import Path, Unreadable, say_path
from bot.core.release.updaters.updater import (
    Found,
    Hints,
    NoVersion,
    UpdateError,
    Updater,
    for_python,
    named,
    text_spot,
)
from bot.core.release.version import Version

_PLACES: tuple[Path, ...] = (("project", "version"), ("tool", "poetry", "version"))


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        document = read_toml(text)
        values = find_in_toml(text, document, _PLACES)
    except Unreadable as error:
        raise UpdateError(path, f"it is not TOML: {error}", "mend the file") from None
    tool = _table(document, "tool")
    if _table(tool, "poetry-dynamic-versioning").get("enable") is True:
        return Found(note="poetry-dynamic-versioning takes the version from git's tags")
    if not values:
        return _without_version(document, for_python(hints.former or version, path), path)
    for place, value in values.items():
        if value.said is None:
            raise UpdateError(
                path, f"its `{say_path(place)}` is no text", "write the version in quotes"
            )
    written = for_python(version, path)
    spots = [text_spot(text, value, written) for value in values.values()]
    return Found(tuple(sorted(spots, key=lambda spot: spot.start)))


def _without_version(document: Mapping[str, Any], version: str, path: str) -> Found:
    dynamic = _table(document, "project").get("dynamic")
    if isinstance(dynamic, list) and "version" in dynamic:
        return Found(
            note="the version is `dynamic`, and stands elsewhere: there is nothing to set here"
        )
    raise NoVersion(
        path,
        "it has neither `[project] version` nor `[tool.poetry] version`",
        f'add `version = "{version}"` to `[project]`, or `dynamic = ["version"]`',
    )


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = document.get(key)
    return table if isinstance(table, Mapping) else {}


PYPROJECT = Updater(
    name="pyproject",
    files=("pyproject.toml",),
    summary="Sets `version` of `[project]` and of `[tool.poetry]`, wherever one of them has it. "
    'Nothing is set where `dynamic` lists `"version"`.',
    matches=named("pyproject.toml"),
    find=_find,
    max_characters=1024 * 1024,
)
