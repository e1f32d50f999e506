"""What a promotion finds once it is its turn: other operations may have been through meanwhile."""

from dataclasses import replace

from bot.core.hosting import Build, LedgerEntry
from bot.core.operations.machine import Already, Failed, Operation, Plan, State
from bot.core.operations.outside import is_live
from bot.core.phrases import say_time


def replaced_by(build: Build, live: LedgerEntry | None) -> Build | None:
    """What a build takes the place of, and what is put back if it fails. None where nothing was
    live, or the build itself: what came live past the bot, or may not be live after all, goes
    through the gates in place of nothing."""
    return live.build if live and not is_live(live, build.deployment_id) else None


def plan_by_now(plan: Plan, live: LedgerEntry | None) -> Plan:
    """The same again, in place of what is ``live`` now."""
    return replace(plan, replaces=replaced_by(plan.build, live))


def is_done(build: Build, live: LedgerEntry, doubted: Operation | None) -> bool:
    """Whether there is nothing to promote: the build is live, was seen to be, and neither a
    rollback nor an operation that was never seen through (``unsettled``) speaks against it."""
    seen = is_live(live, build.deployment_id) and live.verified_at is not None
    return seen and not live.holds_releases and doubted is None


def done_meanwhile(
    operation: Operation, live: LedgerEntry | None, doubted: Operation | None
) -> Already | None:
    """What is said of a promotion whose build another one has put live; None where none has."""
    if live is None or not is_done(operation.plan.build, live, doubted):
        return None
    environment, since = operation.plan.environment, say_time(live.live_from)
    return Already(
        f"`{operation.plan.build.called}` is live on {environment} already, since {since}. "
        "Nothing was done."
    )


def overtaken(operation: Operation, live: LedgerEntry | None) -> Failed | None:
    """Why a promotion is too late: what is ``live`` was asked for after it, and the last word
    counts. None where it is not."""
    if live is None or is_live(live, operation.plan.build.deployment_id):
        return None
    if live.live_from <= operation.requested_at or 0 < (live.operation_id or 0) < operation.id:
        return None
    since = "which was asked for later" if live.operation_id else "which came live since"
    return Failed(
        f"{operation.plan.environment} serves {live.build.called}, {since}",
        "`/promote` says that this build is to go live all the same",
        State.SUPERSEDED,
    )
