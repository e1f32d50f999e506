"""Which promotion an override counts for: the newest operation of its environment, and no other.

What a gate held before something else went live was refused for good. Whoever wants it after all
has the gates asked anew.
"""

from collections.abc import Sequence

from bot.core.commands.requests import Refusal
from bot.core.decision import Verdict
from bot.core.hosting import LedgerEntry
from bot.core.operations.ending import decision_of
from bot.core.operations.machine import Kind, Operation, State


def choose_held(
    operations: Sequence[Operation],
    live: LedgerEntry | None,
    *,
    environment: str,
    gate: str,
    pull_number: int,
) -> Operation | Refusal:
    """``operations`` are of the environment, newest first, and ``live`` is what it serves by the
    ledger; ``pull_number`` is where the override was typed."""
    said = f"Override of `{gate}`"
    held = next((one for one in operations if _is_held_by(one, gate)), None)
    if held is None:
        return Refusal(
            said,
            f"No promotion to {environment} is held by that gate.",
            "Type `/promote` first; an override counts for one operation.",
        )
    promotion = f"The promotion of `{held.plan.build.called}` is held by that gate"
    since = _since(held, operations, live)
    anew = f"`/promote {environment} {held.plan.build.sha[:12]}`"
    if since:
        return Refusal(
            said,
            f"{promotion}, but {since}; an override counts for the newest operation alone.",
            f"If that build is meant all the same, type {anew} first.",
        )
    if held.pull_number != pull_number:
        there = f"on pull request {held.pull_number}" if held.pull_number else "on no pull request"
        where = "Type it there, or" if held.pull_number else "Type"
        return Refusal(
            said, f"{promotion}, but was begun {there}.", f"{where} {anew} here before it."
        )
    return held


def _since(held: Operation, operations: Sequence[Operation], live: LedgerEntry | None) -> str:
    """What came after it, as a clause that names the build; empty if nothing did."""
    newer = [one for one in operations if one.id > held.id]
    went_live = next((one for one in newer if one.state is State.SUCCEEDED), None)
    if went_live is not None:
        return f"`{went_live.plan.build.called}` went live since"
    if newer:
        plan = newer[0].plan
        return f"the {plan.kind.noun} of `{plan.build.called}` was asked for since"
    # What the bot itself has put live belongs to an operation, which was asked for before.
    past = live is not None and live.operation_id is None and live.live_from > held.requested_at
    return f"`{live.build.called}` came live since, past the bot" if live and past else ""


def _is_held_by(operation: Operation, gate: str) -> bool:
    if operation.plan.kind is not Kind.PROMOTE or operation.state not in (
        State.WAITING,
        State.REFUSED,
    ):
        return False
    decision = decision_of(operation)
    return decision is not None and any(
        result.gate == gate and result.verdict not in (Verdict.PASS, Verdict.SKIP)
        for result in decision.results
    )
