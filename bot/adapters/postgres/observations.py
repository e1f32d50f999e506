"""What was seen of production past the bot: ``bot.ports.observations.ObservationStore``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.environments import PostgresEnvironments
from bot.adapters.postgres.operations import add_entry, entry_of, lock_fence, target_columns
from bot.adapters.postgres.statements import load_queries
from bot.core.hosting import HostTarget, LedgerEntry
from bot.core.model import RepoRef
from bot.core.operations.outside import Move
from bot.core.work.observations import TellMove
from bot.ports.observations import Place, Standing

_SQL = load_queries("observations")


class PostgresObservations:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._environments = PostgresEnvironments(pool)

    async def fetch_target(self, repository_id: int, environment: str) -> HostTarget | None:
        rows = await self._fetch("fetch_target", **_place(repository_id, environment))
        return HostTarget(**rows[0]) if rows else None

    async def fetch_names(self, repository_id: int, host: str) -> list[str]:
        rows = await self._fetch("fetch_names", repository_id=repository_id, host=host)
        return [row["environment"] for row in rows]

    async def fetch_places(self) -> list[Place]:
        return await self._places(await self._fetch("fetch_places"))

    async def find_places(self, host: str, projects: Sequence[str]) -> list[Place]:
        names = [text(project) for project in projects]
        return await self._places(await self._fetch("find_places", host=host, projects=names))

    async def fetch_live_places(self) -> list[Place]:
        return await self._places(await self._fetch("fetch_live_places"))

    async def fetch_unplaced(self) -> dict[int, str]:
        rows = await self._fetch("fetch_unplaced")
        return {row["repository_id"]: row["policy"] for row in rows}

    async def add_places(self, repository_id: int, targets: Mapping[str, HostTarget]) -> None:
        arguments = {"repository_id": repository_id, **target_columns(targets)}
        await with_connection(self._pool, lambda c: c.execute(_SQL["add_places"], arguments))

    async def fetch_standing(self, repository_id: int, environment: str) -> Standing:
        rows = await self._fetch("fetch_standing", **_place(repository_id, environment))
        return _standing(rows[0])

    async def note_sighting(
        self,
        repository_id: int,
        environment: str,
        deployment_id: str,
        standing: Standing,
        at: datetime,
    ) -> datetime:
        rows = await self._fetch(
            "note_sighting",
            **_place(repository_id, environment),
            deployment_id=text(deployment_id),
            live_id=standing.live.id if standing.live else 0,
            fence=standing.fence,
            at=at,
        )
        seen_at: datetime = rows[0]["seen_at"]
        return seen_at

    async def forget_sighting(self, repository_id: int, environment: str) -> None:
        arguments = _place(repository_id, environment)
        await with_connection(self._pool, lambda c: c.execute(_SQL["forget_sighting"], arguments))

    async def record_move(
        self, repo: RepoRef, environment: str, move: Move, standing: Standing, at: datetime
    ) -> LedgerEntry | None:
        place = _place(repo.id, environment)

        async def record(connection: Connection) -> LedgerEntry | None:
            async with connection.transaction():
                # From here on no operation takes the environment until this is committed.
                await lock_fence(connection, place)
                now = _standing((await _rows(connection, "fetch_standing", place))[0])
                if now.busy or now != standing:
                    return None
                entry = await add_entry(
                    connection,
                    place,
                    move.build,
                    origin=move.origin,
                    actor=move.actor,
                    at=at,
                    verified=False,
                    operation_id=move.operation_id,
                    went_back=move.went_back,
                )
                await connection.execute(_SQL["forget_sighting"], place)
                told = TellMove(repo.installation_id, repo.id, repo.owner, repo.name, entry.id)
                await queue.enqueue(connection, [told])
                return entry

        return await with_connection(self._pool, record)

    async def fetch_move(
        self, repository_id: int, entry_id: int
    ) -> tuple[LedgerEntry, LedgerEntry | None] | None:
        rows = await self._fetch("fetch_move", repository_id=repository_id, id=entry_id)
        entries = [entry_of(row) for row in rows]
        return (entries[0], entries[1] if entries[1:] else None) if entries else None

    async def _places(self, rows: Sequence[Row]) -> list[Place]:
        """Those whose repository is known by name."""
        ids = sorted({row["repository_id"] for row in rows})
        known = {
            each.repo.id: each.repo for each in await self._environments.fetch_repositories(ids)
        }
        return [
            Place(
                known[row["repository_id"]],
                row["environment"],
                HostTarget(row["host"], row["project"], row["domain"]),
            )
            for row in rows
            if row["repository_id"] in known
        ]

    async def _fetch(self, query: str, **arguments: object) -> list[Row]:
        return await with_connection(self._pool, lambda c: _rows(c, query, arguments))


async def _rows(connection: Connection, query: str, arguments: Mapping[str, Any]) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[query], arguments, prepare=False)
        return await cursor.fetchall()


def _place(repository_id: int, environment: str) -> dict[str, Any]:
    return {"repository_id": repository_id, "environment": text(environment)}


def _standing(row: Row) -> Standing:
    live = entry_of(row) if row["id"] is not None else None
    return Standing(live, row["fence"], row["busy"])
