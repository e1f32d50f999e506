"""``/release``"""

from bot.core.commands.command import (
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    first_word,
    read_named,
)
from bot.core.commands.near import nearest
from bot.core.commands.requests import (
    ReleaseAsRequest,
    ReleaseNoteRequest,
    ReleasePrereleaseRequest,
    ReleaseResetRequest,
    ReleaseSkipRequest,
    ShaPrefix,
    SteeringRequest,
)
from bot.core.release.steering import WishKind
from bot.core.release.version import Version, parse_version

MAX_NOTE = 500
"""In characters."""

_NAME = "release"
_KINDS = tuple(kind.value for kind in WishKind)
_SAID = "`as`, `prerelease`, `skip`, `note` or `reset`"
_PACKAGE = "--package"


def _parse(rest: str, _: Surroundings) -> SteeringRequest:
    kind, left = first_word(rest)
    match kind:
        case WishKind.AS:
            return _as(left)
        case WishKind.PRERELEASE:
            bare, named = _without_package(left, kind)
            return ReleasePrereleaseRequest(_package(f"{bare} {named}", f"/{_NAME} {kind}"))
        case WishKind.SKIP:
            return _skip(left)
        case WishKind.NOTE:
            return _note(left)
        case WishKind.RESET if left:
            raise Misuse(f"Nothing goes behind `reset`, and `{left}` stands there.", _line(kind))
        case WishKind.RESET:
            return ReleaseResetRequest()
    if not kind:
        raise Misuse(f"What is asked for is missing: {_SAID}.")
    if version := _near_version(kind):
        raise Misuse(f"`{kind}` is not {_SAID}.", f"/{_NAME} as {version}")
    meant = nearest(kind, _KINDS)
    raise Misuse(f"`{kind}` is not {_SAID}.", f"/{_NAME} {meant} {left}".rstrip() if meant else "")


def _as(rest: str) -> ReleaseAsRequest:
    rest, named = _without_package(rest, "as")
    word, left = first_word(rest)
    if not word:
        raise Misuse("The version is missing.", f"/{_NAME} as 2.0.0 {named}".rstrip())
    try:
        version = parse_version(word)
    except ValueError as error:
        near = _near_version(word)
        line = f"/{_NAME} as {near} {left}".rstrip() if near else ""
        raise Misuse(f"`{word}` is no version: it {error}.", line) from None
    return ReleaseAsRequest(version, _package(f"{left} {named}", f"/{_NAME} as {version}"))


def _near_version(word: str) -> Version | None:
    """Of a version, of one with a ``v`` before it, and of one without all its three numbers."""
    bare = word.removeprefix("v").removeprefix("V")
    for tried in (bare, f"{bare}.0", f"{bare}.0.0"):
        try:
            return parse_version(tried)
        except ValueError:
            continue
    return None


def _package(rest: str, line: str) -> str:
    word, left = first_word(rest)
    if left:
        raise Misuse(
            f"One package can be named, and `{rest.strip()}` stands there.", f"{line} {word}"
        )
    return word


def _without_package(rest: str, kind: str) -> tuple[str, str]:
    """What is left without ``--package NAME``, wherever it stands, and the name."""
    words, left, named = rest.split(), list[str](), ""
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            left.append(word)
            continue
        if word != _PACKAGE:
            flag, _, name = word.partition("=")
            meant = nearest(flag, [_PACKAGE])
            near = " ".join(filter(None, [*left, meant, name, *words]))
            raise Misuse(f"There is no `{word}`.", _line(f"{kind} {near}") if meant else "")
        if named:
            raise Misuse(f"`{_PACKAGE}` stands there twice.")
        if not words or words[0].startswith("-"):
            raise Misuse(f"The package's name is missing behind `{_PACKAGE}`.", "")
        named = words.pop(0)
    return " ".join(left), named


def _skip(rest: str) -> ReleaseSkipRequest:
    rest, package = _without_package(rest, "skip")
    word, left = first_word(rest)
    named = read_named(word)
    if not isinstance(named, ShaPrefix):
        what = f"`{word}` is no commit's id" if word else "The commit is missing: its id"
        raise Misuse(f"{what} of 7 to 40 hexadecimal digits.", _line("skip 3f2c1aa"))
    if left:
        raise Misuse(f"One commit at a time, and `{rest}` stands there.", _line(f"skip {word}"))
    return ReleaseSkipRequest(named, package)


def _note(rest: str) -> ReleaseNoteRequest:
    """The package is named before the text, which may say anything."""
    package = ""
    word, behind = first_word(rest)
    if word.partition("=")[0] == _PACKAGE:
        name, rest = first_word(behind)
        _, package = _without_package(f"{word} {name}", "note")
    text = " ".join(rest.split())
    if not text:
        raise Misuse(
            "The note is missing; it stands above the changelog's entries.",
            _line("note Run the migration first."),
        )
    if len(text) > MAX_NOTE:
        raise Misuse(f"The note has {len(text)} characters, {MAX_NOTE} are allowed.")
    return ReleaseNoteRequest(text, package)


def _line(rest: str) -> str:
    return f"/{_NAME} {rest}"


RELEASE = Command(
    name=_NAME,
    summary="Steer what the release pull request, on which it is typed, is going to release.",
    permission=Permission.RELEASE,
    changes=True,
    arguments=(
        Argument(
            "as <version> [package]",
            "Release it as that version, whatever its commits make of it; the last one counts. "
            "Where the pull request releases several packages, one is named.",
        ),
        Argument(
            "prerelease [package]",
            "Release a prerelease of the version first, such as `2.0.0-rc.1`; without a package "
            "of all of them.",
        ),
        Argument(
            "skip [--package <name>] <sha>",
            "Leave a commit out of the version and the changelog, by at least 7 characters of its "
            "id; without a package of all of them. Its code is released all the same.",
        ),
        Argument(
            "note [--package <name>] <text>",
            "Put a text above the changelog's entries; without a package above all of them.",
            free_text=True,
        ),
        Argument("reset", "Forget all that was asked for on this pull request."),
    ),
    examples=(
        Example("/release as 2.0.0", "as 2.0.0, whatever the commits say"),
        Example("/release as 1.0.0 api", "of several packages `api` alone, as 1.0.0"),
        Example("/release prerelease", "a prerelease first"),
        Example("/release skip 3f2c1aa", "without that commit's entry"),
        Example("/release note Run the migration first.", "these words above the entries"),
        Example("/release note --package api Faster now.", "above the entries of `api` alone"),
        Example("/release reset", "as the commits say, again"),
    ),
    parse=_parse,
    either=True,
)
