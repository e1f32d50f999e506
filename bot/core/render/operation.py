"""The progress comment of a promotion or rollback: one for each operation, edited as it goes."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.core.decision import Decision, GateResult, Verdict
from bot.core.hosting import Build
from bot.core.model import Actor
from bot.core.operations.ending import decision_of, set_aside
from bot.core.operations.machine import (
    Kind,
    Operation,
    Plan,
    State,
    StepName,
    StepState,
)
from bot.core.operations.rollback_target import rollback_line
from bot.core.phrases import say_duration
from bot.core.render import escape
from bot.core.render.operation_markers import markers_of
from bot.core.render.operation_steps import planned_steps, say_seconds, told_steps
from bot.core.render.slo import budget_lines
from bot.core.render.watch import Shown, watch_lines
from bot.core.render.words import (
    by_last_good,
    capitalised,
    fit,
    marked_result,
    see_details,
    spoken,
    stopped,
)

_SENTENCE = 400
TABLE_BYTES = 24_000
"""GitHub takes comments of 65,536 characters."""


def render_operation(
    operation: Operation,
    *,
    details_url: str = "",
    slo_url: str = "",
    replaced_since: datetime | None = None,
    watched: Shown | None = None,
) -> str:
    """``slo_url`` is the page of the repository's objectives, ``replaced_since`` since when the
    build was live that this one replaces; ``watched`` is the watch over what a promotion has put
    in place.

    The same operation always gives the same text, so that nothing need be written when nothing
    changed.
    """
    decision = decision_of(operation)
    back = watched is not None and watched.taken_back
    lines = [*markers_of(operation), _headline(operation, taken_back=back)]
    lines += ["", *watch_lines(watched)] if watched else []
    lines += _overridden(operation, decision)
    lines += ["", by_last_good(operation.policy_fault)] if operation.policy_fault else []
    lines += ["", *told_steps(operation, decision)]
    lines += _gates(decision)
    lines += budget_lines(decision.results, slo_url) if decision else []
    lines += [] if back else _afterwards(operation, replaced_since)
    where = f" · {see_details(details_url)}" if details_url else ""
    digest = escape.code(operation.plan.digest)
    lines += ["", f"<sub>Operation {operation.id} · plan {digest}{where} · `/help`</sub>", ""]
    return "\n".join(lines)


def render_plan(
    plan: Plan,
    decision: Decision | None = None,
    *,
    replaced_since: datetime | None = None,
    policy_fault: str = "",
) -> str:
    """What ``--dry-run`` answers. The digest is the one that a run of this plan bears;
    ``policy_fault`` is as an operation's."""
    what = f"promote {_named(plan.build)} to" if plan.kind is Kind.PROMOTE else None
    doing = what or f"put {_named(plan.build)} back on"
    lines = [
        (
            f"**Dry run: would {doing} {_environment(plan)}.** Nothing was changed. "
            f"Plan {escape.code(plan.digest)}: a run with {escape.code(f'--plan={plan.digest}')} "
            "does this or nothing."
        ),
        *(["", by_last_good(policy_fault)] if policy_fault else []),
        "",
        *(f"{number}. {said}" for number, said in enumerate(planned_steps(plan), start=1)),
    ]
    lines += _gates(decision)
    if plan.replaces:
        lines += ["", f"Live now: {_named(plan.replaces)}{_since(replaced_since, None)}."]
    return "\n".join(lines)


def asked_of(operation: Operation) -> str:
    """What an operation is about, as Markdown, to stand within a sentence."""
    plan = operation.plan
    if plan.kind is Kind.PROMOTE:
        return f"promotion of {_named(plan.build)} to {_environment(plan)}"
    return f"rollback of {_environment(plan)} to {_named(plan.build)}"


def _named(build: Build) -> str:
    sha = escape.code(build.sha[:7] or build.called)
    return f"{escape.inline(build.tag, 60)} ({sha})" if build.tag else sha


def _environment(plan: Plan) -> str:
    return escape.inline(plan.environment, 60)


def _by(actor: Actor) -> str:
    return escape.inline(actor.login, 60)


def _headline(operation: Operation, *, taken_back: bool = False) -> str:
    plan, environment = operation.plan, _environment(operation.plan)
    promoting = plan.kind is Kind.PROMOTE
    match operation.state:
        case State.SUCCEEDED if operation.was_needless:
            return f"**{_sentence(operation.outcome)}**"
        case State.SUCCEEDED:
            took = _took(operation)
            said = (
                f"{'Was live' if taken_back else 'Live'}: {_named(plan.build)} on {environment}"
                if promoting
                else f"Rolled back: {_named(plan.build)} is live on {environment} again"
            )
            alone = f" Done {_asked_by(operation)}." if operation.follows else ""
            return f"**{said}{', in' if not promoting else ' in'} {took}.**{alone}"
        case State.RUNNING | State.WAITING:
            return f"**{_under_way(operation)}** · {_asked_by(operation)}"
        case State.REFUSED:
            start = f"{capitalised(asked_of(operation))} refused."
        case State.CANCELLED:
            start = f"{capitalised(asked_of(operation))} cancelled."
        case State.SUPERSEDED:
            start = f"{capitalised(asked_of(operation))} superseded."
        case State.FAILED if operation.has(StepName.VERIFY, StepState.DONE):
            start = f"Live: {_named(plan.build)} on {environment}, with something left undone."
        case State.FAILED:
            done = "Not promoted" if promoting else "Not rolled back"
            start = f"{done}: {_named(plan.build)} on {environment}."
    said = escape.sentence(operation.remedy, limit=_SENTENCE)
    remedy = f"Next: {stopped(said)}" if said else ""
    parts = (f"**{start}**", _sentence(operation.outcome), _production(operation), remedy)
    return " ".join(filter(None, parts))


