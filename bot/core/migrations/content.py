"""What the SQL of a file may be: no transactions of its own, and of a backfill one statement."""

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.core.migrations.header import BACKFILL_KEYS, MIGRATION_KEYS, FileReader
from bot.core.migrations.names import parse_name
from bot.core.migrations.sql import (
    Node,
    Positions,
    SqlError,
    Statement,
    Token,
    inner,
    parse_statements,
    scan_tokens,
    walk,
)

PLACEHOLDER = ":batch"
_PARAMETER = "$1    "
"""What stands for it while the statement is parsed: of the same length, so that positions hold."""
_LATE_KEY = re.compile(r"--[ \t]*(?P<key>[a-z-]+)[ \t]*:[ \t]")
_AND = 1
"""BoolExprType: https://github.com/pganalyze/libpg_query/blob/17-latest/protobuf/pg_query.proto"""
_KINDS = {"update_stmt": "UPDATE", "delete_stmt": "DELETE", "insert_stmt": "INSERT … SELECT"}


def check_migration_sql(file: FileReader) -> None:
    """Adds to the file's problems."""
    statements = _parsed(file, file.text)
    if statements is None:
        return
    for statement in statements:
        if statement.kind == "transaction_stmt":
            word = statement.text.split()[0].upper()
            remedy = "take it out: each file is one transaction, with its row in the ledger"
            file.fault(statement.line, statement.column, f"{word} stands in the file", remedy)
        if statement.kind == "copy_stmt" and not statement.node.filename:
            stream = "FROM STDIN" if statement.node.is_from else "TO STDOUT"
            remedy = "write INSERT, or load the rows apart: no client stands at the other end"
            file.fault(
                statement.line, statement.column, f"COPY {stream} stands in the file", remedy
            )
    _refuse_late_keys(file, MIGRATION_KEYS)


def check_backfill_sql(file: FileReader, table: str, *, applied: bool) -> str:
    """The statement, without its semicolon; adds to the file's problems."""
    try:
        tokens = scan_tokens(file.text)
    except SqlError as error:
        file.fault(error.line, error.column, error.message, "mend the SQL")
        return ""
    positions = Positions(file.text)
    placeholders = _placeholders(tokens, positions)
    _refuse_parameters(file, tokens, positions)
    if len(placeholders) != 1:
        remedy = "put it once into the WHERE clause: `… WHERE :batch AND title_norm IS NULL`"
        if placeholders:
            line, column = positions.at(placeholders[1])
            file.fault(line, column, "`:batch` stands in it more than once", remedy)
        else:
            file.fault(file.header_lines + 1, 1, "`:batch` stands nowhere in it", remedy)
    raw = file.text.encode()
    for start in placeholders:
        raw = raw[:start] + _PARAMETER.encode() + raw[start + len(PLACEHOLDER) :]
    statements = _parsed(file, raw.decode())
    if statements is None or file.problems:
        return ""
    if len(statements) != 1:
        at = (statements[1].line, statements[1].column) if statements else (1, 1)
        message = f"it has {len(statements)} statements" if statements else "it has no statement"
        file.fault(*at, message, "a backfill is one UPDATE, DELETE or INSERT … SELECT")
        return ""
    statement = statements[0]
    _check_statement(file, statement, table)
    if not applied:
        _refuse_late_keys(file, BACKFILL_KEYS)
    # Blanks fill the placeholder's place; where it stands last they were taken for the end.
    end = statement.start + len(statement.text.encode())
    return positions.cut(statement.start, max(end, placeholders[0] + len(PLACEHOLDER)))


def _parsed(file: FileReader, text: str) -> tuple[Statement, ...] | None:
    try:
        return parse_statements(text)
    except SqlError as error:
        line = file.text.split("\n")[error.line - 1]
        remedy = "mend the SQL; this is PostgreSQL 18's grammar"
        if line.lstrip().startswith("\\"):
            remedy = "psql's own commands are not run: write SQL alone"
        file.fault(error.line, error.column, error.message, remedy)
        return None


def _placeholders(tokens: Sequence[Token], positions: Positions) -> list[int]:
    return [
        colon.start
        for colon, word in pairwise(tokens)
        if colon.name == "ASCII_58"
        and colon.end == word.start
        and positions.cut(word.start, word.end).lower() == PLACEHOLDER[1:]
    ]


def _refuse_parameters(file: FileReader, tokens: Sequence[Token], positions: Positions) -> None:
    for token in tokens:
        if token.name == "PARAM":
            written = positions.cut(token.start, token.end)
            remedy = "write the value itself"
            file.fault(*positions.at(token.start), f"`{written}` is a parameter", remedy)


def _check_statement(file: FileReader, statement: Statement, table: str) -> None:
    at = (statement.line, statement.column)
    node = statement.node
    kind = _KINDS.get(statement.kind, "")
    where: Node | None = None
    if statement.kind == "insert_stmt":
        query_kind, query = inner(node.select_stmt)
        if query_kind == "select_stmt" and query.from_clause:
            where = query.where_clause
            tables = [
                (one.schemaname, one.relname)
                for clause in query.from_clause
                for name, one in walk(clause)
                if name == "RangeVar"
            ]
        else:
            kind = ""
    elif kind:
        where = node.where_clause
        tables = [(node.relation.schemaname, node.relation.relname)]
    if not kind:
        message = "it is no UPDATE, DELETE or INSERT … SELECT"
        file.fault(*at, message, "a backfill is one of these: a schema is changed by a migration")
        return
    if not any(_same_table(parse_name(table), found) for found in tables):
        verb = "reads" if statement.kind == "insert_stmt" else "writes"
        message = (
            f"`table` is {table}, and the statement {verb} {'.'.join(filter(None, tables[0]))}"
        )
        file.fault(*at, message, "let both name the same table")
    if where is None or not _bounds(where):
        remedy = "write `WHERE :batch AND (…)`: every batch must be bounded by it"
        file.fault(*at, "`:batch` is no condition of its own in the WHERE clause", remedy)


def _same_table(written: tuple[str, ...], found: tuple[str, str]) -> bool:
    schema, name = found
    if name != written[-1]:
        return False
    return not schema or len(written) == 1 or schema == written[0]


def _bounds(where: Node) -> bool:
    """Whether the placeholder is the condition itself or one of those that AND joins."""
    kind, node = inner(where)
    if kind == "param_ref":
        return True
    if kind == "bool_expr" and node.boolop == _AND:
        return any(_bounds(argument) for argument in node.args)
    return False


def _refuse_late_keys(file: FileReader, keys: tuple[str, ...]) -> None:
    """A header line that stands too low would be passed over without a word."""
    below = file.text.split("\n", file.header_lines)[-1]
    if not any(match["key"] in keys for match in _LATE_KEY.finditer(below)):
        return
    positions = Positions(file.text)
    for token in scan_tokens(file.text):
        if token.name != "SQL_COMMENT":
            continue
        line, column = positions.at(token.start)
        match = _LATE_KEY.match(positions.cut(token.start, token.end))
        if match and match["key"] in keys and line > file.header_lines:
            message = f"`{match['key']}` stands below the header"
            file.fault(line, column, message, "put it among the comment lines at the very top")
