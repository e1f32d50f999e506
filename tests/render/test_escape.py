"""Hostile text shows as it is and does nothing."""

import re

import pytest
from hostile import TRICKS, texts
from hypothesis import example, given
from hypothesis import strategies as st
from rendered import render

from bot.core.render.escape import code, cut, inline, link, mention, plain, sentence, visible

LINKING = re.compile(r"@\w|#\w|gh-\d|://|www\.|\b[0-9a-f]{7,40}\b", re.IGNORECASE)
"""What GitHub would link by itself in text outside code."""


@given(texts)
@example("@octo")
@example("\\`x` [a](b)")
@example("&amp;")
@example("    code")
@example("https://evil.test")
def test_a_text_in_a_sentence_shows_as_it_is_and_does_nothing(text: str) -> None:
    for before, after in (("", ""), ("so: ", ""), ("**", ".** Next")):
        seen = render(f"{before}{inline(text, 500)}{after}")
        assert not seen.html
        assert not seen.links
        assert not seen.code
        assert set(seen.tags) <= {"p", "strong"}
        assert not LINKING.search(seen.text)
        if not before:
            assert seen.plain.strip() == plain(text, 500).strip()


@given(texts, texts)
@example("a|b", "c|d")
@example("a\\", "b\\")
@example("\\|", "\\\\|")
@example("`|`", "``|")
def test_a_table_s_row_keeps_its_cells(one: str, two: str) -> None:
    cells = [inline(one), code(two, cell=True), sentence(one, [two], cell=True), "end"]
    seen = render(f"| a | b | c | d |\n|---|---|---|---|\n| {' | '.join(cells)} |")
    assert [len(row) for row in seen.rows] == [4, 4]
    assert seen.rows[1][-1] == "end"
    assert set(seen.html) <= {"<code>", "</code>"}
    assert not seen.links
    assert not LINKING.search(seen.text)
    assert set(seen.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@given(texts)
@example("`")
@example("``` `a` ```")
@example("x|y")
def test_a_code_span_can_be_copied_as_it_stands(text: str) -> None:
    shown = plain(text, 300)
    expected = [shown] if shown else []
    assert render(f"so {code(text)} it is").code == expected
    if "\\|" not in shown:
        table = f"| a | b |\n|---|---|\n| {code(text, cell=True)} | b |"
        assert render(table).code == expected


@given(texts, st.lists(texts, max_size=3))
@example("edit to “feat: x”feat: x", ["feat: x"])
@example("a`b`ab`c", ["a`b", "b`c"])
def test_a_sentence_with_code_spans_does_nothing_else(text: str, codes: list[str]) -> None:
    seen = render(sentence(text, codes))
    assert not seen.html
    assert not seen.links
    assert set(seen.tags) <= {"p", "code"}
    assert not LINKING.search(seen.text)


def test_what_is_to_be_pasted_stands_in_a_code_span() -> None:
    said = sentence("edit the title to “feat: add @octo #1”, or `skip` it", ["feat: add @octo #1"])
    assert said == "edit the title to `feat: add @octo #1`, or `skip` it"


def test_the_longest_of_what_is_to_be_pasted_counts() -> None:
    assert sentence("say feat: add search", ["feat: add", "feat: add search"]) == (
        "say `feat: add search`"
    )


def test_a_commit_s_id_is_broken_between_its_pieces() -> None:
    assert inline("see 3f2c1aa9") == "see 3f2c1a&#8203;a9"


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_stays_readable(trick: str) -> None:
    assert render(inline(trick)).plain == plain(trick)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("feat: add search", "feat: add search"),
        ("fix: Größe, 日本語, 👍🏽", "fix: Größe, 日本語, 👍🏽"),
        ("one\n\ttwo\r\n three ", "one two three"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("feat:\u00a0add", "feat:\\u00a0add"),
        ("\x1b[31mred\x07", "\\u001b[31mred\\u0007"),
        ("half \ud83d pair", "half \\ud83d pair"),
        ("\U000e0041", "\\U000e0041"),
        ("family 👨‍👩‍👧", "family 👨‍👩‍👧"),
        ("a\u200db", "a\\u200db"),
        ("می‌خواهم", "می‌خواهم"),
        ("全角\u3000空白", "全角\u3000空白"),
    ],
)
def test_what_hides_or_steers_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(texts, st.integers(min_value=1, max_value=40))
def test_a_cut_text_is_short_enough_and_says_that_it_is_cut(text: str, limit: int) -> None:
    short = plain(text, limit)
    assert len(short) <= limit
    if len(visible(text)) > limit:
        assert short.endswith("…")


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd efg", 6, "abcd…"),
        ("abcde\u0301fg", 6, "abcd…"),
        ("abc👨‍👩‍👧defg", 6, "abc…"),
        ("abcd👍🏽efg", 6, "abcd…"),
    ],
)
def test_a_cut_parts_no_character_from_its_marks(text: str, limit: int, short: str) -> None:
    assert cut(text, limit) == short


def test_a_very_long_text_costs_little() -> None:
    assert len(inline("@a|" * 1_000_000, 50)) < 2_000


def test_a_link_ends_where_it_should() -> None:
    seen = render(link("details", "https://bot.test/repos/a b/c)(<d>\"'|"))
    assert seen.links == ["https://bot.test/repos/a%20b/c%29%28%3Cd%3E%22%27%7C"]


@pytest.mark.parametrize("login", ["mona", "Mona-Lisa", "a", "octo_corp"])
def test_a_person_is_mentioned(login: str) -> None:
    assert mention(login) == f"@{login}"


@pytest.mark.parametrize("login", ["dependabot[bot]", "mona @octo", "", "a--b", "a/b", "-a", "é"])
def test_what_is_no_person_s_login_mentions_nobody(login: str) -> None:
    assert not mention(login).startswith("@")
    assert "@o" not in mention(login)
