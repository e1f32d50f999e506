"""What the sandbox GitHub remembers: plain mutable records, compared by identity."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from bot.sandbox.git import GitRepository

Json = dict[str, Any]
AccountKind = Literal["User", "Organization", "Bot"]
MergeMethod = Literal["merge", "squash", "rebase"]

FOLDED_PERMISSION: Final = {
    "admin": "admin",
    "maintain": "write",
    "write": "write",
    "triage": "read",
    "read": "read",
    "none": "none",
}
"""``permission`` of a ``role_name``: maintain and triage have no value of their own.
https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user"""


@dataclass(eq=False, slots=True)
class Account:
    id: int
    login: str
    kind: AccountKind
    created_at: datetime
    name: str = ""
    email: str = ""

    @property
    def noreply(self) -> str:
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(eq=False, slots=True)
class Hook:
    """Where an App's events go. Without a URL none are sent."""

    url: str = ""
    secret: str = ""
    active: bool = True
    content_type: str = "json"
    insecure_ssl: str = "0"


@dataclass(eq=False, slots=True)
class App:
    id: int
    slug: str
    name: str
    owner: Account
    bot: Account
    """The account that it writes as: ``slug[bot]``."""
    permissions: dict[str, str]
    events: list[str]
    hook: Hook
    private_key: str
    """PEM. GitHub keeps the public half only; tests and the demo need both."""
    public_key: str
    client_id: str
    client_secret: str
    created_at: datetime
    description: str | None = None
    external_url: str = "https://lockgate.example"


@dataclass(eq=False, slots=True)
class Installation:
    id: int
    app: App
    account: Account
    selection: Literal["all", "selected"]
    repository_ids: set[int]
    permissions: dict[str, str]
    events: list[str]
    created_at: datetime
    updated_at: datetime
    suspended_at: datetime | None = None
    suspended_by: Account | None = None


@dataclass(slots=True)
class RepositorySettings:
    """GitHub's defaults for a new repository."""

    allow_squash_merge: bool = True
    allow_merge_commit: bool = True
    allow_rebase_merge: bool = True
    allow_auto_merge: bool = False
    allow_update_branch: bool = False
    delete_branch_on_merge: bool = False
    squash_merge_commit_title: str = "COMMIT_OR_PR_TITLE"
    squash_merge_commit_message: str = "COMMIT_MESSAGES"
    merge_commit_title: str = "MERGE_MESSAGE"
    merge_commit_message: str = "PR_TITLE"
    web_commit_signoff_required: bool = False
    allow_forking: bool = True


@dataclass(eq=False, slots=True)
class Role:
    """A collaborator's role: ``name`` may be a custom one, ``base`` is what it is built on."""

    name: str
    base: str


@dataclass(eq=False, slots=True)
class Repository:
    id: int
    owner: Account
    name: str
    git: GitRepository
    created_at: datetime
    updated_at: datetime
    pushed_at: datetime
    private: bool = False
    description: str | None = None
    default_branch: str = "main"
    archived: bool = False
    parent: "Repository | None" = None
    settings: RepositorySettings = field(default_factory=RepositorySettings)
    roles: dict[int, Role] = field(default_factory=dict)
    pulls: dict[int, "Pull"] = field(default_factory=dict)
    comments: dict[int, "Comment"] = field(default_factory=dict)
    suites: dict[str, list["CheckSuite"]] = field(default_factory=dict)
    runs: dict[int, "CheckRun"] = field(default_factory=dict)
    statuses: dict[str, list["Status"]] = field(default_factory=dict)
    merge_groups: dict[str, "MergeGroup"] = field(default_factory=dict)
    deployments: dict[int, "Deployment"] = field(default_factory=dict)
    releases: dict[int, "Release"] = field(default_factory=dict)
    rules: list["RequiredChecks"] = field(default_factory=list)
    """Of rulesets."""
    ref_rules: list["RefRule"] = field(default_factory=list)
    protections: dict[str, "RequiredChecks"] = field(default_factory=dict)
    """Classic protection, by branch."""
    last_number: int = 0
    written_files: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def branch(self, name: str) -> str | None:
        """The object id of a branch's tip."""
        return self.git.refs.get(f"refs/heads/{name}")


