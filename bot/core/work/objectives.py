"""Work on the objectives that repositories define."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.work.repositories import RepoWork


@dataclass(frozen=True, slots=True)
class SweepObjectives:
    """Have the objectives of every repository that defines any evaluated."""

    kind: ClassVar[str] = "sweep_objectives"
    priority: ClassVar[int] = -5
    key: ClassVar[str] = "sweep_objectives"


@dataclass(frozen=True, slots=True)
class EvaluateObjectives(RepoWork):
    """See how a repository's objectives stand, keep that, and tell what changed."""

    kind: ClassVar[str] = "evaluate_objectives"
    priority: ClassVar[int] = -5

    @property
    def key(self) -> str:
        return f"objectives:{self.repository_id}"
