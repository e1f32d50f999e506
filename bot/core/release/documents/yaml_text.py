"""YAML: the parser's events know their places. Reading stops where the value is found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bot.core.release.documents.value import MAX_DEPTH, Path, Unreadable, Value, say_path

MAX_READ = 64 * 1024
"""Characters: the parser may take a second for as many."""


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being read. ``step`` is the index or key of what comes next, None
    where that is a key. ``depth`` is how many steps of the path lead here, None beside the path."""

    step: str | int | None
    depth: int | None


def find_in_yaml(text: str, path: Path) -> Value | None:
    """Where the value of a path stands in the first document that has it; None if none has.

    What follows it is not read, nor is more than ``MAX_READ``. Raises Unreadable.
    """
    cut = len(text) > MAX_READ
    value: Value | None = None
    try:
        value = _find(YAML(typ="safe", pure=True).parse(text[:MAX_READ]), path)
    except MarkedYAMLError as error:
        if not cut:
            mark = error.problem_mark or error.context_mark
            place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
            raise Unreadable(f"{error.problem or error.context}{place}") from None
    except (YAMLError, ValueError, OverflowError):  # "\UFFFFFFFF", characters that YAML has not
        raise Unreadable("it holds characters that YAML does not allow") from None
    if cut and (value is None or value.end >= MAX_READ):
        raise Unreadable(
            f"`{say_path(path)}` does not stand in the first {MAX_READ // 1024} KB, which is all "
            "that is read"
        )
    return value


def _find(events: Iterator[Any], path: Path) -> Value | None:
    frames: list[_Frame] = []
    for event in events:
        depth = _depth(frames, path)
        match event:
            case MappingStartEvent() | SequenceStartEvent():
                if len(frames) >= MAX_DEPTH:
                    raise Unreadable(f"it is nested deeper than {MAX_DEPTH} levels")
                frames.append(_Frame(0 if isinstance(event, SequenceStartEvent) else None, depth))
            case MappingEndEvent() | SequenceEndEvent():
                frames.pop()
                _next(frames)
            case AliasEvent():
                if depth is not None:
                    raise Unreadable(
                        f"`{say_path(path[:depth])}` is an alias: name the value with the anchor"
                    )
                _next(frames)
            case ScalarEvent() if frames and frames[-1].step is None:
                frames[-1].step = event.value
            case ScalarEvent() if depth == len(path):
                return Value(event.start_mark.index, event.end_mark.index, event.value)
            case ScalarEvent():
                _next(frames)
    return None


def _depth(frames: list[_Frame], path: Path) -> int | None:
    """How many steps of the path lead to what comes next; None if it is beside the path."""
    if not frames:
        return 0
    top = frames[-1]
    if top.depth is None or top.depth >= len(path):
        return None
    return top.depth + 1 if top.step == path[top.depth] else None


def _next(frames: list[_Frame]) -> None:
    """A value ended: the next item, or the next key, comes."""
    if not frames:
        return
    top = frames[-1]
    if isinstance(top.step, int):
        top.step += 1
    elif top.step is None:
        top.step = ""  # what ended was a key that is no plain name: its value is beside any path
    else:
        top.step = None
