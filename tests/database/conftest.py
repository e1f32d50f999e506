"""A users' database with a table to fill, and backfills as their files would be read."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from bot.adapters.database.database import PostgresDatabase


@pytest.fixture
def sql(empty_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        yield connection


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(empty_database_url)
    yield opened
    await opened.close()
