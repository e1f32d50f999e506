"""Durations as people write them: ``15m``, ``1h30m``, or ISO 8601's ``PT15M``."""

import re
from datetime import timedelta

PATTERN = r"^(?:(?:[0-9]{1,6}[dhms])+|P[0-9DTHMSW]+)$"
"""What every duration looks like; not all that looks like it is one."""

_SHORT = re.compile(r"(?=.)(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
# https://www.rfc-editor.org/rfc/rfc3339#appendix-A, without years and months: they have no length.
_ISO = re.compile(
    r"P(?=.)(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?",
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """Raises ValueError, in words for whoever wrote it."""
    if short := _SHORT.fullmatch(text):
        days, hours, minutes, seconds = _numbers(short)
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if iso := _ISO.fullmatch(text):
        weeks, days, hours, minutes, seconds = _numbers(iso)
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    raise ValueError("must be a duration such as `15m`, `2h`, `1d12h` or `PT15M`")


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(number or 0) for number in match.groups()]
