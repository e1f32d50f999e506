"""Runs every bench, one after another, and prints their tables.

    python bench/run.py [--write] [NAME ...]

Each bench is a script of its own beside this one: ``python bench/intake.py`` prints Markdown on
standard output and its progress on standard error. One that cannot run here, since npm's packages
are missing, say, ends with exit code 3 after saying why.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
REPORT = ROOT / "docs/benchmarks.md"
BENCHES = {
    "intake": "Durable intake",
    "latency": "From webhook to check",
    "operations": "Promotion and rollback",
    "commits": "Commit messages",
    "release": "Changelogs and release plans",
    "audit": "Audit log",
    "migrations": "The check of migrations",
    "backfill": "Backfills",
    "slo": "Objectives on stored probes",
    "burn": "Burn rates and alerts",
    "cost": "What it costs to run",
}
CANNOT_RUN_HERE = 3

PREFACE = """\
# Benchmarks

Written by `make bench ARGS=--write`, or for some parts by `make bench ARGS="--write NAME"`; do not
edit. Each table's columns were measured side by side in one run. On a shared machine figures vary
by a quarter from run to run: read ratios, and take differences under a fifth for ties.
"""


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, "
        f"Python {platform.python_version()}"
    )


def run(name: str) -> tuple[int, str]:
    """The bench's exit code and its standard output; its progress goes straight through."""
    print(f"== {name}", file=sys.stderr, flush=True)
    begun = time.monotonic()
    result = subprocess.run(
        [sys.executable, HERE / f"{name}.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(f"== {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return result.returncode, result.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the benches and print their tables.")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md as well")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHES)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - BENCHES.keys():
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")

    parts = written_parts()
    failed = []
    for name in arguments.names or BENCHES:
        code, tables = run(name)
        if code == CANNOT_RUN_HERE:
            tables = tables or "Could not run on this machine."
        elif code:
            failed.append(name)
            continue
        parts[name] = f"## {BENCHES[name]}\n\n{tables}\n\n{machine()}: `make bench ARGS={name}`."
        print(f"\n{parts[name]}\n", flush=True)
        if arguments.write:
            write(parts)
    if failed:
        print(f"error: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 0


def written_parts() -> dict[str, str]:
    """Those of the report as it stands, by the name of their bench."""
    names = {title: name for name, title in BENCHES.items()}
    _, *parts = f"\n{REPORT.read_text()}".split("\n## ")
    return {
        names[title]: f"## {part.strip()}"
        for part in parts
        if (title := part.splitlines()[0]) in names
    }


def write(parts: dict[str, str]) -> None:
    report = [PREFACE, *(parts[name] for name in BENCHES if name in parts)]
    REPORT.write_text("\n\n".join(part.strip() for part in report) + "\n")
    print(f"Written: {REPORT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
