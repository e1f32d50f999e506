"""Which comments hold a command, and which do not."""

import pytest
from growth import assert_linear
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.catalog import COMMANDS
from bot.core.commands.grammar import MAX_COMMANDS, Misread, Silence, Typed, read_comment


def lines_of(body: str) -> list[str]:
    reading = read_comment(body)
    assert isinstance(reading, tuple), reading
    return [typed.line for typed in reading]


def misread(body: str) -> Misread:
    reading = read_comment(body)
    assert isinstance(reading, Misread), reading
    return reading


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_known(command: object) -> None:
    line = f"/{command.name} a reason"  # type: ignore[attr-defined]
    (typed,) = read_comment(line)  # type: ignore[misc]
    assert (typed.command, typed.rest) == (command, "a reason")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("/promote", "/promote"),
        ("  /promote  ", "/promote"),
        ("/promote\r\n", "/promote"),
        ("/promote staging   v1.5.0", "/promote staging   v1.5.0"),
        ("/promote\tstaging", "/promote staging"),
        ("Looks good to me.\n/promote\nThanks", "/promote"),
        ("Looks good.\n\n/promote v1_2_3\n\nThanks, see `/rollback`", "/promote v1_2_3"),
        ("> shall we?\n\n/promote", "/promote"),
        ("- one\n- two\n\n/promote", "/promote"),
        ("```\n/rollback\n```\n/promote", "/promote"),
        ("<details>\n<summary>x</summary>\n\n/rollback\n\n</details>\n\n/promote", "/promote"),
        ("<!-- template -->\n\n/promote", "/promote"),
        ("<!-- <div> -->\n\n/promote", "/promote"),
        ("a <br> b\n/promote", "/promote"),
        ("\\/rollback\n/promote", "/promote"),
        ("`/rollback` it, or\n/promote", "/promote"),
        ("/promote  \nthanks", "/promote"),
        ("/lock the *database* is `moved`", "/lock the database is moved"),
        ("/lock база недоступна до вечера", "/lock база недоступна до вечера"),
        ("/lock 数据库 👩‍👩‍👧 is being moved", "/lock 数据库 👩‍👩‍👧 is being moved"),
        (
            "/lock see https://status.test/1 & #12 @octo",
            "/lock see https://status.test/1 & #12 @octo",
        ),
        ("/promote\n/promote", "/promote"),
        ("/promote\n\nOn Mon, 2 Mar 2026, octo wrote:\n\n/rollback", "/promote"),
        (
            "/promote\n\nOn Mon, 2 Mar 2026, Mona Octo\n<o@x.test> wrote:\n/rollback",
            "/promote",
        ),
        ("/promote\n-- \nMona\n/rollback", "/promote"),
        ("/promote\n--\nMona", "/promote"),
        ("/promote\n\nFrom: Mona <o@x.test>\nSent: Monday\n\n/rollback", "/promote"),
        ("/promote\n________________________________\n/rollback", "/promote"),
        ("/promote\n\n-----Original Message-----\n/rollback", "/promote"),
    ],
)
def test_one_command(body: str, line: str) -> None:
    assert lines_of(body) == [line]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "/",
        "/ promote",
        "//promote",
        "please /promote",
        "`/promote`",
        "text `code\n/promote\nmore` text",
        "    /promote",
        "```\n/promote\n```",
        "~~~\n/promote",
        "> /promote",
        "> quoted\n/promote",
        "- /promote",
        "1. /promote",
        "- item\n\n  /promote",
        "# /promote",
        "/promote\n===",
        "| a |\n|---|\n| b |\n/promote",
        "/promote | x\n|---|---|\n",
        "<!-- /promote -->",
        "<!--\n/promote\n-->",
        "<!--\n\n/promote\n\n",
        "<details>\n\n/promote\n\n</details>",
        "<table><tr><td>\n\n/promote\n\n</td></tr></table>",
        "<div>\n/promote\n</div>",
        "text <span\ntitle='\n/promote'>x</span>",
        "text <b>\n/promote\n</b>",
        "[text\n/promote](https://x.test)",
        '[text](https://x.test "\n/promote\n")',
        '[a]: https://x.test "\n/promote\n"\n\n[a]',
        "![alt\n/promote](https://x.test/a.png)",
        "**bold\n/promote**",
        "\\/promote",
        "&#47;promote",
        "On Mon, octo wrote:\n/promote",
        "-- \n/promote",
        "/cc @octo",
        "/approve",
        "/lgtm",
        "/hold",
        "/block",
        "/test all",
        "/retest",
        "/merge",
        "/close",
        "/assign @octo",
        "/label bug",
        "/etc/passwd",
        "/promote/this/path",
        "/usr/bin/env",
        "/help/me",
        "/tmp",
        "/home",
        "http://x.test/promote",
    ],
)
def test_silence(body: str) -> None:
    assert read_comment(body) == Silence()


