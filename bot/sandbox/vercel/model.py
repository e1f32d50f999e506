"""What is in the sandbox: teams, projects, deployments, the jobs that move domains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]
Plan = Literal["hobby", "pro"]
Target = Literal["production", "preview"]
BuildState = Literal[
    "QUEUED", "INITIALIZING", "BUILDING", "READY", "ERROR", "CANCELED", "BLOCKED", "DELETED"
]
JobKind = Literal["promote", "rollback"]
JobState = Literal["pending", "in-progress", "succeeded", "failed", "skipped"]
JobEnd = Literal["succeeded", "failed", "skipped"]


@dataclass(eq=False, slots=True)
class Team:
    id: str
    slug: str
    plan: Plan = "pro"


@dataclass(eq=False, slots=True)
class Deployment:
    """One immutable build. ``was_live`` counts the times that the domains were led to it."""

    id: str
    project: "Project"
    sha: str
    branch: str
    message: str
    target: Target
    url: str
    created_at: datetime
    state: BuildState = "QUEUED"
    ready_at: datetime | None = None
    was_live: int = 0
    checks_state: str = ""
    checks_conclusion: str = ""
    dirty: bool = False
    candidate: bool | None = None
    """Whether one can roll back to it; None means by what happened to it."""
    broken: bool = False
    """Whether its pages fail, though it is served."""


@dataclass(eq=False, slots=True)
class Job:
    """A request to move a project's domains: its ``lastAliasRequest``."""

    kind: JobKind
    origin: Deployment | None
    goal: Deployment
    requested_at: datetime
    state: JobState = "pending"
    end: JobEnd = "succeeded"
    left_behind: frozenset[str] = frozenset()
    rolling: bool = False
    outcomes: dict[str, str] = field(default_factory=dict)
    """By domain: ``succeeded``, ``failed`` or ``pending``."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """How the next job of a project will end. ``left_behind`` are domains that it does not move,
    whatever it says of itself; ``silently`` leaves them out of the list of failures too."""

    end: JobEnd = "succeeded"
    left_behind: frozenset[str] = frozenset()
    silently: bool = False


@dataclass(eq=False, slots=True)
class Project:
    """``domains`` leads each production domain to the build that it serves; the first is the main
    one. ``pinned`` after a rollback: new builds do not go live by themselves until a promotion."""

    id: str
    name: str
    team: Team
    created_at: datetime
    domains: dict[str, Deployment | None]
    auto_assign: bool = True
    rolling_release: bool = False
    """A rolling release is under way: what is asked waits behind it."""
    deployments: list[Deployment] = field(default_factory=list)
    """Oldest first."""
    history: list[Deployment] = field(default_factory=list)
    """What was live on the main domain, oldest first; the last one is live."""
    job: Job | None = None
    plans: list[JobPlan] = field(default_factory=list)
    pinned: Deployment | None = None

    @property
    def domain(self) -> str:
        return next(iter(self.domains))

    @property
    def live(self) -> Deployment | None:
        return self.domains[self.domain]

    @property
    def previous(self) -> Deployment | None:
        """What was live before; None if nothing was."""
        live = self.live
        return next((each for each in reversed(self.history) if each is not live), None)


@dataclass(frozen=True, slots=True)
class Token:
    """``teams`` are the ids of those it may act for; ``expires_at`` None means never."""

    value: str = field(repr=False)
    teams: frozenset[str]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was sent; ``status`` 0 means that nobody answered."""

    id: str
    event: str
    body: bytes
    signature: str
    status: int


Listener = Callable[[Delivery], None]
Domains = Sequence[str]
