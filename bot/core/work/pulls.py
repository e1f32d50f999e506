"""Work on pull requests, on their commits, and on what people write on them."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.model import PullRef
from bot.core.work.repositories import RepoWork


@dataclass(frozen=True, slots=True)
class ReconcilePullRequest(RepoWork):
    """Make the check and the comment of a pull request say what is true now."""

    kind: ClassVar[str] = "reconcile_pull_request"
    number: int
    received_at: float | None = None
    """When the delivery that hinted at it came in, in seconds since the epoch: for the latency
    histogram only."""

    @property
    def key(self) -> str:
        return f"pull:{self.repository_id}#{self.number}"

    @property
    def ref(self) -> PullRef:
        return PullRef(self.repo, self.number)


@dataclass(frozen=True, slots=True)
class RerunPullRequest(ReconcilePullRequest):
    """The same, but the check is written anew even if it says what it said: Re-run was pressed."""

    kind: ClassVar[str] = "rerun_pull_request"


@dataclass(frozen=True, slots=True)
class RefreshPullRequest(ReconcilePullRequest):
    """The same, for one of many at once: it lets people's own events go first, and waits while
    GitHub's rate limit is low."""

    kind: ClassVar[str] = "refresh_pull_request"
    priority: ClassVar[int] = -10


@dataclass(frozen=True, slots=True)
class RerunHead(RepoWork):
    """Re-run was pressed on a commit of which GitHub named no pull request: a fork's, say."""

    kind: ClassVar[str] = "rerun_head"
    head_sha: str

    @property
    def key(self) -> str:
        return f"head:{self.repository_id}@{self.head_sha}"


@dataclass(frozen=True, slots=True)
class ReconcileMergeGroup(RepoWork):
    """Post the check on a merge queue's candidate."""

    kind: ClassVar[str] = "reconcile_merge_group"
    head_sha: str
    base_sha: str
    base_ref: str
    """Branch name, without ``refs/heads/``."""

    @property
    def key(self) -> str:
        return f"merge_group:{self.repository_id}@{self.head_sha}"


@dataclass(frozen=True, slots=True)
class FixTitle(RepoWork):
    """Somebody pressed **Fix title** on the check of ``head_sha``."""

    kind: ClassVar[str] = "fix_title"
    head_sha: str
    actor_id: int
    actor_login: str

    @property
    def key(self) -> str:
        return f"fix_title:{self.repository_id}@{self.head_sha}"


@dataclass(frozen=True, slots=True)
class RunCommand(RepoWork):
    """Somebody wrote a comment on a pull request that may hold a command.

    ``body_digest`` is of the comment as it was delivered: one that was edited since is refused.
    ``received_at`` is when the delivery came in, in seconds since the epoch.
    """

    kind: ClassVar[str] = "run_command"
    priority: ClassVar[int] = 10
    number: int
    comment_id: int
    actor_id: int
    body_digest: str
    received_at: float

    @property
    def key(self) -> str:
        return f"comment:{self.comment_id}"

    @property
    def ref(self) -> PullRef:
        return PullRef(self.repo, self.number)
