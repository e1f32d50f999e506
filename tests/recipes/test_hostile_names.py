"""Files with names that bite, run from the first to the last on PostgreSQL."""

import psycopg
import pytest
from recipe_kit import cases
from test_recipe_files import HOSTILE


@pytest.mark.parametrize("names", HOSTILE.values(), ids=HOSTILE)
def test_every_file_runs_whatever_the_names(
    names: tuple[str, str], empty_database_url: str
) -> None:
    table, column = names
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for recipe, made in cases(table, column).items():
            connection.execute(
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                f"CREATE TABLE {table} (id bigint PRIMARY KEY, {column} text);"
                f"INSERT INTO {table} VALUES (1, '12'), (2, '12'), (3, NULL);"
                "CREATE TABLE nutrition (recipe_id bigint PRIMARY KEY);"
                "INSERT INTO nutrition VALUES (1), (2)"
            )
            for file in made.files:
                text = file.text.replace(":batch", "true")
                if "CONCURRENTLY" in text:
                    connection.execute(text)
                else:
                    with connection.transaction():
                        connection.execute(text)
            left = connection.execute(
                "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
            ).fetchone()
            assert left == (0,), recipe
