"""Cargo.lock's own entries. https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.release.documents.toml_text import find_in_toml, read_toml
from bot.core.release.documents.value import Path, Unreadable
from bot.core.release.updaters.updater import (
    Found,
    Hints,
    Spot,
    UpdateError,
    Updater,
    named,
    text_spot,
)
from bot.core.release.version import Version


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        document = read_toml(text)
        packages = document.get("package")
        entries = [
            entry if isinstance(entry, Mapping) else {}
            for entry in (packages if isinstance(packages, list) else [])
        ]
        own = _own(entries, hints, path)
        places = _places(entries, own)
        values = find_in_toml(text, document, places)
    except Unreadable as error:
        raise UpdateError(
            path, f"it is not TOML: {error}", "run `cargo generate-lockfile`"
        ) from None
    if not values:
        return Found(
            note="it holds no version of the package itself: there is nothing to set",
            remedy="" if hints.folder else "run `cargo update --workspace`, and commit it",
        )
    spots = []
    for place, value in values.items():
        spot = text_spot(text, value, str(version))
        if place[2] == "dependencies":  # `name version`
            spot = Spot(spot.start + (value.said or "").index(" ") + 1, spot.end, spot.written)
        spots.append(spot)
    return Found(tuple(sorted(spots, key=lambda spot: spot.start)))


def _own(entries: Sequence[Mapping[str, Any]], hints: Hints, path: str) -> list[int]:
    """Which entries are of the package itself, by its name, or of members that share a workspace's
    version. What has no source is in the repository."""
    local = [
        index
        for index, entry in enumerate(entries)
        if "source" not in entry and isinstance(entry.get("version"), str)
    ]
    if hints.name or hints.manifest:
        return [
            index
            for index in local
            if entries[index].get("name") == hints.name
            or entries[index]["version"] == hints.manifest
        ]
    versions = sorted({entries[index]["version"] for index in local})
    if len(versions) > 1:
        raise UpdateError(
            path,
            f"its own packages have several versions: {', '.join(versions[:5])}",
            "name the package in `release.packages`",
        )
    return local


def _places(entries: Sequence[Mapping[str, Any]], own: Sequence[int]) -> list[Path]:
    """The versions of the own entries, and where others depend on one with its version."""
    named_so = {f"{entries[index].get('name')} {entries[index]['version']}" for index in own}
    places: list[Path] = [("package", index, "version") for index in own]
    for index, entry in enumerate(entries):
        dependencies = entry.get("dependencies")
        for number, one in enumerate(dependencies if isinstance(dependencies, list) else ()):
            if isinstance(one, str) and one in named_so:
                places.append(("package", index, "dependencies", number))
    return places


CARGO_LOCK = Updater(
    name="cargo-lock",
    files=("Cargo.lock",),
    summary="Sets `version` of the package's own `[[package]]`, and of those of the workspace that "
    "share it: entries without a `source`. Entries that depend on one by its version follow.",
    matches=named("Cargo.lock"),
    find=_find,
    max_characters=4 * 1024 * 1024,
)
