"""What ``lockgate demo`` says of a machine that lacks what it needs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.main import main


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(main, ["demo", "--once"])
    assert ended.exit_code == 1
    assert "error: git is not installed" in ended.output
    assert "help: install git" in ended.output
