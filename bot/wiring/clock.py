"""The clock on the wall."""

from datetime import UTC, datetime


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


CLOCK = SystemClock()
