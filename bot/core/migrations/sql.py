"""SQL text → statements with their positions and parse trees, in PostgreSQL 18's grammar.

The parser counts bytes of UTF-8 from 0, its errors characters from 1; what leaves this module
counts lines and characters from 1.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple, cast

Node = Any
"""A protobuf message of the parse tree: https://github.com/pganalyze/libpg_query"""

LONGEST = 1_000_000
"""Characters of a file that are parsed. Statements of data belong in a backfill or a seed."""
_DEEPEST = 1_000
"""Levels of a tree. The parser is native code that recurses: at some 15 times as many its stack
ends, and the process with it."""
_ADDS_NO_LEVEL = frozenset(
    {"IDENT", "UIDENT", "SCONST", "USCONST", "FCONST", "ICONST", "BCONST", "XCONST", "PARAM"}
    | {"AND", "OR", "SQL_COMMENT", "C_COMMENT", "ASCII_46"}
)
"""Tokens that make a tree wider, never deeper."""
_SEMICOLON = ord(";")


class SqlError(Exception):
    """Text that is no SQL; ``line`` and ``column`` count characters from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Statement(NamedTuple):
    """One statement without its semicolon and without the comments before it. A tuple, as all that
    is made for each statement of each file: it is made in half the time."""

    text: str
    line: int
    column: int
    kind: str
    """The grammar's name for it: ``alter_table_stmt``."""
    node: Node
    """The message of that kind."""
    start: int
    """Where it begins in the file, in bytes of UTF-8: what locations in ``node`` count from."""


class Positions:
    """Offsets in bytes → line and column."""

    def __init__(self, text: str) -> None:
        self._raw = text.encode("utf-8", "surrogatepass")
        self._lines = [0]
        end = self._raw.find(b"\n")
        while end >= 0:
            self._lines.append(end + 1)
            end = self._raw.find(b"\n", end + 1)

    def at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        before = self._raw[self._lines[line - 1] : offset]
        return line, len(before.decode("utf-8", "replace")) + 1

    def cut(self, start: int, end: int) -> str:
        return self._raw[start:end].decode("utf-8", "replace")

    def __len__(self) -> int:
        return len(self._raw)


class Token(NamedTuple):
    """A word or sign; ``start`` and ``end`` in bytes of UTF-8."""

    name: str
    """The scanner's name for its kind: ``IDENT``, ``SQL_COMMENT``, ``ASCII_59``."""
    start: int
    end: int


@lru_cache(maxsize=4)  # a file is looked at from several sides, one after the other
def parse_statements(text: str) -> tuple[Statement, ...]:
    """
    Raises:
        SqlError: it is not SQL, or too long or too deep to be parsed.
    """
    postgast = _parser()
    _refuse_bombs(text)
    try:
        tree = postgast.parse(text)
    except postgast.PgQueryError as error:
        raise _sql_error(text, error.message, error.cursorpos) from error
    positions = Positions(text)
    statements = []
    for raw in tree.stmts:
        start = raw.stmt_location
        end = start + raw.stmt_len if raw.stmt_len else len(positions)
        kind = raw.stmt.WhichOneof("node") or ""
        line, column = positions.at(start)
        statement = positions.cut(start, end).rstrip()
        node = getattr(raw.stmt, kind) if kind else raw.stmt
        statements.append(Statement(statement, line, column, kind, node, start))
    return tuple(statements)


def split_statements(text: str) -> list[str]:
    """Each without its semicolon, however many there are: their trees would be a hundred times as
    large.

    Raises:
        SqlError: it is not SQL, or too deep to be parsed.
    """
    _refuse_bombs(text, longest=len(text))
    try:
        return cast("list[str]", _parser().split(text, method="parser"))
    except _parser().PgQueryError as error:
        raise _sql_error(text, error.message, error.cursorpos) from error


def scan_tokens(text: str) -> Sequence[Token]:
    """Comments among them.

    Raises:
        SqlError: a quotation or comment has no end.
    """
    return _named(_scanned(text))


def _scanned(text: str) -> Sequence[Node]:
    postgast = _parser()
    try:
        return cast("Sequence[Node]", postgast.scan(text).tokens)
    except postgast.PgQueryError as error:
        raise _sql_error(text, error.message, error.cursorpos) from error


def _named(tokens: Sequence[Node]) -> list[Token]:
    names = _token_names()
    return [Token(names[token.token], token.start, token.end) for token in tokens]


