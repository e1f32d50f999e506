"""Names as they are written, held against PostgreSQL itself."""

import psycopg

from bot.core.migrations.names import parse_name, quoted

ODD = ["recipes", "a1_$", "Recipes", "é", "a b", 'say "no"', "1st", "_", "order by", "x" * 63]


def test_names_are_quoted_as_the_server_quotes_them(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        words = connection.execute("SELECT word FROM pg_get_keywords()").fetchall()
        names = [*ODD, *(word for (word,) in words)]
        rows = connection.execute(
            "SELECT name, quote_ident(name) FROM unnest(%s::text[]) AS name", [names]
        ).fetchall()
    assert {name: quoted(name) for name, _ in rows} == dict(rows)
    assert all(parse_name(written) == (name,) for name, written in rows)
