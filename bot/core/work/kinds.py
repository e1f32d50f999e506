"""Every kind of work, and how a job carries one.

A kind that is added is one line in ``Work``, and its handler in ``bot/engine/handlers.py``.
"""

from dataclasses import asdict, fields
from typing import Any, TypeAlias, get_args

from bot.core.work import (
    deliveries,
    notices,
    objectives,
    observations,
    operations,
    probes,
    promotions,
    pulls,
    releases,
    repositories,
    schemas,
    upkeep,
    watches,
)

Work: TypeAlias = (
    repositories.ReconcileRepository
    | repositories.LocateRepository
    | repositories.ReconcileInstallation
    | deliveries.RouteDeliveries
    | deliveries.SweepDeliveries
    | pulls.ReconcilePullRequest
    | pulls.RerunPullRequest
    | pulls.RefreshPullRequest
    | pulls.RerunHead
    | pulls.ReconcileMergeGroup
    | pulls.FixTitle
    | pulls.RunCommand
    | operations.AdvanceEnvironment
    | operations.TellOperation
    | observations.ObserveEnvironment
    | observations.PollEnvironment
    | observations.TellMove
    | observations.SweepEnvironments
    | promotions.ReconcilePromotion
    | promotions.RejudgePromotion
    | promotions.PromoteRelease
    | releases.ReconcileRelease
    | releases.ReconcileLine
    | releases.ReplanRelease
    | releases.RefreshRelease
    | releases.RerunRelease
    | schemas.CheckMigrations
    | schemas.RefreshMigrations
    | schemas.AdvanceSchemaRun
    | schemas.SweepSchemas
    | probes.SweepProbes
    | probes.AskProbes
    | objectives.SweepObjectives
    | objectives.EvaluateObjectives
    | watches.AdvanceWatch
    | notices.DeliverNotice
    | upkeep.SequenceAudit
    | upkeep.PruneStore
)

KINDS: dict[str, type[Work]] = {work.kind: work for work in get_args(Work)}


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
