"""Markdown as GitHub shows it in comments, safe to put into a page.

Of HTML only a few tags without attributes come through; all else is shown as text.
"""

import html
import re
from collections.abc import Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

_ALLOWED: Final = frozenset(
    {"b", "br", "code", "del", "details", "em", "i", "ins", "kbd", "p", "strong", "sub", "summary",
     "sup"}
)  # fmt: skip
# Drawn by the page, as GitHub draws its own: not every machine has a font with them
_MARKS: Final = {
    sign: f'<span class="emoji {kind}" role="img" aria-label="{sign}">{drawn}</span>'
    for sign, kind, drawn in (
        ("✅", "pass", "✓"),
        ("❌", "fail", "✗"),
        ("⏳", "wait", "…"),
        ("➖", "skip", "–"),
        ("⚠️", "error", "!"),
        ("⬜", "skip", " "),
    )
}
_MARK: Final = re.compile("|".join(_MARKS))
_VOID: Final = frozenset({"br"})
_TAG: Final = re.compile(r"<!--.*?(?:-->|$)|<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>", re.DOTALL)


class _Renderer(RendererHTML):
    """``env["open"]`` holds the allowed tags that a comment has opened and not closed."""

    def html_block(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        return _cleaned(tokens[index].content, env.setdefault("open", []))

    def html_inline(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        return _cleaned(tokens[index].content, env.setdefault("open", []))

    def text(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        escaped = html.escape(tokens[index].content, quote=False)
        return _MARK.sub(lambda match: _MARKS[match[0]], escaped)

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        """No picture is fetched: its text stands for it."""
        return html.escape(tokens[index].content)

    def link_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        tokens[index].attrSet("rel", "nofollow noopener noreferrer")
        return self.renderToken(tokens, index, options, env)


_PARSER: Final = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).enable(
    ["table", "strikethrough"]
)


def to_html(text: str) -> str:
    env: dict[str, list[str]] = {"open": []}
    body: str = _PARSER.render(text, env)
    return body + "".join(f"</{name}>" for name in reversed(env["open"]))


def _cleaned(text: str, open_tags: list[str]) -> str:
    parts = []
    at = 0
    for match in _TAG.finditer(text):
        parts.append(html.escape(text[at : match.start()], quote=False))
        parts.append(_tag(match, open_tags))
        at = match.end()
    parts.append(html.escape(text[at:], quote=False))
    return "".join(parts)


def _tag(match: "re.Match[str]", open_tags: list[str]) -> str:
    if match[2] is None:
        return ""
    name = match[2].lower()
    if name not in _ALLOWED:
        return html.escape(match[0], quote=False)
    if name in _VOID:
        return f"<{name}>"
    if not match[1]:
        open_tags.append(name)
        return f"<{name}>"
    if name not in open_tags:
        return ""
    closed = ""
    while True:
        last = open_tags.pop()
        closed += f"</{last}>"
        if last == name:
            return closed
