"""The kinds of work a worker does. Each is a small value that a job carries as JSON.

``key`` names what is worked on: two works of one key never run at once. While a work waits in the
queue, another of the same kind and key adds nothing, since both would read the same present state.
``priority`` orders what waits: higher goes first.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeAlias

from bot.core.model import PullRef, RepoRef


@dataclass(frozen=True, slots=True)
class RouteDeliveries:
    """Read deliveries that were stored together, and queue the work that each hints at."""

    kind: ClassVar[str] = "route_deliveries"
    priority: ClassVar[int] = 0
    guids: list[str]

    @property
    def key(self) -> str:
        return f"deliveries:{self.guids[0]}"


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
class CheckMigrations(RepoWork):
    """Hold the database changes of a pull request to the rules, and say so in a check."""

    kind: ClassVar[str] = "check_migrations"
    number: int
    head_sha: str
    base_sha: str
    rerun: bool = False
    closed: bool = False
    """Nothing is written on it any more, and the versions that it would have added are free."""

    @property
    def key(self) -> str:
        return f"migrations:{self.repository_id}#{self.number}"

    @property
    def ref(self) -> PullRef:
        return PullRef(self.repo, self.number)


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
class ReconcileRepository(RepoWork):
    """Reconcile every open pull request: the policy changed, or the App was just installed.

    ``base_ref`` limits it to pull requests into one branch; empty means all.
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
class ObserveEnvironment(RepoWork):
    """Something may have been moved at the host, past the bot: compare what the production domain
    serves with the ledger. Without an ``environment`` it is all of the repository at that host.

    It has a key of its own, not ``AdvanceEnvironment``'s: a domain that is slow to answer must not
    hold up a rollback.
    """

    kind: ClassVar[str] = "observe_environment"
    environment: str = ""

    @property
    def key(self) -> str:
        return f"observation:{self.repository_id}/{self.environment}"


@dataclass(frozen=True, slots=True)
class PollEnvironment(ObserveEnvironment):
    """The same where nothing hints at it: one of many at once, which lets others go first."""

    kind: ClassVar[str] = "poll_environment"
    priority: ClassVar[int] = -10


@dataclass(frozen=True, slots=True)
class TellMove(RepoWork):
    """Write to the audit log, and tell the team, that an entry of the ledger came past the bot."""

    kind: ClassVar[str] = "tell_move"
    entry_id: int

    @property
    def key(self) -> str:
        return f"move:{self.entry_id}"


@dataclass(frozen=True, slots=True)
class ReconcilePromotion(RepoWork):
    """Show on the trunk's head what promotion gates say, and wake the promotions that wait."""

    kind: ClassVar[str] = "reconcile_promotion"
    priority: ClassVar[int] = -5

    @property
    def key(self) -> str:
        return f"promotion:{self.repository_id}"


@dataclass(frozen=True, slots=True)
class RejudgePromotion(ReconcilePromotion):
    """The same where the policy changed: what is remembered of it does not count."""

    kind: ClassVar[str] = "rejudge_promotion"


@dataclass(frozen=True, slots=True)
class PromoteRelease(RepoWork):
    """A release was published: by policy it may be promoted."""

    kind: ClassVar[str] = "promote_release"
    tag: str
    actor_id: int
    actor_login: str

    @property
    def key(self) -> str:
        return f"release:{self.repository_id}/{self.tag}"


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
class RerunRelease(ReplanRelease):
    """The same, and the check of a commit is written anew even if it says what it said: Re-run was
    pressed."""

    kind: ClassVar[str] = "rerun_release"
    head_sha: str

    @property
    def key(self) -> str:
        return f"releases:{self.repository_id}@{self.head_sha}"


@dataclass(frozen=True, slots=True)
class RefreshRelease(ReplanRelease):
    """The same where nobody waits for it, for one of many at once: it lets people's own events go
    first, and waits while GitHub's rate limit is low."""

    kind: ClassVar[str] = "refresh_release"
    priority: ClassVar[int] = -10


@dataclass(frozen=True, slots=True)
class AdvanceSchemaRun:
    """Do the next parts of a run of database changes, and bring its comment up to date."""

    kind: ClassVar[str] = "advance_schema_run"
    priority: ClassVar[int] = 5
    run_id: int

    @property
    def key(self) -> str:
        return f"schema_run:{self.run_id}"


