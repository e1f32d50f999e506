"""Examples in the documentation are run: what they print is what they say.

A fenced block marked ``console`` is a session of ``bash`` in an empty folder: ``$`` begins a
command, ``>`` continues it, what follows is its output, where ``…`` stands for anything. All
blocks of a page share the folder. Each command is to succeed, unless ``$ echo $?`` follows it,
which prints its exit code.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Step:
    command: str
    expected: list[str] = field(default_factory=list)


def steps_of(block: str) -> Iterator[Step]:
    step: Step | None = None
    for line in block.splitlines():
        if line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(line[2:])
        elif step is not None and line.startswith("> ") and not step.expected:
            step.command += "\n" + line[2:]
        elif step is not None:
            step.expected.append(line)
    if step is not None:
        yield step


def pages() -> list[Path]:
    candidates = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page for page in candidates if BLOCK.search(page.read_text()))


def matches(expected: str, printed: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def test_the_wildcard_matches_anything_and_nothing_else() -> None:
    assert matches("a … c\n…", "a b c\nd\ne")
    assert not matches("a c", "a b c")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LOCKGATE_HOME": str(tmp_path / "lockgate"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    last = 0
    for block in BLOCK.findall(page.read_text()):
        steps = list(steps_of(block))
        for index, step in enumerate(steps):
            if step.command == "echo $?":
                assert [str(last)] == step.expected, f"exit code after: {steps[index - 1].command}"
                continue
            result = subprocess.run(
                ["bash", "-c", f"set -o pipefail; {step.command}"],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            last = result.returncode
            asked = index + 1 < len(steps) and steps[index + 1].command == "echo $?"
            assert asked or last == 0, f"{step.command}\n{result.stdout}"
            expected = "\n".join(step.expected).rstrip("\n")
            printed = result.stdout.rstrip("\n")
            assert matches(expected, printed), f"{step.command}\n--- printed:\n{printed}"
