"""One spelling for what PostgreSQL spells in two ways before and after a dump and a restore. Pure.

``status IN ('a', 'b')`` on a ``varchar`` is written back as
``(ARRAY['a'::character varying, …])::text[]`` and, once that was read again, as
``ARRAY[('a'::character varying)::text, …]``; from then on it stays.
"""

import re
from collections.abc import Iterator
from functools import cache

from bot.core.decision import Json

_ARRAY = "(ARRAY["
_TYPE = re.compile(
    r'\]\)::((?:[a-z_][\w$]*|"(?:[^"]|"")+")(?:[ .](?:[a-z_][\w$]*|"(?:[^"]|"")+"))*'
    r"(?:\([\d, ]+\))?(?: with(?:out)? time zone)?)\[\]"
)
_OPEN, _CLOSED = "([{", ")]}"
_MARKS = (*_OPEN, *_CLOSED, ",")
_SIGNS = re.compile(
    r"""E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|[()\[\]{},]""", re.DOTALL
)
"""Quotations, which hide what is in them, and what may part elements."""
_MOST = 100
"""Casts of arrays in one text that are looked at: each is read to its end."""


def spelled(record: dict[str, Json]) -> dict[str, Json]:
    """The record without what is null, and with every text in the one spelling."""
    return {key: _value(value) for key, value in record.items() if value is not None}


def _value(value: Json) -> Json:
    match value:
        case str():
            return spell(value) if _ARRAY in value else value
        case dict():
            return spelled(value)
        case list():
            return [_value(each) for each in value]
    return value


@cache
def spell(text: str) -> str:
    """``(ARRAY[a, b])::text[]`` → ``ARRAY[(a)::text, (b)::text]``, wherever it stands."""
    starts = [at for at in _code(text) if text.startswith(_ARRAY, at)]
    if len(starts) > _MOST:
        return text
    # From the end on, so that what stands within another is done first, and places before it stay.
    for start in reversed(starts):
        text = _pushed_down(text, start)
    return text


def _pushed_down(text: str, start: int) -> str:
    first = start + len(_ARRAY)
    ends = _elements(text, first)
    cast = _TYPE.match(text, ends[-1]) if ends else None
    if not ends or cast is None:
        return text
    begins = [first, *(end + 1 for end in ends[:-1])]
    elements = [text[one:two].strip() for one, two in zip(begins, ends, strict=True)]
    pushed = ", ".join(f"({each})::{cast[1]}" for each in elements)
    return f"{text[:start]}ARRAY[{pushed}]{text[cast.end() :]}"


def _elements(text: str, first: int) -> list[int] | None:
    """Where each element ends: at a comma, the last at the closing bracket."""
    ends: list[int] = []
    depth = 0
    for at in _code(text, first):
        sign = text[at]
        if sign in _OPEN:
            depth += 1
        elif sign == "," and depth == 0:
            ends.append(at)
        elif sign in _CLOSED:
            if depth == 0:
                return [*ends, at] if sign == "]" else None
            depth -= 1
    return None


def _code(text: str, start: int = 0) -> Iterator[int]:
    """Places of brackets and commas that are in no quotation."""
    for found in _SIGNS.finditer(text, start):
        if found[0] in _MARKS:
            yield found.start()
