"""TOML: the standard library reads it, and a scanner of ours finds where values stand in it.

The scanner is asked only about texts that the standard library has read, and what it finds is held
against what was read. https://toml.io/en/v1.0.0
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from bot.core.release.documents.value import MAX_DEPTH, Path, Unreadable, Value, say_path


def read_toml(text: str) -> dict[str, Any]:
    """The document. Raises Unreadable."""
    if _LONG_KEY.search(text):
        raise Unreadable(f"a key has more than {MAX_DEPTH} parts")
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(_lowered(str(error))) from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError:  # a number of thousands of digits, a date that there is not
        raise Unreadable("it holds a number or a date that cannot be read") from None


def find_in_toml(
    text: str, document: Mapping[str, Any], paths: Collection[Path]
) -> dict[Path, Value]:
    """Where the values of those paths stand that lead to a scalar. ``document`` is what
    ``read_toml`` made of the text. Raises Unreadable."""
    found = _Scanner(text, paths).scan()
    for path, value in found.items():
        read = _at(document, path)
        if value.said != (read if isinstance(read, str) else None):
            raise Unreadable(f"`{say_path(path)}` is written in a way that is not understood here")
    return found


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _lowered(message: str) -> str:
    return f"{message[:1].lower()}{message[1:]}"


# The standard library takes a minute for a key of 60,000 parts.
_LONG_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])"
    rf"""(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}"""
)
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # two of the closing quotes may belong to the text
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*+'",
    re.DOTALL,
)
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]++")
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")
_EQUALS = re.compile(r"[ \t]*+=[ \t]*+")
_OTHER = re.compile(r"[^,\]}#\r\n]++")
_BRACKETS = re.compile(
    rf"{_STRING.pattern}|#[^\n]*+|(?P<opens>[\[{{])|(?P<closes>[\]}}])", re.DOTALL
)


class _Scanner:
    def __init__(self, text: str, paths: Collection[Path]) -> None:
        self.text = text
        self.wanted = frozenset(paths)
        self.leading = frozenset(path[:length] for path in paths for length in range(len(path)))
        self.found: dict[Path, Value] = {}
        self.last: dict[Path, int] = {}
        """Of each array of tables, the index of the table that it ended with so far."""

    def scan(self) -> dict[Path, Value]:
        text, position = self.text, 1 if self.text.startswith("\ufeff") else 0
        table: Path = ()
        while (position := self._skip(position)) < len(text):
            if text[position] == "[":
                table, position = self._header(position)
            else:
                position = self._pair(position, table)
        return self.found

    def _header(self, position: int) -> tuple[Path, int]:
        array = self.text.startswith("[[", position)
        keys, position = self._key(self._skip(position + 1 + array))
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            if array and number == len(keys):
                self.last[path] = self.last.get(path, -1) + 1
            if path in self.last:
                path = (*path, self.last[path])
        return path, self._skip(position) + 1 + array

    def _pair(self, position: int, table: Path) -> int:
        keys, position = self._key(position)
        return self._value(self._after(_EQUALS, position), (*table, *keys))

    def _key(self, position: int) -> tuple[tuple[str, ...], int]:
        keys: list[str] = []
        while True:
            if bare := _BARE_KEY.match(self.text, position):
                keys.append(bare[0])
                position = bare.end()
            else:
                position, start = self._after(_STRING, position), position
                keys.append(_content(self.text[start:position]))
            dot = _DOT.match(self.text, position)
            if dot is None:
                return tuple(keys), position
            position = dot.end()

    def _value(self, position: int, path: Path) -> int:
        character = self.text[position]
        if character in "[{":
            if path not in self.leading:
                return self._past_brackets(position)
            return self._array(position, path) if character == "[" else self._inline(position, path)
        quoted = character in "\"'"
        end = self._after(_STRING if quoted else _OTHER, position)
        if path in self.wanted:
            source = self.text[position:end].rstrip()
            said = _content(source) if quoted else None
            self.found[path] = Value(position, position + len(source), said)
        return end

    def _array(self, position: int, path: Path) -> int:
        index, position = 0, self._skip(position + 1)
        while self.text[position] != "]":
            position = self._comma(self._value(position, (*path, index)))
            index += 1
        return position + 1

    def _inline(self, position: int, path: Path) -> int:
        position = self._skip(position + 1)
        while self.text[position] != "}":
            position = self._comma(self._pair(position, path))
        return position + 1

    def _comma(self, position: int) -> int:
        position = self._skip(position)
        return self._skip(position + 1) if self.text[position] == "," else position

    def _past_brackets(self, position: int) -> int:
        depth = 0
        for match in _BRACKETS.finditer(self.text, position):
            depth += bool(match["opens"]) - bool(match["closes"])
            if depth == 0:
                return match.end()
        raise Unreadable("a bracket is not closed")

    def _skip(self, position: int) -> int:
        return self._after(_BLANK, position)

    def _after(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self.text, position)
        if match is None:
            line = self.text.count("\n", 0, position) + 1
            raise Unreadable(f"line {line} is written in a way that is not understood here")
        return match.end()


def _content(source: str) -> str:
    """A text's content, as the standard library reads it."""
    content: str = tomllib.loads(f"x = {source}")["x"]
    return content
