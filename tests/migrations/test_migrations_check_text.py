"""The check ``lockgate/migrations`` as it is received; what it quotes does nothing.

``UPDATE_EXPECTED=1 pytest tests/migrations`` writes the expected texts anew; read the difference.
"""

import os
from pathlib import Path

import pytest
from hostile import texts
from hypothesis import given
from rendered import render
from rules_kit import check_sql

from bot.core.checks import CheckOutput, Conclusion
from bot.core.migrations.findings import Check, Finding, Severity, Told, page_of
from bot.core.render.migrations_check import render_migrations_check

EXPECTED = Path(__file__).parent / "expected"
URL = "https://lockgate.example/acme/shop/12"
UNSAFE = """-- lockgate: expand
SET lock_timeout = '4s';
ALTER TABLE recipes ADD COLUMN note text, ALTER COLUMN title SET NOT NULL;
CREATE TABLE drafts (id bigint PRIMARY KEY);
UPDATE recipes SET servings = 4;
"""
SAFE = "SET lock_timeout = '4s';\nALTER TABLE recipes ADD COLUMN note text;\n"
CASES = {
    "check_unsafe": check_sql(UNSAFE),
    "check_safe": check_sql(SAFE),
    "check_unreadable": check_sql("SELEC 1;"),
    "check_nothing": Check(),
}


def written(output: CheckOutput) -> str:
    annotations = "\n".join(
        f"{one.location.line}:{one.location.column} [{one.title}]\n{one.message}\n"
        for one in output.annotations
    )
    return (
        f"{output.name}: {output.conclusion.value}\n\n# {output.title}\n\n{output.summary}\n\n"
        f"---\n\n{output.text}\n\n---\n\n{annotations}"
    )


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_what_is_expected(name: str) -> None:
    file = EXPECTED / f"{name}.md"
    text = written(render_migrations_check(CASES[name], details_url=URL))
    if os.environ.get("UPDATE_EXPECTED") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def finding(text: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(
        text, 1, text, text, "expand", "", False, severity, text, f"{text}\n{text}", page_of(text)
    )


@given(texts)
def test_whatever_is_quoted_is_shown_and_does_nothing(text: str) -> None:
    told = Told(text, 1, text, (text,))
    output = render_migrations_check(Check((finding(text),), (told,), 1), details_url=URL)
    assert len(output.title) <= 60
    for seen in (render(output.summary), render(output.text)):
        assert set(seen.html) <= {"<code>", "</code>"}
        assert all(link.startswith(page_of("").removesuffix(".md")) for link in seen.links)
        assert {"img", "hr", "h1", "h2", "blockquote", "li"}.isdisjoint(seen.tags)
        assert "@octo" not in seen.text
    assert [len(row) for row in render(output.summary).rows] == [4, 4]
    assert [len(row) for row in render(output.text).rows] == [3, 3]
    (annotation,) = output.annotations
    hidden = ("\u202e", "\x1b", "\x00", "\r", "\u2028")
    assert not any(mark in annotation.message + annotation.title for mark in hidden)


def test_a_fence_is_not_ended_by_what_stands_in_it() -> None:
    output = render_migrations_check(Check((finding("a\n`````\n# out\n<img src=x>"),), (), 1))
    assert render(output.text).html == []
    assert "h1" not in render(output.text).tags


@pytest.mark.parametrize("count", [1, 49, 51, 3_000])
def test_the_check_stays_within_github_s_limits(count: int) -> None:
    long = "é" * 2_000
    found = tuple(
        finding(long, Severity.INFO if number % 2 else Severity.ERROR) for number in range(count)
    )
    told = (Told("a.sql", 1, long, (long,) * 2),) * count
    output = render_migrations_check(Check(found, told, count), details_url=URL)
    assert len(output.summary.encode()) <= 65_535
    assert len(output.text.encode()) <= 65_535
    assert len(output.annotations) <= 50
    assert all(len(one.message.encode()) <= 65_535 for one in output.annotations)
    if count > 100:  # errors are told first, and that something was left out is said
        assert all(one.title.startswith("error") for one in output.annotations)
        assert "more, see [details](https://lockgate.example" in output.summary


@pytest.mark.parametrize(
    ("severities", "conclusion"),
    [
        ([Severity.INFO, Severity.ERROR], Conclusion.FAILURE),
        ([Severity.WARNING, Severity.INFO], Conclusion.SUCCESS),
        ([], Conclusion.SUCCESS),
    ],
)
def test_errors_alone_fail_it(severities: list[Severity], conclusion: Conclusion) -> None:
    found = tuple(finding("a", severity) for severity in severities)
    assert render_migrations_check(Check(found, (), 1)).conclusion is conclusion
