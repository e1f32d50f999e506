"""Two tables whose rows belong together, one to one at most."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.migrations.drafts.facts import TableName
from bot.core.migrations.drafts.sql import differ, equal_keys, indented, raise_error
from bot.core.migrations.names import quoted


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of ``other`` belongs to the row of ``home`` whose key it holds."""

    home: TableName
    other: TableName
    columns: tuple[tuple[str, str], ...]
    """(a column of the key of ``home``, the column of ``other`` that holds it)"""


def write_guard(pair: Pair, moved: Sequence[tuple[str, str]], *, orphans_may_be_null: bool) -> str:
    """A statement that fails where a value would be lost by dropping the old columns.

    ``moved``: (old column, new column). ``orphans_may_be_null``: a row of ``home`` may have none
    in ``other`` as long as it holds nothing.
    """
    old = [f"source.{quoted(name)}" for name, _ in moved]
    new = [f"target.{quoted(name)}" for _, name in moved]
    found = differ(old, new)
    if not orphans_may_be_null:
        found = f"(target.{quoted(pair.columns[0][1])} IS NULL OR {found})"
    error = raise_error(
        f"{pair.other} does not have all that {pair.home} would lose",
        f"look for rows that have no row in {pair.other}, or another value there",
        code="'integrity_constraint_violation'",
    )
    tag = "$guard$"
    while tag in found + error:
        tag = f"{tag[:-1]}_$"
    return (
        "-- Reads both tables once, and holds up nobody. Nothing is lost where it passes;\n"
        "-- where policies would hide rows from it, it fails.\n"
        "SET LOCAL row_security = off;\n"
        f"DO {tag}\n"
        "BEGIN\n"
        "  IF EXISTS (\n"
        f"    SELECT FROM {pair.home} AS source\n"
        f"    LEFT JOIN {pair.other} AS target ON {equal_keys('source', 'target', pair.columns)}\n"
        f"    WHERE {found}\n"
        "  ) THEN\n"
        f"{indented(error, 4)}\n"
        "  END IF;\n"
        "END\n"
        f"{tag};"
    )
