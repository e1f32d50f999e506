"""``/freeze``"""

import re
from datetime import UTC, datetime, timedelta

from bot.core.commands.command import (
    ENVIRONMENT,
    Argument,
    Command,
    Example,
    Misuse,
    Permission,
    Surroundings,
    first_word,
    take_environment,
    take_reason,
)
from bot.core.commands.requests import FreezeRequest

_NAME = "freeze"
_LONGEST = timedelta(days=366)
_WHEN = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})?(?P<T>T)?(?:(?P<time>[0-9]{2}:[0-9]{2})"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


def _parse(rest: str, surroundings: Surroundings) -> FreezeRequest:
    environment, left = take_environment(rest, surroundings, _NAME)
    start = f"/{_NAME} {environment} until"
    day = (surroundings.now.astimezone(UTC) + timedelta(days=1)).date().isoformat()
    word, left = first_word(left)
    if word != "until":
        found = f"`{word}` stands there" if word else "nothing stands there"
        raise Misuse(
            f"A freeze ends at a time: `until` is expected, and {found}. What is to hold until "
            "somebody lifts it is a `/lock`.",
            f"{start} {day} {left or 'nobody is on duty'}",
        )
    when, left = first_word(left)
    until = _read(when, surroundings.now)
    if until is None:
        found = f"`{when}` is" if when else "nothing is given, which is"
        raise Misuse(
            f"{found} no time: a date `2026-12-27`, a time `18:00` or both `2026-12-27T18:00` are, "
            "in UTC, or with an offset such as `+01:00`.",
            f"{start} {day} {left or 'nobody is on duty'}",
        )
    if until <= surroundings.now:
        raise Misuse(f"`{when}` is past.", f"{start} {day} {left}".rstrip())
    if until - surroundings.now > _LONGEST:
        raise Misuse(
            f"`{when}` is more than a year away. What is to hold until somebody lifts it is a "
            "lock.",
            f"/lock {environment} {left}".rstrip(),
        )
    return FreezeRequest(environment, until, take_reason(left, f"{start} {when}"))


def _read(word: str, now: datetime) -> datetime | None:
    """A date means its beginning; a time alone the next such time; no zone means UTC."""
    match = _WHEN.fullmatch(word)
    if not match or bool(match["T"]) != bool(match["date"] and match["time"]):
        return None
    if not match["date"] and not match["time"]:
        return None
    zone = match["zone"] or "+00:00"
    today = now.astimezone(UTC).date().isoformat()
    try:
        until = datetime.fromisoformat(
            f"{match['date'] or today}T{match['time'] or '00:00'}{zone.replace('Z', '+00:00')}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if match["date"]:
        return until
    while until <= now:
        until += timedelta(days=1)
    return until


FREEZE = Command(
    name=_NAME,
    summary="Hold every promotion to an environment until a time.",
    permission=Permission.OPERATE,
    changes=True,
    arguments=(
        ENVIRONMENT,
        Argument(
            "until <date|time>",
            "A date, which means its beginning, a time, which means the next such time, or both "
            "with a `T` between. In UTC unless it bears an offset; at most a year away.",
        ),
        Argument("<reason>", "Why: it is shown to whoever is held by the freeze.", free_text=True),
    ),
    examples=(
        Example("/freeze until 2026-12-27 holidays", "production, until 27 December, 00:00 UTC"),
        Example("/freeze until 18:00 the press is looking", "until six in the evening, UTC"),
        Example("/freeze staging until 2026-12-01T09:00+01:00 fair", "staging, until 08:00 UTC"),
    ),
    parse=_parse,
)
