"""What a command asks for, once it is understood; and what is answered where it is not done."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.core.migrations.model import Version as MigrationVersion
from bot.core.release.version import Version


@dataclass(frozen=True, slots=True)
class ShaPrefix:
    """The beginning of a commit's id: 7 to 40 lower-case hexadecimal digits."""

    text: str


@dataclass(frozen=True, slots=True)
class TagName:
    name: str


@dataclass(frozen=True, slots=True)
class StepsBack:
    """How many good builds to go back: 1 is the one before what is live."""

    count: int


Named: TypeAlias = ShaPrefix | TagName
RollbackTo: TypeAlias = ShaPrefix | TagName | StepsBack


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    environment: str
    target: Named | None = None
    """None for what the pull request itself stands for."""
    dry_run: bool = False
    when_ready: bool = False
    plan: str = ""
    """The digest that the plan must have; empty for any."""


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    environment: str
    target: RollbackTo | None = None
    """None for the good build before what is live."""
    dry_run: bool = False
    plan: str = ""
    """The digest that the plan must have; empty for any."""


@dataclass(frozen=True, slots=True)
class StatusRequest:
    environment: str = ""
    """Empty for all of them."""


@dataclass(frozen=True, slots=True)
class GatesRequest:
    environment: str


@dataclass(frozen=True, slots=True)
class SloRequest:
    environment: str = ""
    """Empty for every objective."""


@dataclass(frozen=True, slots=True)
class LockRequest:
    environment: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnlockRequest:
    environment: str


@dataclass(frozen=True, slots=True)
class FreezeRequest:
    environment: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ThawRequest:
    environment: str


@dataclass(frozen=True, slots=True)
class OverrideRequest:
    """Counts for one operation: the environment's newest, if this gate holds it."""

    environment: str
    gate: str
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRequest:
    environment: str


@dataclass(frozen=True, slots=True)
class RetryRequest:
    environment: str


@dataclass(frozen=True, slots=True)
class WatchCancelRequest:
    environment: str


@dataclass(frozen=True, slots=True)
class ReleaseAsRequest:
    version: Version
    package: str = ""
    """Empty where none is named."""


@dataclass(frozen=True, slots=True)
class ReleasePrereleaseRequest:
    package: str = ""
    """Empty for all of the pull request's."""


@dataclass(frozen=True, slots=True)
class ReleaseSkipRequest:
    commit: ShaPrefix
    package: str = ""
    """Empty for all of the pull request's."""


@dataclass(frozen=True, slots=True)
class ReleaseNoteRequest:
    text: str
    package: str = ""
    """Empty for all of the pull request's."""


@dataclass(frozen=True, slots=True)
class ReleaseResetRequest:
    """What was asked for on the pull request before counts no longer."""


@dataclass(frozen=True, slots=True)
class HelpRequest:
    command: str = ""
    """Without the slash; empty for all of them."""


SteeringRequest: TypeAlias = (
    ReleaseAsRequest
    | ReleasePrereleaseRequest
    | ReleaseSkipRequest
    | ReleaseNoteRequest
    | ReleaseResetRequest
)
"""What ``/release`` asks for."""


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    environment: str
    dry_run: bool = False
    accept: bool = False
    """Record the schema in place as the one that is meant, and do nothing else."""


@dataclass(frozen=True, slots=True)
class ContractRequest:
    environment: str
    version: MigrationVersion
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class MigrationsRequest:
    environment: str
    """Empty for all of them."""


Request: TypeAlias = (
    PromoteRequest
    | RollbackRequest
    | StatusRequest
    | GatesRequest
    | SloRequest
    | LockRequest
    | UnlockRequest
    | FreezeRequest
    | ThawRequest
    | OverrideRequest
    | CancelRequest
    | RetryRequest
    | WatchCancelRequest
    | MigrateRequest
    | ContractRequest
    | MigrationsRequest
    | SteeringRequest
    | HelpRequest
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was asked, what stands against it, what can be done. Plain texts that may hold hostile
    text, with backticks about what is to be typed or was found: rendering escapes them."""

    asked: str
    """Without a full stop, e.g. ``Rollback to v1.3.0 on production``."""
    against: str
    """A sentence."""
    remedy: str = ""
    """A sentence; empty when there is nothing to do."""
    answered: bool = True
    """False where an answer would only feed a machine that talks to itself."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing here is for us."""


@dataclass(frozen=True, slots=True)
class Misread:
    """Something was meant for us and cannot be acted on. ``suggestion`` is a line to type instead,
    empty if none is known."""

    problem: str
    """A sentence; may quote hostile text."""
    suggestion: str = ""
