"""Rust's Cargo.toml. https://doc.rust-lang.org/cargo/reference/manifest.html#the-version-field"""

from collections.abc import Mapping

from bot.core.release.documents.toml_text import find_in_toml, read_toml
from bot.core.release.documents.value import Path, Unreadable, say_path
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

_PLACES: tuple[Path, ...] = (("package", "version"), ("workspace", "package", "version"))


def _find(text: str, version: Version, path: str, hints: Hints) -> Found:
    try:
        document = read_toml(text)
        values = find_in_toml(text, document, _PLACES)
    except Unreadable as error:
        raise UpdateError(path, f"it is not TOML: {error}", "mend the file") from None
    if not values:
        package = document.get("package")
        said = package.get("version") if isinstance(package, Mapping) else None
        if isinstance(said, Mapping) and said.get("workspace") is True:
            return Found(
                note="the version is the workspace's, and stands in its Cargo.toml: there is "
                "nothing to set here"
            )
        raise NoVersion(
            path,
            "it has neither `[package] version` nor `[workspace.package] version`",
            f'add `version = "{hints.former or version}"` to one of them; or, where it lists '
            "members alone, list them in `release.packages`",
        )
    for place, value in values.items():
        if value.said is None:
            raise UpdateError(
                path, f"its `{say_path(place)}` is no text", "write the version in quotes"
            )
    spots = [text_spot(text, value, str(version)) for value in values.values()]
    return Found(tuple(sorted(spots, key=lambda spot: spot.start)))


CARGO_TOML = Updater(
    name="cargo-toml",
    files=("Cargo.toml",),
    summary="Sets `version` of `[package]` and of `[workspace.package]`, wherever one of them has "
    "it. A dependency's version is left alone.",
    matches=named("Cargo.toml"),
    find=_find,
    max_characters=1024 * 1024,
)
