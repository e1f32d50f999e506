"""What the engine asks of the store and of GitHub for commands, promotions and rollbacks."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.audit.entry import AuditEntry as AuditEntry
from bot.core.audit.entry import AuditRecord
from bot.core.audit.verify import Fault
from bot.core.hosting import Build, Freeze, HostTarget, LedgerEntry, Lock, Origin
from bot.core.model import Actor, Commit, PolicyFiles, PullRef, RepoRef, Sha
from bot.core.operations.machine import Operation
from bot.core.promotion import Approval, CheckState, RequiredCheck
from bot.core.work.operations import AdvanceEnvironment


@dataclass(frozen=True, slots=True)
class CommandComment:
    """A pull request comment as it stands now."""

    id: int
    ref: PullRef
    author: Actor
    body: str
    created_at: datetime
    edited: bool
    own: bool = False
    """Whether the App itself wrote it."""


@dataclass(frozen=True, slots=True)
class PullFacts:
    """What commands need to know of a pull request."""

    ref: PullRef
    title: str
    author: Actor
    head_sha: Sha
    head_ref: str
    """A branch, of another repository where it comes from a fork."""
    base_ref: str
    merged: bool
    merge_sha: Sha | None
    open: bool
    from_fork: bool
    private: bool


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """A commit by any name a person may type; ``pull_number`` is the merged one it came by."""

    commit: Commit
    on_trunk: bool
    pull_number: int
    tag: str
    released: bool


@dataclass(frozen=True, slots=True)
class OwnComment:
    id: int
    body: str


class CommandHub(Protocol):
    """GitHub, for commands. Every method may raise HubUnavailable, HubGone or HubRefused."""

    async def fetch_comment(self, ref: PullRef, comment_id: int) -> CommandComment: ...

    async def fetch_pull(self, ref: PullRef) -> PullFacts: ...

    async def fetch_commit(self, repo: RepoRef, name: str, *, trunk: str) -> CommitFacts:
        """By SHA (7 characters at least), tag or branch. HubGone if there is none or it is
        ambiguous."""
        ...

    async def fetch_trunk(self, repo: RepoRef) -> tuple[str, Sha]:
        """The default branch and its tip."""
        ...

    async def fetch_trunk_policy(self, repo: RepoRef) -> PolicyFiles:
        """What says who may move production and past which gates: a branch that a writer made, and
        opened a pull request into, has no say in it."""
        ...

    async def fetch_checks(self, repo: RepoRef, sha: Sha) -> tuple[CheckState, ...]:
        """Check runs and statuses of a commit, newest of each name and source; all pages."""
        ...

    async def fetch_required_checks(self, repo: RepoRef, branch: str) -> tuple[RequiredCheck, ...]:
        """What the rulesets and the protection of a branch require."""
        ...

    async def fetch_approvals(self, ref: PullRef) -> tuple[Approval, ...]: ...

    async def fetch_teams(self, repo: RepoRef, login: str, slugs: Sequence[str]) -> frozenset[str]:
        """Those of the teams of the repository's organisation that somebody is an active member
        of."""
        ...

    async def fetch_deployment(self, repo: RepoRef, *, environment: str, key: str) -> int | None:
        """The GitHub deployment that bears our key, if there is one."""
        ...

    async def post_deployment(
        self, repo: RepoRef, *, sha: Sha, environment: str, key: str, description: str
    ) -> int: ...

    async def post_deployment_status(
        self,
        repo: RepoRef,
        deployment_id: int,
        *,
        state: str,
        description: str,
        environment_url: str = "",
        log_url: str = "",
    ) -> None:
        """``in_progress``, ``success``, ``failure`` or ``inactive``."""
        ...

    async def fetch_own_comment(self, ref: PullRef, marker: str) -> OwnComment | None:
        """Our newest comment on a pull request that begins with a marker, if there is one."""
        ...


class StaleFence(Exception):
    """Another operation has taken the environment since: what is asked for is not done."""

    def __init__(self, fence: int, newest: int) -> None:
        super().__init__(f"fence {fence} is older than {newest}: the environment was taken since")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a comment's commands came to: Markdown for each, empty where an operation tells of it;
    and whether any was refused."""

    texts: tuple[str, ...]
    refused: bool


