"""Work on what the bot itself keeps."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SequenceAudit:
    """Take what was appended to the audit log into its tree, and sign a checkpoint."""

    kind: ClassVar[str] = "sequence_audit"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sequence_audit"


@dataclass(frozen=True, slots=True)
class PruneStore:
    """Delete what is past its retention: raw deliveries and finished jobs."""

    kind: ClassVar[str] = "prune_store"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "prune_store"
