"""All SQL of ours stands in ``bot/sql``: numbered migrations, and queries in named blocks."""

import re
from importlib.resources import files

_BLOCK = re.compile(r"^-- (?P<name>[a-z_]+) --$", re.MULTILINE)


def load_queries(subject: str) -> dict[str, bytes]:
    """The blocks of ``bot/sql/queries/<subject>.sql`` by name."""
    parts = _BLOCK.split((files("bot.sql") / "queries" / f"{subject}.sql").read_text("utf-8"))
    return {
        name: body.strip().encode() for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def load_migrations() -> dict[str, str]:
    """The files of ``bot/sql/schema`` by name, in the order in which they are applied."""
    folder = files("bot.sql") / "schema"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return {entry.name: entry.read_text("utf-8") for entry in sorted(found, key=lambda e: e.name)}
