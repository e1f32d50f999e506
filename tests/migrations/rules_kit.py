"""The tables of the rules' examples, and files as a check is shown them."""

import re

from bot.core.migrations.findings import Check
from bot.core.migrations.lint import check_of
from bot.core.migrations.rewrites import BACKFILL_FILE, NEXT_FILE
from bot.core.migrations.rules.rule import Surroundings
from bot.core.migrations.sql import parse_statements

BEFORE = """
CREATE TABLE recipes (
    id bigint PRIMARY KEY, title varchar(40), servings int, book_id bigint, made_at timestamptz
);
CREATE TABLE books (id bigint PRIMARY KEY, name text);
CREATE MATERIALIZED VIEW best AS SELECT id FROM recipes;
CREATE UNIQUE INDEX best_id ON best (id);
CREATE INDEX by_day ON recipes (made_at);
CREATE TABLE visits (id bigint, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE visits_2026 (id bigint, day date NOT NULL);
CREATE TABLE loose (a int, b int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
"""
FOLDER = "supabase/migrations"
FIRST = f"{FOLDER}/20260101120000_before.sql"
CHANGED = f"{FOLDER}/20260301120000_change.sql"


def check_sql(sql: str, around: Surroundings | None = None, before: str = BEFORE) -> Check:
    """The check of one new file."""
    files = [(FIRST, before.encode()), (CHANGED, sql.encode())]
    return check_of({CHANGED}, files, around=around)


def check_backfill(text: str) -> Check:
    """The check of one new backfill, of the first file's tables."""
    path = "supabase/backfills/20260301120000_change.sql"
    return check_of({path}, [(FIRST, BEFORE.encode())], [(path, text.encode())])


def parts_of(rewrite: str) -> list[tuple[bool, str]]:
    """Each file of a rewrite, and whether it is a backfill."""
    parts = re.split(rf"^({NEXT_FILE}|{BACKFILL_FILE})$", rewrite, flags=re.MULTILINE)
    named = zip([NEXT_FILE, *parts[1::2]], parts[::2], strict=True)
    return [(kind == BACKFILL_FILE, part.strip()) for kind, part in named if part.strip()]


def check_parts(rewrite: str) -> Check:
    """The check of a rewrite's files, in their order."""
    files, fills = [(FIRST, BEFORE.encode())], []
    for number, (is_backfill, part) in enumerate(parts_of(rewrite)):
        name = f"202603011200{number:02}_change.sql"
        if is_backfill:
            fills.append((f"supabase/backfills/{name}", part.encode()))
        else:
            files.append((f"{FOLDER}/{name}", part.encode()))
    # A backfill names the file that it comes after, which may have nothing else in it.
    if CHANGED not in dict(files):
        files.append((CHANGED, b""))
    changed = {path for path, _ in (*files[1:], *fills)}
    return check_of(changed, files, fills)


def statements_of(rewrite: str) -> list[str]:
    """What is run, a statement each: a backfill in one batch."""
    return [
        statement.text
        for is_backfill, part in parts_of(rewrite)
        for statement in parse_statements(part.replace(":batch", "true") if is_backfill else part)
    ]
