"""YAML of several documents → each of them by kind and name, with every fault at its place.

Each document is read by itself, so that a fault in one hides none in the next.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias, TypeVar

from bot.core.policy.loader import MappingNode, Node, ScalarNode, load
from bot.core.policy.problems import PolicyProblem, nearest
from bot.core.policy.validate import place_of, validate
from bot.core.redaction import redact
from bot.core.slo.documents import KINDS, Document

MAX_CHARACTERS = 4_000_000
"""Of all files together; one document has the limit of any YAML that is read."""
MAX_DOCUMENTS = 4_000
_MARK = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
"""Where a document begins or ends, whatever stands about it.
https://yaml.org/spec/1.2.2/#rule-c-forbidden"""
_EXCERPT = 160
_Kind = TypeVar("_Kind", bound=Document)
Steps: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class SloProblem:
    """One thing to mend. ``line`` and ``column`` count from 1; texts are plain and may quote the
    file."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A document that has every key that its kind takes, and where it stands."""

    document: Document
    file: str
    first: int
    """Lines of the file before it."""
    root: Node

    @property
    def name(self) -> str:
        return self.document.metadata.name

    @property
    def line(self) -> int:
        return self.root.place.line + self.first


@dataclass(slots=True)
class Known:
    """All documents by kind and name, and what was found wrong on the way."""

    documents: dict[str, dict[str, Read]] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)
    """Kind and name of documents that are there and have faults of their own."""
    problems: list[SloProblem] = field(default_factory=list)

    def fault(
        self, read: Read, path: Steps, message: str, suggestion: str = "", *, key: bool = False
    ) -> None:
        """``message`` has ``{}`` for the key's path."""
        name, place, _ = place_of(read.root, path, key=key)
        whole = message.replace("{}", f"`{name}`" if name else "the document", 1)
        self.problems.append(
            SloProblem(read.file, place.line + read.first, place.column, whole, suggestion)
        )

    def of(self, kind: type[_Kind], name: str, read: Read, path: Steps) -> _Kind | None:
        """The document that another names; that there is none is a fault of the other."""
        word = next(word for word, model in KINDS.items() if model is kind)
        found = self.documents.get(word, {}).get(name)
        if found is not None and isinstance(found.document, kind):
            return found.document
        if (word, name) not in self.broken:
            near = nearest(name, self.documents.get(word, ()))
            self.fault(read, path, f"{{}} names no {word}: there is no `{name}`", near)
        return None

    def all(self, kind: str) -> Iterator[Read]:
        yield from self.documents.get(kind, {}).values()


def read_documents(files: Iterable[tuple[str, str]]) -> Known:
    """Read (path, text) pairs. Never raises, whatever the texts."""
    listed = sorted(files)
    known = Known()
    if sum(len(text) for _, text in listed) > MAX_CHARACTERS:
        largest = max(listed, key=lambda pair: len(pair[1]))[0]
        message = f"the files together are larger than {MAX_CHARACTERS // 10**6} MB"
        known.problems.append(SloProblem(largest, 1, 1, f"{message}, which is all that is read"))
    else:
        _read_all(listed, known)
    return known


def told(known: Known, files: Iterable[tuple[str, str]]) -> tuple[SloProblem, ...]:
    """All problems in the order of files and lines, each with its line."""
    return tuple(_with_excerpts(sorted(set(known.problems)), dict(files)))


def _read_all(files: Sequence[tuple[str, str]], known: Known) -> None:
    count = 0
    for file, text in files:
        for first, part in _documents(text):
            count += 1
            if count > MAX_DOCUMENTS:
                message = f"there are more than {MAX_DOCUMENTS} documents: the rest is not read"
                known.problems.append(SloProblem(file, first + 1, 1, message))
                return
            read = _read(file, first, part, known)
            if read is None:
                continue
            same = known.documents.setdefault(read.document.kind, {})
            if (other := same.get(read.name)) is not None:
                message = f"{{}}: {other.file}, line {other.line}, has the {read.document.kind} "
                known.fault(read, ("metadata", "name"), f"{message}`{read.name}` already")
            else:
                same[read.name] = read


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """Each document with the number of lines before it; what is empty is none."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    marks = [match.start() for match in _MARK.finditer(text)]
    line = 0
    for begin, end in pairwise([0, *marks, len(text)]):
        part = text[begin:end]
        if part.startswith("..."):
            part = f"   {part[3:]}"
        if any(bare and bare[0] != "#" for bare in map(str.strip, _bare(part).split("\n"))):
            yield line, part
        line += part.count("\n")


def _bare(part: str) -> str:
    return part.removeprefix("---")


def _read(file: str, first: int, text: str, known: Known) -> Read | None:
    def keep(problems: Iterable[PolicyProblem]) -> None:
        for one in problems:
            # The words are those for a policy, which is a file of one document.
            message = one.message.replace("the file", "the document")
            problem = SloProblem(file, one.line + first, one.column, message, one.suggestion)
            known.problems.append(problem)

    loaded = load(text)
    keep(loaded.problems)
    root = loaded.root
    if root is None or loaded.fatal:
        return None
    kind = _scalar(root, "kind")
    model = KINDS.get(kind)
    if not isinstance(root, MappingNode) or model is None:
        keep([_of_no_kind(root, kind)])
        return None
    checked = validate(model, root)
    if isinstance(checked, list):
        keep(checked)
        known.broken.add((kind, _scalar(root.items.get("metadata"), "name")))
        return None
    return Read(checked, file, first, root)


def _scalar(node: Node | None, key: str) -> str:
    found = node.items.get(key) if isinstance(node, MappingNode) else None
    return found.source if isinstance(found, ScalarNode) else ""


def _of_no_kind(root: Node, kind: str) -> PolicyProblem:
    place, near = root.place, ""
    if not isinstance(root, MappingNode):
        message = "a document is a mapping of keys that begins with `apiVersion: openslo/v1`"
    elif kind:
        _, place, _ = place_of(root, ("kind",), key=False)
        message = f"the kind `{kind[:60]}` is not known: write one of {', '.join(KINDS)}"
        near = nearest(kind, KINDS)
    else:
        message = f"the document has no `kind`: write one of {', '.join(KINDS)}"
    return PolicyProblem("", place.line, place.column, message, near)


def _with_excerpts(
    problems: Iterable[SloProblem], texts: Mapping[str, str]
) -> Iterator[SloProblem]:
    lines = {file: text.split("\n") for file, text in texts.items()}
    for one in problems:
        of_file = lines.get(one.file, [])
        excerpt = of_file[one.line - 1].rstrip("\r") if one.line <= len(of_file) else ""
        yield SloProblem(
            one.file, one.line, one.column, one.message, one.suggestion, redact(excerpt[:_EXCERPT])
        )
