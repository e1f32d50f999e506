"""YAML text → nodes that know their place, within limits that make hostile text cost nothing.

The parser's events are read one by one and composing stops at the first limit, so that deep
nesting or a bomb of aliases is refused before it is built. Plain scalars are read by YAML 1.2's
core schema (https://yaml.org/spec/1.2.2/#103-core-schema): ``no`` is a word here, not false.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from bot.core.policy.problems import PolicyProblem

MAX_BYTES = 64 * 1024
MAX_DEPTH = 20
MAX_NODES = 5_000
"""Counted as if every alias were written out."""
MAX_ALIASES = 50

Scalar: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    place: Place
    value: Scalar
    source: str
    size: int = 1


@dataclass(frozen=True, slots=True)
class SequenceNode:
    place: Place
    items: tuple["Node", ...]
    size: int


@dataclass(frozen=True, slots=True)
class MappingNode:
    """``keys`` gives the place of each key; a key that stood twice is a problem of its own."""

    place: Place
    items: dict[str, "Node"]
    keys: dict[str, Place]
    size: int


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


@dataclass(slots=True)
class LoadedYaml:
    """What was read. ``root`` is None for an empty file; ``fatal`` says that reading stopped."""

    root: Node | None = None
    problems: list[PolicyProblem] = field(default_factory=list)
    fatal: bool = False


class _Stopped(Exception):
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.problem = PolicyProblem("", place.line, place.column, message)


def load(text: str) -> LoadedYaml:
    """Read one YAML document. Never raises: whatever is wrong becomes a problem with its place."""
    loaded = LoadedYaml()
    composer = _Composer(loaded.problems)
    try:
        _check_characters(text)
        loaded.root = composer.compose(text.removeprefix("\ufeff"))
    except _Stopped as stopped:
        loaded.problems.append(stopped.problem)
        loaded.fatal = True
    except MarkedYAMLError as error:
        loaded.problems.append(_syntax_problem(error, composer.last))
        loaded.fatal = True
    except Exception:  # the parser has faults of its own, such as an overflow in "\UFFFFFFFF"
        place = composer.last
        loaded.problems.append(
            PolicyProblem("", place.line, place.column, "from here on this is not valid YAML")
        )
        loaded.fatal = True
    return loaded


def _check_characters(text: str) -> None:
    """Raises _Stopped if the text is too long, or holds what YAML does not allow in a file."""
    # Every character takes at least a byte: a text of a megabyte need not be encoded to be refused.
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise _Stopped(
            Place(1, 1),
            f"the file is larger than {MAX_BYTES // 1024} KB, which is all that is read",
        )
    found = _UNPRINTABLE.search(text)
    if found:
        before = text[: found.start()]
        place = Place(before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1)
        raise _Stopped(
            place, f"the character U+{ord(found.group()):04X} is not allowed in a YAML file"
        )


# https://yaml.org/spec/1.2.2/#51-character-set; as what is not allowed, since the few ranges of
# that are ready at once, and those of all the rest take every start-up 5 ms.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class _Composer:
    def __init__(self, problems: list[PolicyProblem]) -> None:
        self.problems = problems
        self.last = Place(1, 1)
        self.anchors: dict[str, Node] = {}
        self.aliases = 0
        self.nodes = 0

    def compose(self, text: str) -> Node | None:
        events = self._events(text)
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Stopped(
                        self.last, "a second document begins here: the policy is one document"
                    )
            elif not isinstance(event, StreamStartEvent | StreamEndEvent | DocumentEndEvent):
                root = self._node(event, events, "", 1)
        empty = isinstance(root, ScalarNode) and root.value is None and root.source == ""
        return None if empty else root

    def _events(self, text: str) -> Iterator[Any]:
        for event in YAML(typ="safe", pure=True).parse(text):
            self.last = Place(event.start_mark.line + 1, event.start_mark.column + 1)
            yield event

    def _node(self, event: Any, events: Iterator[Any], path: str, depth: int) -> Node:
        place = self.last
        if isinstance(event, AliasEvent):
            return self._alias(event, place)
        if depth > MAX_DEPTH:
            raise _Stopped(place, f"this is nested deeper than {MAX_DEPTH} levels")
        self._count(1, place)
        if event.ctag is not None:
            raise _Stopped(place, f"tags such as `{_cut(str(event.ctag))}` are not read here")
        node: Node
        if isinstance(event, ScalarEvent):
            plain = event.implicit[0]
            node = ScalarNode(place, _resolve(event.value) if plain else event.value, event.value)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(events, place, path, depth)
        else:
            node = self._mapping(events, place, path, depth)
        # Known only once it is complete: an alias within its own anchor finds nothing.
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _alias(self, event: AliasEvent, place: Place) -> Node:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _Stopped(
                place, f"more than {MAX_ALIASES} aliases (`*name`): write the values out"
            )
        target = self.anchors.get(event.anchor)
        if target is None:
            raise _Stopped(
                place,
                f"the alias `*{_cut(event.anchor)}` names no anchor (`&{_cut(event.anchor)}`) "
                "that ends before it",
            )
        self._count(target.size, place)
        return target

    def _count(self, nodes: int, place: Place) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _Stopped(
                place, f"the file holds more than {MAX_NODES} values, aliases written out"
            )

    def _sequence(self, events: Iterator[Any], place: Place, path: str, depth: int) -> SequenceNode:
        items: list[Node] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, events, f"{path}[{len(items)}]", depth + 1))
        return SequenceNode(place, tuple(items), 1 + sum(item.size for item in items))

    def _mapping(self, events: Iterator[Any], place: Place, path: str, depth: int) -> MappingNode:
        items: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        size = 1
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._node(event, events, path, depth + 1)
            key_place = self.last if isinstance(event, AliasEvent) else key.place
            name = key.source if isinstance(key, ScalarNode) else ""
            child = f"{path}.{name}" if path else name
            value = self._node(next(events), events, child, depth + 1)
            size += key.size + value.size
            problem = self._key_problem(key, keys)
            if problem:
                self.problems.append(
                    PolicyProblem(child, key_place.line, key_place.column, problem)
                )
            else:
                items[name] = value
                keys[name] = key_place
        return MappingNode(place, items, keys, size)

    def _key_problem(self, key: Node, keys: dict[str, Place]) -> str:
        if not isinstance(key, ScalarNode):
            return "a key must be a plain name"
        if key.source == "<<":
            return "merge keys (`<<`) are not read here: write the keys out"
        if key.source in keys:
            return (
                f"the key `{_cut(key.source)}` stands twice: "
                f"it stood on line {keys[key.source].line} already"
            )
        return ""


_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def _resolve(source: str) -> Scalar:
    """A plain scalar's value. Infinity and NaN stay text: no policy key has a use for them."""
    if source in _WORDS:
        return _WORDS[source]
    if len(source) > 30:  # no number of a policy is that long; int() is slow on very long ones
        return source
    if _INT.fullmatch(source):
        return int(source, {"0o": 8, "0x": 16}.get(source[:2], 10))
    if _FLOAT.fullmatch(source) and isfinite(float(source)):
        return float(source)
    return source


