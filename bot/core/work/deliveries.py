"""Work on deliveries of webhooks."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RouteDeliveries:
    """Read deliveries that were stored together, and queue the work that each hints at."""

    kind: ClassVar[str] = "route_deliveries"
    priority: ClassVar[int] = 0
    guids: list[str]

    @property
    def key(self) -> str:
        return f"deliveries:{self.guids[0]}"


@dataclass(frozen=True, slots=True)
class SweepDeliveries:
    """Ask GitHub to send again what it could not deliver, and wake operations whose job died."""

    kind: ClassVar[str] = "sweep_deliveries"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_deliveries"