@dataclass(frozen=True, slots=True)
class TellOperation:
    """Bring an operation's comment and reaction up to date, however long GitHub is away."""

    kind: ClassVar[str] = "tell_operation"
    priority: ClassVar[int] = 5
    operation_id: int

    @property
    def key(self) -> str:
        return f"operation:{self.operation_id}"


@dataclass(frozen=True, slots=True)
class DeliverNotice:
    """Tell one channel one piece of news."""

    kind: ClassVar[str] = "deliver_notice"
    priority: ClassVar[int] = 0
    notice_id: int

    @property
    def key(self) -> str:
        return f"notice:{self.notice_id}"


@dataclass(frozen=True, slots=True)
class SequenceAudit:
    """Take what was appended to the audit log into its tree, and sign a checkpoint."""

    kind: ClassVar[str] = "sequence_audit"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sequence_audit"


@dataclass(frozen=True, slots=True)
class SweepDeliveries:
    """Ask GitHub to send again what it could not deliver, and wake operations whose job died."""

    kind: ClassVar[str] = "sweep_deliveries"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_deliveries"


@dataclass(frozen=True, slots=True)
class SweepEnvironments:
    """Have every environment looked at that something is live in."""

    kind: ClassVar[str] = "sweep_environments"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_environments"


@dataclass(frozen=True, slots=True)
class SweepSchemas:
    """Compare the schema of every environment's database with the one that is meant."""

    kind: ClassVar[str] = "sweep_schemas"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_schemas"


@dataclass(frozen=True, slots=True)
class SweepProbes:
    """Read from every repository's trunk which endpoints are to be asked."""

    kind: ClassVar[str] = "sweep_probes"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "sweep_probes"


@dataclass(frozen=True, slots=True)
class AskProbes:
    """Ask the endpoints that are due."""

    kind: ClassVar[str] = "ask_probes"
    priority: ClassVar[int] = -5
    key: ClassVar[str] = "ask_probes"


@dataclass(frozen=True, slots=True)
class PruneStore:
    """Delete what is past its retention: raw deliveries and finished jobs."""

    kind: ClassVar[str] = "prune_store"
    priority: ClassVar[int] = -10
    key: ClassVar[str] = "prune_store"


Work: TypeAlias = (
    RouteDeliveries
    | ReconcilePullRequest
    | RerunPullRequest
    | RefreshPullRequest
    | CheckMigrations
    | RerunHead
    | ReconcileMergeGroup
    | ReconcileRepository
    | LocateRepository
    | ReconcileInstallation
    | FixTitle
    | RunCommand
    | AdvanceEnvironment
    | ObserveEnvironment
    | PollEnvironment
    | TellMove
    | ReconcilePromotion
    | RejudgePromotion
    | PromoteRelease
    | ReconcileRelease
    | ReconcileLine
    | ReplanRelease
    | RefreshRelease
    | RerunRelease
    | AdvanceSchemaRun
    | TellOperation
    | DeliverNotice
    | SequenceAudit
    | SweepDeliveries
    | SweepEnvironments
    | SweepSchemas
    | SweepProbes
    | AskProbes
    | PruneStore
)

KINDS: dict[str, type[Work]] = {
    work.kind: work
    for work in (
        RouteDeliveries,
        ReconcilePullRequest,
        RerunPullRequest,
        RefreshPullRequest,
        CheckMigrations,
        RerunHead,
        ReconcileMergeGroup,
        ReconcileRepository,
        LocateRepository,
        ReconcileInstallation,
        FixTitle,
        RunCommand,
        AdvanceEnvironment,
        ObserveEnvironment,
        PollEnvironment,
        TellMove,
        ReconcilePromotion,
        RejudgePromotion,
        PromoteRelease,
        ReconcileRelease,
        ReconcileLine,
        ReplanRelease,
        RefreshRelease,
        RerunRelease,
        AdvanceSchemaRun,
        TellOperation,
        DeliverNotice,
        SequenceAudit,
        SweepDeliveries,
        SweepEnvironments,
        SweepSchemas,
        SweepProbes,
        AskProbes,
        PruneStore,
    )
}


def to_args(work: Work) -> dict[str, Any]:
    """The JSON object that a job carries."""
    return asdict(work)


def from_args(kind: str, args: dict[str, Any]) -> Work:
    """The work that a job carries.

    Unknown keys are passed over and missing ones take their default, so that a worker of the
    release before or after can take the job.

    Raises:
        KeyError: there is no such kind.
        TypeError: a key without a default is missing.
    """
    work = KINDS[kind]
    known = {field.name for field in fields(work)}
    return work(**{name: value for name, value in args.items() if name in known})
