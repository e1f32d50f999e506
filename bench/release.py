"""Changelogs and release plans, whole processes, beside git-cliff, python-semantic-release and
commitizen.

    python bench/release.py [--json] [--rounds N] [--commits N]

Every tool reads the same clones, with its own defaults: this project's, and a generated one with a
release every 200 commits. The tools take turns, round by round, so that whatever else the machine
does falls on all of them; the first round of each warms up, and the medians of the others are
compared. The others are installed from PyPI into an environment that is thrown away; one that
cannot be had is named and left out. “releases” counts the headings that a tool wrote: it shows
that the work was done.

Start-up is a plan of a single commit: there is nothing in it but what has to be loaded.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from commits import generated_history

HERE = Path(__file__).parent
ROOT = HERE.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
EVERY = 200
"""Commits between two releases of the generated history."""
PATIENCE = 900.0
"""Seconds that a run may take."""
LONG = 20.0
"""Seconds of a run from which on it is run once and no more."""
PEERS = ("git-cliff", "python-semantic-release", "commitizen")
CHANGELOG, PLAN = "changelog --all", "release plan"
# What each tool is asked for, and where it writes: {out} is a file, None is standard output.
# python-semantic-release tells the next version alone, and has no way to write a changelog but
# into the clone.
COMMANDS: dict[tuple[str, str], tuple[list[str], str | None]] = {
    ("lockgate", CHANGELOG): (["lockgate", "changelog", "--all", "--output", "{out}"], "{out}"),
    ("lockgate", PLAN): (["lockgate", "release", "plan"], None),
    ("git-cliff", CHANGELOG): (["git-cliff", "--output", "{out}"], "{out}"),
    ("git-cliff", PLAN): (["git-cliff", "--unreleased", "--bump"], None),
    ("python-semantic-release", CHANGELOG): (["semantic-release", "changelog"], "CHANGELOG.md"),
    ("python-semantic-release", PLAN): (
        ["semantic-release", "--noop", "version", "--print"],
        None,
    ),
    ("commitizen", CHANGELOG): (["cz", "changelog", "--file-name", "{out}"], "{out}"),
    ("commitizen", PLAN): (["cz", "bump", "--dry-run", "--yes", "--changelog-to-stdout"], None),
}
SETTINGS = {
    "releaserc.toml": '[semantic_release]\ntag_format = "v{version}"\n',
    ".cz.toml": (
        '[tool.commitizen]\nname = "cz_conventional_commits"\nversion_provider = "scm"\n'
        'tag_format = "v$version"\n'
    ),
}
POLICIES = {
    "no policy": "",
    "a policy with `release:`": "commits: {}\nrelease:\n  kind: node\n",
    "one with several packages": "release:\n  packages: [{path: a}, {path: b}]\n",
}
"""What is loaded depends on what a policy says."""
EXPECTED = {
    # commitizen: nothing to release, or no commit that asks for a version
    "commitizen": {0, 3, 16, 21},
    # Lockgate: nothing to release
    "lockgate": {0, 3},
}


@dataclass(frozen=True)
class Measurement:
    history: str
    work: str
    tool: str
    version: str
    seconds: float | None
    """None: it was not done in time."""
    megabytes: float
    """At its peak, the process and its children each by itself."""
    releases: int


@dataclass(frozen=True)
class Run:
    seconds: float
    megabytes: float
    text: str


def generate(folder: Path, count: int) -> None:
    """A clone with a linear history of ``count`` commits, written by one git fast-import."""
    git("init", "-q", "-b", "main", str(folder))
    stream = subprocess.Popen(
        ["git", "-C", str(folder), "fast-import", "--quiet"], stdin=subprocess.PIPE
    )
    assert stream.stdin is not None
    for number, message in enumerate(generated_history(count), start=1):
        text, content = message.encode(), str(number).encode()
        before = f"from :{number - 1}\n" if number > 1 else ""
        stream.stdin.write(
            f"commit refs/heads/main\nmark :{number}\n"
            f"committer Ada <ada@example.com> {1_600_000_000 + 600 * number} +0000\n"
            f"data {len(text)}\n".encode()
            + text
            + f"\n{before}M 100644 inline src/{number % 50}/file\ndata {len(content)}\n".encode()
            + content
            + b"\n\n"
        )
        if number % EVERY == 0 and number < count:
            tag = f"reset refs/tags/v0.{number // EVERY}.0\nfrom :{number}\n\n"
            stream.stdin.write(tag.encode())
    stream.stdin.close()
    if stream.wait():
        raise SystemExit("error: git fast-import failed")
    git("-C", str(folder), "checkout", "-q", "main")


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def clones(folder: Path, count: int) -> Iterator[tuple[str, Path, int]]:
    """Name, path and number of commits. Each has a remote at GitHub, which nobody asks, and what
    the others want to be told."""
    project, generated = folder / "project", folder / "generated"
    if (ROOT / ".git").exists():
        git("clone", "-q", str(ROOT), str(project))
    else:
        print("this copy of the project is no git clone: it is left out", file=sys.stderr)
    generate(generated, count)
    for clone in filter(Path.exists, (project, generated)):
        git("-C", str(clone), "config", "remote.origin.url", "https://github.com/example/project")
        for name, text in SETTINGS.items():
            (clone / name).write_text(text)
        yield clone.name, clone, int(git("-C", str(clone), "rev-list", "--count", "HEAD"))


def install(folder: Path) -> dict[str, str]:
    """The versions of the others that could be installed; their commands are in folder/bin."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    versions = {}
    for name in PEERS:
        print(f"installing {name}", file=sys.stderr, flush=True)
        command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", name]
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            print(f"{name} is left out: it cannot be installed", file=sys.stderr)
            continue
        ask = f"from importlib.metadata import version; print(version({name!r}))"
        versions[name] = subprocess.check_output([python, "-c", ask], text=True).strip()
    return versions


