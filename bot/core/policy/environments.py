"""The policy's section on environments: where they live, who may move them, what it takes."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from bot.core.hosting import HostTarget

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class VercelProject(BaseModel):
    model_config = _FROZEN

    project: str = Field(description="The Vercel project's name or id.")
    domain: str = Field(
        description="The production domain that is asked, at the end, what it serves."
    )


class WorkflowDeployments(BaseModel):
    """For teams that are not on Vercel: the bot makes a GitHub deployment, a workflow of theirs
    does the work and reports its status."""

    model_config = _FROZEN

    environment: str = Field(description="The name of the GitHub environment.")
    domain: str = Field(
        description="The production domain; GET /.well-known/lockgate.json there must answer with "
        "the `sha` that it serves."
    )


class Approvals(BaseModel):
    model_config = _FROZEN

    count: int = Field(default=0, ge=0, le=20, description="How many approving reviews it takes.")
    not_author: bool = Field(
        default=True, description="Whether an author's own approval counts for nothing."
    )


class FreezeWindow(BaseModel):
    model_config = _FROZEN

    start: datetime | None = Field(
        default=None, alias="from", description="When the freeze begins: a date or a time."
    )
    until: datetime | None = Field(default=None, description="When it ends.")
    cron: str | None = Field(
        default=None,
        description="When a freeze that comes again begins, as five cron fields, e.g. "
        "`0 15 * * FRI`; then `hours` says how long it lasts.",
    )
    hours: float = Field(default=0, ge=0, description="How long a freeze by `cron` lasts.")
    timezone: str = Field(default="UTC", description="The IANA time zone that its times are in.")
    reason: str = Field(description="Why: it is shown to whoever is held by it.")


class ChecksMode(StrEnum):
    ALL = "all"
    REQUIRED = "required"
    LIST = "list"


class ChecksPolicy(BaseModel):
    model_config = _FROZEN

    mode: ChecksMode = Field(
        default=ChecksMode.ALL,
        description="Which checks must be green: `all` that ran, those that branch protection "
        "and rulesets make `required`, or the `list` in `names`.",
    )
    names: tuple[str, ...] = Field(default=(), description="The checks of mode `list`.")
    neutral: tuple[str, ...] = Field(
        default=(), description="Checks by name that may also be neutral."
    )
    skipped: tuple[str, ...] = Field(
        default=(), description="Checks by name that may also be skipped."
    )
    apps: dict[str, int] = Field(
        default_factory=dict,
        description="By check name, the id of the App that must have produced it.",
    )


class Source(StrEnum):
    MERGED = "merged"
    RELEASE = "release"
    APPROVED = "approved"


class OnFailure(StrEnum):
    ROLLBACK = "rollback"
    HOLD = "hold"


class OnRelease(StrEnum):
    PROMOTE = "promote"
    NOTHING = "nothing"


class EnvironmentPolicy(BaseModel):
    model_config = _FROZEN

    vercel: VercelProject | None = Field(default=None, description="Where it lives, on Vercel.")
    workflow: WorkflowDeployments | None = Field(
        default=None, description="Where it lives, deployed by a GitHub workflow."
    )
    requires: tuple[str, ...] = Field(
        default=("checks", "commits", "deployment", "approvals", "freeze", "lock", "order"),
        description="The gates that a promotion must pass, in the order in which they are shown.",
    )
    roles: tuple[str, ...] = Field(
        default=("maintain", "admin"),
        description="GitHub roles that may run commands; custom roles by their name.",
    )
    teams: tuple[str, ...] = Field(
        default=(), description="Teams of the organisation that may too, by slug."
    )
    override_roles: tuple[str, ...] = Field(
        default=("admin",), description="Roles that may set a gate aside with /override."
    )
    approvals: Approvals = Field(default_factory=Approvals, description="Reviews it takes.")
    checks: ChecksPolicy = Field(default_factory=ChecksPolicy, description="Which checks count.")
    freeze: tuple[FreezeWindow, ...] = Field(
        default=(), description="Times at which nothing is promoted."
    )
    source: Source = Field(
        default=Source.MERGED,
        description="What may go there: a commit on the trunk (`merged`), a released one "
        "(`release`), or also an `approved` pull request's head.",
    )
    after: str | None = Field(
        default=None, description="The environment in which a build must be live first."
    )
    soak: timedelta = Field(
        default=timedelta(0), description="For how long it must be live there, e.g. `PT30M`."
    )
    timeout: timedelta = Field(
        default=timedelta(minutes=15),
        description="After how long an operation is given up, e.g. `PT15M`.",
    )
    on_failure: OnFailure = Field(
        default=OnFailure.ROLLBACK,
        description="What follows a promotion that could not be verified: the build before is put "
        "back (`rollback`), or things are left for a person (`hold`).",
    )
    on_release: OnRelease = Field(
        default=OnRelease.NOTHING, description="What a published GitHub release leads to."
    )
    allow_forks: bool = Field(
        default=False, description="Whether commands work on pull requests from forks."
    )

    @property
    def target(self) -> HostTarget | None:
        """Where it lives; None when the policy does not say."""
        if self.vercel:
            return HostTarget("vercel", self.vercel.project, self.vercel.domain)
        if self.workflow:
            return HostTarget("github", self.workflow.environment, self.workflow.domain)
        return None
