"""JSON: the standard library reads it, and skips what is not on the way to the value."""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from bot.core.release.documents.value import Path, Unreadable, Value, say_path

_BLANK = re.compile(r"[ \t\r\n]*")
# Numbers stay texts: nobody asks what they are worth, and very long ones would be refused.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def read_json(text: str) -> Any:
    """The document, numbers as texts. Raises Unreadable."""
    start = _begin(text)
    try:
        document, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"{error.msg.lower()} (line {error.lineno}, column {error.colno})"
        ) from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    rest = _skip(text, end)
    if rest < len(text):
        line = text.count("\n", 0, rest) + 1
        raise Unreadable(f"something follows the end of the document (line {line})")
    return document


def find_in_json(text: str, path: Path) -> Value | None:
    """Where the value of a path stands; None if there is none. Raises Unreadable."""
    read_json(text)
    position = _begin(text)
    for number, step in enumerate(path):
        if isinstance(step, str) and text[position] == "{":
            found = _member(text, position, step, path[: number + 1])
        elif isinstance(step, int) and text[position] == "[":
            found = _item(text, position, step)
        else:
            found = None
        if found is None:
            return None
        position = found
    said, end = _DECODER.raw_decode(text, position)
    return Value(position, end, said if text[position] == '"' else None)


def _member(text: str, position: int, key: str, path: Path) -> int | None:
    """Where the value of an object's key begins. The text is known to be JSON."""
    found: int | None = None
    position = _skip(text, position + 1)
    while text[position] != "}":
        name, position = scanstring(text, position + 1)
        position = _skip(text, _skip(text, position) + 1)  # the colon
        if name == key:
            if found is not None:
                raise Unreadable(f"the key `{say_path(path)}` stands twice")
            found = position
        position = _past(text, position)
    return found


def _item(text: str, position: int, index: int) -> int | None:
    position = _skip(text, position + 1)
    while text[position] != "]":
        if index == 0:
            return position
        index -= 1
        position = _past(text, position)
    return None


def _past(text: str, position: int) -> int:
    """Where what follows a value, and the comma after it, begins."""
    position = _skip(text, _DECODER.raw_decode(text, position)[1])
    return _skip(text, position + 1) if text[position] == "," else position


def _begin(text: str) -> int:
    return _skip(text, 1 if text.startswith("\ufeff") else 0)


def _skip(text: str, position: int) -> int:
    return _BLANK.match(text, position).end()  # type: ignore[union-attr]  # matches always
