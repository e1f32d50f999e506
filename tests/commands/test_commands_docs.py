"""docs/reference/commands.md has every command, its arguments and its examples, as they are."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from bot.core.catalog import COMMANDS
from bot.core.commands.command import Command

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "commands.md"


def sections() -> dict[str, str]:
    parts = re.split(r"^### `/([^`]+)`\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def cells(row: tuple[str, str]) -> str:
    return f"| `{row[0].replace('|', chr(92) + '|')}` | {row[1]} |"


def test_the_catalogue_has_every_command_once() -> None:
    defined = [
        value
        for path in (ROOT / "bot/core/commands").glob("[!_]*.py")
        for value in vars(import_module(f"bot.core.commands.{path.stem}")).values()
        if isinstance(value, Command)
    ]
    assert sorted(command.name for command in COMMANDS) == sorted(
        command.name for command in defined
    )


def test_every_command_has_its_section_and_its_row() -> None:
    assert list(sections()) == [command.name for command in COMMANDS]
    text = PAGE.read_text(encoding="utf-8")
    for command in COMMANDS:
        row = f"| [`/{command.name}`](#{command.name}) | {command.permission} | {command.summary} |"
        assert row in text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_section_says_what_the_command_says(command: Command) -> None:
    section = sections()[command.name]
    assert command.summary in " ".join(section.split())
    assert f"Permission: **{command.permission}**." in section
    blocks = re.findall(r"^```text\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
    assert blocks == [command.usage]
    rows = [(argument.form, argument.description) for argument in command.arguments]
    rows += [(example.line, example.meaning) for example in command.examples]
    assert [line for line in section.split("\n") if line.startswith("| `")] == list(
        map(cells, rows)
    )
