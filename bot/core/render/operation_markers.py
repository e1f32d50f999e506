"""What an operation's comment begins with, unseen: by it the bot finds the comment again, and a
terminal knows what it tells of. Only the first lines count, and only in comments of the bot's."""

import re

from bot.core.operations.machine import Operation

_MARKER = re.compile(r"<!-- lockgate:operation id=([1-9][0-9]{0,18}) -->(?:\r?\n|$)")
_ASKED = re.compile(r"<!-- lockgate:asked comment=([1-9][0-9]{0,18}) -->(?:\r?\n|$)")
_TAKEN_BACK = "<!-- lockgate:taken-back -->"
_FOLLOWS = re.compile(
    r"<!-- lockgate:follows operation=([1-9][0-9]{0,18}) ended=(yes|no) -->(?:\r?\n|$)"
)


def markers_of(operation: Operation) -> list[str]:
    """The lines, in the order in which they are read."""
    lines = [operation_marker(operation.id)]
    if operation.comment_id > 0:
        lines.append(asked_marker(operation.comment_id))
    if operation.way_back:
        lines.append(_TAKEN_BACK)
    if operation.follows:
        ended = "yes" if operation.ended else "no"
        lines.append(f"<!-- lockgate:follows operation={operation.follows} ended={ended} -->")
    return lines


def operation_marker(operation_id: int) -> str:
    """What the progress comment is found again by, together with its author."""
    return f"<!-- lockgate:operation id={operation_id} -->"


def operation_in(body: str) -> int:
    """The operation that a comment tells of, 0 if none: only the very first line counts."""
    found = _MARKER.match(body)
    return int(found[1]) if found else 0


def asked_marker(comment_id: int) -> str:
    """What tells in which comment an operation was asked for; it stands on the second line."""
    return f"<!-- lockgate:asked comment={comment_id} -->"


def asked_in(body: str) -> int:
    """The comment by which the operation was asked for that a comment tells of, 0 if none."""
    marker = _MARKER.match(body)
    found = _ASKED.match(body, marker.end()) if marker else None
    return int(found[1]) if found else 0


def is_taken_back_in(body: str) -> bool:
    """Whether a comment tells of a promotion that the bot itself takes back."""
    marker = _MARKER.match(body)
    asked = _ASKED.match(body, marker.end()) if marker else None
    return bool(asked) and body.startswith(_TAKEN_BACK, asked.end() if asked else 0)


def follows_in(body: str) -> tuple[int, bool]:
    """The promotion that is taken back by the operation that a comment tells of, 0 for none, and
    whether that has ended."""
    marker = _MARKER.match(body)
    found = _FOLLOWS.match(body, marker.end()) if marker else None
    return (int(found[1]), found[2] == "yes") if found else (0, False)
