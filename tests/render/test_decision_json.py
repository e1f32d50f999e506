"""A decision as JSON and back."""

import json
from dataclasses import replace
from typing import Any

import cases
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.decision import Decision, Finding, GateResult, Location, Verdict
from bot.core.render.json import from_json, to_json

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
locations = st.none() | st.builds(
    Location, words, st.integers(min_value=1), st.integers(min_value=1)
)
findings = st.builds(Finding, words, words, words, words, words, locations)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
results = st.builds(
    GateResult,
    words,
    st.sampled_from(Verdict),
    words,
    words,
    words,
    st.lists(findings, max_size=3).map(tuple),
    st.dictionaries(words, values, max_size=3),
)


@given(st.lists(results, max_size=3).map(tuple).map(Decision))
def test_what_is_written_is_read_back(decision: Decision) -> None:
    assert from_json(json.loads(json.dumps(to_json(decision)))) == decision


def test_the_form_is_stable() -> None:
    result = GateResult(
        "policy",
        Verdict.FAIL,
        "found",
        "do",
        "why",
        (Finding("file", "rule", "message", "quote", "instead", Location("a.yml", 2, 3)),),
        {"count": 1},
    )
    assert to_json(Decision((result,))) == {
        "verdict": "fail",
        "results": [
            {
                "gate": "policy",
                "verdict": "fail",
                "summary": "found",
                "remedy": "do",
                "reason": "why",
                "findings": [
                    {
                        "subject": "file",
                        "rule": "rule",
                        "message": "message",
                        "quote": "quote",
                        "suggestion": "instead",
                        "location": {"path": "a.yml", "line": 2, "column": 3},
                    }
                ],
                "evidence": {"count": 1},
            }
        ],
    }


def test_what_postgresql_cannot_hold_is_replaced_and_long_texts_are_cut() -> None:
    result = replace(cases.PASSING, summary="a\0b\ud800c", reason="x" * 70_000)
    read = from_json(to_json(Decision((result,)))).results[0]
    assert read.summary == "a\ufffdb\ufffdc"
    assert len(read.reason) == 2_000


def test_keys_of_a_newer_release_are_passed_over() -> None:
    data = to_json(Decision((cases.PASSING,)))
    assert from_json({**data, "since": "later"}) == Decision((cases.PASSING,))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"results": None},
        {"results": [1]},
        {"results": [{"gate": "commits"}]},
        {"results": [{"gate": 1, "verdict": "pass", "summary": ""}]},
        {"results": [{"gate": "g", "verdict": "green", "summary": ""}]},
        {"results": [{"gate": "g", "verdict": "pass", "summary": "", "findings": {}}]},
        {"results": [{"gate": "g", "verdict": "pass", "summary": "", "evidence": [1]}]},
    ],
)
def test_what_is_no_decision_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not a decision|is not a valid Verdict"):
        from_json(data)
