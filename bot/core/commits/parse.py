"""Text to message and back. Never raises; time grows with the length of the text alone.

The header decides what a message is: the body and the footers are read apart, and nothing in them
can make a good header unparseable.

Where the specification leaves room, what git and GitHub write decides:

- ``BREAKING CHANGE:`` at the start of a line begins the footers, wherever it stands: a release
  must not miss it because a blank line is missing.
- Other footers are the last paragraphs that each begin with a footer, as ``git
  interpret-trailers`` reads them. A paragraph of prose that begins with "Note: " in the middle of
  a body stays in the body.
- A line that is no footer continues the footer above it (specification, item 10).
"""

import re
from collections.abc import Sequence

from bot.core.commits.message import CHERRY_PICK_TOKEN, Footer, Message, MessageKind

# Possessive quantifiers: nothing is tried twice, so hostile headers take linear time.
_HEADER = re.compile(
    r"(?P<type>\w[\w-]*+)"
    r"(?:\((?P<scope>[^()]*+(?:\([^()]*+\)[^()]*+)*)\))?"
    r"(?P<exclamation>!)?:(?: +(?P<description>.*))?\Z",
    re.DOTALL,
)
_FOOTER = re.compile(
    r"(BREAKING[ -]CHANGE|\w[\w-]*+)(?:(:)(?:\s|\Z)| (#))(.*)",
    re.DOTALL,
)
_CHERRY_PICK = re.compile(rf"\({CHERRY_PICK_TOKEN} ([0-9a-f]{{7,64}})\)\s*\Z")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE(?::(?=\s|\Z)| #)", re.MULTILINE)
# Footers that count even when the blank line before them is missing: people's and git's trailers,
# and references to issues.
_SURE_FOOTER = re.compile(
    r"(?:[\w-]+-by: |(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?):? #|\(cherry picked )",
    re.IGNORECASE,
)
_PULL_SUFFIX = re.compile(r"\(#(\d{1,18})\)\Z")

_ID = r"[0-9a-f]{7,64}"
_MERGE = re.compile(
    r"(?:"
    # git merge: https://git-scm.com/docs/git-fmt-merge-msg
    r"Merge (?:remote-tracking )?(?:branch|branches|tag|tags|commit|commits|HEAD|ref) '"
    r"|Merge (?:remote-tracking )?(?:branch|tag) \S++(?: (?:into|of) \S++(?: into \S++)?)?\Z"
    r"|Merge \S++ into \S++\Z"
    # GitHub's button
    r"|Merge pull request #(?P<github>\d{1,18}) "
    # Gerrit
    r'|Merge "'
    r"|Merge changes? (?:from topic|I[0-9a-f]{5})"
    # Bitbucket, Azure DevOps, bors and homu
    r"|Merged in \S+ \(pull request #(?P<bitbucket>\d{1,18})\)"
    r"|Merged PR (?P<azure>\d{1,18}): "
    r"|(?:Auto|Rollup) merge of #(?P<bors>\d{1,18}) "
    r"|(?:Try )?Merge #(?P<borsng>\d{1,18})(?:[ :]|\Z)"
    r"|Auto-merged \S+ into \S"
    r"|Automatic merge (?:from|of) \S"
    r")"
)
_REVERT = re.compile(rf'(?:[Rr]evert|[Rr]eapply) (?:"|(?:commit )?{_ID}\b)')
_FIXUP = re.compile(r"(?:fixup|squash|amend)! ?")
_INITIAL = re.compile(r"initial commit\.?\Z", re.IGNORECASE)
_REVERTED = re.compile(rf"\bThis reverts commits?\s+({_ID}(?:(?:,| and|, and)\s+{_ID})*)")
_REVERTED_PULL = re.compile(r"^Reverts ((?:[\w.-]{1,100}/[\w.-]{1,100})?#\d{1,18})\b", re.MULTILINE)
_ID_WORD = re.compile(rf"(?<![\w/@#-]){_ID}(?![\w/-])")

# Passes over the four patterns above quickly.
_SPECIAL = re.compile(
    r"(?:[Tt]ry |[Mm]erge|Auto|Rollup|[Rr]e(?:vert|apply) |\w+!|[Ii][Nn][Ii][Tt])"
)


def parse_message(text: str, *, parents: int = 1) -> Message:
    """Take a message apart. Line ends may be LF, CRLF or CR; leading blank lines are passed over.

    ``parents`` is how many parents the commit has: with two or more, a message that is of no
    other kind is a merge's, whatever words it uses.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text[:1].isspace():
        blank = len(text) - len(text.lstrip())
        text = text[text.rfind("\n", 0, blank) + 1 :]
    header, _, rest = text.partition("\n")
    title = header.strip()
    if rest:
        body, footers, body_blank, footer_blank = _split_rest(rest)
    else:
        body, footers, body_blank, footer_blank = "", (), True, True

    kind = MessageKind.OTHER
    if _SPECIAL.match(title):
        kind, number = _special_kind(title)
        if kind is not MessageKind.OTHER:
            reverts, pulls = _reverted(rest, ()) if kind is MessageKind.REVERT else ((), ())
            return Message(
                header,
                kind,
                breaking=_any_breaking(footers),
                pull_number=number or _without_pull_suffix(title)[1],
                body=body,
                footers=footers,
                reverts=reverts,
                reverted_pulls=pulls,
                body_leading_blank=body_blank,
                footer_leading_blank=footer_blank,
            )

    match = _HEADER.match(title)
    if match is None:
        return Message(
            header,
            MessageKind.MERGE if parents > 1 else kind,
            breaking=_any_breaking(footers),
            pull_number=_without_pull_suffix(title)[1],
            body=body,
            footers=footers,
            body_leading_blank=body_blank,
            footer_leading_blank=footer_blank,
        )
    type_, scope, exclamation, description = match.groups()
    description, number = _without_pull_suffix(description or "")
    kind, reverts, pulls = MessageKind.CONVENTIONAL, (), ()
    if len(type_) == 6 and type_.lower() == "revert":
        kind = MessageKind.REVERT
        reverts, pulls = _reverted(rest, footers)
    return Message(
        header,
        kind,
        type_,
        scope,
        exclamation is not None or _any_breaking(footers),
        description,
        number,
        exclamation is not None,
        body,
        footers,
        reverts,
        pulls,
        body_blank,
        footer_blank,
    )


def print_message(message: Message) -> str:
    """Write a message so that parsing it gives the same message. No line end at the end."""
    parts = [message.header]
    if message.body:
        parts.append("\n\n" if message.body_leading_blank else "\n")
        parts.append(message.body)
    if message.footers:
        parts.append("\n\n" if message.footer_leading_blank else "\n")
        parts.append("\n".join(footer.text for footer in message.footers))
    return "".join(parts)


def format_header(
    type_: str,
    scope: str | None,
    description: str,
    *,
    exclamation: bool = False,
    pull_number: int | None = None,
) -> str:
    """A conventional header from its parts."""
    brackets = f"({scope})" if scope is not None else ""
    suffix = f" (#{pull_number})" if pull_number is not None else ""
    return f"{type_}{brackets}{'!' if exclamation else ''}: {description}{suffix}"


def _special_kind(title: str) -> tuple[MessageKind, int | None]:
    if match := _MERGE.match(title):
        number = next((group for group in match.groups() if group), None)
        return MessageKind.MERGE, int(number) if number else None
    if _REVERT.match(title):
        return MessageKind.REVERT, None
    if _FIXUP.match(title):
        return MessageKind.FIXUP, None
    if _INITIAL.match(title):
        return MessageKind.INITIAL, None
    return MessageKind.OTHER, None


def _without_pull_suffix(text: str) -> tuple[str, int | None]:
    if text.endswith(")") and (match := _PULL_SUFFIX.search(text, max(0, len(text) - 24))):
        return text[: match.start()].rstrip(), int(match[1])
    return text, None


def _any_breaking(footers: Sequence[Footer]) -> bool:
    return bool(footers) and any(footer.breaking for footer in footers)


def _reverted(rest: str, footers: Sequence[Footer]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids = [id_ for match in _REVERTED.finditer(rest) for id_ in _ID_WORD.findall(match[1])]
    for footer in footers:
        if footer.token.lower() in {"ref", "refs"}:
            ids += _ID_WORD.findall(footer.value)
    return tuple(dict.fromkeys(ids)), tuple(dict.fromkeys(_REVERTED_PULL.findall(rest)))


def _split_rest(rest: str) -> tuple[str, tuple[Footer, ...], bool, bool]:
    """Body, footers, and whether a blank line stands before each."""
    lines = rest.split("\n")
    end = len(lines)
    while end and _blank(lines[end - 1]):
        end -= 1
    if not end:
        return "", (), True, True
    start = _footers_start(lines, end, rest)
    first = 0
    while first < start and _blank(lines[first]):
        first += 1
    last = start
    while last > first and _blank(lines[last - 1]):
        last -= 1
    body = "\n".join(lines[first:last])
    footers = _read_footers(lines, start, end) if start < end else ()
    # first is 0 when nothing, not even a blank line, parts the body from the header.
    footer_blank = not footers or (start > 0 and _blank(lines[start - 1]))
    return body, footers, not body or first > 0, footer_blank


def _blank(line: str) -> bool:
    return not line or line.isspace()


def _is_footer(line: str) -> bool:
    return _FOOTER.match(line) is not None or (
        line.startswith("(") and _CHERRY_PICK.match(line) is not None
    )


def _footers_start(lines: list[str], end: int, rest: str) -> int:
    """The index of the first line of the footers; ``end`` when there are none."""
    start = end
    if "BREAKING" in rest and (match := _BREAKING.search(rest)):
        start = rest.count("\n", 0, match.start())
        first = _paragraph_start(lines, start)
        if first != start and not _is_footer(lines[first]):
            return start
        start = first
    else:
        first = _paragraph_start(lines, end - 1)
        if not _is_footer(lines[first]):
            return _unparted_footers(lines, first, end)
        start = first
    # Paragraphs above that begin with a footer too belong to the footers.
    above = start
    while True:
        while above and _blank(lines[above - 1]):
            above -= 1
        if not above:
            return start
        above = _paragraph_start(lines, above - 1)
        if not _is_footer(lines[above]):
            return start
        start = above


def _paragraph_start(lines: list[str], index: int) -> int:
    while index and not _blank(lines[index - 1]):
        index -= 1
    return index


def _unparted_footers(lines: list[str], first: int, end: int) -> int:
    """Footers at the end of the last paragraph, under prose without a blank line between."""
    start, sure = end, False
    for index in range(end - 1, first, -1):
        line = lines[index]
        if _is_footer(line):
            start = index
            sure = sure or _SURE_FOOTER.match(line) is not None
        elif not line.startswith((" ", "\t")):
            break
    return start if sure else end


def _read_footers(lines: list[str], start: int, end: int) -> tuple[Footer, ...]:
    footers: list[Footer] = []
    token, separator, value = "", "", [""]
    for line in lines[start:end]:
        match = _FOOTER.match(line)
        picked = None if match or not line.startswith("(") else _CHERRY_PICK.match(line)
        if not match and not picked:
            value.append(line)
            continue
        if token:
            footers.append(Footer(token, "\n".join(value).strip(), separator))
        if match:
            token, colon, _, first = match.groups()
            separator, value = ": " if colon else " #", [first]
        elif picked:
            token, separator, value = CHERRY_PICK_TOKEN, "()", [picked[1]]
    footers.append(Footer(token, "\n".join(value).strip(), separator))
    return tuple(footers)