@dataclass(eq=False, slots=True)
class Pull:
    id: int
    number: int
    repository: Repository
    title: str
    body: str | None
    author: Account | None
    """None is a deleted account, which GitHub gives as null."""
    head_owner: Account | None
    head_repository: Repository | None
    """None when the fork was deleted."""
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merged_by: Account | None = None
    merge_commit_sha: str | None = None
    landed: tuple[str, ...] = ()
    """The commits that its merge made."""
    locked: bool = False
    maintainer_can_modify: bool = False
    comment_ids: list[int] = field(default_factory=list)
    reviews: list["Review"] = field(default_factory=list)
    happened: list["Happening"] = field(default_factory=list)
    reactions: list["Reaction"] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "open" if self.closed_at is None else "closed"

    @property
    def crosses(self) -> bool:
        return self.head_repository is not self.repository


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of a pull request's page; ``detail`` is a comment's id, commits, or a former title."""

    kind: str
    """``commented``, or the action of the event."""
    by: Account | None
    at: datetime
    detail: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Reaction:
    id: int
    content: str
    author: Account
    created_at: datetime


@dataclass(eq=False, slots=True)
class Comment:
    id: int
    pull: Pull
    body: str
    author: Account | None
    app: App | None
    created_at: datetime
    updated_at: datetime
    edited_at: datetime | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class CheckSuite:
    id: int
    repository: Repository
    app: App
    head_sha: str
    head_branch: str | None
    before: str | None
    created_at: datetime
    updated_at: datetime
    runs: list["CheckRun"] = field(default_factory=list)

    @property
    def status(self) -> str:
        if not self.runs:
            return "queued"
        if all(run.status == "completed" for run in self.runs):
            return "completed"
        return "in_progress"

    @property
    def conclusion(self) -> str | None:
        if self.status != "completed":
            return None
        found = {run.conclusion for run in self.runs}
        ranked = ("failure", "timed_out", "cancelled", "action_required", "success", "neutral")
        return next((value for value in ranked if value in found), "neutral")


@dataclass(eq=False, slots=True)
class CheckRun:
    id: int
    suite: CheckSuite
    name: str
    status: str
    conclusion: str | None
    started_at: datetime | None
    completed_at: datetime | None
    details_url: str | None
    external_id: str
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created_at: datetime
    updated_at: datetime


@dataclass(eq=False, slots=True)
class Review:
    """``state`` is APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED."""

    id: int
    pull: Pull
    author: Account | None
    state: str
    body: str
    sha: str
    submitted_at: datetime


@dataclass(eq=False, slots=True)
class DeploymentStatus:
    id: int
    state: str
    creator: Account
    app: App | None
    description: str
    environment: str
    environment_url: str
    log_url: str
    created_at: datetime


@dataclass(eq=False, slots=True)
class Deployment:
    id: int
    repository: Repository
    sha: str
    ref: str
    task: str
    environment: str
    payload: Json | str
    description: str | None
    creator: Account
    app: App | None
    transient: bool
    production: bool
    created_at: datetime
    statuses: list[DeploymentStatus] = field(default_factory=list)
    """Oldest first."""

    @property
    def state(self) -> str:
        return self.statuses[-1].state if self.statuses else "pending"


@dataclass(eq=False, slots=True)
class Release:
    id: int
    repository: Repository
    tag_name: str
    target: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    author: Account
    created_at: datetime
    published_at: datetime | None
    latest: bool = False


@dataclass(eq=False, slots=True)
class RefRule:
    """A ruleset's word on branches and tags: ``pattern`` is of whole refs, ``bypass`` the ids of
    the Apps that it does not count for."""

    id: int
    pattern: str
    forbids: tuple[str, ...]
    bypass: set[int]


@dataclass(eq=False, slots=True)
class RequiredChecks:
    """``checks`` are names with the id of the App that must make them, None for any."""

    id: int
    branch: str
    checks: list[tuple[str, int | None]]


@dataclass(eq=False, slots=True)
class Team:
    """``members`` are account ids with their state: active, or pending while invited."""

    id: int
    organization: Account
    slug: str
    members: dict[int, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class MergeGroup:
    """A merge queue's candidate: the commits of its pull requests on top of the base."""

    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str
    pulls: list[Pull]


@dataclass(eq=False, slots=True)
class Delivery:
    """One attempt to deliver an event; ``guid`` is shared by all attempts at it."""

    id: int
    guid: str
    app: App
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    body: bytes
    delivered_at: datetime
    redelivery: bool = False
    duration: float = 0.0
    """Seconds."""
    status: str = ""
    status_code: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    done: bool = False
