"""A local clone, read by the git command: its tags, and the commits between two of them.

Needs git 2.31 or later. A question is one process, and what it says is read as it comes. Names of
commits come from people and may be anything: `fetch_commit_id` makes ids of them, and none becomes
an option.
"""

import fcntl
import re
import subprocess
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.core.release.model import HistoryCommit, Tag
from bot.core.sha import Sha

HEAD = Sha("HEAD")
"""What is checked out, where a commit's id is asked for."""

_CHUNK = 1 << 18
_PIPE = 1 << 20
"""Bytes. What Linux gives to anybody at most, if nobody changed it."""
_ID = re.compile(r"[0-9a-f]{40,64}")
# NUL stands nowhere in what git tells of a commit, and no path is empty: an empty field begins a
# commit, whatever its paths are called. %D says "grafted" where a shallow clone was cut off.
# https://git-scm.com/docs/git-log#_pretty_formats
_FORMAT = "%x00".join(("", "%H", "%P", "%ct", "%aN", "%D", "%B"))
_LOG = (
    "-c", "log.showRoot=true",
    "log", "-z", "--date-order", f"--format={_FORMAT}", "--encoding=UTF-8", "--no-color",
    "--no-show-signature", "--decorate=full", "--decorate-refs=refs/none",
)  # fmt: skip
_NO_PATHS = ("--no-patch",)
_PATHS = (
    "--name-only", "--no-renames", "--diff-merges=first-parent", "--no-relative", "--no-ext-diff",
    "--ignore-submodules=none",
)  # fmt: skip
# https://git-scm.com/docs/git-for-each-ref#_field_names
_TAG_FIELDS = (
    "refname:lstrip=2", "creatordate:unix", "objecttype", "objectname", "*objecttype",
    "*objectname",
)  # fmt: skip
_TAG_FORMAT = "".join(f"%({field})%00" for field in _TAG_FIELDS)


# https://git-scm.com/docs/git-clone#_git_urls; with a scheme, and as scp has it.
_REMOTE = re.compile(
    r"(?:(?P<scheme>https?|ssh|git|git\+ssh)://)?(?:[^@/]*+@)?(?P<host>[A-Za-z0-9.-]+)"
    r"(?P<port>:\d+)?(?(scheme)/|:/?)(?P<path>[\w.-]+/[\w.-]+?)(?:\.git)?/?",
    re.ASCII,
)
_ELSEWHERE = ("bitbucket.org", "gitlab.com", "codeberg.org", "dev.azure.com", "git.sr.ht")
"""Their addresses are not made as GitHub's are. What else has a name of its own may be a GitHub."""


