"""A value's place in a text, and the path that leads to it."""

import re
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys of mappings and indices of lists, from the document's root."""

MAX_DEPTH = 100
"""Steps of a path, parts of a TOML key, and nesting of a YAML text."""


class Unreadable(Exception):
    """A text is not what its name says; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar: ``text[start:end]`` is how it is written, with its quotes; ``said`` is a text's
    content, and None for what is no text."""

    start: int
    end: int
    said: str | None


_STEP = re.compile(
    r"""\.(?P<bare>[A-Za-z0-9_-]+)                   # .a
      | \.(?P<quoted>"[^"\\]+"|'[^']+')             # ."a.b"
      | \[(?P<index>[0-9]{1,6})\]                    # [0]
      | \[(?P<bracketed>"[^"\\]+"|'[^']+')\]        # ["a.b"]
    """,
    re.VERBOSE,
)


def parse_path(text: str) -> Path:
    """``tool.x[0]."a.b"`` → the steps; JSONPath's leading ``$`` may be there.

    Raises ValueError, in words for whoever wrote it.
    """
    rest = text[1:] if text.startswith("$") else text if text.startswith("[") else f".{text}"
    position = 0
    steps: list[str | int] = []
    while match := _STEP.match(rest, position):
        quoted = match["quoted"] or match["bracketed"]
        name = quoted[1:-1] if quoted else match["bare"]
        steps.append(int(match["index"]) if match["index"] else name)
        position = match.end()
    if position < len(rest) or not 0 < len(steps) <= MAX_DEPTH:
        raise ValueError(
            'must be a path to one value, such as `info.version`, `images[0].tag` or `a."b.c"`'
        )
    return tuple(steps)


def say_path(path: Path) -> str:
    """The path in the form in which it is written."""
    said = ""
    for step in path:
        if isinstance(step, int):
            said += f"[{step}]"
        else:
            plain = re.fullmatch(r"[A-Za-z0-9_-]+", step)
            said += f"{'.' if said else ''}{step if plain else chr(34) + step + chr(34)}"
    return said
