"""The gate on the message that landed."""

from typing import Any

import pytest
from promotion_kit import ADA, SHA, candidate, facts, said

from bot.core.commits.config import CommitsConfig
from bot.core.gates.commits import evaluate_landed
from bot.core.model import Commit


def landed(message: str, parents: int = 1, **settings: Any) -> Any:
    commit = Commit(SHA, message, ADA, parents)
    config = CommitsConfig.model_validate(settings)
    return evaluate_landed(facts(candidate=candidate(commit=commit), commits=config))


@pytest.mark.parametrize(
    ("message", "settings", "expected"),
    [
        ("feat: add search (#12)", {}, ("pass", "the commit message is in order")),
        ("Add search (#12)", {}, ("fail", "the commit message needs a type")),
        ("Add search", {"enforce": "off"}, ("skip", "the policy turns this check off")),
        ("Add search", {"enforce": "title"}, ("skip", "there is no message to check")),
        ("Add search (#1)", {"enforce": "title"}, ("fail", "the commit message needs a type")),
        (
            "Add search",
            {"ignored_authors": ["ada"]},
            ("skip", "the only message is by an ignored author"),
        ),
        ("feature: x", {"rules": {"type-enum": "warning"}}, ("pass", None)),
        ("Merge pull request #12 from octo/search", {}, ("pass", None)),
    ],
)
def test_what_is_said(
    message: str, settings: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    verdict, summary, _ = said(landed(message, **settings))
    assert (verdict, summary if expected[1] else None) == expected


def test_what_has_landed_is_not_reworded() -> None:
    result = landed("Add search (#12)")
    assert result.remedy == "promote a later commit, whose message is in order"
    (finding,) = result.findings
    assert (finding.subject, finding.rule) == ("commit 3f2c1aa", "type-empty")
    assert result.evidence["sha"] == SHA
