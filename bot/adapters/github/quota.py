"""What is left of GitHub's limits, per installation, and until when nothing may be asked."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.metrics import GITHUB_RATE_LIMIT_REMAINING
from bot.ports import RateLimit

APP = 0
"""Stands for the App itself where an installation id is asked for."""


class Quota:
    """Primary limits are told by every answer's headers; a secondary limit by a refusal."""

    def __init__(self) -> None:
        self._limits: dict[int, dict[str, RateLimit]] = {}
        self._paused_until: dict[tuple[int, str], datetime] = {}

    def note(self, installation: int, headers: Mapping[str, str]) -> None:
        """Take the limits from an answer's headers; what is missing or no number is passed over."""
        try:
            seen = RateLimit(
                limit=int(headers["x-ratelimit-limit"]),
                remaining=int(headers["x-ratelimit-remaining"]),
                resets_at=datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC),
            )
        except (KeyError, ValueError, OverflowError, OSError):
            return
        resource = headers.get("x-ratelimit-resource", "core")
        self._limits.setdefault(installation, {})[resource] = seen
        label = "app" if installation == APP else str(installation)
        GITHUB_RATE_LIMIT_REMAINING.labels(label, resource).set(seen.remaining)

    def pause(self, installation: int, until: datetime, *, resource: str = "") -> None:
        """Ask nothing before ``until``: going on during a limit makes it longer.

        ``resource`` names the one primary limit that is used up; empty means a secondary limit,
        which holds for all.
        """
        key = (installation, resource)
        self._paused_until[key] = max(self._paused_until.get(key, until), until)

    def wait(self, installation: int, resource: str, now: datetime) -> timedelta:
        """How long nothing may be asked of a resource; zero if now is fine."""
        longest = timedelta()
        for key in ((installation, resource), (installation, "")):
            until = self._paused_until.get(key)
            if until is None:
                continue
            if until <= now:
                del self._paused_until[key]
            else:
                longest = max(longest, until - now)
        return longest

    def tightest(self, installation: int, now: datetime) -> RateLimit | None:
        """The limit of which the smallest share is left, among those whose window still runs."""
        running = [
            limit for limit in self._limits.get(installation, {}).values() if limit.resets_at > now
        ]
        return min(running, key=lambda limit: limit.remaining / max(limit.limit, 1), default=None)
