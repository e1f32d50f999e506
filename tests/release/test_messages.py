"""One text, one message or several; and none is lost for what stands below its header."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.commits.message import Message, MessageKind
from bot.core.commits.parse import parse_message
from bot.core.release.config import ReleaseConfig
from bot.core.release.messages import read_messages, read_override

TYPES = ReleaseConfig().known_types


def said(text: str) -> list[str]:
    return [message.header for message in read_messages(text, TYPES)]


def one(text: str) -> Message:
    (message,) = read_messages(text, TYPES)
    return message


@pytest.mark.parametrize(
    "body",
    [
        "(unbalanced [brackets {",
        "a: b: c\n\n: d\n\n!!:",
        "```\nfeat: in code\n```\nand out again",
        "Merge branch 'x'\n\nRevert \"y\"",
        "<!-- BEGIN_COMMIT_OVERRIDE -->",
        "BEGIN_COMMIT_OVERRIDE\nfix: without an end",
        "END_COMMIT_OVERRIDE\nBEGIN_COMMIT_OVERRIDE",
        "* feat: a squash's list\n\n* wip\n\n* fix: typo",
        "Write messages such as\n\nfeat: add x\n\nand see what comes of it.",
        "\x00\x1b[31m\ud800",
        "A" * 20_000,
        "(((" * 5_000,
        "fix(" * 5_000,
        "\n\nfix(a" * 3_000,
        "BEGIN_COMMIT_OVERRIDE\n" * 3_000,
        "<!--" * 5_000,
        "feat\n" * 5_000,
    ],
)
def test_no_body_drops_a_good_commit(body: str) -> None:
    """A body that a stricter reader chokes on leaves the header what it is."""
    message = one(f"feat(api): add orders (#12)\n\n{body}")
    assert message.type == "feat"
    assert message.scope == "api"
    assert message.description == "add orders"
    assert message.pull_number == 12


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("feat: a", ["feat: a"]),
        ("\n\n  feat: a\n\nbody", ["feat: a"]),
        ("feat: a\r\n\r\nfix: b\r\n", ["feat: a", "fix: b"]),
        # Further messages stand at the end, among footers.
        ("feat: a\n\nWhy.\n\nfix: b\n\ndocs(x): c", ["feat: a", "fix: b", "docs(x): c"]),
        ("feat: a\n\nfix: b\nperf: c\nSigned-off-by: D <d@e.f>", ["feat: a", "fix: b", "perf: c"]),
        ("feat: a\n\nfix: b\n\nSigned-off-by: D <d@e.f>", ["feat: a", "fix: b"]),
        ("Add a\n\nfix: b", ["Add a", "fix: b"]),
        ("feat: a\n\nfix(b)!: c", ["feat: a", "fix(b)!: c"]),
        # Prose below it makes it prose.
        ("feat: a\n\nfix: b\n\nAnd so on.", ["feat: a"]),
        ("feat: a\nfix: b", ["feat: a"]),
        # What a word before a colon may be besides.
        ("feat: a\n\nfix: #12", ["feat: a"]),
        ("feat: a\n\nfix: acme/shop#12", ["feat: a"]),
        ("feat: a\n\ndocs: https://docs.test/a", ["feat: a"]),
        ("feat: a\n\nNote: b", ["feat: a"]),
        ("feat: a\n\nsomething: b", ["feat: a"]),
        ("feat: a\n\n  fix: indented", ["feat: a"]),
        ("feat: a\n\nfix:b", ["feat: a"]),
        ("", [""]),
        ("\n \n", [""]),
    ],
)
def test_further_messages(text: str, headers: list[str]) -> None:
    assert said(text) == headers


def test_each_message_has_its_own_footers() -> None:
    first, second, third = read_messages(
        "feat: add ids\n\nSee the guide.\n\nfix(utils): no longer throw\n  Ref: 1\n"
        "  BREAKING-CHANGE: encode returns\n  another type\n\nfeat(utils): encode more\n\n"
        "Release-As: 2.0.0\n",
        TYPES,
    )
    assert (first.body, first.footers, first.breaking) == ("See the guide.", (), False)
    assert second.breaking_notes == ("encode returns\nanother type",)
    assert [footer.text for footer in third.footers] == ["Release-As: 2.0.0"]


@pytest.mark.parametrize(
    ("block", "headers"),
    [
        ("feat: a\n\nfix: b\nchore: c", ["feat: a", "fix: b", "chore: c"]),
        ("```\nfeat: a\n```", ["feat: a"]),
        ("Add a\nfix: b", ["Add a", "fix: b"]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_a_block_says_it_in_place_of_the_text(block: str, headers: list[str]) -> None:
    text = f"BEGIN_COMMIT_OVERRIDE\n{block}\nEND_COMMIT_OVERRIDE"
    for whole in (
        f"perf: x\n\nProse.\n\n{text}\n\nMore.\n\ndocs: y",
        f"perf: x\r\n\r\n  {text.replace(chr(10), chr(13) + chr(10))}\r\n",
    ):
        assert said(whole) == headers
    assert [m.header for m in read_override(f"A pull request.\n{text}", TYPES) or ()] == headers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BEGIN_COMMIT_OVERRIDE\nfeat: a",
        "say BEGIN_COMMIT_OVERRIDE\nfeat: a\nEND_COMMIT_OVERRIDE",
        "<!--\nBEGIN_COMMIT_OVERRIDE\nfeat: a sample in a template\nEND_COMMIT_OVERRIDE\n-->",
        "END_COMMIT_OVERRIDE\nBEGIN_COMMIT_OVERRIDE\nfeat: a",
    ],
)
def test_what_is_no_block(text: str) -> None:
    assert read_override(text, TYPES) is None


def test_a_block_keeps_what_breaks() -> None:
    (message,) = (
        read_override(
            "BEGIN_COMMIT_OVERRIDE\nfeat: a\n\nBREAKING CHANGE: b\nEND_COMMIT_OVERRIDE", TYPES
        )
        or ()
    )
    assert message.breaking_notes == ("b",)


PIECES = [
    "feat: a",
    "feat(b)!: c (#4)",
    'Revert "feat: a"',
    "This reverts commit 0123456789abcdef.",
    "Reverts acme/shop#4",
    "revert: feat: a",
    "Merge pull request #3 from acme/x",
    "BREAKING CHANGE: d",
    "BREAKING-CHANGE #2",
    "Release-As: 2.0.0",
    "RELEASE-AS: 2.0.0",
    "release-as: 3.0.0",
    "Refs: 0123456",
    "Note: e",
    "prose",
    "",
    " ",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("\n".join))
@example("feat: a\n\nBREAKING CHANGE: b")
@example("revert: x\n\nRefs: 0123456")
@example('Revert "x"\n\nThis reverts commit 0123456.')
def test_what_is_passed_over_says_nothing_to_a_release(text: str) -> None:
    """Reading the header alone, where that is enough, tells what the whole message tells."""
    messages = read_messages(text, TYPES)
    if len(messages) > 1:
        return
    read, whole = messages[0], parse_message(text)
    assert read.header.strip() == whole.header.strip()
    for name in ("kind", "type", "scope", "description", "pull_number", "breaking", "reverts"):
        assert getattr(read, name) == getattr(whole, name), name
    assert read.breaking_notes == whole.breaking_notes
    assert asked(read) == asked(whole)
    if whole.kind is MessageKind.REVERT:
        assert read == whole


def asked(message: Message) -> list[str]:
    return [footer.value for footer in message.footers if footer.token.lower() == "release-as"]
