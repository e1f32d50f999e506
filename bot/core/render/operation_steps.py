"""Each step of a promotion or rollback as a line of its comment: to be done, under way, done."""

from datetime import timedelta

from bot.core.decision import Decision, Verdict
from bot.core.operations.machine import Operation, Plan, Step, StepName, StepState
from bot.core.phrases import counted, say_duration
from bot.core.render import escape
from bot.core.render.words import MARKS

_HOSTS = {"vercel": "Vercel", "github": "the workflow"}
_STEP_MARKS = {
    StepState.PLANNED: "⬜",
    StepState.ATTEMPTED: MARKS[Verdict.WAIT],
    StepState.DONE: MARKS[Verdict.PASS],
    StepState.FAILED: MARKS[Verdict.FAIL],
    StepState.SKIPPED: MARKS[Verdict.SKIP],
}
_LISTED = 3
_TOLD = (StepName.ANNOUNCE, StepName.CONFIRM)
"""Those that tell GitHub."""
_STEP_WORDS: dict[StepName, tuple[str, str, str, str]] = {
    StepName.GATES: ("ask the gates", "asking the gates", "gates", "gates"),
    StepName.LOCK: (
        "take the lock of {environment}",
        "taking the lock of {environment}",
        "lock taken",
        "lock not taken",
    ),
    StepName.ANNOUNCE: (
        "open a GitHub deployment",
        "opening a GitHub deployment",
        "GitHub deployment opened",
        "GitHub deployment not opened",
    ),
    StepName.SWITCH: (
        "ask {host} to serve {deployment}",
        "asking {host} to serve {deployment}",
        "{host} asked to serve {deployment}",
        "{host} will not serve {deployment}",
    ),
    StepName.SETTLE: (
        "wait until {host} has moved the domains",
        "waiting until {host} has moved the domains",
        "domains moved",
        "domains not all moved",
    ),
    StepName.VERIFY: (
        "verify that {domain} serves it",
        "verifying that {domain} serves it",
        "{domain} serves it",
        "{domain} was not seen to serve it",
    ),
    StepName.RECORD: (
        "write it to the ledger",
        "writing it to the ledger",
        "written to the ledger",
        "not written to the ledger",
    ),
    StepName.CONFIRM: (
        "close the GitHub deployment",
        "closing the GitHub deployment",
        "GitHub deployment closed",
        "GitHub deployment not closed",
    ),
    StepName.RELEASE: (
        "give the lock back",
        "giving the lock back",
        "lock given back",
        "lock not given back",
    ),
}
"""Of each step what is to be done, is being done, was done, and was not."""


def planned_steps(plan: Plan) -> list[str]:
    """What each step is going to do."""
    return [_STEP_WORDS[name][0].format(**_words(plan)) for name in plan.steps]


def told_steps(operation: Operation, decision: Decision | None) -> list[str]:
    """A line for each step: what became of it, and how long it took."""
    lines = []
    for step in operation.steps:
        if step.state is not StepState.SKIPPED:
            mark, said = _step(operation, step, decision)
            lines.append(f"- {mark} {said}{_step_took(step)}")
    skipped = [step.name for step in operation.steps if step.state is StepState.SKIPPED]
    if len(skipped) > _LISTED:
        lines.append(f"- {_STEP_MARKS[StepState.SKIPPED]} {len(skipped)} steps skipped")
    elif skipped:
        names = (_STEP_WORDS[name][0].format(**_words(operation.plan)) for name in skipped)
        lines.append(f"- {_STEP_MARKS[StepState.SKIPPED]} skipped: {', '.join(names)}")
    return lines


def _step(operation: Operation, step: Step, decision: Decision | None) -> tuple[str, str]:
    planned, doing, done, failed = (
        text.format(**_words(operation.plan)) for text in _STEP_WORDS[step.name]
    )
    mark, found = _STEP_MARKS[step.state], escape.sentence(step.found, limit=300)
    gates = step.name is StepName.GATES
    match step.state:
        case StepState.ATTEMPTED:
            return mark, f"{doing}: {found}" if found else f"{doing} …"
        case StepState.FAILED if gates:
            return mark, f"{failed}{_counted(decision)}"
        case StepState.FAILED:
            # What ended it stands in the first line.
            again = step.found in ("", operation.outcome)
            return mark, failed if again else f"{failed}: {found}"
        case StepState.DONE if gates:
            return mark, f"{done}{_counted(decision)}"
        case StepState.DONE if step.name in _TOLD and step.found and not _was_told(step):
            return MARKS[Verdict.ERROR], found
        case StepState.DONE if step.name is StepName.SWITCH and step.detail.get("already"):
            led = step.detail.get("led")
            others = counted(len(led), "other domain") if led and isinstance(led, list) else ""
            too = f"; {others} led there" if others else ""
            return mark, f"{_words(operation.plan)['host']} serves it already{too}"
        case StepState.DONE if step.name is StepName.SWITCH and step.detail.get("queued"):
            return mark, f"{done}; it waits behind a rolling release"
        case StepState.DONE:
            return mark, done
        case _:
            return mark, planned


def _was_told(step: Step) -> bool:
    """Whether GitHub took it: a step that only tells GitHub is through without, too."""
    return step.found.startswith("GitHub deployment")


def _step_took(step: Step) -> str:
    if step.ended_at is None or step.started_at is None:
        return ""
    took = step.ended_at - step.started_at
    # What took no time that anybody noticed is not worth a figure.
    return f" · {say_seconds(took)}" if took >= timedelta(milliseconds=100) else ""


def _counted(decision: Decision | None) -> str:
    if decision is None:
        return ""
    judged = [result for result in decision.results if result.verdict is not Verdict.SKIP]
    aside = sum(result.overridden is not None for result in judged)
    passed = sum(result.verdict is Verdict.PASS for result in judged) - aside
    return f" ({passed} of {len(judged)}{f', {aside} set aside' if aside else ''})"


def say_seconds(span: timedelta) -> str:
    """To a tenth below a minute, then as ``say_duration`` does."""
    seconds = max(span.total_seconds(), 0.0)
    return f"{seconds:.1f} s" if seconds < 60 else say_duration(span)


def _words(plan: Plan) -> dict[str, str]:
    return {
        "environment": escape.inline(plan.environment, 60),
        "host": _HOSTS.get(plan.target.host, escape.inline(plan.target.host, 40)),
        "deployment": escape.code(plan.build.deployment_id, 60) or "the build",
        "domain": escape.code(plan.target.domain, 100) or "the domain",
    }
