"""How versions are written: where one stands in a text, and as Python has them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from bot.core.release.version import Version, parse_version

_WORDS = frozenset(
    {"a", "alpha", "b", "beta", "c", "canary", "dev", "m", "next", "nightly", "post", "pre"}
    | {"preview", "rc", "snapshot"}
)
"""What prereleases are called. Other words after a hyphen are no part of a version, as in
``app-1.2.3-linux.tar.gz``, unless a version in question has them."""

# https://packaging.python.org/en/latest/specifications/version-specifiers/#pre-releases
_PYTHON_WORDS = {
    **dict.fromkeys(("a", "alpha"), "a"),
    **dict.fromkeys(("b", "beta"), "b"),
    **dict.fromkeys(("c", "rc", "pre", "preview"), "rc"),
    "dev": ".dev",
}
_PYTHON_PRERELEASE = re.compile(r"([a-z]+)\.?([0-9]*)")


def python_version(version: Version) -> str:
    """``1.5.0-beta.1`` → ``1.5.0b1``. Raises ValueError, in words for whoever named the prerelease.

    https://packaging.python.org/en/latest/specifications/version-specifiers/
    """
    said = f"{version.major}.{version.minor}.{version.patch}"
    if version.prerelease:
        match = _PYTHON_PRERELEASE.fullmatch(".".join(version.prerelease).lower())
        if match is None or match[1] not in _PYTHON_WORDS:
            raise ValueError(f"Python has no way to write the version `{version}`")
        said += f"{_PYTHON_WORDS[match[1]]}{int(match[2] or 0)}"
    if version.build:
        local = ".".join(version.build).lower().replace("-", ".")
        if not all(local.split(".")):
            raise ValueError(f"Python has no way to write the version `{version}`")
        said += f"+{local}"
    return said


def says(text: str, version: Version) -> bool:
    """Whether a text is a version, as it stands, with a ``v``, or as Python writes it."""
    bare = text.removeprefix("v")
    return bare == str(version) or _canonical(bare) == _canonical(str(version))


def _canonical(text: str) -> str:
    try:
        return python_version(parse_version(text))
    except ValueError:
        return text


def find_version(text: str, likely: Iterable[Version]) -> tuple[int, int] | None:
    """Where a version stands in a text, without a ``v`` before it: the first that is one of the
    likely ones, else the first of all. None if there is none; ``1.2`` and ``1.2.3.4`` are none."""
    likely = tuple(likely)
    words = {part.lower() for version in likely for part in version.prerelease}
    first: tuple[int, int] | None = None
    for match in _pattern(frozenset(words | _WORDS)).finditer(text):
        if any(says(match[0], version) for version in likely):
            return match.span()
        first = first or match.span()
    return first


@lru_cache(maxsize=32)
def _pattern(words: frozenset[str]) -> re.Pattern[str]:
    named = "|".join(sorted((re.escape(word) for word in words), key=len, reverse=True))
    return re.compile(
        r"(?<![0-9])(?<![0-9]\.)[0-9]++\.[0-9]++\.[0-9]++"
        rf"(?:-(?:(?:{named})|[0-9]++)(?:[.-]?(?:(?:{named})(?![a-z])|[0-9]++))*"
        r"|(?:a|b|rc)[0-9]++)?"
        r"(?:\.post[0-9]++)?(?:\.dev[0-9]++)?"
        r"(?:\+[0-9a-z-]++(?:\.[0-9a-z-]++)*)?"
        r"(?![0-9a-z]|\.[0-9])",
        re.IGNORECASE | re.ASCII,
    )
