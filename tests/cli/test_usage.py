"""What every command says of words that it cannot take, and how a group lists its commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.main import main


@pytest.mark.parametrize(
    ("line", "error", "called"),
    [
        ("commits chek", "there is no command 'chek'; did you mean 'check'?", "lockgate commits"),
        ("demo --prot 1", "no such option", "lockgate demo"),
        ("promote", "missing argument 'OWNER/REPO'", "lockgate promote"),
        ("slo check --phase mid", "invalid value for '--phase'", "lockgate slo check"),
        ("emc pause 1 --dir nowhere", "directory 'nowhere' does not exist", "lockgate emc pause"),
        ("doctor all", "got unexpected extra argument (all)", "lockgate doctor"),
        ("polic", "there is no command 'polic'; did you mean 'policy'?", "lockgate"),
        ("--nope", "no such option", "lockgate"),
        ("nothing", "there is no command 'nothing'", "lockgate"),
    ],
)
def test_words_that_cannot_be_taken_are_named_with_the_help(
    line: str, error: str, called: str
) -> None:
    ended = CliRunner().invoke(main, line.split(), prog_name="lockgate")
    assert ended.exit_code == 2
    said, helped = ended.stderr.splitlines()
    assert said.startswith("error: ")
    assert error.lower() in said.lower()
    assert helped == f"help: `{called} --help` says how it is used"
    assert ended.stdout == ""


@pytest.mark.parametrize("line", ["", "commits", "emc", "emc new"])
def test_a_group_alone_shows_its_help(line: str) -> None:
    ended = CliRunner().invoke(main, line.split(), prog_name="lockgate")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("Usage: lockgate")


def test_a_group_lists_whole_sentences() -> None:
    shown = CliRunner().invoke(main, ["emc", "--help"]).stdout
    assert "..." not in shown.split("Commands:")[1]
    assert "with VERSIONs these alone." in " ".join(shown.split())


def test_an_encoding_that_lacks_a_character_has_it_spelt_out() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "policy", "check", "-"],
        input="größe→: 1\n".encode(),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert "unknown key `größe\\u2192`".encode("latin-1") in ended.stdout


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full (Linux has one)")
@pytest.mark.parametrize("line", ["--help", "policy schema"])
def test_a_full_disk_behind_standard_output_is_said(line: str) -> None:
    with FULL.open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "bot", *line.split()],
            cwd=Path(__file__).parents[2],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "error: nothing more could be written: No space left on device\n"
    helped = "help: free some space, and run it again\n"
    assert (ended.returncode, ended.stderr) == (2, said + helped)