@cache
def _token_names() -> dict[int, str]:
    return {number: name for name, number in _parser().pg_query_pb2.Token.items()}


def walk(node: Node) -> Iterator[tuple[str, Node]]:
    """Every message below ``node`` and itself, each with its kind, from the outside in."""
    stack = [node]
    while stack:
        message = stack.pop()
        name = message.DESCRIPTOR.name
        if name != "Node":
            yield name, message
        below: list[Node] = []
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            below.extend(value if field.is_repeated else (value,))
        stack.extend(reversed(below))


def inner(node: Node) -> tuple[str, Node]:
    """What a ``Node`` holds, with the name of its field; empty where it holds nothing."""
    kind = node.WhichOneof("node")
    return (kind, getattr(node, kind)) if kind else ("", node)


def copied(node: Node) -> Node:
    """By itself: any part of a tree keeps all of it in memory."""
    copy = type(node)()
    copy.CopyFrom(node)
    return copy


def word(message: Node, field: str) -> str:
    """The name of an enumeration's value."""
    return _words(message.DESCRIPTOR, field)[getattr(message, field)]


@lru_cache(maxsize=256)
def _words(described: Any, field: str) -> dict[int, str]:
    values = described.fields_by_name[field].enum_type.values_by_number
    return {number: str(value.name) for number, value in values.items()}


def names_of(nodes: Sequence[Node]) -> tuple[str, ...]:
    """The words of a dotted name."""
    return tuple(node.string.sval for node in nodes if node.WhichOneof("node") == "string")


@cache
def _parser() -> Any:
    """Loading it costs a tenth of a second, which most commands need not spend."""
    import postgast

    # By default no more than some fifty levels are decoded: fewer than a long chain of || has.
    import_module("google._upb._message").SetAllowOversizeProtos(True)
    return postgast


def _refuse_bombs(text: str, *, longest: int = LONGEST) -> None:
    """
    Raises:
        SqlError: it is too long, too deep, or has a character that no SQL has.
    """
    if len(text) > longest:
        raise SqlError(f"it has {len(text):,} characters, and {longest:,} are read", 1, 1)
    if "\0" in text:
        before = text[: text.index("\0")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise SqlError("a NUL character stands in it", line, column)
    if len(text) <= _DEEPEST:
        return
    tokens = _scanned(text)
    # Each token adds a level at most.
    if len(tokens) <= _DEEPEST or _longest(tokens) <= _DEEPEST:
        return
    deepest, offset = _depth(_named(tokens))
    if deepest > _DEEPEST:
        line, column = Positions(text).at(offset)
        raise SqlError(f"a statement has more than {_DEEPEST:,} levels", line, column)


def _longest(tokens: Sequence[Node]) -> int:
    """The tokens of the longest statement."""
    ends = [at for at, token in enumerate(tokens) if token.token == _SEMICOLON]
    return max(end - start for start, end in pairwise([0, *ends, len(tokens)]))


def _depth(tokens: Sequence[Token]) -> tuple[int, int]:
    """No tree has more levels than this, and where they begin to be too many.

    In a chain (``a + b + c``, joins, unions, casts) each sign is a level, and what stands in
    brackets is below it; a comma ends a chain.
    """
    stack = [[0, 0]]
    """Levels of the chain that is open, and those of the deepest one before it."""
    below = deepest = 0
    """Levels of the chains outside of the innermost brackets."""
    for token in tokens:
        name, level = token.name, stack[-1]
        if name in ("ASCII_40", "ASCII_91"):  # ( [
            level[0] += 1
            below += level[0]
            stack.append([0, 0])
        elif name in ("ASCII_41", "ASCII_93") and len(stack) > 1:  # ) ]
            inside = max(stack.pop())
            level = stack[-1]
            below -= level[0]
            level[0] += inside
        elif name == "ASCII_59":
            stack, below = [[0, 0]], 0
            continue
        elif name == "ASCII_44":
            level[1] = max(level)
            level[0] = 0
        elif name not in _ADDS_NO_LEVEL:
            level[0] += 1
        deepest = max(deepest, below + max(stack[-1]))
        if deepest > _DEEPEST:
            return deepest, token.start
    return deepest, 0


def _sql_error(text: str, message: str, cursor: int) -> SqlError:
    before = text[: max(cursor - 1, 0)]
    return SqlError(message, before.count("\n") + 1, len(before) - before.rfind("\n"))
