"""Numbers out of what a source answers: exact, and bounded before they are computed with."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

_LONGEST_NUMBER = 60
_LARGEST_POWER = 40
"""Of ten: a short text such as 1e999999999 would fill the memory as an exact number."""
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_PATH = re.compile(rf"\$(?:\.{_NAME}|\[-?\d{{1,6}}\]|\[\"[^\"\\]*\"\]|\['[^'\\]*'\])*")
_PART = re.compile(rf"\.({_NAME})|\[(-?\d+)\]|\[\"([^\"]*)\"\]|\['([^']*)'\]")
_LONGEST_PATH = 500


class ReadingFault(ValueError):
    """What a source said is no number, or not where it should be. The text is plain."""


def exact_number(value: object) -> Fraction | None:
    """A number, or a text that is one, as it stands there. None for null, NaN and infinity, which
    are no numbers: data is missing.

    Raises:
        ReadingFault: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal | Fraction):
        raise ReadingFault(f"{_shown(value)} is no number")
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int):
        if abs(value) >= 10**_LARGEST_POWER:
            raise ReadingFault("a number is too large to be a count")
        return Fraction(value)
    text = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER and text.isascii() else None
    except InvalidOperation:
        number = None
    if number is None or "_" in text:
        raise ReadingFault(f"{_shown(value)} is no number")
    if not number.is_finite():
        return None
    if number and abs(number.adjusted()) > _LARGEST_POWER:
        raise ReadingFault(f"{_shown(value)} is too large or too small to be a count")
    return Fraction(number)


def check_path(path: str) -> None:
    """
    Raises:
        ReadingFault: it is no path of names and places, such as ``$.data.items[0].count``.
    """
    if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
        raise ReadingFault(f"{_shown(path)} is no path such as `$.data.items[0].count`")


def value_at(document: Any, path: str) -> Any:
    """What stands at a path (of RFC 9535 its singular queries: names and places only).

    Raises:
        ReadingFault: nothing does, or it is no path.
    """
    check_path(path)
    found = document
    so_far = "$"
    for match in _PART.finditer(path):
        name, place = match[1] or match[3] or match[4] or "", match[2]
        try:
            if place is None:
                found = found[name] if isinstance(found, dict) else _missing()
            else:
                found = found[int(place)] if isinstance(found, list) else _missing()
        except (KeyError, IndexError):
            raise ReadingFault(f"the answer has no {match[0]} at {so_far}") from None
        so_far += match[0]
    return found


def moment_text(at: datetime) -> str:
    """RFC 3339 in UTC, as a query's ``{start}`` and ``{end}`` are written."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _missing() -> Any:
    raise KeyError


def _shown(value: object) -> str:
    text = (
        str(value)[:40] if isinstance(value, str | int | float | Decimal) else "what stands there"
    )
    return "".join(char if char.isprintable() else " " for char in text) or "an empty text"
