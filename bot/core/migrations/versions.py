"""Versions, as the Supabase CLI counts them: the second in which a file was made."""

from datetime import UTC, datetime, timedelta

from bot.core.migrations.model import Version

STAMP = "%Y%m%d%H%M%S"


def version_in(path: str) -> Version:
    """The one that the file's name begins with."""
    return Version(path.rpartition("/")[2][:14])


def version_after(version: str) -> Version | None:
    """The next second's, where it is a time; None after the last of 14 digits."""
    try:
        then = datetime.strptime(version, STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
    except (ValueError, OverflowError):
        # It is no time, and still a version.
        return Version(f"{int(version) + 1:014}") if version < "9" * 14 else None
    return Version(then.strftime(STAMP))
