"""The policy's ``commits`` section refuses what it cannot mean."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.core.catalog import COMMIT_RULES
from bot.core.commits.config import CommitsConfig
from bot.core.commits.rules.rule import Level


@pytest.mark.parametrize(
    ("settings", "place", "said"),
    [
        ({"type": []}, ("type",), "not permitted"),
        ({"enforce": "squash"}, ("enforce",), "'auto'"),
        ({"types": ["a b"]}, ("types", 0), "match pattern"),
        ({"scopes": ["a(b"]}, ("scopes", 0), "match pattern"),
        ({"scope_patterns": ["("]}, ("scope_patterns", 0), "not an RE2 pattern: missing )"),
        ({"scope_patterns": ["(?=a)"]}, ("scope_patterns", 0), "not an RE2 pattern"),
        ({"header_max_length": 5}, ("header_max_length",), "greater than or equal to 20"),
        ({"subject_full_stop": ".."}, ("subject_full_stop",), "at most 1 character"),
        ({"ignored_authors": [0]}, ("ignored_authors", 0, "constrained-int"), "greater than"),
        (
            {"rules": {"body-max-line": "error"}},
            ("rules", "body-max-line", "[key]"),
            "no such rule, did you mean body-max-line-length?",
        ),
        ({"rules": {"type-enum": "fatal"}}, ("rules", "type-enum"), "'disabled'"),
    ],
)
def test_refused(
    settings: dict[str, Any],
    place: tuple[str | int, ...],
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValidationError) as caught:
        CommitsConfig.model_validate(settings)
    errors = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert said in errors[place]
    assert capfd.readouterr().err == ""


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CommitsConfig().types = ()  # type: ignore[misc]


def test_every_key_is_described() -> None:
    schema = CommitsConfig.model_json_schema()
    assert all(len(key.get("description", "")) > 20 for key in schema["properties"].values())


def test_the_schema_names_every_rule() -> None:
    rules = CommitsConfig.model_json_schema()["properties"]["rules"]
    assert list(rules["properties"]) == [rule.name for rule in COMMIT_RULES]
    assert rules["additionalProperties"] is False
    for rule in rules["properties"].values():
        assert rule["enum"] == [level.value for level in Level]


def test_levels() -> None:
    levels = {rule.name: rule for rule in COMMIT_RULES}
    config = CommitsConfig.model_validate(
        {"scope_required": True, "rules": {"type-enum": "warning"}}
    )
    assert config.level(levels["scope-empty"]) is Level.ERROR
    assert config.level(levels["type-enum"]) is Level.WARNING
    assert config.level(levels["trailer-exists"]) is Level.DISABLED
