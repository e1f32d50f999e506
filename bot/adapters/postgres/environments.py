"""Repositories and environments in PostgreSQL: ``bot.ports.environments.EnvironmentReader``."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from psycopg.rows import dict_row

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.operations import entry_of
from bot.adapters.postgres.plain import from_plain
from bot.adapters.postgres.statements import load_queries
from bot.core.hosting import Freeze, Lock
from bot.core.model import RepoRef
from bot.ports.environments import EnvironmentState, KnownRepository

_SQL = load_queries("environments")
_OPERATIONS_READ = 200
"""Looked through for the name of a repository without any evaluation."""


class PostgresEnvironments:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_repository(self, owner: str, name: str) -> KnownRepository | None:
        rows = await self._fetch("find_repository", owner=text(owner), name=text(name))
        if rows:
            return _known(rows[0])
        wanted = f"{owner}/{name}".lower()
        for row in await self._fetch("fetch_newest_operations", limit=_OPERATIONS_READ):
            repo = _repo(row)
            if repo.full_name.lower() == wanted:
                return KnownRepository(repo, private=True)
        return None

    async def fetch_repositories(self, ids: Sequence[int]) -> list[KnownRepository]:
        found = [_known(row) for row in await self._fetch("fetch_repositories", ids=list(ids))]
        missing = sorted(set(ids) - {known.repo.id for known in found})
        if missing:
            rows = await self._fetch("fetch_repositories_of_operations", ids=missing)
            found += [KnownRepository(_repo(row), private=True) for row in rows]
        return found

    async def fetch_environments(
        self, repository_id: int = 0, *, limit: int = 500
    ) -> list[EnvironmentState]:
        known = await self._fetch("fetch_environments", repository_id=repository_id, limit=limit)
        ids = sorted({row["repository_id"] for row in known})
        if not ids:
            return []
        live = {_place(row): entry_of(row) for row in await self._fetch("fetch_live", ids=ids)}
        locks = {
            _place(row): Lock(row["environment"], row["actor"], row["reason"], row["since"])
            for row in await self._fetch("fetch_locks", ids=ids)
        }
        freezes: dict[tuple[int, str], list[Freeze]] = {}
        for row in await self._fetch("fetch_freezes", ids=ids):
            freezes.setdefault(_place(row), []).append(
                Freeze(row["environment"], row["actor"], row["reason"], row["since"], row["until"])
            )
        return [
            EnvironmentState(
                repository_id=row["repository_id"],
                name=row["environment"],
                live=live.get(_place(row)),
                holder=row["operation_id"],
                lock=locks.get(_place(row)),
                freezes=tuple(freezes.get(_place(row), ())),
            )
            for row in known
        ]

    async def _fetch(self, query: str, **arguments: object) -> list[Row]:
        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL[query], arguments, prepare=False)
                return await cursor.fetchall()

        return await with_connection(self._pool, fetch)


def _place(row: Mapping[str, Any]) -> tuple[int, str]:
    return row["repository_id"], row["environment"]


def _known(row: Row) -> KnownRepository:
    repo = RepoRef(row["installation_id"], row["repository_id"], row["owner"], row["name"])
    return KnownRepository(repo, row["private"])


def _repo(row: Row) -> RepoRef:
    return cast("RepoRef", from_plain(RepoRef, row["content"]["repo"]))
