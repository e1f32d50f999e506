"""A comment → the commands in it.

A command stands at the start of a line of a top-level paragraph, as CommonMark has it. What is
quoted, code, HTML or a link, what was left over from an e-mail, and what belongs to others is
passed over in silence. A line that is meant for Lockgate and is not quite right gets an answer and
is never mended by us: what looks like one command may have been typed to be read as another.

In a command line everything is printable ASCII, but for the free text at the end of some: there
letters of any script may stand, and nothing that is invisible or steers the direction of writing.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core.catalog import COMMANDS
from bot.core.commands.command import Command
from bot.core.commands.near import nearest
from bot.core.commands.requests import Misread, Silence
from bot.core.render.escape import visible

__all__ = ["MAX_COMMANDS", "Misread", "Reading", "Silence", "Typed", "read_comment"]

MAX_COMMANDS = 5
"""In one comment."""
_MAX_COMMENT = 16_000
_MAX_PARAGRAPH = 2_000
_MAX_LINE = 600
"""In characters. Parsing takes quadratic time at worst, and longer comments hold no command."""

_KNOWN = {command.name: command for command in COMMANDS}
_FIRST = re.compile(r"/([^\s/]+)(?=\s|$)")
_ASIDE = re.compile(r"[^\w/\x21-\x7e]+")
"""What may hide before a slash: blanks and marks that are no ASCII."""
_SOLIDUS = str.maketrans("／⁄∕⧸", "////")
_BLANKS = re.compile(r"[ \t]+")
_DASHES = re.compile(r"[—–](?=[a-z])")
_EMAIL = re.compile(r"--[ \t]*|_{10,}|-{2,} ?Original Message ?-{2,}|From:[ \t].*", re.IGNORECASE)
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)[^<>]*>")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_UNENDED = frozenset(("p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody"))
"""Elements whose end may be left out."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed; ``rest`` is what stands behind its name."""

    command: Command
    rest: str

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def line(self) -> str:
        return f"/{self.command.name} {self.rest}".rstrip()


Reading = Silence | Misread | tuple[Typed, ...]
_PARSER = MarkdownIt("commonmark").enable("table")
_PARSER.core.ruler.enableOnly(["normalize", "block"])


def read_comment(body: str) -> Reading:
    """What a comment asks for. Takes time in proportion to its length, for any body."""
    text = _without_email(body.replace("\r\n", "\n").replace("\r", "\n"))
    mentioned = any(_is_ours(line) for line in _first_lines(text))
    if not mentioned:
        return Silence()
    if len(text) > _MAX_COMMENT:
        return Misread(
            f"The comment has {len(text)} characters; commands are read in comments of up to "
            f"{_MAX_COMMENT}. Put the command into a comment of its own."
        )
    found: list[Typed] = []
    for line in _paragraph_lines(text):
        reading = _read_line(line)
        if isinstance(reading, Misread):
            return reading
        if reading and reading not in found:
            found.append(reading)
    return _together(found)


def _together(found: Sequence[Typed]) -> Reading:
    if not found:
        return Silence()
    if len(found) > MAX_COMMANDS:
        return Misread(f"The comment has {len(found)} commands, {MAX_COMMANDS} are allowed.")
    changing = [typed for typed in found if typed.command.changes]
    if changing and len(found) > 1:
        names = " and ".join(f"`/{typed.command.name}`" for typed in found[:2])
        return Misread(
            f"The comment has {len(found)} commands, {names}"
            f"{' among them' if len(found) > 2 else ''}; one that changes something must stand "
            "alone, so that there is no doubt about the order.",
            changing[0].line,
        )
    return tuple(found)