class OperationStore(Protocol):
    """Operations, locks, freezes and the ledger. Every method may raise StoreUnavailable."""

    async def add_operation(self, operation: Operation) -> tuple[Operation, bool]:
        """Store one (its id is given here) with the job that advances it, ``AdvanceEnvironment``,
        in one transaction.

        One comment leads to one operation: if its ``comment_id`` is known already the operation
        that stands is returned, and False.
        """
        ...

    async def fetch_begun(self, repository_id: int, comment_id: int) -> Operation | None:
        """What a comment led to, if it led to anything."""
        ...

    async def note_answered(self, repository_id: int, comment_id: int, answered: Answered) -> None:
        """The commands of a comment were carried out; what was noted first stays."""
        ...

    async def fetch_answered(self, repository_id: int, comment_id: int) -> Answered | None: ...

    async def fetch_operation(self, operation_id: int) -> Operation | None: ...

    async def save_operation(self, operation: Operation) -> Operation | None:
        """Store it if nobody has changed it since it was read; it is returned with its new
        version. None if somebody has: read it again, and decide again."""
        ...

    async def fetch_operations(
        self,
        repository_id: int = 0,
        *,
        environment: str = "",
        open_only: bool = False,
        limit: int = 50,
    ) -> list[Operation]:
        """Newest first. Open are those that are not ``concluded``."""
        ...

    async def fetch_operations_of_pull(
        self, repository_id: int, number: int, *, limit: int = 50
    ) -> list[Operation]:
        """Newest first: those that were asked for on a pull request, and those whose build came by
        it."""
        ...

    async def fetch_stranded(self) -> list[AdvanceEnvironment]:
        """The work on environments with an open operation that no job waits for or does: one that
        died, say."""
        ...

    async def take_environment(
        self, repository_id: int, environment: str, operation_id: int
    ) -> int | None:
        """The fencing token: higher than any given before for this environment; the same one
        again for the operation that holds it. None while another operation holds it."""
        ...

    async def release_environment(
        self, repository_id: int, environment: str, operation_id: int
    ) -> None:
        """Does nothing if the operation does not hold it."""
        ...

    async def fetch_holder(self, repository_id: int, environment: str) -> int | None: ...

    async def fetch_live(self, repository_id: int) -> Mapping[str, LedgerEntry]:
        """What is live, by environment."""
        ...

    async def fetch_ledger(
        self, repository_id: int, environment: str, *, limit: int = 20
    ) -> list[LedgerEntry]:
        """Newest first."""
        ...

    async def record_live(
        self,
        repository_id: int,
        environment: str,
        build: Build,
        *,
        origin: Origin,
        actor: str,
        at: datetime,
        verified: bool,
        operation_id: int | None,
        fence: int | None,
    ) -> None:
        """End what was live and begin the new entry. Recording what is live already changes
        nothing but ``verified``, unless an operation of the bot's gives it another origin: what
        came live past the bot, was put back, or is promoted after that, becomes a new entry. A
        ``fence`` older than the newest one raises StaleFence."""
        ...

    async def fetch_lock(self, repository_id: int, environment: str) -> Lock | None: ...

    async def set_lock(self, repository_id: int, lock: Lock) -> None: ...

    async def clear_lock(self, repository_id: int, environment: str) -> bool: ...

    async def fetch_freezes(self, repository_id: int, environment: str) -> tuple[Freeze, ...]:
        """Those that have not ended."""
        ...

    async def add_freeze(self, repository_id: int, freeze: Freeze) -> None: ...

    async def end_freezes(self, repository_id: int, environment: str) -> int: ...

    async def save_policy(
        self, repository_id: int, policy: str, targets: Mapping[str, HostTarget]
    ) -> None:
        """Remember the last policy that could be used, as JSON: a rollback must still work when
        the one in force cannot. ``targets`` are where its environments live, by name."""
        ...

    async def fetch_policy(self, repository_id: int) -> tuple[str, datetime] | None:
        """The last policy that could be used, and when it was last seen in force."""
        ...

    async def note_head(
        self, repository_id: int, number: int, head_sha: Sha, seen_at: datetime
    ) -> None:
        """From our own webhooks: which commit was the head since when."""
        ...

    async def fetch_head_at(self, repository_id: int, number: int, at: datetime) -> Sha | None:
        """The head that a person could see at a time; None if we had seen none by then."""
        ...


