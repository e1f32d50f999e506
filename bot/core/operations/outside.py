"""What to make of a production domain that serves something else than the ledger has."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.hosting import Build, HostDeployment, LedgerEntry, Origin
from bot.core.operations.machine import Kind, Operation, StepName, StepState

_RECORDED = StepName.RECORD, StepState.DONE


@dataclass(frozen=True, slots=True)
class Move:
    """How production came to serve ``build``, as far as is known. Nobody verified it: no gate was
    asked, so a rollback does not lead back to it."""

    build: Build
    origin: Origin = Origin.OUTSIDE
    actor: str = ""
    """Whoever asked the bot for it; the host does not tell who did it there."""
    operation_id: int | None = None
    went_back: bool = False


def is_live(live: LedgerEntry | None, deployment_id: str) -> bool:
    """Whether the ledger has a deployment as live; one without an id is none."""
    return live is not None and live.build.deployment_id == deployment_id != ""


def known_build(ledger: Sequence[LedgerEntry], deployment_id: str) -> Build | None:
    """A deployment that was live before, by the newest entry that says what it was built from."""
    builds = (entry.build for entry in ledger if entry.build.deployment_id == deployment_id)
    return next((build for build in builds if build.sha), None)


def unfinished(operations: Sequence[Operation], deployment_id: str) -> Operation | None:
    """The operation that asked the host for a deployment and did not see it through: what comes
    live late is its doing, and nobody's past the bot. ``operations`` are of the environment, newest
    first; what was recorded since settles all before it."""
    for operation in operations:
        if operation.has(*_RECORDED):
            return None
        if operation.production_may_have_changed and (
            operation.plan.build.deployment_id == deployment_id
        ):
            return operation
    return None


def unsettled(operations: Sequence[Operation], live: LedgerEntry | None) -> Operation | None:
    """The operation since which nobody knows what is served: it may have changed production, it was
    not verified, and nothing was written down since. Or the rollback that is under way. Until that
    is settled nothing is promoted by itself. ``operations`` are of the environment, newest first.
    """
    for operation in operations:
        if operation.has(*_RECORDED):
            return None
        if operation.plan.kind is Kind.ROLLBACK and not operation.ended:
            return operation
        if not operation.ended or not operation.production_may_have_changed:
            continue
        began = operation.step(StepName.SWITCH).started_at
        return None if live and began and live.live_from > began else operation
    return None


def late_move(operation: Operation) -> Move:
    rollback = operation.plan.kind is Kind.ROLLBACK
    return Move(
        operation.plan.build,
        Origin.ROLLBACK if rollback else Origin.PROMOTION,
        operation.actor.login,
        operation.id,
    )


def went_back(
    ledger: Sequence[LedgerEntry],
    deployment_id: str,
    served: HostDeployment | None,
    replaced: HostDeployment | None,
) -> bool:
    """Whether a move past the bot counts as a rollback: unless what is served now is known to be
    newer than the ``ledger``'s newest entry.

    Newer is what was made later at the host. ``served`` and ``replaced`` are None where the host
    does not know them any more, or keeps no times: then newer is what was live later for the first
    time. What was never live before is then not known to be newer, and unknown is never a pass.
    """
    if not ledger or ledger[0].live_until is not None:
        return False  # nothing was live that could have been taken back
    if served is not None and replaced is not None:
        return served.created_at < replaced.created_at
    first = {entry.build.deployment_id: entry.id for entry in sorted(ledger, key=_newest_first)}
    if deployment_id not in first:
        return True
    return first[deployment_id] < first[ledger[0].build.deployment_id]


def _newest_first(entry: LedgerEntry) -> int:
    return -entry.id
