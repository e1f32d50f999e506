"""Hostile text → Markdown that shows it and does nothing else.

GitHub links mentions, references, commit ids and bare addresses in the rendered text, after
entities are decoded, so that escaping alone does not stop it: a zero-width space stands behind the
sign that would begin one. Code spans need none of it, and what is to be copied stands in those.
https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_ZWSP = "&#8203;"
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters and marks that show nothing at all."""
_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9_]){0,50}")
"""https://docs.github.com/enterprise-cloud@latest/admin/identity-and-access-management/iam-configuration-reference/username-considerations-for-external-authentication
(an underscore stands before the short code of a company's managed users)"""
_SPACE = re.compile(r"[ \t\r\n]+")
_ESCAPED = {
    **{mark: f"\\{mark}" for mark in "`*_[]~"},
    "\\": "&#92;",  # as an entity: before a pipe a second backslash would be ambiguous in a table
    "|": "&#124;",
    "$": "&#36;",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
}
_ESCAPE = str.maketrans(_ESCAPED)
_HEAD = re.compile(r"^(?:[#+=:-]|\d{1,9}(?=[.)]))")
"""What could begin a block where a text begins a line."""
_LINKING = re.compile(
    r"""@(?=\w) | \#(?=\w) | [Gg][Hh]-(?=\d) | :(?=//) | [Ww]{3}(?=\.) |
        \b[0-9a-fA-F]{7,40}\b""",
    re.VERBOSE,
)


def visible(text: str) -> str:
    """One line of text in which nothing is hidden: marks that steer or vanish show as ``\\u202e``.

    Runs of white space become one space. Joiners between non-ASCII characters stay, because
    emoji and several scripts need them.
    """
    line = _SPACE.sub(" ", text).strip(" ")
    if line.isascii() and line.isprintable():
        return line
    return "".join(_shown(line, index) for index in range(len(line)))


def _shown(line: str, index: int) -> str:
    char = line[index]
    if char.isascii() and char.isprintable():
        return char
    if char in (_ZWNJ, _ZWJ) and 0 < index < len(line) - 1:
        around = line[index - 1] + line[index + 1]
        if not around.isascii() and not any(map(_hidden, around)):
            return char
    return _code_point(char) if _hidden(char) else char


@lru_cache(maxsize=4096)
def _hidden(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Zs":
        return char not in " \u3000"
    return category in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp") or char in _FILLERS


def _code_point(char: str) -> str:
    point = ord(char)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last an ellipsis if any is lost.

    A base character is not parted from its marks, nor an emoji from what is joined to it.
    """
    if len(text) <= limit:
        return text
    end = max(limit - 1, 0)
    # Marks can be piled up without end: past this many the text is no text anyway.
    for _ in range(32):
        if not (end > 0 and _joined(text, end)):
            break
        end -= 1
    return f"{text[:end].rstrip(' ')}…"


def _joined(text: str, index: int) -> bool:
    """Whether a cut before ``index`` would split what reads as one character."""
    after, before = text[index], text[index - 1]
    return (
        unicodedata.category(after) in ("Mn", "Me", "Mc")
        or after in (_ZWJ, _ZWNJ)
        or before == _ZWJ
        or 0x1F3FB <= ord(after) <= 0x1F3FF  # skin tones
        or 0x1F1E6 <= ord(after) <= 0x1F1FF  # the second half of a flag
    )


def plain(text: str, limit: int = 200) -> str:
    """For places that show text as it is, such as a check's title: visible, one line, cut."""
    whole = text.strip(" \t\r\n")
    # Every character shows as at least one: what lies far beyond the cut need not be looked at.
    begin = whole[: 4 * limit + 64]
    shown = visible(_SPACE.sub(" ", begin)[: limit + 64])
    return cut(shown if len(begin) == len(whole) else f"{shown}…", limit)


def inline(text: str, limit: int = 200) -> str:
    """For a sentence or a table's cell: ``limit`` counts what a reader sees."""
    return _inline(plain(text, limit), begins=True)


def _inline(shown: str, *, begins: bool) -> str:
    safe = _LINKING.sub(_broken, shown).translate(_ESCAPE).replace("\0", _ZWSP)
    if begins and _HEAD.match(shown):
        # Entities cannot begin a list, a heading or a rule.
        return f"&#{ord(shown[0])};{safe[1:]}"
    return safe


def _broken(match: re.Match[str]) -> str:
    found = match.group()
    # A commit's id links from seven characters on, so that its pieces have six.
    pieces = [found[start : start + 6] for start in range(0, len(found), 6)]
    return "\0".join(pieces) if len(pieces) > 1 else f"{found}\0"


def code(text: str, limit: int = 300, *, cell: bool = False) -> str:
    """A code span, which can be copied as it stands; ``cell`` says that it stands in a table."""
    return _code(plain(text, limit), cell=cell)


def _code(shown: str, *, cell: bool) -> str:
    if not shown:
        return ""
    if cell and "\\|" in shown:
        # A table takes the backslash for its own; there is no code span that says this.
        return f"<code>{_inline(shown, begins=False)}</code>"
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    span = f"{fence}{pad}{shown}{pad}{fence}"
    return span.replace("|", "\\|") if cell else span


def sentence(text: str, codes: Iterable[str] = (), limit: int = 300, *, cell: bool = False) -> str:
    """As ``inline``, with what stands in backticks, and what is one of ``codes``, as code spans.

    One of ``codes`` loses the quotation marks about it.
    """
    shown = plain(text, limit)
    # The longest first: one may begin another.
    longest_first = sorted(filter(None, map(plain, codes)), key=len, reverse=True)
    marks = "|".join(map(re.escape, longest_first))
    pattern = f'`(?P<ticked>[^`]+)`|[“"]?(?P<mark>{marks})[”"]?' if marks else "`(?P<ticked>[^`]+)`"
    out, end = [], 0
    for match in re.finditer(pattern, shown):
        # Two spans side by side would be read as one.
        between = shown[end : match.start()]
        out.append(_inline(between, begins=end == 0) if between or not end else _ZWSP)
        out.append(_code(match[match.lastgroup or 0], cell=cell))
        end = match.end()
    out.append(_inline(shown[end:], begins=end == 0))
    return "".join(out)


def mention(login: str) -> str:
    """A mention that reaches somebody: for logins that GitHub gave us, and never for a text. What
    is no person's login, such as a bot's, is shown and mentions nobody."""
    return f"@{login}" if _LOGIN.fullmatch(login) else inline(login, 60)


def link(text: str, url: str) -> str:
    """A Markdown link to an address of ours; what could end it early is percent-encoded."""
    safe = re.sub(r"[^A-Za-z0-9:/?&=#%._~@+,;-]", lambda m: _percent(m.group()), url)
    return f"[{text}]({safe})"


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode(errors="replace"))
