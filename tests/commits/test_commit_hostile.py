"""Hostile messages cost little: time grows with the length, whatever the text."""

import pytest
from growth import assert_linear

from bot.core.commits.config import CommitsConfig
from bot.core.commits.lint import lint_message
from bot.core.commits.parse import parse_message, print_message

SIZE = 65_000


def hostile(size: int) -> dict[str, str]:
    """Texts of about that many characters."""
    return {
        "one word": "a" * size,
        "opening brackets": "feat" + "(" * size,
        "closing brackets": "feat(" + ")" * size,
        "nested scopes": "feat(" + "(a)" * (size // 3),
        "nested scopes that close": "feat(" + "(a)" * (size // 3) + "): x",
        "colons": "feat" + ":" * size,
        "spaces after the colon": "feat:" + " " * size + "x",
        "spaces before the colon": "feat" + " " * size + ": x",
        "spaces": " " * size,
        "exclamation marks": "feat" + "!" * size,
        "hyphens": "feat" + "-" * size,
        "blank lines first": "\n" * size + "feat: x",
        "blank lines only": " \n" * size,
        "carriage returns": "feat: x" + "\r" * size + "x",
        "pull suffixes": "feat: x" + " (#1)" * (size // 5),
        "digits": "feat: x (#" + "1" * size + ")",
        "merges": "Merge branch " + "a" * size,
        "merges into": "Merge branch a" + " into a" * (size // 7),
        "merged in": "Merged in " + "a" * size,
        "reverted quotes": "Revert " + '"' * size,
        "reverted ids": "revert: x\n\nThis reverts commits " + "1d1e719, " * (size // 9),
        "hexadecimal": "revert: x\n\nRefs: " + "a" * size,
        "hexadecimal with hyphens": "revert: x\n\nRefs: " + "abcdef0-" * (size // 8),
        "reverted pulls": "revert: x\n\n" + "Reverts a/a#1 " * (size // 14),
        "footers": "feat: x\n\n" + "a: b\n" * (size // 5),
        "footer paragraphs": "feat: x\n\n" + "a: b\n\n" * (size // 6),
        "breaking footers": "feat: x\n\n" + "BREAKING CHANGE: b\n" * (size // 19),
        "nearly breaking": "feat: x\n\n" + "*_# " * (size // 4) + "breaking change",
        "breaking, spaced": "feat: x\n\nbreaking change" + " " * size,
        "cherry picks": "feat: x\n\n(cherry picked from commit " + "a" * size,
        "long lines": ("feat: x\n\n" + ("http" * 30 + "\n") * (size // 120)),
        "quotes": "feat: " + "'\"`" * (size // 3),
        "capitals": "feat: " + "Aa" * (size // 2),
        "updates": "update " + "a " * (size // 2),
        "decoration": "✨" * size,
        "emoji codes": ":a" * (size // 2),
        "bidirectional marks": "feat: \u202e" * (size // 7),
        "nul": "feat: \0" * (size // 7),
        "surrogate": "feat: \ud800",
    }


CONFIG = CommitsConfig(
    scopes=("api",),
    scope_patterns=("(a*)*b",),
    subject_case_refused=("start-case", "camel-case", "kebab-case"),  # type: ignore[arg-type]
    rules={"scope-case": "error", "body-max-line-length": "error"},  # type: ignore[dict-item]
)


@pytest.mark.parametrize("name", hostile(1))
@pytest.mark.parametrize("part", ["as it is", "as a scope"])
def test_hostile_messages_are_read_in_linear_time(name: str, part: str) -> None:
    def read(size: int) -> None:
        text = hostile(size)[name]
        message = parse_message(f"feat({text}): x" if part == "as a scope" else text)
        lint_message(message, CONFIG)
        assert parse_message(print_message(message)) == message

    assert_linear(read, 6_500, up_to=SIZE)


def test_a_very_long_header_gets_no_suggestion() -> None:
    lint = lint_message("Add " + "a" * SIZE)
    assert not lint.valid
    assert lint.suggestion == ""
