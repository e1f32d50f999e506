"""What the engine asks of the world outside. ``wiring`` picks an adapter for each port."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from bot.core.checks import CheckOutput, PresentCheck, PresentComment
from bot.core.decision import Json
from bot.core.merge_queue import Candidate
from bot.core.model import MergeGroup, PolicyFiles, PullRef, PullRequest, RepoRef, Role, Sha
from bot.core.work.kinds import Work
from bot.ports.environments import KnownRepository


class HubError(Exception):
    """GitHub could not be asked, or refused. The text holds no secret and may be shown."""


class HubUnavailable(HubError):
    """Try again later: a limit, an outage, a cut connection.

    ``retry_after`` is GitHub's own word where it gave one.
    """

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class HubGone(HubError):
    """The thing asked for is not there for us (404, 410, 451): deleted, or no access."""


class HubRefused(HubError):
    """Asking again will not help: no permission (403), or an unprocessable request (422)."""


class HubClosed(HubRefused):
    """People closed it to the bot: a locked conversation, an archived repository. That is no fault,
    and is not tried again."""


class HubSuspended(HubRefused):
    """The App's installation is suspended: nothing is read or written until it is not."""


@dataclass(frozen=True, slots=True)
class PullSnapshot:
    """A pull request, the policy files that count for it, and what we have written on it."""

    pull: PullRequest
    policy_files: PolicyFiles
    checks: tuple[PresentCheck, ...]
    """Our runs on the head commit, newest of each name."""
    comments: tuple[PresentComment, ...]
    """Our comments that bear our marker, oldest first."""
    changed: frozenset[str] = frozenset()
    """What the head has in its topmost folder otherwise than the base branch's tip."""
    base_tip: Sha | None = None
    """Where the base branch stands now, which the pull request's own base is not moved along with;
    None where the branch is gone."""


@dataclass(frozen=True, slots=True)
class MergeGroupSnapshot:
    group: MergeGroup
    policy_files: PolicyFiles
    checks: tuple[PresentCheck, ...]
    changed: frozenset[str] = frozenset()
    """What the candidate has in its topmost folder otherwise than the commit it is built on."""


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """A delivery as GitHub lists it; ``id`` is one attempt, ``guid`` is shared by its attempts."""

    id: int
    guid: str
    delivered_at: datetime
    ok: bool
    status: int = 0
    """The HTTP status that GitHub was answered, 0 for no answer."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What is left of an installation's primary limit on one resource (core or graphql)."""

    limit: int
    remaining: int
    resets_at: datetime