class AuditLog(Protocol):
    async def append(self, entry: AuditEntry) -> None:
        """Of entries with one ``key`` the first is kept. Raises StoreUnavailable: what cannot be
        written down is not done."""
        ...

    async def sequence(self) -> int:
        """Take what was appended into the tree, and sign a checkpoint."""
        ...

    async def checkpoint(self) -> str:
        """The signed checkpoint over all that was appended by now, to be kept outside of the
        database; empty for a log without entries.

        Raises:
            AuditBroken: the log cannot be gone on with.
            StoreUnavailable: the database cannot be used.
        """
        ...


class AuditBroken(Exception):
    """The log's tree is not the one that was signed, or another key signed it. The text says
    which; entries are still taken, and none of them is lost."""


@dataclass(frozen=True, slots=True)
class AuditVerified:
    """What a verification found. ``verified`` entries of the tree were looked at; ``waiting`` ones
    are in the log and will be in the tree; ``more_faults`` are those that are not listed."""

    verified: int
    waiting: int
    faults: tuple[Fault, ...]
    more_faults: int


@dataclass(frozen=True, slots=True)
class AuditProof:
    """That an entry is in the log that ``checkpoint`` was signed for (RFC 6962, 2.1.1)."""

    position: int
    leaf_hash: bytes
    path: tuple[bytes, ...]
    checkpoint: str


class AuditReader(Protocol):
    """The audit log, read. Every method may raise StoreUnavailable."""

    async def fetch_entries(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        repository: str = "",
        actor: str = "",
        kind: str = "",
        build_sha: str = "",
        before: int = 0,
        limit: int = 100,
    ) -> list[AuditRecord]:
        """Newest first; those with an id below ``before`` where it is not 0, for the next page."""
        ...

    async def fetch_entry(self, entry_id: int) -> AuditRecord | None: ...

    def export(self, *, since: datetime | None = None) -> AsyncIterator[AuditRecord]:
        """Oldest first, however many."""
        ...

    async def prove(self, entry_id: int) -> AuditProof | None:
        """None while the entry is not in the tree."""
        ...

    async def verify(
        self,
        *,
        anchors: Iterable[tuple[str, str]] = (),
        progress: Callable[[int, int], None] = ...,
    ) -> AuditVerified:
        """Look at every entry. ``anchors`` are checkpoints kept elsewhere, each with a word for
        where; ``progress`` is told how many entries of how many are done."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """News for the team. ``severity`` is ``info``, ``warning`` or ``critical``; one ``key`` is told
    once to each channel. ``resolves`` tells that the environment is well again, whatever was
    critical about it; where an ``incident`` is named, it is that one and not the environment's."""

    key: str
    severity: str
    title: str
    text: str
    url: str
    repository: str
    environment: str
    resolves: bool = False
    incident: str = ""
    """A name within the repository, for what is critical by itself and not as an environment."""
    cause_url: str = ""
    """Of the move of production that most likely led to it."""


class NotDelivered(Exception):
    """A channel did not take a notice. The text holds no secret and may be shown."""


class Notifier(Protocol):
    async def send(self, notice: Notice) -> None:
        """
        Raises:
            NotDelivered: the channel did not take it.
            RetryLater: it said when to come back.
        """
        ...


class Outbox(Protocol):
    async def post(self, *notices: Notice) -> None:
        """Store them; each is delivered by a job of its own, however long that takes. Where it
        fails midway, all may be posted again: one ``key`` is taken once."""
        ...

    async def deliver(self, notice_id: int) -> None:
        """Tell it now. Any error means that the job is to be run again."""
        ...
