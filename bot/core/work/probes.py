"""Work on the endpoints that objectives name."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SweepProbes:
    """Read from every repository's trunk which endpoints are to be asked."""

    kind: ClassVar[str] = "sweep_probes"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_probes"


@dataclass(frozen=True, slots=True)
class AskProbes:
    """Ask the endpoints that are due."""

    kind: ClassVar[str] = "ask_probes"
    priority: ClassVar[int] = -5
    key: ClassVar[str] = "ask_probes"
