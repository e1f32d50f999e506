"""What ``lockgate demo`` says of a machine that lacks what it needs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.demo import told_lines
from bot.cli.main import main
from bot.demo.watching import Told

STEP = Told(
    "it is watched", True, 1.5, "/promote: **Live: `74093a8` on production in 1.1 s.** " * 3
)


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(main, ["demo", "--once"])
    assert ended.exit_code == 1
    assert "error: git is not installed" in ended.output
    assert "help: install git" in ended.output


def test_a_step_is_one_line_where_no_terminal_is() -> None:
    line, beneath = told_lines(STEP)
    assert line.startswith("it is watched ")
    assert line.endswith("in 1.1 s. ")
    assert "1.500 s  /promote: Live: `74093a8`" in line
    assert beneath == []


def test_the_time_stands_beneath_in_a_narrow_terminal() -> None:
    line, beneath = told_lines(STEP, 60)
    assert line == "it is watched"
    assert beneath[0].startswith("    1.500 s ")
    assert all(len(each) < 60 for each in beneath)


@pytest.mark.parametrize("width", [80, 100])
def test_a_step_fits_a_terminal(width: int) -> None:
    line, beneath = told_lines(STEP, width)
    assert line.endswith("1.500 s")
    assert len("FAILED  " + line) < width
    assert len(beneath) > 1
    assert all(each.startswith("    ") and len(each) < width for each in beneath)
    assert " ".join(" ".join(beneath).split()) == STEP.evidence.replace("**", "").strip()


@pytest.mark.parametrize("option", ["--port", "--sandbox-port"])
def test_a_port_that_cannot_be_is_refused(option: str) -> None:
    ended = CliRunner().invoke(main, ["demo", option, "70000"])
    assert ended.exit_code == 2
    assert "70000 is not in the range 0<=x<=65535" in ended.output
