"""Comments as a terminal shows them: every sentence, no mark-up, and nothing that steers."""

import re

import pytest
from hostile import texts
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.render import escape
from bot.core.render.escape import visible
from bot.core.render.plain import Block, Kind, read_blocks, shown


def text(*lines: str) -> Block:
    return Block(Kind.TEXT, lines)


@pytest.mark.parametrize(
    ("markdown", "blocks"),
    [
        ("", []),
        ("<!-- a -->\n<!-- b -->\n**Live:** `x`", [text("Live: x")]),
        ("one\ntwo<br>three\n\nfour", [text("one two", "three"), text("four")]),
        ("- ✅ a\n- ⏳ b …", [Block(Kind.LIST, ("✅ a", "⏳ b …"))]),
        ("1. a\n2. b", [Block(Kind.LIST, ("a", "b"))]),
        ("> [!CAUTION]\n> Gate `x`<br>\n> again", [text("Caution: Gate x", "again")]),
        ("[details](https://x.test/a) · x", [text("details (https://x.test/a) · x")]),
        ("<details>\n<summary>2 gates</summary>\n\nx\n\n</details>", [text("x")]),
        ("<sub>Operation 7</sub>", [text("Operation 7")]),
        ("a\n\n---\n\nb", [text("a"), text("b")]),
        ("```\na  b\n\nc\n```", [text("a b", "", "c")]),
        (
            "| | gate |\n|---|---|\n| ✅ pass | `a` |\n| ❌ fail | bcd |",
            [Block(Kind.TABLE, ("        gate", "✅ pass  a", "❌ fail  bcd"))],
        ),
        (
            f"| name | live |\n|---|---|\n| eu<br>x.test | {'x' * 120} |\n| us | – |",
            [Block(Kind.TABLE, ("eu · x.test", f"  live  {'x' * 120}", "us", "  live  –"))],
        ),
    ],
)
def test_a_comment_as_lines(markdown: str, blocks: list[Block]) -> None:
    assert list(read_blocks(markdown)) == blocks


@given(st.text(max_size=300))
@example("\x1b[2J\x07\x9b\u202e\u200b\r\x00")
@example("|a|\n|-|\n|b|c|\n")
@example("- \n  > - x\x1b\n")
def test_nothing_steers_the_terminal(markdown: str) -> None:
    for block in read_blocks(markdown):
        for line in block.lines:
            # columns are blanks, and nothing else is left for ``visible`` to do
            assert visible(line) == re.sub(" +", " ", line).strip(" ")


@given(texts)
@example("@acme/owners #12 https://x.test 3f2c1aa3f2c1aa")
def test_what_was_escaped_is_read_as_it_was(quoted: str) -> None:
    if wanted := escape.plain(quoted):
        assert read_blocks(f"x {escape.inline(quoted)}") == (text(f"x {wanted}"),)


def test_any_text_from_outside_is_one_line() -> None:
    assert shown("a\u200b b\n\x1b]0;c\x07") == r"a b \u001b]0;c\u0007"
