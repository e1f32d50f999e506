"""squawk, the linter: one process for all files. https://squawkhq.com

It reads copies in a folder of its own: neither a name nor a configuration file of a repository
reaches it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.core.migrations.squawk import SquawkError, SquawkFinding, parse_squawk

_SECONDS = 120


def run_squawk(files: Sequence[tuple[str, bytes]]) -> Iterator[SquawkFinding]:
    """What it finds in (path, content) pairs.

    Raises:
        SquawkError: it cannot be run, or says what nobody can read.
    """
    if not files:
        return
    with tempfile.TemporaryDirectory(prefix="lockgate-squawk-") as folder:
        names = {}
        for number, (path, content) in enumerate(files):
            name = f"{number:05}.sql"
            names[name] = path
            (Path(folder) / name).write_bytes(content)
        (Path(folder) / "squawk.toml").touch()
        answer = _answer(Path(folder), sorted(names))
    for one in parse_squawk(answer):
        if one.path not in names:
            raise SquawkError(f"squawk speaks of {one.path}, which it was not given")
        yield replace(one, path=names[one.path])


def _answer(folder: Path, names: Sequence[str]) -> str:
    command = [_program(), "--reporter", "json", "--config", "squawk.toml"]
    command += ["--assume-in-transaction", *names]
    try:
        done = subprocess.run(
            command, cwd=folder, env={}, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SquawkError(f"squawk cannot be run: {error}") from error
    if done.returncode not in (0, 1):  # 1: it found something
        said = done.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise SquawkError(f"squawk ended with {done.returncode}: {''.join(said)}")
    return done.stdout.decode(errors="replace")


def _program() -> str:
    """That of our own environment, else the one on the path."""
    own = Path(sys.executable).parent / "squawk"
    return str(own) if own.is_file() else "squawk"
