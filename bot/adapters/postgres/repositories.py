"""Where repositories are, in PostgreSQL: ``bot.ports.repositories.RepositoryStore``."""

from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.statements import load_queries
from bot.core.model import RepoRef
from bot.ports.environments import KnownRepository

_SQL = load_queries("repositories")


class PostgresRepositories:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch_repository(self, repository_id: int) -> RepoRef | None:
        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL["fetch_repository"], {"repository_id": repository_id})
                return await cursor.fetchall()

        rows = await with_connection(self._pool, fetch)
        return repo_of(rows[0]) if rows else None

    async def note_hint(self, repo: RepoRef) -> None:
        await self._execute("note_hint", **_place(repo))

    async def note_repository(self, known: KnownRepository, asked_at: datetime) -> None:
        await self._execute(
            "note_repository", **_place(known.repo), private=known.private, asked_at=asked_at
        )

    async def hide_repository(self, repository_id: int) -> None:
        await self._execute("hide_repository", repository_id=repository_id)

    async def _execute(self, query: str, **arguments: object) -> None:
        await with_connection(self._pool, lambda c: c.execute(_SQL[query], arguments))


def repo_of(row: Row) -> RepoRef:
    return RepoRef(row["installation_id"], row["repository_id"], row["owner"], row["name"])


def _place(repo: RepoRef) -> dict[str, Any]:
    return {
        "installation_id": repo.installation_id,
        "repository_id": repo.id,
        "owner": text(repo.owner),
        "name": text(repo.name),
    }
