"""Each rule for migrations has its page in docs/rules, which says what the rule says."""

import re
from pathlib import Path

import pytest
from rules_kit import check_backfill, check_sql

from bot.core.catalog import MIGRATION_RULES
from bot.core.migrations.findings import page_of
from bot.core.migrations.lint import UNREADABLE
from bot.core.migrations.rules.rule import Rule
from bot.core.migrations.trial import TRIAL_FAILED
from bot.core.migrations.uncounted import BACKFILL_WITHOUT_COUNT
from bot.engine.app_manifest import load_manifest
from bot.engine.migration_checks import DATABASE_UNREAD, SQUAWK_UNASKED, STILL_NEEDED

PAGES = Path(__file__).parents[2] / "docs" / "rules"
OTHERS = [
    UNREADABLE,
    BACKFILL_WITHOUT_COUNT,
    STILL_NEEDED,
    TRIAL_FAILED,
    DATABASE_UNREAD,
    SQUAWK_UNASKED,
]
"""What is found besides the rules that hold migrations against their text."""
RULES = Path(__file__).parents[2] / "bot" / "core" / "migrations" / "rules"


def test_every_rule_has_its_page_and_every_page_its_rule() -> None:
    names = {*(rule.name for rule in MIGRATION_RULES), *OTHERS, "README"}
    assert {page.stem for page in PAGES.glob("*.md")} == names


def test_a_page_s_address_is_that_of_the_project_s_repository() -> None:
    address = f"{load_manifest().url}/blob/HEAD/"
    assert page_of(UNREADABLE) == f"{address}docs/rules/{UNREADABLE}.md"


def test_the_catalogue_has_every_rule_once_and_each_its_file() -> None:
    names = [rule.name.replace("-", "_") for rule in MIGRATION_RULES]
    files = {path.stem for path in RULES.glob("*.py")} - {"__init__", "rule"}
    assert sorted(names) == sorted(files)


def test_the_index_has_every_rule_in_the_catalogues_order() -> None:
    rows = re.findall(
        r"^\| \[([a-z-]+)\]\(\1\.md\) \| (.*) \| ([a-z]+) \|$", *_index(), re.MULTILINE
    )
    listed = [(rule.name, rule.requirement, rule.severity.value) for rule in MIGRATION_RULES]
    assert rows[: -len(OTHERS)] == listed
    assert [name for name, _, _ in rows[-len(OTHERS) :]] == OTHERS


def _index() -> tuple[str]:
    return ((PAGES / "README.md").read_text(encoding="utf-8"),)


def test_the_examples_of_a_backfill_without_a_count_are_that() -> None:
    page = (PAGES / f"{BACKFILL_WITHOUT_COUNT}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    found = [[one.rule for one in check_backfill(block).findings] for block in blocks]
    assert found == [[BACKFILL_WITHOUT_COUNT], []]


@pytest.mark.parametrize("rule", MIGRATION_RULES, ids=lambda rule: rule.name)
def test_a_page_says_what_the_rule_says(rule: Rule) -> None:
    page = (PAGES / f"{rule.name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {rule.name}\n")
    assert rule.requirement in " ".join(page.split())
    assert f"Severity: **{rule.severity.value}**" in page
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == ["Why", "What to do", "Bad", "Good"]
    blocks = re.findall(r"^```sql\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    rewrites = [one.rewrite_sql for one in check_sql(rule.bad).findings if one.rule == rule.name]
    assert blocks == [rule.bad, *filter(None, rewrites), rule.good]
    assert ("\nThere is no rewrite: " in page) is not any(rewrites), "it has one, or says why not"
