"""Names as SQL writes them: ``recipes``, ``public.recipes``, ``"Odd name"``."""

import re
from functools import lru_cache

_PART = re.compile(r"""[^\W\d][\w$]*|"(?:[^"\0]|"")+\"""")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_UNRESERVED = 1
"""KeywordKind: https://github.com/pganalyze/libpg_query/blob/17-latest/protobuf/pg_query.proto"""
_LONGEST = 63
"""Bytes: https://www.postgresql.org/docs/18/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS"""


def parse_name(written: str) -> tuple[str, ...]:
    """The real names of a dotted name, folded as PostgreSQL folds them; empty where it is none."""
    parts = []
    rest = written.strip()
    while match := _PART.match(rest):
        part = match[0]
        quoted = part.startswith('"')
        name = part[1:-1].replace('""', '"') if quoted else _folded(part)
        if len(name.encode("utf-8", "replace")) > _LONGEST:
            return ()
        parts.append(name)
        rest = rest[match.end() :]
        if not rest:
            return tuple(parts)
        if not rest.startswith("."):
            return ()
        rest = rest[1:]
    return ()


@lru_cache(maxsize=4_096)
def quoted(name: str) -> str:
    """As SQL must write it, which is how ``quote_ident`` does: words of the language are quoted but
    for those that may be any name, such as ``name`` and ``storage``."""
    import postgast

    plain = _PLAIN.fullmatch(name)
    if plain and all(one.keyword_kind <= _UNRESERVED for one in postgast.scan(name).tokens):
        return name
    return '"' + name.replace('"', '""') + '"'


def dotted(*names: str) -> str:
    """A name with its schema, if there is one."""
    return ".".join(quoted(name) for name in names if name)


def _folded(word: str) -> str:
    """Only A to Z: PostgreSQL leaves other letters alone in UTF-8."""
    return "".join(char.lower() if char.isascii() else char for char in word)
