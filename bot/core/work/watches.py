"""Work on watches over what was promoted."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AdvanceWatch:
    """Look at what is watched, and do what follows. Queued with each new watch."""

    kind: ClassVar[str] = "advance_watch"
    priority: ClassVar[int] = 5
    watch_id: int

    @property
    def key(self) -> str:
        return f"watch:{self.watch_id}"
