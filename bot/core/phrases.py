"""Small pieces of the sentences that gates speak: names, lists, times and durations."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_NAME = 60
_LISTED = 5


def quoted(name: str) -> str:
    """A name of the user's own as code; what would end the code span early is taken out."""
    line = " ".join(name.replace("`", "'").split())
    return (
        f"`{line if len(line) <= _NAME else f'{line[: _NAME - 1]}…'}`" if line else "an empty name"
    )


def listed(names: Sequence[str], limit: int = _LISTED) -> str:
    """``a``, ``a and b``, ``a, b and 3 more``; the names as they are given."""
    if len(names) > limit:
        return f"{', '.join(names[:limit])} and {len(names) - limit} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def say_duration(span: timedelta) -> str:
    """Its two greatest units, rounded up to the smaller one: ``2 d 4 h``, ``3 min``, ``40 s``."""
    seconds = max(int(-(-span.total_seconds() // 1)), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h" + (f" {rest} min" if rest else "")
    days, rest = divmod(-(-minutes // 60), 24)
    return f"{days} d" + (f" {rest} h" if rest else "")


def say_time(moment: datetime) -> str:
    """To the minute, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