class LocalGitError(Exception):
    """What is wrong with the clone or with what was asked of it, and the one thing to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class ShallowCloneError(LocalGitError):
    """The clone holds less of the history than was asked for."""


class LocalGit:
    """The clone that ``path`` is in. Every method raises LocalGitError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch_tags(self, merged: Sha | None = None) -> list[Tag]:
        """Tags on commits, by name; with ``merged`` those alone that can be reached from that
        commit, which takes time with the length of the history."""
        command = ["for-each-ref", f"--format={_TAG_FORMAT}", "refs/tags"]
        if merged is not None:
            command.append(f"--merged={merged}")
        with _Process(self._path, command) as git:
            fields = list(chain.from_iterable(git.fields()))
            self._end(git)
        tags, nested = [], []
        # Each tag's line end begins the first field of the next.
        for name, at, kind, id_, under, peeled in zip(*[iter(fields)] * 6, strict=False):
            tag = Tag(name.lstrip("\n"), Sha(peeled or id_), _moment(at))
            if "commit" in (kind, under):
                tags.append(tag)
            elif under == "tag":
                nested.append(tag)
        return tags + self._peeled(nested) if nested else tags

    def fetch_commits(
        self, base: Sha | None, head: Sha = HEAD, *, paths: bool = False
    ) -> Iterator[HistoryCommit]:
        """What ``head`` reaches and ``base`` does not, newest first and none before its children,
        whatever their clocks said; with ``paths`` what each touches, a merge against its first
        parent.

        Nothing is right that is decided on a part of them: that a shallow clone ends among them is
        a ShallowCloneError, and comes last.
        """
        span = head if base is None else f"{base}..{head}"
        command = (*_LOG, *(_PATHS if paths else _NO_PATHS), "--end-of-options", span, "--")
        with _Process(self._path, command) as git:
            fields = chain.from_iterable(git.fields())
            cut = yield from _pathed_commits(fields) if paths else _plain_commits(fields)
            self._end(git)
        if cut is not None and not self._is_shallow():
            raise LocalGitError(
                f"{self._path} has another history than its commits say: a graft gives {cut[:7]} "
                "other parents",
                "take it out of .git/info/grafts: it is in this clone alone, and in no release",
            )
        if cut is not None:
            raise ShallowCloneError(
                f"{self._path} is a shallow clone: its history ends at {cut[:7]}, and commits and "
                "tags before that are missing",
                "bring them with `git fetch --unshallow --tags`",
            )

    def fetch_commit_id(self, name: str) -> Sha:
        """The commit that a tag, a branch or the beginning of an id stands for."""
        command = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        with _Process(self._path, command) as git:
            found = git.read().decode(errors="replace").strip()
            if git.wait() == 0 and _ID.fullmatch(found):
                return Sha(found)
            raise self._no_repository() or LocalGitError(
                f"{self._path} has no commit that is called {name!r}",
                "give a tag, a branch or a commit's id; `git fetch --tags` brings the remote's",
            )

    def fetch_common_ancestor(self, commits: Iterable[Sha]) -> Sha | None:
        """What all of them reach, as near as it gets; None if there is nothing."""
        with _Process(self._path, ("merge-base", "--octopus", *commits)) as git:
            found = git.read().decode().strip()
            if git.wait() not in (0, 1):
                self._end(git)
        return Sha(found) if found else None

    def fetch_branch(self) -> str:
        """The branch that is checked out; empty if it is a commit."""
        with _Process(self._path, ("symbolic-ref", "--quiet", "--short", "HEAD")) as git:
            return git.read().decode(errors="replace").strip()

    def fetch_file(self, commit: Sha, path: str) -> bytes | None:
        """A file as it stands at a commit; None if there is none."""
        with _Process(self._path, ("cat-file", "--batch"), f"{commit}:{path}\n") as git:
            head, _, content = git.read().partition(b"\n")
            self._end(git)
        return content[:-1] if b" blob " in head else None

    def fetch_web_url(self) -> str:
        """Where its remote ``origin`` is seen in a browser, without credentials; empty if it has
        none, or one that is no GitHub."""
        with _Process(self._path, ("remote", "get-url", "origin")) as git:
            url = git.read().decode(errors="replace").strip()
            return _web_url(url) if git.wait() == 0 else ""

    def find_work_tree(self) -> Path | None:
        """The topmost folder of the files that are checked out; None in a bare repository."""
        path = self._path.resolve()
        return next((top for top in (path, *path.parents) if (top / ".git").exists()), None)

    def _is_shallow(self) -> bool:
        """Of a commit with a graft, git's log says the same as of one where a clone was cut off."""
        with _Process(self._path, ("rev-parse", "--is-shallow-repository")) as git:
            return git.read().strip() == b"true"

    def _peeled(self, tags: Sequence[Tag]) -> list[Tag]:
        """Tags of tags, with the commits they stand on in the end."""
        asked = "".join(f"{tag.sha}^{{}}\n" for tag in tags)
        with _Process(self._path, ("cat-file", "--batch-check"), asked) as git:
            answers = [line.split() for line in git.read().decode().splitlines()]
            self._end(git)
        return [
            Tag(tag.name, Sha(id_), tag.at)
            for tag, (id_, kind, *_) in zip(tags, answers, strict=True)
            if kind == "commit"
        ]

    def _end(self, git: "_Process") -> None:
        """Raises if it failed, and says of what."""
        if git.wait():
            raise self._no_repository() or LocalGitError(
                f"git cannot read {self._path}: {git.complaint()}",
                "`git fsck` there says what is damaged",
            )

    def _no_repository(self) -> LocalGitError | None:
        """git's words depend on the user's language; its exit codes do not."""
        with _Process(self._path, ("rev-parse", "--git-dir")) as git:
            if git.wait():
                return LocalGitError(
                    f"{self._path} is in no git repository that can be read: {git.complaint()}",
                    "name a clone with --repo PATH; one that is somebody else’s is read after "
                    "`git config --global --add safe.directory PATH`",
                )
        with _Process(self._path, ("rev-parse", "--verify", "--quiet", "HEAD")) as git:
            if git.wait():
                return LocalGitError(f"{self._path} has no commit yet", "make the first one")
        return None


