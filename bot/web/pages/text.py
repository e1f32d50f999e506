"""Words, numbers and times as the pages show them. Escaping HTML is the template's part."""

from datetime import UTC, datetime, timedelta

from bot.core.render import escape


def visible(text: str) -> str:
    """The text, line by line, with nothing in it that steers the reading direction or hides."""
    return "\n".join(map(escape.visible, text.split("\n")))


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text, and how long it was if that was not all."""
    text = text.strip()
    shown = visible(escape.cut(text, limit))
    return shown if len(text) <= limit else f"{shown} ({len(text):,} characters)"


def encodable(text: str) -> str:
    """The text as it is, but for lone surrogates, which no page can carry."""
    return text.encode("utf-8", "replace").decode()


def count(number: int, singular: str, plural: str = "") -> str:
    """``1 job``, ``2 jobs``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """A length of time in its largest unit, rounded down."""
    whole = int(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def seconds(span: float) -> str:
    """How long something took: to a tenth of a second while that says something."""
    return f"{span:.1f} s" if span < 60 else duration(span)


def relative(at: datetime, now: datetime) -> str:
    """``3 min ago`` or ``in 3 min``; ``static/live.js`` has the same rule."""
    distance = now - at
    if abs(distance) < timedelta(seconds=2):
        return "just now"
    if distance < timedelta():
        return f"in {duration(-distance.total_seconds())}"
    return f"{duration(distance.total_seconds())} ago"


def exact(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: datetime) -> str:
    """As HTML's ``datetime`` attribute takes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
