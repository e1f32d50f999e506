"""What git keeps, as values, and how git writes them down: objects as bytes, commits to be written
as a stream for ``git fast-import`` (see the manual pages of both)."""

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
ZERO: Final = "0" * 40
_SCRATCH: Final = "refs/sandbox/scratch"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when, as a commit states it. ``seconds`` since 1970, ``zone`` like ``+0000``."""

    name: str
    email: str
    seconds: int
    zone: str = "+0000"


@dataclass(frozen=True, slots=True)
class CommitObject:
    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True, slots=True)
class TreeItem:
    mode: str
    name: str
    oid: str

    @property
    def kind(self) -> str:
        return {"040000": "tree", "160000": "commit"}.get(self.mode, "blob")


@dataclass(frozen=True, slots=True)
class Change:
    """A file's new content, or None to delete it; or an object that is there already."""

    path: str
    content: bytes | None
    mode: str = "100644"
    oid: str | None = None


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be written. A parent is an object id, or the index of an earlier one in the
    same call. ``tree`` replaces the first parent's tree before the changes are applied."""

    message: str
    author: Signature
    committer: Signature
    parents: tuple[str | int, ...] = ()
    changes: tuple[Change, ...] = ()
    tree: str | None = None


@dataclass(frozen=True, slots=True)
class FileDiff:
    path: str
    previous_path: str | None
    status: str
    """``added``, ``removed``, ``modified`` or ``renamed``."""
    oid: str
    additions: int
    deletions: int
    binary: bool


@dataclass(frozen=True, slots=True)
class TagObject:
    """An annotated tag; ``kind`` is what it is on, a commit as a rule."""

    target: str
    kind: str
    name: str
    tagger: Signature
    message: str


def import_stream(commits: Sequence[NewCommit], refs: Mapping[str, str | int | None]) -> bytes:
    """What ``git fast-import`` reads to write the commits, move the refs, and print the commits'
    ids. A ref's target is an object id, the index of one of the commits, or None to delete it."""
    stream = bytearray()
    for index, commit in enumerate(commits):
        _append_commit(stream, index, commit)
    if commits:
        stream += f"reset {_SCRATCH}\nfrom {ZERO}\n\n".encode()
    for ref, target in refs.items():
        stream += f"reset {ref}\nfrom {_target(target)}\n\n".encode()
    for index in range(len(commits)):
        stream += f"get-mark :{index + 1}\n".encode()
    stream += b"done\n"
    return bytes(stream)


def _target(target: str | int | None) -> str:
    if target is None:
        return ZERO
    return f":{target + 1}" if isinstance(target, int) else target


def _append_commit(stream: bytearray, index: int, commit: NewCommit) -> None:
    message = commit.message.encode()
    stream += f"reset {_SCRATCH}\n\ncommit {_SCRATCH}\nmark :{index + 1}\n".encode()
    for role, person in (("author", commit.author), ("committer", commit.committer)):
        stream += f"{role} {_person(person)}\n".encode()
    stream += f"data {len(message)}\n".encode() + message + b"\n"
    for position, parent in enumerate(commit.parents):
        stream += f"{'merge' if position else 'from'} {_target(parent)}\n".encode()
    if commit.tree is not None:
        stream += f'M 040000 {commit.tree} ""\n'.encode()
    for change in commit.changes:
        path = _quoted(change.path)
        if change.oid is not None:
            stream += f"M {change.mode} {change.oid} ".encode() + path + b"\n"
        elif change.content is None:
            stream += b"D " + path + b"\n"
        else:
            stream += f"M {change.mode} inline ".encode() + path + b"\n"
            stream += f"data {len(change.content)}\n".encode() + change.content + b"\n"
    stream += b"\n"


def _person(person: Signature) -> str:
    name = "".join(letter for letter in person.name if letter not in "<>\n")
    return f"{name} <{person.email}> {person.seconds} {person.zone}"


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()


def parse_commit(oid: str, content: bytes) -> CommitObject:
    """Read by the encoding that it names, if there is one of that name, as git and GitHub do."""
    head, _, body = content.partition(b"\n\n")
    named = re.search(rb"^encoding ([\w.-]+)$", head, re.MULTILINE)
    encoding = "utf-8"
    if named:
        with suppress(LookupError):
            encoding = codecs.lookup(named[1].decode("ascii", "replace")).name
    tree, parents, people = "", [], {}
    for line in head.decode(encoding, "replace").split("\n"):
        word, _, rest = line.partition(" ")
        if word == "tree":
            tree = rest
        elif word == "parent":
            parents.append(rest)
        elif word in ("author", "committer"):
            people[word] = _parse_person(rest)
    return CommitObject(
        oid, tree, tuple(parents), people["author"], people["committer"],
        body.decode(encoding, "replace"),
    )  # fmt: skip


def parse_tag(content: bytes) -> TagObject:
    head, _, message = content.decode(errors="replace").partition("\n\n")
    words = dict(line.split(" ", 1) for line in head.split("\n"))
    tagger = _parse_person(words["tagger"])
    return TagObject(words["object"], words["type"], words["tag"], tagger, message.rstrip("\n"))


def _parse_person(text: str) -> Signature:
    name, _, rest = text.partition(" <")
    email, _, when = rest.partition("> ")
    seconds, _, zone = when.partition(" ")
    return Signature(name, email, int(seconds), zone or "+0000")


def parse_tree(content: bytes) -> Iterable[TreeItem]:
    at = 0
    while at < len(content):
        space = content.index(b" ", at)
        end = content.index(b"\0", space)
        yield TreeItem(
            mode=content[at:space].decode().zfill(6),
            name=content[space + 1 : end].decode(errors="replace"),
            oid=content[end + 1 : end + 21].hex(),
        )
        at = end + 21
