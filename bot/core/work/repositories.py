"""Work on a repository as a whole, or on all that an installation has."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.model import RepoRef


@dataclass(frozen=True, slots=True)
class RepoWork:
    """The part that all work on a repository shares."""

    priority: ClassVar[int] = 0
    installation_id: int
    repository_id: int
    owner: str
    name: str

    @property
    def repo(self) -> RepoRef:
        return RepoRef(self.installation_id, self.repository_id, self.owner, self.name)


@dataclass(frozen=True, slots=True)
class ReconcileRepository(RepoWork):
    """Reconcile every open pull request: the policy changed, or the App was just installed.

    ``base_ref`` limits it to pull requests into one branch; empty means all, and what merge queues
    have asked for.
    """

    kind: ClassVar[str] = "reconcile_repository"
    base_ref: str = ""

    @property
    def key(self) -> str:
        return f"repository:{self.repository_id}@{self.base_ref}"


@dataclass(frozen=True, slots=True)
class LocateRepository(RepoWork):
    """An event told of a repository at another place than is known, or that it is for other eyes
    now: ask GitHub where it is, and who may see it."""

    kind: ClassVar[str] = "locate_repository"
    priority: ClassVar[int] = 10

    @property
    def key(self) -> str:
        return f"place:{self.repository_id}"


@dataclass(frozen=True, slots=True)
class ReconcileInstallation:
    """Reconcile every repository of an installation: its shared policy changed, or it is new."""

    kind: ClassVar[str] = "reconcile_installation"
    priority: ClassVar[int] = -10
    installation_id: int

    @property
    def key(self) -> str:
        return f"installation:{self.installation_id}"
