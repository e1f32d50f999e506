"""Every text as it is received. ``UPDATE_EXPECTED=1 pytest tests/render`` writes them anew; read
the difference before you commit it."""

import os
from dataclasses import replace
from pathlib import Path

import cases
import pytest

from bot.core.checks import CheckOutput
from bot.core.decision import Decision
from bot.core.model import AbsentFile, PolicyFiles
from bot.core.render.check import render_checks
from bot.core.render.comment import render_summary
from bot.core.render.explain import render_explanation

EXPECTED = Path(__file__).parent / "expected"

DECISIONS = {
    "failing": Decision((cases.FAILING,)),
    "title_only": Decision(
        (
            replace(
                cases.FAILING,
                summary="the title needs a type",
                findings=(cases.UNTYPED,),
            ),
        )
    ),
    "commit_only": Decision((cases.COMMIT_ONLY,)),
    "passing": Decision((cases.PASSING,)),
    "skipped": Decision((cases.SKIPPED,)),
    "several_gates": Decision((cases.FAILING, cases.WAITING, cases.MIGRATIONS, cases.FLAGS)),
    "several_gates_pass": Decision((cases.PASSING, cases.MIGRATIONS, cases.FLAGS)),
    "waiting": Decision((cases.PASSING, cases.WAITING)),
    "hostile": Decision((cases.HOSTILE,)),
    "policy_invalid": cases.policy_decision(PolicyFiles(cases.INVALID, AbsentFile())),
    "policy_of_organisation": cases.policy_decision(
        PolicyFiles(AbsentFile(), cases.FROM_ORGANISATION)
    ),
    "policy_unreadable": cases.policy_decision(PolicyFiles(cases.UNREADABLE, AbsentFile())),
}


def check_text(output: CheckOutput) -> str:
    lines = [
        f"name: {output.name}",
        f"conclusion: {output.conclusion}",
        f"title: {output.title}",
        f"details: {output.details_url}",
        *(f"button: {a.identifier} “{a.label}” ({a.description})" for a in output.actions),
        *(
            f"annotation: {a.location.path}:{a.location.line}:{a.location.column} "
            f"[{a.title}] {a.message}"
            for a in output.annotations
        ),
    ]
    return "\n".join([*lines, "", "=== summary", output.summary, "", "=== text", output.text, ""])


@pytest.mark.parametrize("name", DECISIONS)
@pytest.mark.parametrize("kind", ["check", "comment", "terminal"])
def test_the_text(kind: str, name: str) -> None:
    decision = DECISIONS[name]
    match kind:
        case "check":
            outputs = render_checks(decision, details_url=cases.URL)
            text = "\n\n".join(map(check_text, outputs))
        case "comment":
            text = render_summary(decision, cases.pull(), cases.AT, cases.URL).body
        case _:
            text = render_explanation(decision, cases.pull(), ["post check", "post comment"]) + "\n"
    path = EXPECTED / f"{kind}_{name}.md"
    if os.environ.get("UPDATE_EXPECTED") == "1":
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_text(encoding="utf-8")


def test_no_expected_text_is_left_over() -> None:
    names = {f"{kind}_{name}.md" for kind in ("check", "comment", "terminal") for name in DECISIONS}
    assert {path.name for path in EXPECTED.iterdir()} == names
