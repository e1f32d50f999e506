"""The words for what runs where: builds at a host, and what an environment serves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.model import Sha

_BETWEEN = ", "


class BuildState(StrEnum):
    """Of a deployment at the host. What is not known is none of these: it is unread."""

    QUEUED = "queued"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    CANCELED = "canceled"
    BLOCKED = "blocked"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class HostTarget:
    """Where an environment lives: a host's project and the domain that people use."""

    host: str
    """``vercel`` or ``github``."""
    project: str
    domain: str


@dataclass(frozen=True, slots=True)
class HostDeployment:
    """One immutable build at the host."""

    id: str
    sha: Sha | None
    """The commit it was built from; None where the host does not say."""
    state: BuildState
    production: bool
    """Built for production: only such a build can be promoted without being built anew."""
    created_at: datetime
    url: str = ""
    rollback_candidate: bool = True
    checks_failed: bool = False
    """The host's own checks on the build ended badly."""
    checks_running: bool = False


@dataclass(frozen=True, slots=True)
class HostProject:
    """``auto_assigns`` tells that a new production build goes live by itself, without any gate."""

    id: str
    name: str
    auto_assigns: bool


class HostJobState(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class HostJob:
    """The host's newest request to move the domains. It proves something about a request of ours
    only if it is to the same deployment and was not asked for before ours."""

    kind: str
    """``promote`` or ``rollback``."""
    to_deployment: str
    from_deployment: str
    state: HostJobState
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class AliasFailure:
    alias: str
    reason: str


@dataclass(frozen=True, slots=True)
class Build:
    """What can be put in place: the four-way link of the product. ``sha`` is empty where the host
    does not say what it was built from, which happens only to what was put there past the bot.
    ``tag`` is its release's; where one merge released several packages it names them all, with a
    comma and a space between, which stands in no tag."""

    sha: Sha
    deployment_id: str = ""
    tag: str = ""
    pull_number: int = 0
    schema_hash: str = ""

    @property
    def tags(self) -> Sequence[str]:
        return self.tag.split(_BETWEEN) if self.tag else ()

    @property
    def called(self) -> str:
        """What a person calls it: its tag, else the beginning of its commit's id, else of the
        deployment's."""
        return self.tag or self.sha[:7] or self.deployment_id[:32]


def join_tags(tags: Iterable[str]) -> str:
    """As a build names its releases."""
    return _BETWEEN.join(sorted(tags))


class Origin(StrEnum):
    """How a build came to be live."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    OUTSIDE = "outside"
    """Somebody moved it at the host, past the bot. It was seen live, and no gate was asked."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """That a build was live in an environment, from when to when. The newest has no end."""

    id: int
    environment: str
    build: Build
    origin: Origin
    live_from: datetime
    live_until: datetime | None
    verified_at: datetime | None
    """When the production domain was seen to serve it; None for what was never verified."""
    operation_id: int | None
    actor: str
    went_back: bool = False
    """Of what came live past the bot: it is not known to be newer than what it took the place of.
    See ``bot.core.operations.outside``."""

    @property
    def holds_releases(self) -> bool:
        """Whether no release is promoted by itself until somebody promotes: production was taken
        back, by whatever way."""
        return self.origin is Origin.ROLLBACK or self.went_back


@dataclass(frozen=True, slots=True)
class Lock:
    """A maintainer's word that nothing may be promoted. Sticky until unlocked."""

    environment: str
    actor: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Freeze:
    """A maintainer's word that nothing may be promoted until a time."""

    environment: str
    actor: str
    reason: str
    since: datetime
    until: datetime
