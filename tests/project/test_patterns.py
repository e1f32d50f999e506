"""Patterns that every Python that is supported reads alike."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "bot"
OF_A_GROUP = re.compile(r"(?<!\\)\)[*+?]\+|\(\?>")


@pytest.mark.parametrize("pattern", ["(?:a|b)*+", "(a)?+", "(?>a)"])
def test_these_are_not_read_alike(pattern: str) -> None:
    assert OF_A_GROUP.search(pattern)


def test_no_group_is_repeated_possessively() -> None:
    """Before 3.11.5 such a pattern matches what it does not:
    https://github.com/python/cpython/issues/106052"""
    found = [
        f"{file.relative_to(SOURCE)}:{number}"
        for file in sorted(SOURCE.rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if OF_A_GROUP.search(line)
    ]
    assert found == []
