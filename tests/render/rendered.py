"""What a Markdown reader makes of our texts: the tests ask it, not a pattern."""

from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

ZWSP = "\u200b"
_READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@dataclass
class Seen:
    """What stands in a rendered text: its words outside and inside code, and whatever does
    something."""

    text: str = ""
    code: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    """Of all tables, the text of each cell."""

    @property
    def plain(self) -> str:
        """All the words, without the marks that keep them from linking."""
        return self.text.replace(ZWSP, "")


def render(markdown: str) -> Seen:
    seen = Seen()
    _walk(_READER.parse(markdown), seen)
    return seen


def _walk(tokens: list[Token], seen: Seen) -> None:
    for token in tokens:
        if token.type == "tr_open":
            seen.rows.append([])
        if token.type in ("th_open", "td_open"):
            seen.rows[-1].append("")
            seen.text += " "
        if token.type == "inline":
            before = len(seen.text)
            _walk(token.children or [], seen)
            if seen.rows and seen.rows[-1]:
                seen.rows[-1][-1] += seen.text[before:]
        elif token.type == "text":
            seen.text += token.content
        elif token.type == "code_inline":
            seen.code.append(token.content)
            seen.text += " "
        elif token.type in ("html_inline", "html_block"):
            seen.html.append(token.content)
        elif token.type == "link_open":
            seen.links.append(str(token.attrs["href"]))
        if token.tag and token.nesting >= 0:
            seen.tags.append(token.tag)
