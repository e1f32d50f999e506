"""Real git repositories with a history of the test's own, written by one git fast-import.

Everything in them is fixed, so that commit ids are too.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

START = 1_767_225_600
"""2026-01-01T00:00:00Z; each commit is made a day after the one before it."""
DAY = 86_400


def git(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *arguments],
        cwd=cwd,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Clone:
    """A repository to be: commits and tags are noted, and ``write`` makes them. A commit is known
    by its mark, the number of commits up to it, until it has an id."""

    def __init__(self, path: Path, remote: str = "") -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        git("init", "-q", "-b", "main", cwd=path)
        if remote:
            git("config", "remote.origin.url", remote, cwd=path)
        self._stream: list[bytes] = []
        self._marks = 0
        self._ids: list[str] = []

    @property
    def count(self) -> int:
        """Of the commits, which is the mark of the last one."""
        return self._marks

    def commit(
        self,
        message: str | bytes,
        files: Sequence[str] = ("file",),
        *,
        parents: Sequence[int] | None = None,
        branch: str = "main",
        author: str = "Ada",
        encoding: str = "",
        at: int | None = None,
    ) -> int:
        """On the commit before it, if no parents are given; ``files`` are what it touches."""
        if parents is None:
            parents = [self._marks] if self._marks else []
        self._marks += 1
        self._ids.clear()
        moment = START + DAY * (self._marks - 1) if at is None else at
        text = message if isinstance(message, bytes) else message.encode()
        lines = [
            f"commit refs/heads/{branch}",
            f"mark :{self._marks}",
            f"author {author} <{author.lower()}@example.com> {moment} +0000",
            f"committer Web <web@example.com> {moment} +0000",
            *([f"encoding {encoding}"] if encoding else []),
        ]
        self._stream.append("\n".join(lines).encode() + b"\n" + _data(text))
        for word, parent in zip(["from", *["merge"] * len(parents)], parents, strict=False):
            self._stream.append(f"{word} :{parent}\n".encode())
        for name in files:
            self._stream.append(f'M 100644 inline "{name}"\n'.encode())
            self._stream.append(_data(str(self._marks).encode()))
        return self._marks

    def tag(self, name: str, on: int | None = None, *, annotated_at: int | None = None) -> None:
        """On the last commit, if none is given."""
        on = on or self._marks
        if annotated_at is None:
            self._stream.append(f"reset refs/tags/{name}\nfrom :{on}\n\n".encode())
        else:
            tagger = f"tagger Ada <ada@example.com> {annotated_at} +0000"
            self._stream.append(f"tag {name}\nfrom :{on}\n{tagger}\n".encode() + _data(b"note"))

    def write(self) -> "Clone":
        """May be called again, after more was noted; the files are not checked out."""
        marks = self.path / ".git" / "marks"
        command = ["git", "fast-import", "--quiet", "--force"]
        if marks.exists():
            command.append(f"--import-marks={marks}")
        command.append(f"--export-marks={marks}")
        subprocess.run(command, cwd=self.path, input=b"".join(self._stream), check=True)
        self._stream.clear()
        pairs = (line.split() for line in marks.read_text().splitlines())
        self._ids = [id_ for _, id_ in sorted((int(mark[1:]), id_) for mark, id_ in pairs)]
        return self

    def policy(self, text: str) -> None:
        """As a file that is checked out."""
        folder = self.path / ".github"
        folder.mkdir(exist_ok=True)
        (folder / "lockgate.yml").write_text(text)

    def id(self, mark: int) -> str:
        return self._ids[mark - 1]


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"


def linear(path: Path, messages: Mapping[str, str], remote: str = "") -> Clone:
    """Messages in order; one whose value is not empty is tagged by it."""
    clone = Clone(path, remote)
    for message, tag in messages.items():
        clone.commit(message)
        if tag:
            clone.tag(tag)
    return clone.write()