def _first_lines(text: str) -> Iterator[str]:
    """Of each line that may hold a command, its beginning."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        begin = text[start : min(end, start + 100)]
        if "/" in begin or not begin.isascii():
            yield begin
        start = end + 1


@lru_cache(maxsize=4_096)
def _is_ours(begin: str) -> bool:
    return _meant(begin.lstrip(" \t")) != ""


def _meant(line: str) -> str:
    """The command that a line begins with or seems to, empty if the line is not for us."""
    bare = line.translate(_SOLIDUS) if not line.isascii() else line
    aside = _ASIDE.match(bare)
    word = _FIRST.match(bare, aside.end() if aside else 0)
    if not word:
        return ""
    name = word[1]
    if name in _KNOWN:
        return name
    if name.isascii():
        return nearest(name, _KNOWN)
    # What reads like a command to a person, though none of its letters need be what it seems.
    folded = unicodedata.normalize("NFKC", name)
    kept = "".join(char for char in folded if unicodedata.category(char) not in ("Cf", "Mn"))
    return nearest(kept, _KNOWN) or nearest(_like(kept), _KNOWN)


def _like(word: str) -> str:
    return "".join(_LOOKALIKES.get(char, char) for char in word)


_LOOKALIKES = dict(zip("аеорсухіјѕԁһӏɡοαρτυν", "aeopcyxijsdhlgoaptuv", strict=True))
"""Cyrillic and Greek letters, to the Latin ones that they look like."""


def _without_email(text: str) -> str:
    """The text before what an e-mail program put below it."""
    if not any(mark in text.lower() for mark in ("wrote:", "--", "from:", "____")):
        return text
    lines = text.split("\n")
    for index, line in enumerate(lines):
        stripped = line.strip(" \t")
        if _EMAIL.fullmatch(stripped[:200]) or (
            stripped.startswith("On ")
            and any(after.rstrip(" \t").endswith("wrote:") for after in lines[index : index + 3])
        ):
            return "\n".join(lines[:index])
    return text


@dataclass(slots=True)
class _Line:
    """A line of a paragraph: its text, and whatever stands in it that is not plain text."""

    nested: bool
    text: str = ""
    styled: set[str] = field(default_factory=set)
    """Emphasis, code and escapes, which free text may hold."""
    other: set[str] = field(default_factory=set)
    starts_plain: bool | None = None


def _paragraph_lines(text: str) -> Iterator[_Line | Misread]:
    """The lines of the paragraphs at the top level that hold a line for us."""
    environment: dict[str, object] = {}
    tokens = _PARSER.parse(text, environment)
    source = text.replace("\0", "\ufffd").split("\n")
    depth = 0
    for before, token in pairwise(tokens):
        if before.type == "html_block":
            depth = _depth(depth, before.content)
        if before.type != "paragraph_open" or before.level or depth or token.map is None:
            continue
        # The token's own content has lost what Python takes for white space at its ends.
        lines = source[slice(*token.map)]
        if not any(_is_ours(line.lstrip(" \t")[:100]) for line in lines):
            continue
        content = "\n".join(lines).strip(" \t\n")
        if len(content) > _MAX_PARAGRAPH:
            yield Misread(
                f"The command stands in a paragraph of {len(content)} characters; commands "
                f"are read in paragraphs of up to {_MAX_PARAGRAPH}. Put it into one of its own."
            )
            return
        children: list[Token] = []
        _PARSER.inline.parse(content, _PARSER, environment, children)
        yield from _split(children)


def _split(tokens: Sequence[Token]) -> list[_Line | Misread]:
    lines: list[_Line | Misread] = []
    depth = html = 0
    line = _Line(nested=False)
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            lines.append(line)
            line = _Line(nested=bool(depth or html))
            continue
        if line.starts_plain is None:
            line.starts_plain = token.type == "text"
        depth += token.nesting
        if token.type == "text":
            line.text += token.content
        elif token.type in _FREE:
            line.styled.add(_FREE[token.type])
            line.text += token.content
        else:
            html = _depth(html, token.content) if token.type == "html_inline" else html
            line.other.add("HTML" if token.type == "html_inline" else "a link or an image")
    return [*lines, line]


_FREE = {
    "text_special": "an escaped character",
    "code_inline": "code",
    "em_open": "emphasis",
    "em_close": "emphasis",
    "strong_open": "emphasis",
    "strong_close": "emphasis",
}


def _depth(depth: int, html: str) -> int:
    """How many elements are open behind a piece of HTML."""
    for tag in _TAG.finditer(_COMMENT.sub("", html)):
        if tag["name"].lower() not in _VOID | _UNENDED:
            depth = max(0, depth - 1) if tag["end"] else depth + 1
    return depth


def _read_line(line: _Line | Misread) -> Typed | Misread | None:
    if isinstance(line, Misread):
        return line
    if line.nested or not line.starts_plain:
        return None
    text = line.text.strip(" \t")
    name = _meant(text[:100])
    if not name:
        return None
    if len(text) > _MAX_LINE:
        return Misread(f"The line has {len(text)} characters, {_MAX_LINE} are allowed.")
    command = _KNOWN[name]
    head, rest = _BLANKS.split(f"{text} ", maxsplit=1)
    rest = rest.rstrip(" \t")
    odd = _odd(head) or (_hidden(rest) if command.free_text else _odd(rest))
    if odd:
        mended = _DASHES.sub("--", rest)
        clean = not (_hidden(mended) if command.free_text else _odd(mended))
        reason = ", and its reason without hidden marks" if command.free_text else ""
        return Misread(
            f"The line that begins with `/{name}`, or seems to, holds {_named(odd)}: a command is "
            f"typed in ASCII{reason}.",
            f"/{name} {mended}".rstrip() if clean else f"/{name}",
        )
    if head != f"/{name}":
        return Misread(f"There is no command `{head}`.", f"/{name} {rest}".rstrip())
    marks = line.other if command.free_text else line.other | line.styled
    if marks:
        return Misread(
            f"The line of `/{name}` holds {' and '.join(sorted(marks))}; a command is typed "
            "as plain text.",
            f"/{name} {rest}".rstrip() if not line.other else f"/{name}",
        )
    return Typed(command, rest)


def _odd(text: str) -> list[str]:
    """What is not printable ASCII, each once; a tab may stand for a blank."""
    if text.isascii() and text.isprintable():
        return []
    return [char for char in dict.fromkeys(text) if char != "\t" and not " " <= char <= "~"]


def _hidden(text: str) -> list[str]:
    """What is invisible, or steers how the text beside it is shown."""
    if visible(text) == _BLANKS.sub(" ", text).strip(" "):
        return []
    odd = _odd(text)
    # A joiner is hidden in some places and not in others.
    return [char for char in odd if visible(f"a{char}a") != f"a{char}a"] or odd


def _named(chars: Sequence[str]) -> str:
    named = [f"U+{ord(char):04X} ({unicodedata.name(char, 'a control mark')})" for char in chars]
    more = f" and {len(named) - 2} more" if len(named) > 2 else ""
    return (" and " if not more else ", ").join(named[:2]) + more


def body_digest(body: str) -> str:
    """What tells whether a comment is still the one that was delivered. GitHub gives line ends in
    either way."""
    text = body.replace("\r\n", "\n")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