class _Process:
    """A git command that runs; it is ended where it is left."""

    def __init__(self, path: Path, command: Iterable[str], stdin: str = "") -> None:
        # What a commit is replaced by, in this clone alone, is in no release.
        self._command = ["git", "--no-replace-objects", "-C", str(path), *command]
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise LocalGitError("git cannot be run", "install git and try again") from error
        self._widen_pipe()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(stdin.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever leaves before the end closes the pipe, which is where git ends too.
        self._process.__exit__(kind, error, trace)

    def _widen_pipe(self) -> None:
        """Lets git write ahead, where the system can: to wait for each other takes them a fifth of
        the time. https://man7.org/linux/man-pages/man2/F_GETPIPE_SZ.2const.html"""
        if self._process.stdout is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # more than this user may have
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)

    def read(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 (asked for above)
        return self._process.stdout.read()

    def fields(self) -> Iterator[list[str]]:
        """What NUL ends, many at a time; what is not UTF-8 is replaced."""
        assert self._process.stdout is not None  # noqa: S101 (asked for above)
        rest = b""
        while chunk := self._process.stdout.read(_CHUNK):
            whole, nul, chunk = chunk.rpartition(b"\0")
            if nul:
                yield (rest + whole).decode(errors="replace").split("\0")
                rest = b""
            rest += chunk

    def wait(self) -> int:
        return self._process.wait()

    def complaint(self) -> str:
        """What git says of a command that failed. It is asked once more: two pipes could not be
        read at once without a thread, nor a file be had without loading much that nobody needs."""
        again = subprocess.run(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        said = again.stderr.decode(errors="replace").strip().splitlines()
        return said[0].removeprefix("fatal: ") if said else "no reason given"


def _plain_commits(fields: Iterable[str]) -> Generator[HistoryCommit, None, Sha | None]:
    """Returns where a shallow clone was cut off. What git was stopped in is left out: its exit code
    tells."""
    cut = None
    for _, id_, parents, at, author, marks, text in zip(*[iter(fields)] * 7, strict=False):
        commit = _commit(id_, parents, at, author, text)
        if marks and "grafted" in marks:
            cut = commit.sha
        yield commit
    return cut


def _pathed_commits(fields: Iterable[str]) -> Generator[HistoryCommit, None, Sha | None]:
    """As above; after each commit its paths, of which a line end begins the first."""
    cut, rest = None, iter(fields)
    begun = next(rest, None)
    while begun is not None:
        record = tuple(islice(rest, 6))
        if len(record) < 6:
            break
        id_, parents, at, author, marks, text = record
        paths = []
        for begun in rest:
            if not begun:
                break
            paths.append(begun)
        else:
            begun = None
        if paths:
            paths[0] = paths[0].removeprefix("\n")
        commit = _commit(id_, parents, at, author, text, tuple(paths))
        if marks and "grafted" in marks:
            cut = commit.sha
        yield commit
    return cut


def _commit(
    id_: str, parents: str, at: str, author: str, text: str, paths: tuple[str, ...] | None = None
) -> HistoryCommit:
    ids = tuple(map(Sha, parents.split()))
    return HistoryCommit(Sha(id_), text.rstrip("\n"), _moment(at), author, len(ids), ids, paths)


def _web_url(remote: str) -> str:
    match = _REMOTE.fullmatch(remote)
    if match is None or match["host"].lower() in _ELSEWHERE:
        return ""
    scheme, host, port = match["scheme"] or "ssh", match["host"].lower(), match["port"] or ""
    if not scheme.startswith("http"):
        # Its port is SSH's. A name without a dot is an alias of the user's own.
        # https://docs.github.com/authentication/troubleshooting-ssh/using-ssh-over-the-https-port
        if "." not in host:
            return ""
        scheme, host, port = "https", host.replace("ssh.github.com", "github.com"), ""
    return f"{scheme}://{host}{port}/{match['path']}"


def _moment(seconds: str) -> datetime:
    """The epoch for what is no time: anybody can write anything into a commit."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
