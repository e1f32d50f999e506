"""One of the bot's comments as lines for a terminal: no mark-up, and nothing that steers it.

Whatever a comment holds came from outside. It may be shown line by line and no other way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core.render.escape import visible

_PARSER = MarkdownIt("commonmark").enable("table")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ALERT = re.compile(r"\[!([A-Z]+)\] *")
_ZWSP = "\u200b"
"""What our comments hold wherever GitHub would link something."""
_WIDEST = 24
"""Of a column that is padded; what is longer stands as it is."""
_LONGEST = 100
"""Of a row in columns."""


class Kind(StrEnum):
    TEXT = "text"
    LIST = "list"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph's lines, a list's items or a table's rows, at the top level."""

    kind: Kind
    lines: tuple[str, ...]


def read_blocks(markdown: str) -> tuple[Block, ...]:
    """HTML is left out."""
    blocks: list[Block] = []
    tokens = _PARSER.parse(markdown)
    start = 0
    for end, token in enumerate(tokens, start=1):
        if token.level or token.nesting > 0:
            continue
        block = _block(tokens[start:end])
        if any(block.lines):
            blocks.append(block)
        start = end
    return tuple(blocks)


def shown(text: str) -> str:
    """Any text from outside, on one line."""
    return visible(text.replace(_ZWSP, ""))


def _block(tokens: Sequence[Token]) -> Block:
    """Of the tokens from an opening one to its end."""
    inline = [token for token in tokens if token.type == "inline"]
    match tokens[0].type:
        case "table_open":
            return Block(Kind.TABLE, _rows(tokens))
        case "bullet_list_open" | "ordered_list_open":
            return Block(Kind.LIST, tuple(" · ".join(_lines(token)) for token in inline))
        case "fence" | "code_block":
            return Block(Kind.TEXT, tuple(map(shown, tokens[0].content.splitlines())))
        case _:
            return Block(Kind.TEXT, tuple(line for token in inline for line in _lines(token)))


def _lines(inline: Token) -> list[str]:
    text, address = "", ""
    for token in inline.children or ():
        match token.type:
            case "text" | "text_special" | "code_inline":
                text += token.content
            case "softbreak":
                text += " "
            case "hardbreak":
                text += "\n"
            case "html_inline" if _BREAK.fullmatch(token.content):
                text += "\n"
            case "link_open":
                address = str(token.attrs.get("href", ""))
            case "link_close" if address:
                text += f" ({address})"
    text = _ALERT.sub(lambda found: f"{found[1].capitalize()}: ", text, count=1)
    return [line for line in map(shown, text.split("\n")) if line]


def _rows(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Columns; or, where they would be too wide to read, each row as a list under its first cell.
    A table whose first column bears no name is no list of things."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(" · ".join(_lines(token)))
    names = rows[0]
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0)
        for column in zip(*rows, strict=True)
    ]
    lines = tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    if max(map(len, lines)) <= _LONGEST or not names[0]:
        return lines
    widest = max(map(len, names[1:]), default=0)
    return tuple(
        line
        for first, *cells in rows[1:]
        for line in (
            first,
            *(
                f"  {name.ljust(widest)}  {cell}"
                for name, cell in zip(names[1:], cells, strict=True)
            ),
        )
    )
