"""Work on releases."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.work.repositories import RepoWork


@dataclass(frozen=True, slots=True)
class ReconcileRelease(RepoWork):
    """Complete what was merged to be released, and make the release pull request say what would be
    released next."""

    kind: ClassVar[str] = "reconcile_release"

    @property
    def key(self) -> str:
        return f"releases:{self.repository_id}"


@dataclass(frozen=True, slots=True)
class ReconcileLine(RepoWork):
    """A branch besides the default one moved: releases are planned if the policy makes prereleases
    from it."""

    kind: ClassVar[str] = "reconcile_line"
    branch: str
    """Without ``refs/heads/``."""

    @property
    def key(self) -> str:
        return f"line:{self.repository_id}@{self.branch}"


@dataclass(frozen=True, slots=True)
class ReplanRelease(ReconcileRelease):
    """The same where the policy changed: what is remembered of it does not count."""

    kind: ClassVar[str] = "replan_release"


@dataclass(frozen=True, slots=True)
class RefreshRelease(ReplanRelease):
    """The same where nobody waits for it, for one of many at once: it lets people's own events go
    first, and waits while GitHub's rate limit is low."""

    kind: ClassVar[str] = "refresh_release"
    priority: ClassVar[int] = -10


@dataclass(frozen=True, slots=True)
class RerunRelease(ReplanRelease):
    """The same, and the check of a commit is written anew even if it says what it said: Re-run was
    pressed."""

    kind: ClassVar[str] = "rerun_release"
    head_sha: str

    @property
    def key(self) -> str:
        return f"releases:{self.repository_id}@{self.head_sha}"