@pytest.mark.parametrize(
    ("body", "suggestion"),
    [
        ("/promte", "/promote"),
        ("/promote.", "/promote"),
        ("/Promote staging", "/promote staging"),
        ("/ROLLBACK", "/rollback"),
        ("/rolback v1.4.0 --dry-run", "/rollback v1.4.0 --dry-run"),
        ("/roll-back", "/rollback"),
        ("/stauts", "/status"),
        ("/tahw", "/thaw"),
        ("/unlcok", "/unlock"),
        ("/frezee until 2026-12-27 été", "/freeze until 2026-12-27 été"),
        ("/gate", "/gates"),
    ],
)
def test_a_near_miss_is_told_what_may_have_been_meant(body: str, suggestion: str) -> None:
    reading = misread(body)
    assert reading.suggestion == suggestion
    assert reading.problem == f"There is no command `{body.split()[0]}`."


@pytest.mark.parametrize(
    ("body", "found", "suggestion"),
    [
        ("\u200b/promote", "U+200B (ZERO WIDTH SPACE)", "/promote"),
        ("\ufeff/promote", "U+FEFF (ZERO WIDTH NO-BREAK SPACE)", "/promote"),
        ("/pro\u200bmote", "U+200B", "/promote"),
        ("/pro\u00admote", "U+00AD (SOFT HYPHEN)", "/promote"),
        ("/prоmote", "U+043E (CYRILLIC SMALL LETTER O)", "/promote"),
        ("/рrоmоtе", "CYRILLIC SMALL LETTER ER", "/promote"),
        ("／promote", "U+FF0F (FULLWIDTH SOLIDUS)", "/promote"),
        ("/\uff50romote", "U+FF50", "/promote"),
        ("\u00a0/promote", "U+00A0", "/promote"),
        ("/promote\u2028", "U+2028", "/promote"),
        ("/promote\x00", "U+FFFD", "/promote"),
        ("/promote\u00a0v1.5.0", "U+00A0 (NO-BREAK SPACE)", "/promote"),
        ("/promote v1.5.0\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)", "/promote"),
        ("/promote v1.5.0\u2066\u2069", "U+2066", "/promote"),
        ("/promote v1․5", "U+2024 (ONE DOT LEADER)", "/promote"),
        ("/promote —dry-run", "U+2014 (EM DASH)", "/promote --dry-run"),
        ("/promote v1.5.0\x07", "U+0007", "/promote"),
        ("/promote v1.5.0\x0b", "U+000B", "/promote"),
        ("/rollback v１", "U+FF11 (FULLWIDTH DIGIT ONE)", "/rollback"),
        ("/lock all is well\u202e", "U+202E", "/lock"),
        ("/lock all is\u200bwell", "U+200B", "/lock"),
        ("/lock all\u00a0is well", "U+00A0", "/lock"),
        ("/lock &#8238;lleW", "U+202E", "/lock"),
        ("/override checks a\u3164b", "U+3164 (HANGUL FILLER)", "/override"),
    ],
)
def test_what_cannot_be_seen_is_named_and_never_mended(
    body: str, found: str, suggestion: str
) -> None:
    reading = misread(body)
    assert found in reading.problem
    assert reading.suggestion == suggestion


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/promote `v1.5.0`", "code"),
        ("/promote **v1.5.0**", "emphasis"),
        ("/promote v1\\.5", "an escaped character"),
        ("/promote [v1](https://x.test)", "a link or an image"),
        ("/promote <b>v1</b>", "HTML"),
        ("/promote <!-- staging --> v1", "HTML"),
        ("/lock [why](https://x.test)", "a link or an image"),
        ("/lock <!-- hidden --> why", "HTML"),
    ],
)
def test_a_command_is_plain_text(body: str, found: str) -> None:
    assert f"holds {found}; a command is typed as plain text." in misread(body).problem


