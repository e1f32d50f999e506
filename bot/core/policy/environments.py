"""The policy's section on environments: where they live, who may move them, what it takes."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from bot.core.cron import parse_cron
from bot.core.hosting import HostTarget
from bot.core.policy.slo import SloPolicy
from bot.core.policy.values import (
    AppId,
    BotId,
    CheckName,
    CronText,
    Domain,
    Duration,
    GateName,
    Moment,
    ProjectName,
    RoleName,
    TeamSlug,
    TimeZoneName,
    gate_names_schema,
    zone_of,
)
from bot.core.slo.alerts import Step

_FROZEN = ConfigDict(extra="forbid", frozen=True)

_APPROVE = Step.SECOND_APPROVAL
ALWAYS_ASKED = ("source", "deployment", "freeze", "lock")
"""Gates that ``requires`` cannot leave out: a lock that holds nothing would be a lie."""


class VercelProject(BaseModel):
    model_config = _FROZEN

    project: ProjectName = Field(description="The Vercel project's name or id.")
    domain: Domain = Field(
        description="The production domain that is asked, at the end, what it serves."
    )


class WorkflowDeployments(BaseModel):
    """For teams that are not on Vercel: the bot makes a GitHub deployment, a workflow of theirs
    does the work and reports its status."""

    model_config = _FROZEN

    environment: str = Field(
        min_length=1, max_length=255, description="The name of the GitHub environment."
    )
    domain: Domain = Field(
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

    start: Moment | None = Field(
        default=None,
        alias="from",
        description="When the freeze begins, with `until`: a date, which is its first moment, or "
        "a time such as `2026-12-24T18:00`. Left out: it holds already.",
    )
    until: Moment | None = Field(
        default=None, description="When it ends: at the first moment of a date, or at a time."
    )
    cron: CronText | None = Field(
        default=None,
        description="When a freeze that comes again begins, as five cron fields, e.g. "
        "`0 15 * * FRI`; then `hours` says how long it lasts.",
    )
    hours: float | None = Field(
        default=None,
        ge=0.25,
        le=744,
        description="How long a freeze by `cron` lasts, in hours by the stop watch.",
    )
    timezone: TimeZoneName = Field(
        default="UTC", description="The IANA time zone that its times are in."
    )
    reason: str = Field(
        min_length=1, max_length=500, description="Why: it is shown to whoever is held by it."
    )

    def ends(self, now: datetime) -> datetime | None:
        """When the freeze that holds at ``now`` ends; None if none holds."""
        if self.cron is not None:
            lasting = timedelta(hours=self.hours or 0)
            return parse_cron(self.cron).latest_end(now, lasting, zone_of(self.timezone))
        if self.until is None:
            return None
        start, until = self.moment(self.start), self.moment(self.until)
        return until if until and (start is None or start <= now) and now < until else None

    def moment(self, said: datetime | None) -> datetime | None:
        """A time of the file as a time in UTC."""
        if said is None:
            return None
        placed = said if said.tzinfo else said.replace(tzinfo=zone_of(self.timezone))
        return placed.astimezone(UTC)


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
    names: tuple[CheckName, ...] = Field(
        default=(), max_length=200, description="The checks of mode `list`."
    )
    neutral: tuple[CheckName, ...] = Field(
        default=(), max_length=200, description="Checks by name that may also be neutral."
    )
    skipped: tuple[CheckName, ...] = Field(
        default=(), max_length=200, description="Checks by name that may also be skipped."
    )
    apps: dict[CheckName, AppId] = Field(
        default_factory=dict,
        max_length=200,
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
    requires: tuple[GateName, ...] = Field(
        default=(
            "source",
            "checks",
            "commits",
            "deployment",
            "approvals",
            "freeze",
            "lock",
            "order",
        ),
        min_length=1,
        max_length=50,
        json_schema_extra=gate_names_schema,
        description="The gates that a promotion must pass, in the order in which they are shown. "
        "`source`, `deployment`, `freeze` and `lock` are asked also where they are left out, and "
        "so are `approvals` where it takes any or `slo.steps` may ask for one, `order` where "
        "`after` is set and `slo` where `slo.require` names an objective.",
    )
    roles: tuple[RoleName, ...] = Field(
        default=("maintain", "admin"),
        max_length=50,
        description="GitHub roles that may run commands: `write`, `maintain` and `admin`; custom "
        "roles by their name. `read` and `triage` are refused: in a public repository everybody "
        "can read, and who sorts issues need not write code.",
    )
    teams: tuple[TeamSlug, ...] = Field(
        default=(), max_length=50, description="Teams of the organisation that may too, by slug."
    )
    bots: tuple[BotId, ...] = Field(
        default=(),
        max_length=50,
        description="Bots whose comments count as commands, by the numeric id of their account; it "
        "takes the role or the team as well. Other bots are not heard.",
    )
    override_roles: tuple[RoleName, ...] = Field(
        default=("admin",),
        max_length=50,
        description="Roles that may set a gate aside with /override; `read` and `triage` are "
        "refused.",
    )
    approvals: Approvals = Field(default_factory=Approvals, description="Reviews it takes.")
    checks: ChecksPolicy = Field(default_factory=ChecksPolicy, description="Which checks count.")
    slo: SloPolicy = Field(
        default_factory=SloPolicy,
        description="Which objectives must be in budget, and what is watched after a promotion.",
    )
    freeze: tuple[FreezeWindow, ...] = Field(
        default=(), max_length=100, description="Times at which nothing is promoted."
    )
    source: Source = Field(
        default=Source.MERGED,
        description="What may go there: a commit on the trunk (`merged`), a released one "
        "(`release`), or also an `approved` pull request's head.",
    )
    after: str | None = Field(
        default=None, description="The environment in which a build must be live first."
    )
    soak: Duration = Field(
        default=timedelta(0), description="For how long it must be live there, e.g. `30m`."
    )
    timeout: Duration = Field(
        default=timedelta(minutes=15),
        description="After how long an operation is given up, e.g. `15m`: at least `1m`, at most "
        "`1d`.",
    )
    on_failure: OnFailure = Field(
        default=OnFailure.ROLLBACK,
        description="What follows a promotion that could not be verified: the build before is put "
        "back (`rollback`), or things are left for a person (`hold`).",
    )
    on_release: OnRelease = Field(
        default=OnRelease.NOTHING,
        description="What a published GitHub release leads to; a prerelease leads to nothing.",
    )
    allow_forks: bool = Field(
        default=False, description="Whether commands work on pull requests from forks."
    )

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates to ask: those of ``requires``, then those that cannot be left out."""
        also = [
            *ALWAYS_ASKED,
            *(["approvals"] if self.approvals.count or self.slo.asks(_APPROVE) else []),
            *(["order"] if self.after else []),
            *(["slo"] if self.slo.require else []),
        ]
        return tuple(dict.fromkeys((*self.requires, *also)))

    @property
    def target(self) -> HostTarget | None:
        """Where it lives; None when the policy does not say."""
        if self.vercel:
            return HostTarget("vercel", self.vercel.project, self.vercel.domain)
        if self.workflow:
            return HostTarget("github", self.workflow.environment, self.workflow.domain)
        return None