def _syntax_problem(error: MarkedYAMLError, last: Place) -> PolicyProblem:
    problem = str(error.problem or "")
    context = str(error.context or "")
    mark = error.problem_mark or error.context_mark
    if problem.startswith(_NO_COLON):
        mark = error.context_mark  # the word itself; the other mark is where the search ended
    place = Place(mark.line + 1, mark.column + 1) if mark else last
    message = next(
        (
            sentence
            for begins, within, sentence in _SYNTAX
            if problem.startswith(begins) and within in context
        ),
        f"this is not valid YAML: {_cut(problem)}",
    )
    if "{start}" in message and error.context_mark:
        message = message.replace("{start}", f"line {error.context_mark.line + 1}")
    return PolicyProblem("", place.line, place.column, message.replace("{start}", "above"))


_NO_COLON = "could not find expected ':'"

_SYNTAX = (
    ("found character '\\t'", "", "a tab stands here: YAML indents with spaces only"),
    ("found a tab", "", "a tab stands here: YAML indents with spaces only"),
    (
        "found character",
        "",
        "no value can begin with this character: put the value in single quotes",
    ),
    (
        "mapping values are not allowed",
        "",
        (
            "a second `: ` stands here, or the indentation is off: "
            "quote the value, or align the key with its neighbours"
        ),
    ),
    (
        _NO_COLON,
        "",
        (
            "this is neither a key (`name: value`) nor a list's item (`- value`): "
            "a colon or a space is missing"
        ),
    ),
    (
        "found unexpected end of stream",
        "quoted scalar",
        "the quote that opens on {start} is never closed",
    ),
    (
        "found unknown escape",
        "",
        (
            "a backslash in double quotes must begin a known escape: "
            "use single quotes, where a backslash is a backslash"
        ),
    ),
    (
        "expected ',' or ']'",
        "",
        "the list that opens on {start} with `[` is not closed with `]`, or a comma is missing",
    ),
    (
        "expected ',' or '}'",
        "",
        "the mapping that opens on {start} with `{` is not closed with `}`, or a comma is missing",
    ),
    (
        "expected <block end>",
        "block mapping",
        "the indentation does not fit the keys that begin on {start}",
    ),
    ("expected <block end>", "", "the indentation does not fit the list that begins on {start}"),
    ("expected alphabetic or numeric", "alias", "`*` begins an alias: put the value in quotes"),
    ("expected alphabetic or numeric", "anchor", "`&` begins an anchor: put the value in quotes"),
)
"""How the parser's problem begins, a part of its context, and what to say instead."""


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
