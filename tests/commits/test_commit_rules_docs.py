"""docs/reference/commit-rules.md has every rule, its default and its examples, as they are."""

import re
from pathlib import Path

import pytest

from bot.core.catalog import COMMIT_RULES
from bot.core.commits.rules.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commit-rules.md"


def sections() -> dict[str, str]:
    parts = re.split(r"^### `([^`]+)`\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_has_its_section_in_the_catalogues_order() -> None:
    assert list(sections()) == [rule.name for rule in COMMIT_RULES]


@pytest.mark.parametrize("rule", COMMIT_RULES, ids=lambda rule: rule.name)
def test_a_section_says_what_the_rule_says(rule: Rule) -> None:
    section = sections()[rule.name]
    flat = " ".join(section.split())
    assert rule.requirement in flat
    assert f"Default: **{rule.level.value}**" in flat
    blocks = re.findall(r"^```text\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
    assert blocks == [rule.bad, rule.good]
