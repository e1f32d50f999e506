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
_DEEPEST = 50
"""Casts within casts that are looked through."""


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
    for _ in range(_DEEPEST):
        changed = _once(text)
        if changed is None:
            break
        text = changed
    return text


def _once(text: str) -> str | None:
    """The text with the first such cast pushed down to the elements; None if there is none."""
    for start in _code(text):
        if not text.startswith(_ARRAY, start):
            continue
        first = start + len(_ARRAY)
        ends = _elements(text, first)
        if ends is None:
            continue
        cast = _TYPE.match(text, ends[-1])
        if cast is None:
            continue
        begins = [first, *(end + 1 for end in ends[:-1])]
        elements = [text[one:two].strip() for one, two in zip(begins, ends, strict=True)]
        pushed = ", ".join(f"({each})::{cast[1]}" for each in elements)
        return f"{text[:start]}ARRAY[{pushed}]{text[cast.end() :]}"
    return None


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
    """Places that are in no quotation."""
    at = start
    while at < len(text):
        sign = text[at]
        if sign in "'\"":
            at = _end_of_quotation(text, at)
            continue
        yield at
        at += 1


def _end_of_quotation(text: str, at: int) -> int:
    quote = text[at]
    escapes = quote == "'" and text[at - 1 : at] == "E"
    at += 1
    while at < len(text):
        if escapes and text[at] == "\\":
            at += 2
        elif text[at] == quote:
            if text[at + 1 : at + 2] != quote:
                return at + 1
            at += 2
        else:
            at += 1
    return at
