"""The text of a GitHub release.

GitHub takes 125,000 characters and refuses one more, at a time when the tag is there already.
https://docs.github.com/rest/releases/releases#create-a-release
"""

import re
from collections.abc import Sequence

from bot.core.render import escape

NOTES_LIMIT = 124_000
"""Below it: what is longer than this would be cut without looking when it is sent."""
_CLOSING = 500
"""Characters kept free for the line that says what is missing, but for its address."""
_FENCE = re.compile(r" {0,3}(```|~~~)")
_ENTRY = re.compile(r"[-*+] ")
_HEADING = re.compile(r"#{1,6} ")


def render_notes(
    section: str,
    *,
    late: str = "",
    compare_url: str = "",
    whole_url: str = "",
    checkpoint: str = "",
    limit: int = NOTES_LIMIT,
) -> str:
    """A version's section of the changelog without its heading, which the release has as its
    title, and with what is compared below. ``late`` is a section on what the changelog does not
    have; ``whole_url`` is where the rest can be read if it is cut; ``checkpoint`` is the audit
    log's, kept here too, out of the database's reach."""
    heading, _, rest = section.lstrip("\n").partition("\n")
    text = rest if _HEADING.match(heading) else section
    link = f"\n{escape.link('All changes', compare_url)}\n" if compare_url else ""
    if checkpoint:
        link += (
            "\n<details><summary>Audit checkpoint</summary>\n\n"
            f"```\n{checkpoint.strip()}\n```\n\n</details>\n"
        )
    link = (f"\n{cut_section(late, limit // 4)}" if late else "") + link
    return cut_section(f"{text.strip()}\n", limit - length(link), whole_url) + link


def cut_section(section: str, limit: int, whole_url: str = "") -> str:
    """As much of a section as fits: whole entries under whole headings, and a line that says how
    many are missing and where they are."""
    if length(section) <= limit:
        return section
    lines = section.splitlines()
    room = limit - _CLOSING - length(whole_url)
    kept = lines[: _border(lines, room)]
    while kept and (not kept[-1].strip() or _HEADING.match(kept[-1])):
        kept.pop()
    missing = sum(1 for line in lines[len(kept) :] if _ENTRY.match(line))
    more = {0: "more", 1: "1 more entry"}.get(missing, f"{missing} more entries")
    where = f": {escape.link('the whole changelog', whole_url)}" if whole_url else ""
    return "\n".join([*kept, "", f"… and {more}{where}.", ""])


def length(text: str) -> int:
    """In UTF-16's units, the widest way to count characters."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_units(text: str, limit: int) -> str:
    """So many of UTF-16's units at most, the last an ellipsis."""
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
    return f"{kept.decode('utf-16-le', 'ignore')}…"


def _border(lines: Sequence[str], room: int) -> int:
    """The last line within the room that begins something: an entry, a heading, a paragraph."""
    border, fenced, parted = 0, False, True
    for place, line in enumerate(lines):
        begins = _ENTRY.match(line) or _HEADING.match(line)
        if not fenced and (begins or (parted and line[:1].strip())):
            border = place
        room -= length(line) + 1
        if room < 0:
            break
        if _FENCE.match(line):
            fenced = not fenced
        parted = not line.strip()
    return border
