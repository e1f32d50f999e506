"""Work on operations: promotions and rollbacks under way."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AdvanceEnvironment:
    """Do the next steps of an environment's open operations. Queued with each new operation."""

    kind: ClassVar[str] = "advance_environment"
    priority: ClassVar[int] = 10
    repository_id: int
    environment: str

    @property
    def key(self) -> str:
        return f"environment:{self.repository_id}/{self.environment}"


@dataclass(frozen=True, slots=True)
class TellOperation:
    """Bring an operation's comment and reaction up to date, however long GitHub is away."""

    kind: ClassVar[str] = "tell_operation"
    priority: ClassVar[int] = 5
    operation_id: int

    @property
    def key(self) -> str:
        return f"operation:{self.operation_id}"
