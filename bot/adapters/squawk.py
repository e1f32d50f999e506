"""squawk, the linter: one process for all files. https://squawkhq.com

It reads copies in a folder of its own: neither a name nor a configuration file of a repository
reaches it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bot.core.migrations.squawk import SquawkError, SquawkFinding, parse_squawk

_SECONDS = 120
_MEMORY = "/dev/shm"  # noqa: S108 (a folder of our own is made in it)
"""Files that Linux keeps in memory: https://www.kernel.org/doc/html/latest/filesystems/tmpfs.html"""
_SPARE = 2**24
"""Bytes that there must be besides, for its answer."""
_ENVIRONMENT = {"RAYON_NUM_THREADS": "1"}
"""Nothing of our environment reaches it. One thread is several times as fast as we are, and more
would take the processor from us meanwhile."""
_CONFIG, _ANSWER, _ERRORS = "squawk.toml", "answer.json", "errors.txt"


def run_squawk(files: Sequence[tuple[str, bytes]]) -> Iterator[SquawkFinding]:
    """What it finds in (path, content) pairs.

    Raises:
        SquawkError: it cannot be run, or says what nobody can read.
    """
    with started_squawk(files) as found:
        yield from found


@contextmanager
def started_squawk(files: Sequence[tuple[str, bytes]]) -> Iterator[Iterator[SquawkFinding]]:
    """It is at work when the block begins. What is given waits for its end when it is first asked,
    and raises what ``run_squawk`` does.

    Raises:
        SquawkError: it cannot be run.
    """
    # Of others our own reader says where they are no text, and squawk would end at the first.
    files = [(path, content) for path, content in files if _is_text(content)]
    if not files:
        yield iter(())
        return
    with tempfile.TemporaryDirectory(prefix="lockgate-squawk-", dir=_place(files)) as folder:
        names = {}
        for number, (path, content) in enumerate(files):
            name = f"{number:05}.sql"
            names[name] = path
            with open(f"{folder}/{name}", "wb", buffering=0) as copy:  # noqa: PTH123 (a third faster)
                copy.write(content)
        (Path(folder) / _CONFIG).touch()
        process = _start(Path(folder), sorted(names))
        try:
            yield _findings(process, Path(folder), names)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _place(files: Sequence[tuple[str, bytes]]) -> str | None:
    """Memory, if it has room: some disks take a fifth of a millisecond to make a file. None for the
    usual place."""
    try:
        there = os.statvfs(_MEMORY)
    except OSError:  # not on this system
        return None
    needed = 20 * sum(len(content) for _, content in files) + _SPARE
    roomy = there.f_bavail * there.f_frsize > needed and there.f_favail > 2 * len(files)
    return _MEMORY if roomy and os.access(_MEMORY, os.W_OK | os.X_OK) else None


def _start(folder: Path, names: Sequence[str]) -> "subprocess.Popen[bytes]":
    command = [_program(), "--reporter", "json", "--config", _CONFIG]
    command += ["--assume-in-transaction", *names]
    # Files, not pipes: nobody reads before its end.
    with (folder / _ANSWER).open("wb") as answer, (folder / _ERRORS).open("wb") as errors:
        try:
            return subprocess.Popen(
                command, cwd=folder, env=_ENVIRONMENT, stdout=answer, stderr=errors
            )
        except OSError as error:
            raise SquawkError(f"squawk cannot be run: {error}") from error


def _findings(
    process: "subprocess.Popen[bytes]", folder: Path, names: Mapping[str, str]
) -> Iterator[SquawkFinding]:
    try:
        ended = process.wait(timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SquawkError(f"squawk cannot be run: {error}") from error
    if ended not in (0, 1):  # 1: it found something
        said = (folder / _ERRORS).read_text(errors="replace").strip().splitlines()[:1]
        raise SquawkError(f"squawk ended with {ended}: {''.join(said)}")
    for one in parse_squawk((folder / _ANSWER).read_text(errors="replace")):
        if one.path not in names:
            raise SquawkError(f"squawk speaks of {one.path}, which it was not given")
        yield replace(one, path=names[one.path])


def _program() -> str:
    """That of our own environment, else the one on the path."""
    own = Path(sys.executable).parent / "squawk"
    return str(own) if own.is_file() else "squawk"