def run(tool: str, work: str, clone: Path, folder: Path) -> Run | None:
    """Once; None if it was not done in time."""
    out = folder / "out.md"
    words, written = COMMANDS[tool, work]
    home = Path(sys.executable).parent if tool == "lockgate" else folder / "peers/bin"
    command = [str(home / words[0]), *(word.replace("{out}", str(out)) for word in words[1:])]
    if tool == "python-semantic-release":
        command[1:1] = ["--config", "releaserc.toml"]
        (clone / "CHANGELOG.md").unlink(missing_ok=True)
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=clone,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            # As they are installed: compiled, once the first round has run.
            env={
                **os.environ,
                "NO_COLOR": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "PYTHONDONTWRITEBYTECODE": "",
            },
        )
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == -signal.SIGKILL:
        return None
    if process.returncode not in EXPECTED.get(tool, {0}):
        said = (folder / "stderr").read_text(errors="replace")[-2_000:]
        raise SystemExit(f"error: {tool} failed at {work} ({process.returncode}): {said}")
    if written is None:
        text = (folder / "stdout").read_text(errors="replace")
    else:
        text = (clone / written.replace("{out}", str(out))).read_text(errors="replace")
    # https://man7.org/linux/man-pages/man2/getrusage.2.html: kilobytes; macOS counts bytes.
    return Run(seconds, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2), text)


def measure(
    history: str, clone: Path, folder: Path, versions: dict[str, str], rounds: int
) -> Iterator[Measurement]:
    for work in (CHANGELOG, PLAN):
        runs: dict[str, list[Run]] = {}
        for turn in range(rounds + 1):
            for tool in versions:
                if turn and (tool not in runs or runs[tool][0].seconds > LONG):
                    continue
                if done := run(tool, work, clone, folder):
                    runs.setdefault(tool, []).append(done)
        for tool, name in versions.items():
            done = runs.get(tool, [])
            counted = done[1:] or done
            seconds = statistics.median(one.seconds for one in counted) if counted else None
            took = f"{seconds:.3f} s" if seconds else f"more than {PATIENCE:.0f} s"
            print(f"{history}, {work}, {tool}: {took}", file=sys.stderr, flush=True)
            yield Measurement(
                history,
                work,
                tool,
                name,
                seconds,
                max((one.megabytes for one in counted), default=0.0),
                len(re.findall(r"^## ", done[-1].text, re.MULTILINE)) if done else 0,
            )


