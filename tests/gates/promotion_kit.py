"""Facts of a promotion in which every gate passes, to be spoiled one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.decision import GateResult
from bot.core.hosting import (
    Build,
    BuildState,
    HostDeployment,
    HostProject,
    LedgerEntry,
    Origin,
)
from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    BuildSchema,
    DatabaseState,
    KnownMigration,
)
from bot.core.migrations.model import Phase, Version
from bot.core.model import Actor, Commit, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import Approval, Candidate, CheckState, PromotionFacts, SchemaFacts
from bot.core.schema.snapshot import MeantSchema, SchemaDigests, root_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SHA = Sha("3f2c1aa" + "0" * 33)
OTHER = Sha("a91b77c" + "0" * 33)
HEAD = Sha("beef123" + "0" * 33)
ADA, BEN, CY = Actor(7, "ada"), Actor(8, "ben"), Actor(9, "cy")
ACTIONS = 15368

HOSTILE = "@octo <img src=x>| `y` #12 \u202e \n![x](https://evil.test) " + "z" * 500


def policy(**settings: Any) -> EnvironmentPolicy:
    """Of a production environment on Vercel, read as a file would be."""
    home = {"vercel": {"project": "shop", "domain": "shop.example.com"}}
    return EnvironmentPolicy.model_validate({**home, **settings})


def check(
    name: str = "ci",
    conclusion: str = "success",
    *,
    app_id: int | None = ACTIONS,
    minutes_ago: float = 10,
) -> CheckState:
    """A finished run; with an empty conclusion one that still runs."""
    return CheckState(
        name=name,
        app_id=app_id,
        app="github-actions" if app_id == ACTIONS else "mallory",
        completed=bool(conclusion),
        conclusion=conclusion,
        started_at=NOW - timedelta(minutes=minutes_ago),
    )


def deployment(**changes: Any) -> HostDeployment:
    built = HostDeployment(
        id="dpl_1",
        sha=SHA,
        state=BuildState.READY,
        production=True,
        created_at=NOW - timedelta(minutes=20),
    )
    return replace(built, **changes)


def approval(actor: Actor = BEN, state: str = "approved", **changes: Any) -> Approval:
    return replace(Approval(actor, role_may_write=True, state=state, sha=HEAD), **changes)


def live(sha: Sha = SHA, environment: str = "staging", **changes: Any) -> LedgerEntry:
    entry = LedgerEntry(
        id=1,
        environment=environment,
        build=Build(sha),
        origin=Origin.PROMOTION,
        live_from=NOW - timedelta(hours=1),
        live_until=None,
        verified_at=NOW - timedelta(minutes=59),
        operation_id=1,
        actor="ada",
    )
    return replace(entry, **changes)


CANDIDATE = Candidate(
    build=Build(SHA, deployment_id="", tag="v1.5.0", pull_number=12),
    commit=Commit(SHA, "feat: add search (#12)", ADA),
    author=ADA,
    on_trunk=True,
    released=True,
    merged=True,
    head_sha=HEAD,
)


def candidate(**changes: Any) -> Candidate:
    """``build`` may be given in part, as a mapping."""
    if isinstance(build := changes.get("build"), dict):
        changes["build"] = replace(CANDIDATE.build, **build)
    return replace(CANDIDATE, **changes)


EXPAND, FILL = Version("20260101000000"), Version("20260102000000")
_ADDED = KnownMigration(EXPAND, "add_title_norm", Phase.EXPAND)
_OBJECTS = {"table public.recipes": "5e1f", "view public.menu": "77aa"}
DIGESTS = SchemaDigests(root_of(_OBJECTS), _OBJECTS)
SCHEMA = SchemaFacts(
    build=BuildSchema(SHA, "v1.5.0", {EXPAND: _ADDED}, {FILL: "title_norm"}),
    database=DatabaseState(
        "production",
        {EXPAND: _ADDED},
        {FILL: BackfillProgress(FILL, "title_norm", BackfillState.FINISHED, proven=True)},
    ),
    in_place=DIGESTS,
    meant=MeantSchema(
        DIGESTS.root, DIGESTS.objects, frozenset({EXPAND}), "`/migrate` of @ada", NOW
    ),
)
"""Of a build that goes with its database, in which nothing was changed past the bot."""


def facts(**changes: Any) -> PromotionFacts:
    """Facts that pass; ``policy`` may be given as a mapping of settings."""
    if isinstance(settings := changes.get("policy", {}), dict):
        changes["policy"] = policy(**settings)
    good: dict[str, Any] = {
        "environment": "production",
        "now": NOW,
        "candidate": CANDIDATE,
        "checks": (check(),),
        "required_checks": (),
        "project": HostProject("prj_1", "shop", auto_assigns=False),
        "deployments": (deployment(),),
        "approvals": (approval(),),
        "lock": None,
        "freezes": (),
        "live": {},
    }
    return PromotionFacts(**{**good, **changes})


def said(result: GateResult) -> tuple[str, str, str]:
    return result.verdict.value, result.summary, result.remedy
