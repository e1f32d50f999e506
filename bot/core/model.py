"""The words every part of Lockgate shares: repositories, people, commits, pull requests.

Plain frozen values, no behaviour beyond what their fields already say.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.core.sha import Sha as Sha


@dataclass(frozen=True, slots=True)
class RepoRef:
    """How to reach a repository: names may change, the two ids do not."""

    installation_id: int
    id: int
    owner: str
    name: str

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class PullRef:
    repo: RepoRef
    number: int

    def __str__(self) -> str:
        return f"{self.repo.full_name}#{self.number}"


class ActorKind(StrEnum):
    USER = "user"
    BOT = "bot"
    GHOST = "ghost"
    """A deleted account, or a commit author that belongs to no account."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something. ``id`` is 0 for a ghost: logins can be taken over, ids cannot."""

    id: int
    login: str
    kind: ActorKind = ActorKind.USER


GHOST = Actor(0, "ghost", ActorKind.GHOST)


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody may do in a repository.

    ``name`` is GitHub's ``role_name`` (read, triage, write, maintain, admin or a custom role);
    ``permission`` is the older scale (none, read, write, admin) that a custom role is built on.
    https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """

    name: str
    permission: str

    @property
    def may_write(self) -> bool:
        return self.permission in ("write", "admin")


@dataclass(frozen=True, slots=True)
class Commit:
    sha: Sha
    message: str
    author: Actor = GHOST
    parents: int = 1


class SquashTitle(StrEnum):
    """GitHub's repository setting ``squash_merge_commit_title``."""

    PR_TITLE = "PR_TITLE"
    COMMIT_OR_PR_TITLE = "COMMIT_OR_PR_TITLE"


class MergeTitle(StrEnum):
    """GitHub's repository setting ``merge_commit_title``."""

    PR_TITLE = "PR_TITLE"
    MERGE_MESSAGE = "MERGE_MESSAGE"


@dataclass(frozen=True, slots=True)
class MergeSettings:
    """Which ways of merging a repository allows, and where the message that lands comes from."""

    squash: bool = True
    merge: bool = True
    rebase: bool = True
    squash_title: SquashTitle = SquashTitle.COMMIT_OR_PR_TITLE
    merge_title: MergeTitle = MergeTitle.MERGE_MESSAGE


class PullState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as it stands now. ``commits`` are oldest first and complete."""

    ref: PullRef
    title: str
    body: str
    state: PullState
    draft: bool
    author: Actor
    head_sha: Sha
    head_repo: str | None
    """``owner/name`` of the head, None when the fork was deleted."""
    base_ref: str
    base_sha: Sha
    merge_settings: MergeSettings
    commits: tuple[Commit, ...]
    private: bool = True

    @property
    def from_fork(self) -> bool:
        return self.head_repo != self.ref.repo.full_name


@dataclass(frozen=True, slots=True)
class MergeGroup:
    """A merge queue's candidate: exactly these commits will land if it is green."""

    repo: RepoRef
    head_sha: Sha
    base_ref: str
    base_sha: Sha
    commits: tuple[Commit, ...]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A text file as it stands on a branch of ``repo`` (``owner/name``)."""

    repo: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class AbsentFile:
    """GitHub says that there is no such file, branch or repository."""


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """It is there, or may be there, and could not be read: binary, too large, or refused."""

    repo: str
    path: str
    reason: str


FileRead: TypeAlias = FoundFile | AbsentFile | UnreadableFile


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where a policy may stand, in the order in which it counts."""

    repository: FileRead
    organisation: FileRead