def start_up(folder: Path, peers: Iterable[str], rounds: int) -> dict[str, float]:
    """Seconds, the median, of a plan of one commit; and of Python that does nothing."""
    clone = folder / "single"
    generate(clone, 1)
    (clone / ".github").mkdir()
    bare = [sys.executable, "-c", "pass"]
    taken: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        begun = time.perf_counter()
        subprocess.run(bare, check=True)
        seconds = {"Python alone": time.perf_counter() - begun}
        for policy, text in POLICIES.items():
            (clone / ".github/lockgate.yml").write_text(text)
            if done := run("lockgate", PLAN, clone, folder):
                seconds[f"lockgate, {policy}"] = done.seconds
        if "git-cliff" in peers and (done := run("git-cliff", PLAN, clone, folder)):
            seconds["git-cliff"] = done.seconds
        for name, one in seconds.items():
            if turn:
                taken.setdefault(name, []).append(one)
    return {name: statistics.median(one) for name, one in taken.items()}


def start_up_table(seconds: dict[str, float]) -> str:
    rows = [f"| {name} | {1_000 * one:.0f} ms |" for name, one in seconds.items()]
    return "\n".join(["| start-up: a plan of one commit | |", "|---|--:|", *rows])


def parsing(clone: Path, rounds: int) -> dict[str, float]:
    """Commits a second of Lockgate's own parts, in this process: git's answer read, and what it
    says understood."""
    from bot.adapters.localgit import LocalGit
    from bot.core.commits.parse import parse_message

    reading, understanding = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        commits = list(LocalGit(clone).fetch_commits(None))
        read = time.perf_counter()
        for commit in commits:
            parse_message(commit.message, parents=commit.parents)
        understanding.append(len(commits) / (time.perf_counter() - read))
        reading.append(len(commits) / (read - begun))
    return {"read": statistics.median(reading), "parsed": statistics.median(understanding)}


def table(results: list[Measurement]) -> str:
    lines = [
        "| history | work | tool | seconds | Lockgate is | MB | releases |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    ours = {
        (result.history, result.work): result.seconds
        for result in results
        if result.tool == "lockgate"
    }
    for result in results:
        own = ours[result.history, result.work]
        seconds = f"{result.seconds:.3f}" if result.seconds else f"> {PATIENCE:.0f}"
        faster = "–"
        if result.tool != "lockgate" and own:
            ratio = (result.seconds or PATIENCE) / own
            faster = f"{ratio:.1f} × as fast"
        lines.append(
            f"| {result.history} | {result.work} | {result.tool} {result.version} | {seconds} | "
            f"{faster} | {result.megabytes:.0f} | {result.releases} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Changelogs and plans of releases.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default 5)")
    parser.add_argument("--commits", type=int, default=20_000, help="commits to generate")
    arguments = parser.parse_args()
    results: list[Measurement] = []
    sizes = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        versions = {"lockgate": version("lockgate"), **install(folder / "peers")}
        for history, clone, count in clones(folder, arguments.commits):
            sizes[history] = count
            results += measure(history, clone, folder, versions, arguments.rounds)
        rates = parsing(folder / "generated", arguments.rounds)
        begun = start_up(folder, versions, arguments.rounds)
    if arguments.json:
        report = {
            "commits_per_second": rates,
            "start_up": begun,
            "runs": [asdict(result) for result in results],
        }
        print(json.dumps(report, indent=2))
        return 0
    counts = " and ".join(f"{count:,} commits ({history})" for history, count in sizes.items())
    print(f"Seconds of whole processes, medians of {arguments.rounds} rounds, on {counts}.")
    print(f"Of Lockgate's parts alone: {rates['read']:,.0f} commits read from git a second, and")
    print(f"{rates['parsed']:,.0f} parsed.\n\n{table(results)}\n\n{start_up_table(begun)}\n")
    print("git-cliff is compiled: a plan, and the changelog of a small history, it has done before")
    print("Python has loaded what they need.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