def _under_way(operation: Operation) -> str:
    plan, environment = operation.plan, _environment(operation.plan)
    if operation.ending is not None:
        return f"Ending the {asked_of(operation)}: {_sentence(operation.outcome)}"
    if operation.state is State.WAITING:
        until = operation.deadline.astimezone(UTC).strftime("%H:%M UTC")
        return f"Waiting to promote {_named(plan.build)} to {environment}, until {until}"
    if plan.kind is Kind.PROMOTE:
        return f"Promoting {_named(plan.build)} to {environment}"
    return f"Rolling {environment} back to {_named(plan.build)}"


def _asked_by(operation: Operation) -> str:
    if operation.began_because:
        return f"by itself, because {escape.inline(operation.began_because, 300)}"
    where = " in a comment" if operation.comment_id > 0 else ""
    return f"asked by {_by(operation.actor)}{where}"


def _production(operation: Operation) -> str:
    """What the environment serves now, unless the outcome says so already."""
    plan, environment = operation.plan, _environment(operation.plan)
    if plan.environment.casefold() in operation.outcome.casefold():
        return ""
    if not operation.production_may_have_changed:
        live = f": {_named(plan.replaces)} is live" if plan.replaces else ""
        return f"{capitalised(environment)} is unchanged{live}."
    if operation.has(StepName.VERIFY, StepState.DONE):
        return f"{capitalised(environment)} serves {_named(plan.build)}."
    return f"What {environment} serves is not certain; `/status` tells."


def _took(operation: Operation) -> str:
    return say_seconds(operation.last_change - operation.requested_at)


def _overridden(operation: Operation, decision: Decision | None) -> list[str]:
    """What stands in red: the gates that were set aside, or that somebody asked to."""
    said = []
    for aside in set_aside(operation, decision):
        by = f" by {escape.inline(aside.actor, 60)}" if aside.actor else ""
        why = stopped(escape.inline(aside.reason))
        said.append(f"> Gate {escape.code(aside.gate, 40)} {aside.said}{by}{aside.how}: {why}")
    return ["", "> [!CAUTION]", *"<br>\n".join(said).split("\n")] if said else []


def _gates(decision: Decision | None) -> list[str]:
    if decision is None or not decision.results:
        return []
    table = gates_table(decision.results)
    aside = any(result.overridden for result in decision.results)
    if decision.verdict not in (Verdict.PASS, Verdict.SKIP) or aside:
        return ["", *table]
    count = len(decision.results)
    title = f"{count} gate{'s' if count != 1 else ''}"
    return ["", "<details>", f"<summary>{title}</summary>", "", *table, "", "</details>"]


def gates_table(results: Sequence[GateResult]) -> list[str]:
    rows = ["| | gate | found | to do |", "|---|---|---|---|"]
    for result in results:
        todo = spoken(result.remedy, result, cell=True) if result.remedy else "–"
        found = spoken(result.summary, result, cell=True)
        mark = marked_result(result)
        rows.append(f"| {mark} | {escape.inline(result.gate, 40)} | {found} | {todo} |")
    return [fit(rows, TABLE_BYTES, fixed=2, details_url="")]


def _afterwards(operation: Operation, replaced_since: datetime | None) -> list[str]:
    plan = operation.plan
    lines = []
    if operation.state is State.SUCCEEDED and plan.kind is Kind.ROLLBACK:
        lines = [
            "",
            f"Newer builds stay off {_environment(plan)} until somebody types `/promote`.",
        ]
    if plan.kind is Kind.PROMOTE and plan.replaces and operation.ending is None:
        since = _since(replaced_since, operation.requested_at)
        lines = ["", f"Previous: {_named(plan.replaces)}{since}."]
        if operation.production_may_have_changed:
            lines[-1] += f" Take it back: {escape.code(rollback_line(plan.environment))}"
    return lines


def _since(since: datetime | None, until: datetime | None) -> str:
    if since is None:
        return ""
    if until is None:
        return f", since {since.astimezone(UTC).strftime('%Y-%m-%d %H:%M UTC')}"
    return f", live {say_duration(until - since)}"


def _sentence(text: str) -> str:
    said = escape.sentence(text, limit=_SENTENCE)
    return stopped(capitalised(said)) if said else ""
