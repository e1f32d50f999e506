"""Releases that were made: ``bot.ports.release_ledger.ReleaseLedger``."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg.rows import dict_row

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.statements import load_queries
from bot.core.model import RepoRef, Sha
from bot.ports.release_ledger import MadeRelease, ReleaseState

_SQL = load_queries("releases")


class PostgresReleases:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch_releases(
        self, repository_id: int, pull_numbers: Sequence[int]
    ) -> list[MadeRelease]:
        arguments = {"repository_id": repository_id, "pull_numbers": list(pull_numbers)}
        return [
            MadeRelease(
                package=row["package"],
                version=row["version"],
                tag=row["tag"],
                sha=Sha(row["sha"]),
                pull_number=row["pull_number"],
                state=ReleaseState(row["state"]),
                url=row["url"],
            )
            for row in await self._rows("fetch_releases", arguments)
        ]

    async def add_release(self, repository_id: int, release: MadeRelease) -> None:
        arguments = {
            "repository_id": repository_id,
            "tag": text(release.tag),
            "package": text(release.package),
            "version": text(release.version),
            "sha": release.sha,
            "pull_number": release.pull_number,
            "state": release.state.value,
        }
        await with_connection(self._pool, lambda c: c.execute(_SQL["add_release"], arguments))

    async def note_state(
        self, repository_id: int, tag: str, state: ReleaseState, *, url: str = ""
    ) -> None:
        arguments = {
            "repository_id": repository_id,
            "tag": text(tag),
            "state": state.value,
            "url": text(url),
        }
        await with_connection(self._pool, lambda c: c.execute(_SQL["note_state"], arguments))

    async def hold(self, repo: RepoRef, branch: str, head: Sha) -> None:
        arguments = {
            "repository_id": repo.id,
            "branch": text(branch),
            "installation_id": repo.installation_id,
            "owner": text(repo.owner),
            "name": text(repo.name),
            "head": head,
        }
        await with_connection(self._pool, lambda c: c.execute(_SQL["hold"], arguments))

    async def fetch_held(self, repository_id: int) -> list[tuple[str, Sha]]:
        arguments = {"repository_id": repository_id}
        return [
            (row["branch"], Sha(row["head"])) for row in await self._rows("fetch_held", arguments)
        ]

    async def fetch_held_long(self, before: datetime) -> list[RepoRef]:
        return [
            RepoRef(row["installation_id"], row["repository_id"], row["owner"], row["name"])
            for row in await self._rows("fetch_held_long", {"before": before})
        ]

    async def let_go(self, repository_id: int, branch: str) -> None:
        arguments = {"repository_id": repository_id, "branch": text(branch)}
        await with_connection(self._pool, lambda c: c.execute(_SQL["let_go"], arguments))

    async def _rows(self, query: str, arguments: Mapping[str, object]) -> list[Row]:
        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL[query], arguments, prepare=False)
                return await cursor.fetchall()

        return await with_connection(self._pool, fetch)
