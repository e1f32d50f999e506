"""The messages that a commit's text holds: mostly one, several where a squash says several things.

Three ways to say several, the first that is there counts:

- a block from ``BEGIN_COMMIT_OVERRIDE`` to ``END_COMMIT_OVERRIDE``, each mark on a line of its own,
  says everything in place of the text about it; each line that looks like a header begins one;
- the last paragraphs, as far as they are further messages or footers, say what they say besides;
- else it is one message.

A text is read once, and no more of it than matters: most bodies say nothing that a release asks
for. What is read follows from the header and from words that stand in the text.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from textwrap import dedent

from bot.core.commits.message import Message, MessageKind
from bot.core.commits.parse import parse_message

_BEGIN, _END = "BEGIN_COMMIT_OVERRIDE", "END_COMMIT_OVERRIDE"
_FENCE = "```"
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# "fix: #12" refers to something, and says nothing.
_REFERENCE = re.compile(r"\s*(?:[\w./-]{1,150}#\d|#\d|https?://)")
_FOOTER = re.compile(r"(?:BREAKING[ -]CHANGE|[\w-]+)(?::(?:\s|\Z)| #)|\(cherry picked from ")


def read_messages(text: str, types: frozenset[str]) -> tuple[Message, ...]:
    """At least one. ``types`` are the words that make a line a header where it could be a
    footer."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    header, _, rest = text.partition("\n")
    if not rest:
        return (parse_message(header),)
    if not header or header.isspace():
        return read_messages(text.lstrip(), types)
    if _BEGIN in rest and (overridden := read_override(text, types)) is not None:
        return overridden
    typed = _header_line(types)
    if typed.search(rest) and (starts := _further_starts(lines := text.split("\n"), typed)):
        return tuple(map(parse_message, _pieces(lines, [0, *starts])))
    if "BREAKING" in rest or "elease-" in rest or "ELEASE-" in rest:
        return (parse_message(text),)
    message = parse_message(header)
    return (parse_message(text) if message.kind is MessageKind.REVERT else message,)


def may_override(text: str) -> bool:
    """Whether a text could have a block: all that a release asks of a description."""
    return _BEGIN in text


def read_override(text: str, types: frozenset[str]) -> tuple[Message, ...] | None:
    """What a text says by its first block alone, which may be nothing at all; None if it has no
    block, or has it within an HTML comment, as a pull request's template may."""
    if not may_override(text):
        return None
    lines = [line.strip() for line in _COMMENT.sub("", text).splitlines()]
    if _BEGIN not in lines:
        return None
    begin = lines.index(_BEGIN) + 1
    if _END not in lines[begin:]:
        return None
    block = [
        line for line in lines[begin : lines.index(_END, begin)] if not line.startswith(_FENCE)
    ]
    first = next((place for place, line in enumerate(block) if line), len(block))
    typed = _header_line(types)
    starts = [place for place, line in enumerate(block) if place == first or _begins(line, typed)]
    return tuple(map(parse_message, _pieces(block, starts)))


@lru_cache(maxsize=64)
def _header_line(types: frozenset[str]) -> re.Pattern[str]:
    """Matches at the line end before a header of one of the types."""
    words = "|".join(map(re.escape, sorted(types)))
    return re.compile(rf"\n(?:{words})(?:\([^()\n]*\))?!?:[ \t]+(?=\S)")


def _begins(line: str, typed: re.Pattern[str]) -> bool:
    match = typed.match(f"\n{line}")
    return match is not None and not _REFERENCE.match(line, match.end() - 1)


def _further_starts(lines: list[str], typed: re.Pattern[str]) -> list[int]:
    """Where further messages begin: headers in the last paragraphs, as far up as each paragraph
    begins with a header or a footer. Prose above them belongs to the first message."""
    starts: list[int] = []
    end = len(lines)
    while True:
        while end > 1 and not lines[end - 1].strip():
            end -= 1
        begin = end
        while begin > 1 and lines[begin - 1].strip():
            begin -= 1
        if begin == end or begin < 2:  # nothing left, or not parted from the header
            break
        if _begins(lines[begin], typed):
            starts += [place for place in range(begin, end) if _begins(lines[place], typed)]
        elif not _FOOTER.match(lines[begin]):
            break
        end = begin
    return sorted(starts)


def _pieces(lines: list[str], starts: list[int]) -> Iterable[str]:
    """A text from each start to the next. What is indented below a header of a squash, as footers
    of a message are, is not indented for itself."""
    for start, end in pairwise([*starts, len(lines)]):
        rest = "\n".join(lines[start + 1 : end])
        yield f"{lines[start]}\n{dedent(rest) if start else rest}"