def test_several_commands_that_change_nothing_go_together() -> None:
    assert lines_of("/status\n/gates staging\n\n/help") == ["/status", "/gates staging", "/help"]


@pytest.mark.parametrize(
    "body", ["/promote\n/rollback", "/promote\n\n/status", "/lock a\n/lock b", "/status\n/unlock"]
)
def test_a_command_that_changes_something_stands_alone(body: str) -> None:
    assert "must stand alone" in misread(body).problem


def test_there_is_a_limit_to_the_commands_of_a_comment() -> None:
    body = "\n".join(f"/help c{number}" for number in range(MAX_COMMANDS))
    assert len(lines_of(body)) == MAX_COMMANDS
    assert "6 commands" in misread(f"{body}\n/status").problem


def test_a_misread_line_stops_the_others() -> None:
    assert misread("/status\n/gtaes").suggestion == "/gates"


@pytest.mark.parametrize(
    "body",
    ["/lock " + "x" * 700, "/promote\n" + "word " * 500, "/promote\n\n" + "word\n\n" * 3_000],
)
def test_a_command_in_a_long_text_is_told_so(body: str) -> None:
    assert "up to" in (problem := misread(body).problem) or "are allowed" in problem


LIMIT = 65_536
HOSTILE = [
    "[",
    "`a",
    "> ",
    "- ",
    "*a",
    "<a ",
    "[\n",
    "[a]: /x\n",
    "|",
    "| a |\n|---|\n",
    "<!--\n",
    "&",
    "- a\n",
    "* a\n\n",
    "![",
    "[a](",
    "1. ",
    "/a\n",
    "/promot\n",
    "/pro\u200bmote\n",
    "\u200b",
    "On \n",
    "<b>\n",
    "```\n",
    "_a_ ",
    "\\",
    "--\n",
    "From:\n",
    "/ ",
    "\t",
    ">\n",
    "***\n",
    "/" * 80 + "\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("size", [LIMIT, 15_900])
def test_a_hostile_comment_is_read_in_linear_time(piece: str, size: int) -> None:
    for before, after in (("", ""), ("", "\n\n/promote"), ("/promote\n", ""), ("/promote ", "")):

        def read(size: int, before: str = before, after: str = after) -> None:
            read_comment(before + piece * (size // len(piece)) + after)

        assert_linear(read, 2_000, up_to=size)


PIECES = [
    "/promote",
    "/status",
    "/lock x",
    "\n",
    "\n\n",
    " ",
    "`",
    "```",
    "> ",
    "- ",
    "<b>",
    "</b>",
    "*",
    "[",
    "](x)",
    "<!--",
    "-->",
    "\u200b",
    "\u202e",
    "é",
    "|",
    "|---|",
    "\\",
    "&#47;",
    "text",
    "On x wrote:",
    "# ",
    "    ",
    "--",
    "\r",
    "\x00",
    "\ud800",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@example("/promote\x00")
def test_any_text_is_read_and_what_is_read_is_clean(body: str) -> None:
    reading = read_comment(body)
    if isinstance(reading, Typed | Misread | Silence):
        return
    assert 0 < len(reading) <= MAX_COMMANDS
    assert len(reading) == 1 or not any(typed.command.changes for typed in reading)
    for typed in reading:
        assert f"/{typed.name}" in body
        if not typed.command.free_text:
            assert typed.rest.isascii()


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_whatever_is_quoted_or_in_code_is_passed_over(body: str) -> None:
    lines = body.replace("\r", "\n").replace("```", "").split("\n")
    quoted = "\n".join(f"> {line}" for line in lines)
    indented = "\n".join(f"    {line}" for line in lines)
    assert read_comment(quoted) == Silence()
    assert read_comment(indented) == Silence()
    fenced = "\n".join(["```", *lines, "```"])
    assert read_comment(fenced) == Silence()
