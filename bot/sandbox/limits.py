"""The hourly rate limit, counted for each asker and resource.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WINDOW_SECONDS: Final = 3600
RESOURCES: Final = ("core", "graphql", "search", "integration_manifest")


@dataclass(slots=True)
class Window:
    limit: int
    used: int
    reset: int
    """Seconds since 1970."""

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


class Limits:
    def __init__(self, clock: Callable[[], datetime], limit: int) -> None:
        self._clock = clock
        self.limit = limit
        """Requests (or GraphQL points) an hour."""
        self._windows: dict[tuple[str, str], Window] = {}

    def window(self, key: str, resource: str) -> Window:
        now = int(self._clock().timestamp())
        window = self._windows.get((key, resource))
        if window is None or window.reset <= now:
            window = Window(self.limit, 0, now + WINDOW_SECONDS)
            self._windows[key, resource] = window
        return window

    def set_remaining(self, key: str, remaining: int, resource: str = "core") -> None:
        """``key`` is as ``Principal.limit_key``: ``installation ID 52000001``."""
        window = self.window(key, resource)
        window.used = window.limit - remaining


def headers_of(window: Window, resource: str) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(window.limit),
        "x-ratelimit-remaining": str(window.remaining),
        "x-ratelimit-used": str(window.used),
        "x-ratelimit-reset": str(window.reset),
        "x-ratelimit-resource": resource,
    }
