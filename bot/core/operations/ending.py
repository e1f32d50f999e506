"""What is kept and told of an operation that has ended."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.core.audit.entry import AuditEntry, content_key, format_time
from bot.core.decision import Decision, GateResult, Json, Verdict
from bot.core.operations.machine import Operation, State, Step, StepName
from bot.core.render.json import from_json

DECISION = "decision"
"""Set in the detail of the step on gates: what they said, as ``to_json`` has it."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A gate that somebody asked to set aside. What became of that reads ``is set aside``, who
    asked for it, ``, for this operation alone``. ``actor`` is empty where nobody knows."""

    gate: str
    actor: str
    reason: str
    said: str
    how: str


def decision_of(operation: Operation) -> Decision | None:
    """What the gates said; None if they were not asked, or another release wrote it in a way that
    this one cannot read."""
    data = _judged(operation)
    if not isinstance(data, dict):
        return None
    try:
        return from_json(data)
    except ValueError:
        return None


def set_aside(operation: Operation, decision: Decision | None) -> Iterator[Aside]:
    results = {result.gate: result for result in decision.results} if decision else {}
    for gate, text in operation.overrides.items():
        actor, colon, reason = text.partition(": ")
        said, how = _became(results.get(gate))
        yield Aside(gate, actor if colon else "", reason if colon else text, said, how)


def _became(result: GateResult | None) -> tuple[str, str]:
    if result is None:
        return "is to be set aside", ", for this operation alone"
    if result.overridden:
        return "is set aside", ", for this operation alone"
    if result.verdict is Verdict.PASS:
        return "was to be set aside", ", and passes without"
    return "was to be set aside", ", which nobody can"


def severity_of(operation: Operation) -> str:
    """As ``Notice.severity``. What was refused, or done past a gate, is nothing that went well."""
    if operation.state is State.FAILED:
        return "critical"
    return "warning" if operation.overrides or operation.state is State.REFUSED else "info"


def news_of(operation: Operation) -> str:
    """What the team is told, a line for each thing; plain text that may hold hostile text."""
    lines = [operation.outcome]
    for aside in set_aside(operation, decision_of(operation)):
        by = f" by {aside.actor}" if aside.actor else ""
        lines.append(f"Gate {aside.gate} {aside.said}{by}{aside.how}: {aside.reason}")
    return "\n".join(lines)


def entry_of(operation: Operation) -> AuditEntry:
    """What the audit log keeps. The decision itself may be large and stays with the operation: its
    digest tells whether that is the one that was made."""
    judged = _judged(operation)
    decision = decision_of(operation)
    detail: dict[str, Json] = {
        "state": operation.state.value,
        "outcome": operation.outcome,
        "plan": operation.plan.digest,
        "overrides": dict(operation.overrides),
        "gates": [_gate(result) for result in decision.results] if decision else [],
        "steps": [_step(step) for step in operation.steps],
    }
    if judged is not None:
        detail["decision_sha256"] = digest_of_json(judged)
    if operation.cause:
        detail["cause"] = operation.cause
    return AuditEntry(
        kind=operation.plan.kind.noun,
        actor=operation.actor.login,
        repository=operation.repo.full_name,
        subject=f"{operation.plan.environment}: operation {operation.id}",
        detail=detail,
        build_sha=operation.plan.build.sha,
        schema_hash=operation.schema_hash,
        release_tag=operation.plan.build.tag,
        pull_number=operation.pull_number,
        key=content_key("ending", operation.repo.id, operation.id),
    )


def digest_of_json(value: Json) -> str:
    """SHA-256 of a value as JSON in ASCII, keys sorted, no white space; in hexadecimal digits."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _judged(operation: Operation) -> Json:
    return next((s.detail.get(DECISION) for s in operation.steps if s.name is StepName.GATES), None)


def _gate(result: GateResult) -> Json:
    return {
        "gate": result.gate,
        "verdict": result.verdict.value,
        "overridden": result.overridden.value if result.overridden else None,
        "summary": result.summary,
    }


def _step(step: Step) -> Json:
    return {
        "name": step.name.value,
        "state": step.state.value,
        "found": step.found,
        "at": _time(step.ended_at or step.started_at),
    }


def _time(at: datetime | None) -> Json:
    return None if at is None else format_time(at)
