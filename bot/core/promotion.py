"""The facts that promotion gates judge. Whatever could not be read is ``Unread``, never empty."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import TypeAlias, TypeVar

from bot.core.commits.config import DEFAULT_CONFIG, CommitsConfig
from bot.core.decision import GateResult
from bot.core.hosting import (
    Build,
    BuildState,
    Freeze,
    HostDeployment,
    HostProject,
    LedgerEntry,
    Lock,
)
from bot.core.migrations.builds import BuildFacts, DatabaseState
from bot.core.model import Actor, Commit, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.schema.snapshot import MeantSchema, SchemaDigests
from bot.core.slo.model import BudgetState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read, with the reason in plain words."""

    reason: str


Read: TypeAlias = T | Unread


@dataclass(frozen=True, slots=True)
class CheckState:
    """A check run or a commit status, newest of its name and source."""

    name: str
    app_id: int | None
    """None for a commit status, which any writer can forge."""
    app: str
    """The App's slug, or the status' creator."""
    completed: bool
    conclusion: str
    """``success``, ``failure``, ``neutral``, ``skipped``, …; empty while it runs."""
    started_at: datetime | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check that a ruleset or branch protection requires, with the App that must produce it."""

    name: str
    app_id: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's newest review that says something, on the pull request of the candidate."""

    actor: Actor
    role_may_write: bool
    state: str
    """``approved``, ``changes_requested`` or ``dismissed``."""
    sha: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """The build that somebody wants live."""

    build: Build
    commit: Commit
    author: Actor
    """Of its pull request, else of the commit."""
    on_trunk: bool
    released: bool
    merged: bool
    head_sha: Sha | None = None
    """The last head of its pull request: reviews of other commits count for nothing. Where it is
    None, every review of a merged pull request counts."""


@dataclass(frozen=True, slots=True)
class SchemaFacts:
    """What the build needs of the environment's database, and what is there."""

    build: BuildFacts
    database: DatabaseState
    in_place: Read[SchemaDigests]
    meant: MeantSchema | None
    """None where no change has been recorded yet."""


@dataclass(frozen=True, slots=True)
class ObjectiveState:
    """A service level objective of the environment, as it stands now."""

    title: str
    """In people's words, of its file."""
    state: BudgetState
    returns_at: datetime | None = None
    """When as much of its budget as the policy asks for is back if nothing more goes wrong, where
    that is known."""
    steps_end: Mapping[Fraction, datetime] = field(default_factory=dict)
    """By the part of its budget at which a step of the policy begins that holds, when more is
    left."""


@dataclass(frozen=True, slots=True)
class PromotionFacts:
    environment: str
    policy: EnvironmentPolicy
    now: datetime
    candidate: Candidate
    checks: Read[tuple[CheckState, ...]]
    required_checks: Read[tuple[RequiredCheck, ...]]
    project: Read[HostProject]
    deployments: Read[tuple[HostDeployment, ...]]
    """Of the candidate's commit, newest first."""
    approvals: Read[tuple[Approval, ...]]
    lock: Lock | None
    freezes: tuple[Freeze, ...]
    live: Mapping[str, LedgerEntry]
    """What is live, by environment; an environment that never was promoted to has none."""
    commits: CommitsConfig = DEFAULT_CONFIG
    """The policy's rules for messages."""
    schema: Read[SchemaFacts] | None = None
    """None where no database is configured for the environment."""
    slo: Read[tuple[ObjectiveState, ...]] = ()
    """The objectives that are for the environment; empty where none is defined."""


@dataclass(frozen=True, slots=True)
class Override:
    """A gate set aside by break-glass: by whom (a login), and why, in their words."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of promotion: what it asks, and how it answers."""

    name: str
    requirement: str
    evaluate: Callable[[PromotionFacts], GateResult]
    overridable: bool = True
    """Whether ``/override`` may set it aside. Where nothing fit is there to be put in place, or
    nobody reviewed it, there is nothing to break the glass for."""


def pick_build(deployments: Iterable[HostDeployment], sha: Sha) -> HostDeployment | None:
    """The build that a promotion of a commit puts in place: of exactly this commit, built for
    production, ready rather than not, then the newest. None where there is no such build."""
    builds = [build for build in deployments if build.sha == sha and build.production]
    return max(builds, key=_fitness, default=None)


def _fitness(build: HostDeployment) -> tuple[bool, bool, datetime, str]:
    ready = build.state is BuildState.READY
    fit = ready and not build.checks_failed
    return fit, ready, build.created_at, build.id