class Hub(Protocol):
    """GitHub. Every method may raise HubUnavailable, HubGone or HubRefused."""

    async def fetch_pull_request(self, ref: PullRef) -> PullSnapshot: ...

    async def fetch_merge_group(
        self, repo: RepoRef, *, head_sha: Sha, base_sha: Sha, base_ref: str
    ) -> MergeGroupSnapshot: ...

    async def fetch_open_pulls(self, repo: RepoRef, *, base_ref: str = "") -> list[int]:
        """Numbers of the open pull requests, into one branch or into all."""
        ...

    async def fetch_candidates(self, repo: RepoRef) -> list[Candidate]:
        """What its merge queues have asked checks for and have not merged yet."""
        ...

    async def fetch_pulls_with_head(self, repo: RepoRef, head_sha: Sha) -> list[int]:
        """Numbers of the open pull requests whose head is this commit, forks included."""
        ...

    async def fetch_repositories(self, installation_id: int) -> list[RepoRef]: ...

    async def fetch_repository(self, owner: str, name: str) -> RepoRef:
        """Find the installation by name, following renames: for people who type names."""
        ...

    async def fetch_known(self, owner: str, name: str) -> KnownRepository:
        """The same, and whether it is private."""
        ...

    async def fetch_role(self, repo: RepoRef, login: str) -> Role:
        """What somebody may do in a repository; HubGone if GitHub knows no such person there."""
        ...

    async def post_check(self, repo: RepoRef, head_sha: Sha, output: CheckOutput) -> int:
        """Create a completed check run; its ``external_id`` is ``digest_of(output)``."""
        ...

    async def update_check(self, repo: RepoRef, check_id: int, output: CheckOutput) -> None: ...

    async def post_comment(self, ref: PullRef, body: str) -> int: ...

    async def update_comment(self, repo: RepoRef, comment_id: int, body: str) -> None: ...

    async def delete_comment(self, repo: RepoRef, comment_id: int) -> None: ...

    async def update_title(self, ref: PullRef, title: str) -> None: ...

    async def react(self, repo: RepoRef, comment_id: int, content: str) -> None:
        """``eyes``, ``rocket``, ``-1`` or ``confused``; the same reaction twice is one."""
        ...

    async def is_reachable(self) -> bool:
        """Whether GitHub gives any answer now, be it a refusal; asked once, within seconds. Raises
        nothing."""
        ...

    def rate_limit(self, installation_id: int) -> RateLimit | None:
        """The tightest limit last seen for an installation; None before the first answer."""
        ...

    def fetch_deliveries(self, *, since: datetime) -> AsyncIterator[HookDelivery]:
        """The App's webhook deliveries, newest first, until one is older than ``since``."""
        ...

    async def redeliver(self, delivery_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery, its signature checked. ``payload`` is the raw body."""

    guid: str
    event: str
    action: str
    installation_id: int | None
    repository_id: int | None
    repository: str
    """``owner/name`` or empty."""
    payload: bytes
    routed: bool
    """Whether it gets a job; what no route knows is stored and left alone."""
    received_at: datetime | None = None
    """Set by the store."""
    moved: bool = False
    """Set by the store: its repository is not known to be where the delivery has it."""
    waits: bool = True
    """Set by the store: nothing was made of it yet."""


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """A delivery as the dashboard lists it: no payload."""

    guid: str
    event: str
    action: str
    repository: str
    received_at: datetime
    outcome: str
    """``waiting``, ``ignored``, ``routed`` or the error that routing ended with."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the bot last said of a pull request; what the details page shows."""

    repo: RepoRef
    private: bool
    number: int
    title: str
    author: str
    state: str
    head_sha: Sha
    base_ref: str
    verdict: str
    result: dict[str, Json]
    """``bot.core.decision.Decision`` as JSON."""
    evaluated_at: datetime


@dataclass(frozen=True, slots=True)
class HeadVerdict:
    """What was found last of an open pull request, by the commit at its head."""

    number: int
    base_ref: str
    verdict: str


class StoreUnavailable(Exception):
    """The database cannot be reached, or cannot write."""


class Store(Protocol):
    """The bot's own state. Every method may raise StoreUnavailable."""

    async def add_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries and the jobs of the routed ones in one transaction; known GUIDs are
        passed over."""
        ...

    async def fetch_delivery(self, guid: str) -> Delivery | None: ...

    async def finish_delivery(self, guid: str, outcome: str, works: Sequence[Work]) -> None:
        """Queue the works and note the outcome in one transaction."""
        ...

    async def enqueue(self, work: Work, *, delay: timedelta = timedelta()) -> None:
        """Queue work. If the same kind and key waits already nothing is added, but it is made due
        no later than asked for now."""
        ...

    async def save_evaluation(self, evaluation: Evaluation) -> None: ...

    async def fetch_evaluation(self, owner: str, name: str, number: int) -> Evaluation | None: ...

    async def fetch_evaluations(
        self, *, owner: str = "", name: str = "", limit: int = 100
    ) -> list[Evaluation]:
        """Of open pull requests, last evaluated first."""
        ...

    async def fetch_open_numbers(self, repository_id: int) -> list[int]:
        """Of the pull requests that were open when they were last evaluated."""
        ...

    async def fetch_verdicts_of_head(self, repository_id: int, head_sha: Sha) -> list[HeadVerdict]:
        """Of the open pull requests that have this commit at their head."""
        ...

    async def fetch_recent_deliveries(self, limit: int = 50) -> list[DeliverySummary]: ...

    async def fetch_jobs(self, status: "JobStatus | None" = None, limit: int = 100) -> list["Job"]:
        """Newest first."""
        ...

    async def retry_job(self, job_id: int) -> bool:
        """Put a dead job back in the queue; False if there is no such dead job."""
        ...

    async def queue_health(self) -> "QueueHealth": ...

    async def select_missing(self, attempts: Mapping[int, str]) -> set[int]:
        """Of failed deliveries (attempt id to GUID), the attempts that were never asked for again
        and whose GUID is not stored."""
        ...

    async def record_redelivery(self, attempt_id: int, guid: str) -> None:
        """Note that a failed attempt was asked for again; noting it twice is no error."""
        ...

    async def record_effect(self, effect: "EffectRecord") -> int:
        """Write down what is about to be done; returns its id."""
        ...

    async def finish_effect(self, effect_id: int, outcome: str) -> None: ...

    async def prune(self, *, older_than: timedelta) -> int:
        """Delete raw deliveries and finished jobs past their retention; returns how many."""
        ...


class JobStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    kind: str
    key: str
    args: dict[str, Any]
    status: JobStatus
    attempts: int
    error: str
    """The last error's text, empty if there was none; never a payload or a secret."""
    queued_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What a handler is told of the job that it works on."""

    id: int
    attempt: int
    """1 at the first attempt."""
    queued_at: datetime
    """When the work was first asked for; asking again while it waits does not change it."""


class RetryLater(Exception):
    """Raised by a handler: try again after ``delay``. It does not count as an attempt."""

    def __init__(self, delay: timedelta, reason: str = "") -> None:
        super().__init__(reason or f"waiting for {delay.total_seconds():.0f} s")
        self.delay = delay


@dataclass(frozen=True, slots=True)
class QueueHealth:
    waiting: int
    running: int
    dead: int
    oldest_due_seconds: float
    """How long the oldest job that could run has waited; 0 when none does."""


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """One write to the outside: what, on what, and why."""

    kind: str
    """``post_check``, ``update_comment``, …: the Hub method."""
    repo: RepoRef
    subject: str
    """``owner/name#12`` or ``owner/name@sha``."""
    digest: str
    """Of the content written."""
    cause: str
    """The job that led to it."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The present time, with UTC as its zone."""
        ...


@dataclass(frozen=True, slots=True)
class AppFacts:
    """The GitHub App as GitHub has it. Permissions are read, write or admin by name."""

    id: int
    slug: str
    page: str
    """The App's page for people; ``/installations/new`` under it installs the App."""
    settings_page: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HookFacts:
    """The App's webhook settings. GitHub says whether there is a secret, never which."""

    url: str
    content_type: str
    has_secret: bool
    verifies_tls: bool


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """An installation; ``permissions`` are those that its account has accepted."""

    id: int
    account: str
    page: str
    suspended: bool
    permissions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewApp:
    """What GitHub hands over once, when an App was made from a manifest."""

    id: int
    slug: str
    page: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)


class AppInspector(Protocol):
    """What GitHub says of the App. Each may raise HubUnavailable, HubGone or HubRefused."""

    async def fetch_app(self) -> AppFacts: ...

    async def fetch_hook(self) -> HookFacts: ...

    async def fetch_installations(self) -> list[InstallationFacts]: ...

    def fetch_deliveries(self, *, since: datetime) -> AsyncIterator[HookDelivery]: ...

    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock is ahead of GitHub's, None before any answer."""
        ...

    async def probe(self, url: str) -> str:
        """Empty if a GET is answered 200, else what was found instead."""
        ...
