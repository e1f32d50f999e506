"""Hostile messages cost little: time grows with the length, whatever the text."""

import time

import pytest

from bot.core.commits.config import CommitsConfig
from bot.core.commits.lint import lint_message
from bot.core.commits.parse import parse_message, print_message

SIZE = 65_000
HOSTILE = {
    "one word": "a" * SIZE,
    "opening brackets": "feat" + "(" * SIZE,
    "closing brackets": "feat(" + ")" * SIZE,
    "nested scopes": "feat(" + "(a)" * (SIZE // 3),
    "nested scopes that close": "feat(" + "(a)" * (SIZE // 3) + "): x",
    "colons": "feat" + ":" * SIZE,
    "spaces after the colon": "feat:" + " " * SIZE + "x",
    "spaces before the colon": "feat" + " " * SIZE + ": x",
    "spaces": " " * SIZE,
    "exclamation marks": "feat" + "!" * SIZE,
    "hyphens": "feat" + "-" * SIZE,
    "blank lines first": "\n" * SIZE + "feat: x",
    "blank lines only": " \n" * SIZE,
    "carriage returns": "feat: x" + "\r" * SIZE + "x",
    "pull suffixes": "feat: x" + " (#1)" * (SIZE // 5),
    "digits": "feat: x (#" + "1" * SIZE + ")",
    "merges": "Merge branch " + "a" * SIZE,
    "merges into": "Merge branch a" + " into a" * (SIZE // 7),
    "merged in": "Merged in " + "a" * SIZE,
    "reverted quotes": "Revert " + '"' * SIZE,
    "reverted ids": "revert: x\n\nThis reverts commits " + "1d1e719, " * (SIZE // 9),
    "hexadecimal": "revert: x\n\nRefs: " + "a" * SIZE,
    "hexadecimal with hyphens": "revert: x\n\nRefs: " + "abcdef0-" * (SIZE // 8),
    "reverted pulls": "revert: x\n\n" + "Reverts a/a#1 " * (SIZE // 14),
    "footers": "feat: x\n\n" + "a: b\n" * (SIZE // 5),
    "footer paragraphs": "feat: x\n\n" + "a: b\n\n" * (SIZE // 6),
    "breaking footers": "feat: x\n\n" + "BREAKING CHANGE: b\n" * (SIZE // 19),
    "nearly breaking": "feat: x\n\n" + "*_# " * (SIZE // 4) + "breaking change",
    "breaking, spaced": "feat: x\n\nbreaking change" + " " * SIZE,
    "cherry picks": "feat: x\n\n(cherry picked from commit " + "a" * SIZE,
    "long lines": ("feat: x\n\n" + ("http" * 30 + "\n") * (SIZE // 120)),
    "quotes": "feat: " + "'\"`" * (SIZE // 3),
    "capitals": "feat: " + "Aa" * (SIZE // 2),
    "updates": "update " + "a " * (SIZE // 2),
    "decoration": "✨" * SIZE,
    "emoji codes": ":a" * (SIZE // 2),
    "bidirectional marks": "feat: \u202e" * (SIZE // 7),
    "nul": "feat: \0" * (SIZE // 7),
    "surrogate": "feat: \ud800",
}
CONFIG = CommitsConfig(
    scopes=("api",),
    scope_patterns=("(a*)*b",),
    subject_case_refused=("start-case", "camel-case", "kebab-case"),  # type: ignore[arg-type]
    rules={"scope-case": "error", "body-max-line-length": "error"},  # type: ignore[dict-item]
)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("part", ["as it is", "as a scope"])
def test_hostile_messages_are_read_in_linear_time(name: str, part: str) -> None:
    text = HOSTILE[name]
    if part == "as a scope":
        text = f"feat({text[:SIZE]}): x"
    started = time.process_time()
    message = parse_message(text)
    lint_message(message, CONFIG)
    assert parse_message(print_message(message)) == message
    # Quadratic time would take minutes; linear time takes some milliseconds.
    assert time.process_time() - started < 2


def test_a_very_long_header_gets_no_suggestion() -> None:
    lint = lint_message("Add " + "a" * SIZE)
    assert not lint.valid
    assert lint.suggestion == ""
