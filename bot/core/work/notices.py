"""Work on what a team is told."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class DeliverNotice:
    """Tell one channel one piece of news."""

    kind: ClassVar[str] = "deliver_notice"
    priority: ClassVar[int] = 0
    notice_id: int

    @property
    def key(self) -> str:
        return f"notice:{self.notice_id}"
