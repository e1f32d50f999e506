"""What is kept and told of an operation that has ended."""

import hashlib
import json
from dataclasses import replace

import operation_cases as cases
import pytest

from bot.core.audit.entry import LONGEST_TEXT, decode_entry, encode_entry
from bot.core.operations.ending import digest_of_json, entry_of, news_of, severity_of
from bot.core.operations.machine import (
    Done,
    Failed,
    Kind,
    Operation,
    State,
    StepName,
    fail,
)
from bot.core.render.json import to_json

START = cases.operation()
ASKED = cases.overriding(START, checks="octo: the runner is down")
LIVE = cases.through(START)
REFUSED = cases.then(
    START,
    StepName.GATES,
    Failed("`e2e` is red", "mend `e2e`", State.REFUSED, {"decision": to_json(cases.FAILING)}),
)
ASIDE = cases.through(ASKED, decision=cases.SET_ASIDE)
LOST = cases.out(
    cases.then(
        cases.through(ASKED, StepName.SWITCH, cases.SET_ASIDE), StepName.SETTLE, Failed("no answer")
    )
)
CANCELLED = fail(START, "Cancelled by octo.", "", State.CANCELLED)
BACK = cases.through(cases.operation(Kind.ROLLBACK, cases.OLD, cases.NEW))


@pytest.mark.parametrize(
    ("operation", "severity"),
    [
        (LIVE, "info"),
        (BACK, "info"),
        (CANCELLED, "info"),
        (REFUSED, "warning"),
        (ASIDE, "warning"),
        (replace(CANCELLED, overrides=ASKED.overrides), "warning"),
        (LOST, "critical"),
    ],
)
def test_only_what_went_well_is_no_warning(operation: Operation, severity: str) -> None:
    assert severity_of(operation) == severity


def test_the_news_names_the_gate_the_person_and_the_reason() -> None:
    aside = "Gate checks is set aside by octo, for this operation alone: the runner is down"
    assert news_of(ASIDE) == f"{ASIDE.outcome}\n{aside}"
    assert news_of(LOST) == f"no answer\n{aside}"
    needless = cases.through(ASKED)
    assert news_of(needless).endswith("by octo, and passes without: the runner is down")
    assert news_of(REFUSED) == "`e2e` is red"


def test_the_entry_has_the_decision_and_what_was_done() -> None:
    detail = entry_of(ASIDE).detail
    assert detail["gates"] == [
        {
            "gate": "checks",
            "verdict": "pass",
            "overridden": "fail",
            "summary": "set aside by @octo because the runner is down; it said: `e2e` is red",
        },
        {
            "gate": "lock",
            "verdict": "pass",
            "overridden": None,
            "summary": "production is not locked",
        },
    ]
    canonical = json.dumps(to_json(cases.SET_ASIDE), sort_keys=True, separators=(",", ":"))
    assert detail["decision_sha256"] == hashlib.sha256(canonical.encode("ascii")).hexdigest()
    assert [step["name"] for step in detail["steps"]] == [name.value for name in StepName]
    assert detail["steps"][0] == {
        "name": "gates",
        "state": "done",
        "found": "",
        "at": "2026-03-02T12:04:10.700000+00:00",
    }


def test_an_entry_says_where_it_ended() -> None:
    steps = entry_of(REFUSED).detail["steps"]
    assert [steps[0]["state"], steps[0]["found"]] == ["failed", "`e2e` is red"]
    assert {(step["state"], step["at"]) for step in steps[1:]} == {("skipped", None)}


def test_a_rollback_asked_no_gate() -> None:
    detail = entry_of(BACK).detail
    assert detail["gates"] == []
    assert "decision_sha256" not in detail


def test_another_decision_has_another_digest() -> None:
    one, other = to_json(cases.PASSING), to_json(cases.FAILING)
    assert digest_of_json(one) != digest_of_json(other)
    assert digest_of_json(one) == digest_of_json(json.loads(json.dumps(one)))


def test_a_decision_that_is_not_understood_is_still_held_to_its_digest() -> None:
    odd = {"of": "another release"}
    judged = cases.then(START, StepName.GATES, Done("", {"decision": odd}))
    detail = entry_of(judged).detail
    assert (detail["gates"], detail["decision_sha256"]) == ([], digest_of_json(odd))


def test_long_texts_are_cut() -> None:
    said = "x" * (LONGEST_TEXT + 1)
    found = cases.then(START, StepName.GATES, Done(said, {"decision": to_json(cases.PASSING)}))
    kept = decode_entry(encode_entry(1, cases.AT, entry_of(found))).entry
    assert kept.detail["steps"][0]["found"] == said[:LONGEST_TEXT]
