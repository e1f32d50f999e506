"""What the engine asks of GitHub to release: a line's history and tags, the branch and the pull
request of a release, the tag and the release itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.model import FileRead, PullRef, PullState, RepoRef, Sha
from bot.core.release.kinds import Latest
from bot.core.release.model import FileChange, HistoryCommit, Tag
from bot.ports import HubRefused, HubUnavailable


class BranchMoved(HubUnavailable):
    """The branch is not where it was when it was read: nothing was changed. Read it again, and
    decide again."""


class BranchApart(HubRefused):
    """A release's branch has no commit in common with its line."""


class RefProtected(HubRefused):
    """A branch or tag may not be written by the App, for want of its permission or by a rule.

    ``remedy`` is what an administrator of the repository is to do, in a sentence or two.
    """

    def __init__(self, message: str, *, ref: str, remedy: str) -> None:
        super().__init__(message)
        self.ref = ref
        self.remedy = remedy


class TagTaken(HubRefused):
    """A tag of that name is on another commit, ``sha``."""

    def __init__(self, message: str, *, name: str, sha: Sha) -> None:
        super().__init__(message)
        self.name = name
        self.sha = sha


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A branch that releases are made from, and every tag of the repository that is on a commit,
    as they stood at one time."""

    branch: str
    head: Sha
    default_branch: str
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class BranchCommit:
    """A commit of a release's branch that its line does not have. ``own``: the App wrote it, and
    nobody has amended it since."""

    sha: Sha
    message: str
    author: str
    """A login where GitHub knows it, else the name that git has."""
    own: bool
    parents: int = 1


@dataclass(frozen=True, slots=True)
class ReleaseBranch:
    """``commits`` are oldest first."""

    name: str
    head: Sha
    commits: tuple[BranchCommit, ...]

    @property
    def foreign(self) -> tuple[BranchCommit, ...]:
        """What people committed to it."""
        return tuple(commit for commit in self.commits if not commit.own)


@dataclass(frozen=True, slots=True)
class ReleasePull:
    """The pull request of a release's branch. ``merge_sha`` is what its merge put on ``base``, None
    unless it was merged; ``ours``: the App opened it."""

    ref: PullRef
    title: str
    body: str
    state: PullState
    draft: bool
    branch: str
    base: str
    head_sha: Sha
    merge_sha: Sha | None
    author: str
    ours: bool
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HubRelease:
    """A release on GitHub. ``url`` is its page; ``ours``: the App made it."""

    id: int
    tag: str
    title: str
    body: str
    draft: bool
    prerelease: bool
    ours: bool
    url: str


class ReleaseHub(Protocol):
    """GitHub, for releases. Every method may raise HubUnavailable, HubGone or HubRefused; what
    writes to a branch or tag may raise RefProtected."""

    # the history

    async def fetch_line(self, repo: RepoRef, branch: str = "") -> ReleaseLine:
        """A branch, the default one unless named. HubGone if it is not there."""
        ...

    async def find_reachable(
        self, repo: RepoRef, candidates: Iterable[Tag], head: Sha
    ) -> Tag | None:
        """The first of the tags that ``head`` is built on, or is on itself. A request for each
        until there is one: the likeliest are to come first."""
        ...

    async def fetch_commits(
        self, repo: RepoRef, base: Sha | None, head: Sha, *, paths: bool = False
    ) -> tuple[HistoryCommit, ...]:
        """What ``head`` reaches and ``base`` does not, however many; newest first, each with its
        parents and the pull request that it came by. With ``paths`` also what each touches, a
        merge against its first parent: a request more for each commit that is new to us."""
        ...

    async def fetch_files(
        self, repo: RepoRef, at: Sha, paths: Iterable[str]
    ) -> Mapping[str, FileRead]:
        """Text files of a commit, by path, exactly as they stand there. What is no UTF-8 text is
        UnreadableFile."""
        ...

    # the branch

    async def fetch_branch(self, repo: RepoRef, branch: str, *, line: Sha) -> ReleaseBranch | None:
        """A release's branch, with what it has and ``line`` has not. None if it is not there.

        Raises:
            BranchApart: the two have nothing in common.
        """
        ...

    async def write_branch(
        self,
        repo: RepoRef,
        branch: str,
        *,
        expected: Sha | None,
        parent: Sha,
        message: str,
        changes: Sequence[FileChange],
    ) -> Sha:
        """Have a branch end in one commit on ``parent`` that makes these changes to it, and return
        that commit. A branch that ends so already is left as it is.

        The branch is moved from ``expected`` (None: it is not there) and from nowhere else, in one
        step at GitHub: what somebody pushed in the meantime is never lost.

        Raises:
            BranchMoved: it is not at ``expected``.
            HubRefused: a file is not at ``parent`` what ``changes`` says that it was.
        """
        ...

    async def merge_into(self, repo: RepoRef, branch: str, sha: Sha, *, message: str) -> Sha | None:
        """Merge a commit into a branch, so that what people committed there stays. Returns where
        the branch stands then; None if the two conflict, and then nothing has changed."""
        ...

    # the pull request

    async def fetch_pulls(self, repo: RepoRef, branch: str) -> tuple[ReleasePull, ...]:
        """The pull requests from a branch of the repository itself, the newest first; no more than
        the last hundred."""
        ...

    async def fetch_open_pulls(self, repo: RepoRef) -> tuple[ReleasePull, ...]:
        """The App's own open pull requests into any branch, from branches of releases."""
        ...

    async def open_pull(
        self, repo: RepoRef, *, branch: str, base: str, title: str, body: str, draft: bool = False
    ) -> ReleasePull:
        """If one is open already from the one to the other, it is returned as it is."""
        ...

    async def edit_pull(
        self, ref: PullRef, *, title: str | None = None, body: str | None = None
    ) -> None: ...

    async def close_pull(self, ref: PullRef) -> None: ...

    async def comment_once(self, ref: PullRef, marker: str, body: str) -> bool:
        """Comment on a pull request unless a comment of ours that begins with the marker, as
        ``body`` does, stands there. False if one did."""
        ...

    # the release

    async def create_tag(self, repo: RepoRef, name: str, sha: Sha) -> bool:
        """Put a tag on a commit. False if it was there already, on the same commit.

        Raises:
            TagTaken: it is on another one.
        """
        ...

    async def find_release(self, repo: RepoRef, tag: str) -> HubRelease | None:
        """The published one, else the oldest draft among the last hundred releases."""
        ...

    async def create_release(
        self,
        repo: RepoRef,
        *,
        tag: str,
        title: str,
        body: str,
        draft: bool = False,
        prerelease: bool = False,
        latest: Latest = Latest.LEGACY,
    ) -> HubRelease:
        """Make the release of a tag that is there. If there is one it is returned as it is, and of
        two drafts that were made at once the older one stays. Neither a draft nor a prerelease is
        shown as the latest, whatever ``latest`` says."""
        ...

    async def edit_release(
        self,
        repo: RepoRef,
        release_id: int,
        *,
        title: str | None = None,
        body: str | None = None,
        draft: bool | None = None,
    ) -> HubRelease:
        """``draft`` False publishes it."""
        ...
