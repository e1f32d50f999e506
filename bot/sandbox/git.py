"""Real bare git repositories, written and read through the git command line.

Reads go through processes that stay open (``cat-file --batch``, ``diff-tree --stdin``) and what
can never change is kept by object id; each write is one ``git fast-import``. Needs git 2.38.
"""

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

from bot.sandbox.graph import CommitGraph
from bot.sandbox.objects import (
    EMPTY_TREE,
    CommitObject,
    FileDiff,
    NewCommit,
    TreeItem,
    import_stream,
    parse_commit,
    parse_tree,
)

_OPEN_STORES: Final = 24


class GitError(Exception):
    """git refused: the text is its own."""


def run_git(
    *args: str, cwd: Path, stdin: bytes | None = None, ok: Sequence[int] = (0,)
) -> "subprocess.CompletedProcess[bytes]":
    """Run git once. Raises GitError when it ends with a status that is not in ``ok``."""
    done = subprocess.run(
        ["git", "-c", "core.fsync=none", *args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        start_new_session=True,  # Ctrl-C is for who runs it: it ends git when it is done itself
    )
    if done.returncode not in ok:
        raise GitError(done.stderr.decode(errors="replace").strip() or f"git {args[0]} failed")
    return done


class _Pipe:
    """A git process that answers line by line for as long as it is open."""

    def __init__(self, path: Path, *args: str) -> None:
        self._process = subprocess.Popen(
            ["git", *args],
            cwd=path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.stdin: IO[bytes] = cast("IO[bytes]", self._process.stdin)
        self.stdout: IO[bytes] = cast("IO[bytes]", self._process.stdout)

    def ask(self, line: bytes) -> None:
        self.stdin.write(line + b"\n")
        self.stdin.flush()

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()
        self._process.wait()


class ObjectStore:
    """The objects that a repository and its forks share."""

    def __init__(self, path: Path, host: "GitHost") -> None:
        self.path = path
        self._host = host
        self._objects: _Pipe | None = None
        self._diffs: _Pipe | None = None
        self._commits: dict[str, CommitObject] = {}
        self._trees: dict[str, tuple[TreeItem, ...]] = {}
        self._found: dict[tuple[str, str], tuple[str, str, bytes] | None] = {}
        self._diffed: dict[tuple[str, str], tuple[FileDiff, ...]] = {}
        self._merged: dict[tuple[str, str], str | None] = {}
        self.graph = CommitGraph(lambda oid: self.commit(oid).parents)

    def close(self) -> None:
        for pipe in (self._objects, self._diffs):
            if pipe is not None:
                pipe.close()
        self._objects = self._diffs = None

    @property
    def open_processes(self) -> int:
        return sum(pipe is not None for pipe in (self._objects, self._diffs))

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """Object id, kind and content of what git's revision syntax names; None if missing."""
        if "\n" in name or "\0" in name:
            return None
        if self._objects is None:
            self._host.opened(self)
            self._objects = _Pipe(self.path, "cat-file", "--batch")
        self._objects.ask(name.encode())
        header = self._objects.stdout.readline().decode().rstrip("\n")
        words = header.rsplit(" ", 2)
        if len(words) < 3 or not words[2].isdigit():
            return None
        content = self._objects.stdout.read(int(words[2]))
        self._objects.stdout.read(1)
        return words[0], words[1], content

    def read_kind(self, oid: str, kind: str) -> bytes | None:
        found = self.read(oid)
        return found[2] if found is not None and found[1] == kind else None

    def has_commit(self, oid: str) -> bool:
        return oid in self._commits or self.read_kind(oid, "commit") is not None

    def commit(self, oid: str) -> CommitObject:
        """Raises GitError if there is no such commit."""
        known = self._commits.get(oid)
        if known is None:
            content = self.read_kind(oid, "commit")
            if content is None:
                raise GitError(f"no commit {oid}")
            known = self._commits[oid] = parse_commit(oid, content)
        return known

    def tree(self, oid: str) -> tuple[TreeItem, ...]:
        """Raises GitError if there is no such tree."""
        known = self._trees.get(oid)
        if known is None:
            content = b"" if oid == EMPTY_TREE else self.read_kind(oid, "tree")
            if content is None:
                raise GitError(f"no tree {oid}")
            known = self._trees[oid] = tuple(parse_tree(content))
        return known

    def at_path(self, oid: str, path: str) -> tuple[str, str, bytes] | None:
        """Object id, kind and content at a path of a commit or tree; None if there is none."""
        key = (oid, path)
        if key not in self._found:
            self._found[key] = self.read(f"{oid}:{path}" if path else f"{oid}^{{tree}}")
        return self._found[key]

    def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """What changed between two trees."""
        key = (old, new)
        if key not in self._diffed:
            self._diffed[key] = tuple(self._read_diff(old, new)) if old != new else ()
        return self._diffed[key]

    def _read_diff(self, old: str, new: str) -> Iterable[FileDiff]:
        if self._diffs is None:
            self._host.opened(self)
            self._diffs = _Pipe(
                self.path, "-c", "core.quotePath=false", "diff-tree", "--stdin", "-r", "-M",
                "--raw", "--numstat", "--abbrev=40",
            )  # fmt: skip
        # git echoes a line that names no object: that marks the end of the answer
        self._diffs.ask(f"{old} {new}\nend".encode())
        raw: list[list[str]] = []
        counts: list[list[str]] = []
        while (line := self._diffs.stdout.readline().decode().rstrip("\n")) != "end":
            if line.startswith(":"):
                raw.append(line.split("\t"))
            elif "\t" in line:
                counts.append(line.split("\t"))
        for (meta, *paths), (added, deleted, _) in zip(raw, counts, strict=True):
            _, _, _, oid, letter = meta.split(" ")
            status = {"A": "added", "D": "removed", "R": "renamed"}.get(letter[0], "modified")
            yield FileDiff(
                path=paths[-1],
                previous_path=paths[0] if len(paths) == 2 else None,
                status=status,
                oid=oid,
                additions=int(added) if added.isdigit() else 0,
                deletions=int(deleted) if deleted.isdigit() else 0,
                binary=added == "-",
            )

    def merged_tree(self, ours: str, theirs: str) -> str | None:
        """The tree of a merge of two commits; None when it conflicts."""
        key = (ours, theirs)
        if key not in self._merged:
            base = self.graph.merge_base(ours, theirs)
            if base == ours:
                self._merged[key] = self.commit(theirs).tree
            elif base == theirs:
                self._merged[key] = self.commit(ours).tree
            else:
                done = run_git(
                    "merge-tree", "--write-tree", "--no-messages", "--allow-unrelated-histories",
                    ours, theirs, cwd=self.path, ok=(0, 1),
                )  # fmt: skip
                tree = done.stdout.decode().split("\n", 1)[0]
                self._merged[key] = tree if done.returncode == 0 else None
        return self._merged[key]

    def merge_base(self, one: str, other: str) -> str | None:
        return self.graph.merge_base(one, other)

    def ahead(self, head: str, base: str) -> list[str]:
        """Commits of ``head`` that ``base`` does not have, oldest first."""
        return self.graph.ahead(head, base)

    def patch(self, old: str, new: str) -> str:
        """The unified diff between two trees."""
        done = run_git("diff-tree", "-r", "-M", "-p", old, new, cwd=self.path)
        return done.stdout.decode(errors="replace")

    def write_object(self, kind: str, content: bytes) -> str:
        """Raises GitError when git finds the content malformed."""
        done = run_git("hash-object", "-t", kind, "-w", "--stdin", cwd=self.path, stdin=content)
        return done.stdout.decode().strip()


@dataclass
class GitRepository:
    """One bare repository. ``refs`` mirrors what stands on disk."""

    path: Path
    store: ObjectStore
    refs: dict[str, str] = field(default_factory=dict)

    def write(
        self,
        commits: Sequence[NewCommit],
        refs: Mapping[str, str | int | None] | None = None,
    ) -> list[str]:
        """Write commits and move refs in one go; returns the commits' ids.

        A ref's target is an object id, the index of one of the commits, or None to delete it.
        Raises GitError, and then no ref has moved as far as ``refs`` tells.
        """
        targets = dict(refs or {})
        stream = import_stream(commits, targets)
        done = run_git("fast-import", "--quiet", "--done", "--force", cwd=self.path, stdin=stream)
        oids = done.stdout.decode().split()
        for ref, target in targets.items():
            if target is None:
                self.refs.pop(ref, None)
            else:
                self.refs[ref] = oids[target] if isinstance(target, int) else target
        return oids

    def reload(self) -> dict[str, tuple[str | None, str | None]]:
        """Read the refs from disk again; returns what moved as ref → (before, after)."""
        done = run_git("for-each-ref", "--format=%(objectname) %(refname)", cwd=self.path)
        lines = (line.split(" ", 1) for line in done.stdout.decode().splitlines())
        now = {ref: oid for oid, ref in lines}
        moved = {
            ref: (self.refs.get(ref), now.get(ref))
            for ref in {**self.refs, **now}
            if self.refs.get(ref) != now.get(ref)
        }
        self.refs = now
        return moved

    def resolve(self, name: str) -> str | None:
        """The commit that a branch, tag, full ref or object id names; None if there is none."""
        for ref in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
            if ref in self.refs:
                return self._peeled(self.refs[ref])
        if 7 <= len(name) <= 40 and all(letter in "0123456789abcdef" for letter in name):
            found = self.store.read(f"{name}^{{commit}}")
            return found[0] if found is not None else None
        return None

    def _peeled(self, oid: str) -> str | None:
        if self.store.has_commit(oid):
            return oid
        found = self.store.read(f"{oid}^{{commit}}")
        return found[0] if found is not None else None


class GitHost:
    """Makes and forks repositories under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._template: Path | None = None
        self._open: dict[int, ObjectStore] = {}

    def create(self, name: str) -> GitRepository:
        path = self._copy(name)
        return GitRepository(path, ObjectStore(path, self))

    def fork(self, parent: GitRepository, name: str, branches: Mapping[str, str]) -> GitRepository:
        path = self._copy(name)
        shutil.rmtree(path / "objects")
        (path / "objects").symlink_to((parent.path / "objects").resolve())
        fork = GitRepository(path, parent.store)
        fork.write((), dict(branches))
        return fork

    def _copy(self, name: str) -> Path:
        if self._template is None:
            self._template = self.root / "template.git"
            run_git(
                "init", "--quiet", "--bare", "--template=", "--initial-branch=main",
                str(self._template), cwd=self.root,
            )  # fmt: skip
            for key in ("uploadpack.allowAnySHA1InWant", "http.receivepack"):
                run_git("config", key, "true", cwd=self._template)
            run_git("config", "gc.auto", "0", cwd=self._template)
        path = self.root / name
        shutil.copytree(self._template, path)
        return path

    def opened(self, store: ObjectStore) -> None:
        """Note that a store holds processes; the one that was opened first gives its own back."""
        self._open[id(store)] = store
        if len(self._open) > _OPEN_STORES:
            self._open.pop(next(iter(self._open))).close()

    @property
    def open_processes(self) -> int:
        return sum(store.open_processes for store in self._open.values())

    def close(self) -> None:
        for store in self._open.values():
            store.close()
        self._open.clear()
