"""What an updater is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.core.release.documents.value import Value
from bot.core.release.spelling import python_version
from bot.core.release.version import Version

MAX_CHARACTERS = 16 * 1024 * 1024


class UpdateError(Exception):
    """A file in which the version cannot be set. Texts are plain and may quote the file."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        """What is wrong, without the file's name."""
        self.remedy = remedy
        """What to do, as an order."""


class NoVersion(UpdateError):
    """The file is sound, and says no version."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What else is known of a package and of where its version stands in a file."""

    name: str = ""
    """The package's name in its manifest: lock files of many packages are told it."""
    folder: str = ""
    """The package's folder, where the file is of a whole workspace."""
    manifest: str = ""
    """The version that stood in its workspace's manifest, for the same."""
    former: Version | None = None
    """The version that is released, by its tag: where several stand, this one is meant."""
    at: str = ""
    """The path of the value, as ``extra_files`` has it."""
    pattern: str = ""
    """The RE2 expression of the value, as ``extra_files`` has it."""


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Spot:
    """``text[start:end]`` is a version, and ``written`` is what is to stand there."""

    start: int
    end: int
    written: str


@dataclass(frozen=True, slots=True)
class Found:
    """Where the version stands, in order and apart; ``note`` says why where there is nothing to
    set, or what to look at besides, and ``remedy`` what to do, as an order."""

    spots: tuple[Spot, ...] = ()
    note: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Updated:
    """A text with the version set. ``stood`` are the versions that stood in it."""

    text: str
    stood: tuple[str, ...]
    note: str = ""
    remedy: str = ""


Find: TypeAlias = Callable[[str, Version, str, Hints], Found]
"""Of a text, the wanted version, the file's path and the hints. Raises UpdateError."""


@dataclass(frozen=True, slots=True)
class Updater:
    """Sets the version in one kind of file, and changes nothing else of it."""

    name: str
    files: tuple[str, ...]
    """The names of the files, for the documentation; empty where ``extra_files`` names them."""
    summary: str
    """What it sets, in a sentence for the documentation."""
    matches: Callable[[str], bool]
    """Whether a file is of the kind, by its path."""
    find: Find
    max_characters: int = MAX_CHARACTERS
    unread: str = (
        "mark the version's line with `x-lockgate-version`, and list the file in "
        "`release.extra_files`"
    )
    """What to do where the version that was set would not be read again."""

    def update(self, text: str, version: Version, path: str, hints: Hints = NO_HINTS) -> str:
        """The text with the version set. Raises UpdateError."""
        return self.updated(text, version, path, hints).text

    def updated(self, text: str, version: Version, path: str, hints: Hints = NO_HINTS) -> Updated:
        """The same, with what stood there. Raises UpdateError."""
        check_size(text, path, self.max_characters)
        check_text(text, path)
        found = self.find(text, version, path, hints)
        pieces, end = [], 0
        for spot in found.spots:
            pieces += [text[end : spot.start], spot.written]
            end = spot.end
        after = "".join((*pieces, text[end:]))
        if after != text:
            self._verify(found, after, version, path, hints)
        stood = tuple(text[spot.start : spot.end] for spot in found.spots)
        return Updated(after, stood, found.note, found.remedy)

    def _verify(self, found: Found, after: str, version: Version, path: str, hints: Hints) -> None:
        """Raises UpdateError unless the new text is sound, and read as the wanted version."""
        places, moved = set(), 0
        for spot in found.spots:
            start = spot.start + moved
            places.add((start, start + len(spot.written)))
            moved += len(spot.written) - (spot.end - spot.start)
        if hints.manifest:
            hints = replace(hints, manifest=str(version))
        try:
            spots = self.find(after, version, path, hints).spots
        except UpdateError:
            spots = ()
        if not places <= {(spot.start, spot.end) for spot in spots}:
            raise UpdateError(
                path,
                f"with `{found.spots[0].written}` in its place the version would not be read again",
                self.unread,
            )


def check_size(text: str, path: str, most: int) -> None:
    """Raises UpdateError for a file that is too long to be read."""
    if len(text) > most:
        raise UpdateError(
            path,
            f"it is longer than {most // 1024:,} KB, which is all that is read",
            "let the version stand in a smaller file",
        )


def check_text(text: str, path: str) -> None:
    """Raises UpdateError for what was no UTF-8 when it was read."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UpdateError(path, "it is not UTF-8 text", "save it as UTF-8") from None


def text_spot(text: str, value: Value, written: str) -> Spot:
    """The spot between the quotes of a JSON or TOML text."""
    quotes = 3 if text.startswith(('"""', "'''"), value.start) else 1
    return Spot(value.start + quotes, value.end - quotes, written)


def named(*names: str) -> Callable[[str], bool]:
    """Matches files of these names, in whatever folder."""
    return lambda path: path.rpartition("/")[2] in names


def for_python(version: Version, path: str) -> str:
    """The version as Python writes it. Raises UpdateError."""
    try:
        return python_version(version)
    except ValueError as error:
        raise UpdateError(
            path,
            str(error),
            "name prereleases `alpha`, `beta`, `rc` or `dev` in `release.prerelease.identifier`",
        ) from None
