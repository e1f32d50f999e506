"""Releases that were made: ``bot.ports.release_ledger.ReleaseLedger``."""

from collections.abc import Sequence

from psycopg.rows import dict_row

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.statements import load_queries
from bot.core.model import Sha
from bot.ports.release_ledger import MadeRelease, ReleaseState

_SQL = load_queries("releases")


class PostgresReleases:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch_releases(
        self, repository_id: int, pull_numbers: Sequence[int]
    ) -> list[MadeRelease]:
        arguments = {"repository_id": repository_id, "pull_numbers": list(pull_numbers)}

        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL["fetch_releases"], arguments, prepare=False)
                return await cursor.fetchall()

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
            for row in await with_connection(self._pool, fetch)
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
