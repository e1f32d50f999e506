"""Commit messages parsed and linted per second, beside npm's parser and commitlint.

    python bench/commits.py [--json] [--rounds N] [--messages N]

Every tool runs in a process of its own on the same messages: a generated history, and real ones
where there are any (``LOCKGATE_TEST_HISTORIES``, or ``../shared/data/commits`` beside the
repository). The tools take turns, round by round, so that whatever else the machine does falls on
all of them; the first round of each warms up, and the medians of the others are compared. A peer
that is not installed is named and left out.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
MISSING = 3
# Work, tool: the first tool of each work is what the others are compared with.
TOOLS = {
    "parse": ("lockgate", "conventional-commits-parser"),
    "parse and lint": ("lockgate", "commitlint"),
}
VOCABULARY = (
    "add allow avoid build cache change check clean commit config default deploy drop error fetch "
    "file fix handle header index limit list merge message move name number option output page "
    "parse path policy queue read release remove rename request retry route rule schema search "
    "server sign state store table test time title token update user value verify version write"
)
TYPES = ("feat", "fix", "chore", "docs", "refactor", "test", "ci", "build", "perf", "style")
SCOPES = ("api", "cli", "deps", "web", "store", "deps-dev", "parser")


@dataclass(frozen=True)
class Measurement:
    history: str
    work: str
    tool: str
    version: str
    messages_per_second: float
    valid: int


def generated_history(count: int) -> list[str]:
    """Messages in about the proportions of real histories: a ninth has no type, three in ten have
    a body, one in twenty is a bot's with a table of links."""
    chance = random.Random(1)
    words = VOCABULARY.split()

    def prose(count: int) -> str:
        return " ".join(chance.choices(words, k=count))

    def header() -> str:
        if chance.random() < 0.11:
            return prose(5).capitalize()
        scope = f"({chance.choice(SCOPES)})" if chance.random() < 0.4 else ""
        mark = "!" if chance.random() < 0.02 else ""
        return f"{chance.choice(TYPES)}{scope}{mark}: {prose(chance.randint(3, 9))}"

    def rest() -> Iterator[str]:
        draw = chance.random()
        if draw < 0.05:
            for _ in range(25):
                address = f"https://example.com/{chance.choice(words)}/{chance.randint(1, 9_999)}"
                yield f"| [{chance.choice(words)}]({address}) | `1.{chance.randint(0, 99)}.0` |\n"
        elif draw < 0.3:
            for _ in range(chance.randint(1, 4)):
                lines = (prose(chance.randint(6, 12)) for _ in range(chance.randint(1, 5)))
                yield "\n".join(lines) + "\n\n"
            if chance.random() < 0.5:
                yield f"Refs: #{chance.randint(1, 9_999)}\nReviewed-by: Ada <ada@example.com>\n"
            if chance.random() < 0.03:
                yield f"BREAKING CHANGE: {prose(12)}\n"

    messages = []
    for number in range(count):
        suffix = f" (#{number})" if chance.random() < 0.6 else ""
        body = "".join(rest())
        messages.append(f"{header()}{suffix}\n" + (f"\n{body}" if body else ""))
    return messages


def real_history() -> list[str]:
    named = os.environ.get("LOCKGATE_TEST_HISTORIES")
    folder = Path(named) if named else ROOT.parent / "shared" / "data" / "commits"
    return [
        json.loads(line)["message"]
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def serve_lockgate(work: str, messages: list[str]) -> None:
    """What the child process does: a round for each line on standard input."""
    from bot.core.commits.lint import lint_message
    from bot.core.commits.parse import parse_message

    for _ in sys.stdin:
        valid = 0
        started = time.perf_counter()
        if work == "parse":
            for message in messages:
                valid += parse_message(message).type is not None
        else:
            for message in messages:
                valid += lint_message(message).valid
        seconds = time.perf_counter() - started
        answer = {"version": version("lockgate"), "seconds": seconds, "valid": valid}
        print(json.dumps(answer), flush=True)


class Tool:
    """A tool in its own process, one round at a time."""

    def __init__(self, name: str, work: str, file: Path) -> None:
        self.name = name
        command = ["node", str(HERE / "commits.mjs"), name, str(file)]
        if name == "lockgate":
            command = [sys.executable, __file__, "--child", work, str(file)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> dict[str, Any] | None:
        """One round; None, its reason said on standard error, from a tool that is not there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("round\n")
            self._process.stdin.flush()
        if line := self._process.stdout.readline():
            return json.loads(line)
        if self._process.wait() != MISSING:
            raise SystemExit(f"error: {self.name} failed")
        return None

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


def measure(history: str, work: str, file: Path, count: int, rounds: int) -> list[Measurement]:
    tools = {}
    for name in TOOLS[work]:
        if name != "lockgate" and shutil.which("node") is None:
            print(f"{name} is left out: node is not installed", file=sys.stderr)
            continue
        tool = Tool(name, work, file)
        if warm := tool.run():
            tools[name] = (tool, warm, [])
        else:
            print(f"{name} is left out", file=sys.stderr)
            tool.close()
    for _ in range(rounds):
        for tool, _, seconds in tools.values():
            if answer := tool.run():
                seconds.append(answer["seconds"])
    results = []
    for name, (tool, warm, seconds) in tools.items():
        tool.close()
        rate = count / statistics.median(seconds)
        print(f"{history}, {work}, {name}: {rate:,.0f} messages/s", file=sys.stderr)
        results.append(Measurement(history, work, name, warm["version"], rate, warm["valid"]))
    return results


def table(results: list[Measurement]) -> str:
    lines = [
        "| history | work | tool | messages/s | Lockgate is | accepted |",
        "|---|---|---|--:|--:|--:|",
    ]
    ours = {
        (result.history, result.work): result.messages_per_second
        for result in results
        if result.tool == "lockgate"
    }
    for result in results:
        ratio = ours[result.history, result.work] / result.messages_per_second
        faster = "–" if result.tool == "lockgate" else f"{ratio:.1f} × as fast"
        lines.append(
            f"| {result.history} | {result.work} | {result.tool} {result.version} | "
            f"{result.messages_per_second:,.0f} | {faster} | {result.valid:,} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Messages parsed and linted per second.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default 5)")
    parser.add_argument("--messages", type=int, default=5_000, help="messages to generate")
    parser.add_argument("--child", nargs=2, metavar=("WORK", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        work, file = arguments.child
        serve_lockgate(work, json.loads(Path(file).read_text(encoding="utf-8")))
        return 0
    histories = {"generated": generated_history(arguments.messages)}
    if real := real_history():
        histories["real"] = real
    else:
        print("no real histories: name their folder in LOCKGATE_TEST_HISTORIES", file=sys.stderr)
    results: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder:
        for history, messages in histories.items():
            file = Path(folder) / f"{history}.json"
            file.write_text(json.dumps(messages), encoding="utf-8")
            for work in TOOLS:
                results += measure(history, work, file, len(messages), arguments.rounds)
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        sizes = ", ".join(f"{len(messages):,} {name}" for name, messages in histories.items())
        print(f"Messages per second, one core, medians of {arguments.rounds} rounds over {sizes}")
        print(f"messages; “accepted” is how many got a type, or were valid.\n\n{table(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
